#!/bin/sh
# Installs Chromium, a real browser that tests/core/server/browser looks at the dashboard with.
# Needs Debian or Ubuntu and root where it is not there yet. A second run changes nothing.
set -eu

for name in "${REELWORK_CHROMIUM:-chromium}" chromium-browser google-chrome
do
    if command -v "$name" > /dev/null
    then
        exit 0
    fi
done
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# The fonts without which pages are drawn in boxes.
apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core

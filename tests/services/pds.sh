#!/bin/sh
# Makes .services/pds, a real Bluesky personal data server that tests/services/test_bluesky_pds.py talks to.
# Needs Node 20 and npm. Run it from the repository's root; a second run changes nothing.
set -eu
pds=0.4.217
plc=0.0.1
folder=.services/pds

version() {
    sed -n 's/^  "version": "\(.*\)",$/\1/p' "$folder/node_modules/$1/package.json" 2>/dev/null || true
}

if [ "$(version @atproto/pds)" = "$pds" ] && [ "$(version @did-plc/server)" = "$plc" ] && [ -f "$folder/complete" ]
then
    exit 0
fi
mkdir -p "$folder"
# A package of its own: without one npm installs into the nearest folder above that has one.
printf '{"private": true}\n' > "$folder/package.json"
rm -f "$folder/complete"
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "@atproto/pds@$pds" "@did-plc/server@$plc"
touch "$folder/complete"

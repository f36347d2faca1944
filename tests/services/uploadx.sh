#!/bin/sh
# Makes .services/uploadx, a real server of resumable uploads that tests/services/youtube talks to.
# Needs Node 20 and npm. Run it from the repository's root; a second run changes nothing.
set -eu
version=7.0.3
folder=.services/uploadx

if [ -f "$folder/complete" ] && grep -q "\"version\": \"$version\"" "$folder/node_modules/@uploadx/core/package.json"
then
    exit 0
fi
mkdir -p "$folder"
# A package of its own: without one npm installs into the nearest folder above that has one.
printf '{"private": true}\n' > "$folder/package.json"
rm -f "$folder/complete"
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "@uploadx/core@$version"
touch "$folder/complete"

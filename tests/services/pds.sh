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
# The server's SQLite is compiled where no built one can be fetched; the headers may be there already.
headers=$(node -p 'require("path").dirname(require("path").dirname(process.execPath))')
if [ -f "$headers/include/node/node.h" ]
then
    export npm_config_nodedir="$headers"
fi
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "@atproto/pds@$pds" "@did-plc/server@$plc"
touch "$folder/complete"

#!/bin/sh
# Makes .venv-moto (S3, AWS Secrets Manager and KMS) and .services/azurite (Azure Blob Storage), the real servers that
# tests/services/test_storage_services.py and test_aws_secrets.py start. Needs Python, Node and npm. Run it from the
# repository's root; a second run changes nothing.
set -eu
moto=5.2.5
azurite=3.35.0

folder=.venv-moto
if ! "$folder/bin/python" -c "
import flask_cors
from importlib.metadata import version as v
assert v('moto') == '$moto'" 2>/dev/null
then
    "${PYTHON:-python3}" -m venv --clear "$folder"
    # pip reads a group of pyproject.toml since 25.1.
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "pip>=25.1"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --group services
fi

folder=.services/azurite
package=$folder/node_modules/azurite/package.json
if ! [ -f "$folder/complete" ] || ! grep -q "\"version\": \"$azurite\"" "$package"
then
    mkdir -p "$folder"
    # A package of its own: without one npm installs into the nearest folder above that has one.
    printf '{"private": true}\n' > "$folder/package.json"
    rm -f "$folder/complete"
    npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "azurite@$azurite"
    touch "$folder/complete"
fi

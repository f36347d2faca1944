#!/bin/sh
# Makes .venv-litellm, the environment that tests/services/test_litellm_proxy.py runs a LiteLLM proxy from.
# It is kept apart because the proxy pins many packages. Run it from the repository's root.
set -eu
version=1.106.2
folder=.venv-litellm
if "$folder/bin/python" -c "from importlib.metadata import version as v; assert v('litellm') == '$version'" 2>/dev/null
then
    exit 0
fi
"${PYTHON:-python3}" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "litellm[proxy]==$version"

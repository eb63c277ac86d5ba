#!/usr/bin/env bash
# check.py in a Python environment of its own, made in .build when it is not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=.build/schemas-venv
if ! "$environment/bin/python" -c 'import jsonschema, ruamel.yaml' 2>/dev/null; then
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check \
    'jsonschema==4.26.0' 'ruamel.yaml>=0.18,<1'
fi
exec "$environment/bin/python" Tests/schemas/check.py "$@"

#!/usr/bin/env bash
# check.py in a Python environment of its own, made in .build when it is not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=.build/schemas-venv
python="$environment/bin/python"
has() { "$1" -c 'import jsonschema, ruamel.yaml' 2>/dev/null; }
if ! has "$python"; then
  python3 -m venv --clear "$environment" &&
    "$environment/bin/pip" install --quiet --disable-pip-version-check \
      'jsonschema==4.26.0' 'ruamel.yaml>=0.18,<1' || {
    # Without PyPI: the distribution's own.
    python=python3
    has "$python" || apt-get install -y -qq python3-jsonschema python3-ruamel.yaml
  }
fi
exec "$python" Tests/schemas/check.py "$@"

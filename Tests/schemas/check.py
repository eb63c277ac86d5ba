#!/usr/bin/env python3
"""Holds the published JSON Schemas to an independent validator.

  check.py --binary .build/debug/orgloop [--tests .build/debug/orgloopPackageTests.xctest]

1. The schemas are valid themselves (draft 2020-12).
2. They accept every configuration file of examples/, of what `init` writes, and, with --tests, of
   the projects without a problem that ConfigurationTests load.
3. They refuse every file of refused/, at the place that the file's first line names.

Needs jsonschema and ruamel.yaml (a reader of YAML 1.2, as orgloop is); run.sh brings them.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load(path):
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    with open(path, encoding="utf-8-sig") as file:
        # Through JSON, of which JSON Schema speaks; to orgloop a date is the text it is.
        return json.loads(json.dumps(yaml.load(file), default=str))


def validator(directory):
    schemas = {path.name: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    kinds = {
        schema["title"].split()[-1]: Draft202012Validator(schema)
        for name, schema in schemas.items()
        if name != "orgloop.schema.json"
    }
    return Draft202012Validator(schemas["orgloop.schema.json"]), kinds


def places(error):
    """Where the error is, and where those are that it is made of."""
    yield "/".join(str(step) for step in error.absolute_path) or "."
    for inner in error.context or []:
        yield from places(inner)


def configuration_files(directory):
    for path in sorted(directory.rglob("*.y*ml")):
        yield path, "Tests" if "tests" in path.relative_to(directory).parts else None


def accept(validators, directory, label):
    general, kinds = validators
    failures = count = 0
    for path, kind in configuration_files(directory):
        document = load(path)
        # A file of tests need not say that it is one, and then only its place does.
        known = [] if kind else [general]
        kind = kind or (document or {}).get("kind")
        for each in known + ([kinds[kind]] if kind in kinds else []):
            for error in each.iter_errors(document):
                failures += 1
                print(f"{path}: {error.json_path}: {error.message[:300]}", file=sys.stderr)
        count += 1
    print(f"{label}: {count} files accepted" if not failures else f"{label}: {failures} problems")
    return failures + (count == 0)


def refuse(validators, directory):
    general, _ = validators
    failures = count = 0
    for path in sorted(directory.glob("*.yaml")):
        # "# refused: routes/0/when", or several with blanks between; "." is the whole file.
        wanted = path.read_text().splitlines()[0].removeprefix("# refused:").split()
        found = {place for error in general.iter_errors(load(path)) for place in places(error)}
        missing = [place for place in wanted if place not in found]
        if missing or not wanted:
            failures += 1
            print(f"{path}: not refused at {missing}, only at {sorted(found)}", file=sys.stderr)
        count += 1
    print(f"refused: {count} files")
    return failures + (count == 0)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--tests")
    options = arguments.parse_args()
    published = validator(ROOT / "schemas")
    failures = accept(published, ROOT / "examples", "examples")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run(
            [options.binary, "init", "--dir", scratch / "new", "--name", "new", "--connectors",
             "webhook,cron", "--no-interactive"],
            check=True, capture_output=True)
        failures += accept(published, scratch / "new", "what init writes")
        if options.tests:
            good = scratch / "good"
            good.mkdir()
            subprocess.run(
                [options.tests, "--testing-library", "swift-testing", "--filter",
                 r"^ConfigurationTests\.(Layout|Module|Route|Workspace|YAML|Substitution|Object)"],
                check=True, capture_output=True, env={**os.environ, "ORGLOOP_KEEP_GOOD": str(good)})
            # The tests have a catalog of their own, and its schemas.
            failures += accept(validator(good / "schemas"), good / "projects", "projects of the tests")
    failures += refuse(published, pathlib.Path(__file__).parent / "refused")
    if failures:
        sys.exit(f"{failures} problems")
    print("the schemas say what the loader says")


if __name__ == "__main__":
    main()

"""What was measured once and takes long: read by `load`, written by the `make` target that measures it."""

import json
from importlib.resources import files


def resource(name):
    """Where the file `name` lies, also in an installed package."""
    return files(__name__) / name


def load(name):
    """The record `name`.json as a dict, None where nobody has made it."""
    record = resource(f"{name}.json")
    return json.loads(record.read_text("utf-8")) if record.is_file() else None


def store(name, record):
    """Replace the record `name`.json; for the targets that measure, in a checkout."""
    resource(f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")

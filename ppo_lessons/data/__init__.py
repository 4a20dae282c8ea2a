"""What was measured once and takes long: read by `load`, written by the `make` target that measures it."""

import json
from importlib.resources import as_file, files

import torch


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


def load_weights(name):
    """The weights `name`.pt of a trained network: a state dict."""
    with as_file(resource(f"{name}.pt")) as path:
        return torch.load(path, map_location="cpu", weights_only=True)


def store_weights(name, weights):
    """Replace the weights `name`.pt, in a checkout."""
    torch.save(weights, resource(f"{name}.pt"))

"""The glossary names only functions that exist."""

import json
import re
from importlib import import_module
from pathlib import Path

GLOSSARY = Path(__file__).parents[1] / "notebooks" / "extras" / "glossary.ipynb"


def test_every_function_of_the_glossary_exists():
    text = "".join("".join(cell["source"]) for cell in json.loads(GLOSSARY.read_text("utf-8"))["cells"])
    names = set(re.findall(r"`((?:[a-z_]+\.)+[A-Za-z_]+)`", text))
    assert len(names) > 20
    for name in names:
        module, _, function = name.rpartition(".")
        assert hasattr(import_module(f"ppo_lessons.{module}"), function), name

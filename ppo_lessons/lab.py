"""What `make lab` does before JupyterLab starts: copy the notebooks into my/, where the learner writes.

Only what my/ lacks is copied; nothing there is ever overwritten. A copy whose notebook has changed since is named, with
what CHANGELOG.md says about the versions in between. my/.copied.json remembers what each copy was made from.
In the course's own environment JupyterLab begins with the table of contents open, and asks nothing about news.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from ppo_lessons import __version__

FIRST = ("0.1.0", None)  # copies made before there was a record
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
CONTENTS = "@jupyterlab/toc:plugin"
LAYOUT = {
    "main": {"dock": {"type": "tab-area", "currentIndex": 0, "widgets": []}, "current": ""},
    "left": {"collapsed": False, "visible": True, "current": CONTENTS, "widgets": ["filebrowser", CONTENTS]},
    "right": {"collapsed": True, "visible": True, "widgets": []},
    "relativeSizes": [0.22, 0.78, 0],
}
WORKSPACE = {"data": {"layout-restorer:data": LAYOUT}, "metadata": {"id": "default"}}
RENAMED = {"12_full_ppo_run.ipynb": "12_ppo.ipynb"}


def digests(notebooks):
    """Name -> digest of every notebook: a learner gets a copy of each."""
    names = (path.relative_to(notebooks) for path in sorted(notebooks.rglob("*.ipynb")))
    shown = [name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]
    return {name: hashlib.sha256((notebooks / name).read_bytes()).hexdigest() for name in shown}


def copy_missing(notebooks, my):
    """Copy what my/ lacks. Returns name -> version and digest of what each copy in my/ was made from."""
    record = my / ".copied.json"
    copied = json.loads(record.read_text("utf-8")) if record.is_file() else {}
    for name, digest in digests(notebooks).items():
        source, copy = notebooks / name, my / name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
        if copy.read_bytes() == source.read_bytes():
            copied[name] = (__version__, digest)
    record.write_text(json.dumps(copied, indent=1) + "\n", "utf-8")
    return {name: copied.get(name, FIRST) for name in {*digests(notebooks), *copied, *RENAMED} if (my / name).exists()}


def furnish(environment):
    """Write JupyterLab's first settings and layout into the environment; what a learner has arranged there stays."""
    share = environment / "share" / "jupyter" / "lab"
    for name, content in (
        ("settings/overrides.json", SETTINGS),
        ("workspaces/default-37a8.jupyterlab-workspace", WORKSPACE),  # JupyterLab's own name for the first one
    ):
        if not (share / name).exists():
            (share / name).parent.mkdir(parents=True, exist_ok=True)
            (share / name).write_text(json.dumps(content), "utf-8")


def changes(changelog, since):
    """What the changelog says about the versions after `since`; the newest stands first in it."""
    newer = changelog.partition(f"\n## {since}")[0].partition("\n## ")
    return (newer[1] + newer[2]).strip()


def main(root):
    """Copy, and say which copies are old."""
    notebooks, my = root / "notebooks", root / "my"
    if not notebooks.is_dir():
        sys.exit("There is no folder notebooks/ here. Start this in the folder of the course.")
    if (root / ".venv").exists() and (root / ".venv").samefile(sys.prefix):
        furnish(root / ".venv")
    copied, now = copy_missing(notebooks, my), digests(notebooks)
    old = {name: version for name, (version, digest) in sorted(copied.items()) if digest != now.get(name, "gone")}
    if old:
        changelog = (root / "CHANGELOG.md").read_text("utf-8")
        print("These notebooks have changed since your copies in my/ were made:")
        for name, version in old.items():
            print(f"  {name}, of version {version}" + (f", is now {RENAMED[name]}" if name in RENAMED else ""))
        print(max((changes(changelog, version) for version in old.values()), key=len))
        print("Your copies stay as they are. For a fresh one, rename or delete yours and run make lab again.")


if __name__ == "__main__":
    main(Path())

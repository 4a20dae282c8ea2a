"""Run every notebook and write what Sphinx builds the site from: `python website/execute.py build/site-source`."""

import argparse
import os
import posixpath
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from notebook_runner import FOLDER, NOTEBOOKS, ROOT, run

HERE = Path(__file__).parent
LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^()\s]+)\)")  # no picture
LINK_TAG = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
NOTE = """> **This page runs without Python.** Its pictures were drawn ahead, so a slider stops at a few values
> only, and the code cannot be changed. `make lab` opens the notebook itself, where every value can be chosen."""


def execute(name, out, pages):
    """Run one notebook, its pictures as HTML over frames, and write it to `out` at the same place. Returns seconds.

    `pages` are the notebooks of this site: a link to another file becomes the words of the link.
    """
    began = time.monotonic()
    prefix = Path(name).stem
    address = "../" * len(Path(name).parts) + "frames"
    setup = f"import frames\nframes.install({str(out / 'frames')!r}, {prefix!r}, {address!r})"
    path = FOLDER / name
    notebook = run(path, path.parent, setup=setup, paths=(HERE, ROOT), network=True, timeout=None)
    notebook.metadata.pop("widgets", None)  # widgets are dead without a kernel; their HTML is in the outputs
    if any("data-rows" in str(cell.get("outputs", "")) for cell in notebook.cells):
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE))
    for cell in notebook.cells:
        fit(cell, f"notebooks/{name}", {f"notebooks/{page}" for page in pages})
    target = out / "notebooks" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return time.monotonic() - began


def fit(cell, page, pages):
    """Change a cell to what Sphinx understands: a folded source, and no link to what the site does not have."""
    if cell.cell_type == "markdown":
        cell.source = without_dead_links(tiles(cell.source, page, pages), page, pages)
        return
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
    for output in cell.get("outputs", []):
        if "text/html" in output.get("data", {}):
            output.data["text/html"] = LINK_TAG.sub(
                lambda link: link[0] if is_there(link[1], page, pages) else link[2], output.data["text/html"]
            )


def tiles(text, page, pages):
    """Pictures that lead somewhere are HTML, in which Sphinx changes no link: lead to the pages, or nowhere.

    Sphinx does not know `align="top"`, by which they stand without a gap; course.css does the same by their class.
    """

    def fitting(link):
        tag = link[0].replace(".ipynb", ".html") if is_there(link[1], page, pages) else link[2]
        return tag.replace('align="top"', 'class="tile"')

    return LINK_TAG.sub(fitting, text)


def without_dead_links(text, page, pages):
    """Markdown in which links to files that are no pages are plain words."""
    return LINK.sub(lambda link: link[0] if is_there(link[2], page, pages) else link[1], text)


def is_there(target, page, pages):
    """Does the site have what this page links to?"""
    path, _, _ = target.partition("#")
    file = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    return not path or ":" in path or file in pages or file.startswith("assets/")


def index(names):
    """The first page, from the README: its opening, the lessons as links to their pages, and what is different here."""
    readme = (ROOT / "README.md").read_text("utf-8")
    opening = readme.split("## Start", 1)[0]
    different = readme.split("## What is different here", 1)[1].split("## The lessons", 1)[0]
    table = ["| | Lesson | What you learn | Minutes |", "|---|---|---|---|"]
    for row in re.findall(r"^\| *\d\d *\|.*$", readme, flags=re.MULTILINE):
        number, lesson, learn, minutes, notebook, *_ = (cell.strip() for cell in row.split("|")[1:])
        page = re.search(r"\((notebooks/.*?)\)", notebook)
        link = f"[{lesson}]({page[1]})" if page and page[1] in names else lesson
        table.append(f"| {number} | {link} | {learn} | {minutes} |")
    extras = [name for name in names if "/extras/" in name]
    lessons = [name for name in names if name not in extras]
    beyond = [f"- [{Path(name).stem.replace('_', ' ').capitalize()}]({name})" for name in extras]
    beyond.append("- {download}`Every formula on one page <assets/cheatsheet.pdf>`, to print")
    tree = "```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```"
    trees = [tree.format(title, "\n".join(of)) for title, of in (("Lessons", lessons), ("Extras", extras)) if of]
    parts = [opening, "## The lessons", "\n".join(table), "## Extras", "\n".join(beyond)]
    return "\n\n".join([*parts, "## What is different here", different, *trees])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", help="some notebooks, for instance 07_gae.ipynb")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    found = (path.relative_to(FOLDER).as_posix() for path in NOTEBOOKS)
    names = [name for name in found if not arguments.only or name in arguments.only]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        slowest_first = sorted(names, reverse=True)  # the last lesson trains longest
        for name, seconds in zip(
            slowest_first, pool.map(partial(execute, out=out, pages=names), slowest_first), strict=True
        ):
            print(f"{name}: {seconds:.0f} s", flush=True)
    shutil.copytree(ROOT / "assets", out / "assets")
    (out / "index.md").write_text(index([f"notebooks/{name}" for name in names]), "utf-8")


if __name__ == "__main__":
    main()

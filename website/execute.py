"""Run every notebook and write what Sphinx builds the site from: `python website/execute.py build/site-source`."""

import argparse
import html
import os
import posixpath
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import frames
import live
import nbformat

from ppo_lessons.controls import explore
from ppo_lessons.figures import clip
from ppo_lessons.figures.__main__ import PICTURES
from ppo_lessons.figures.style import Canvas

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from notebook_runner import FOLDER, NOTEBOOKS, ROOT, run

HERE = Path(__file__).parent
LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^()\s]+)\)")  # no picture
SLOWEST = [  # these begin, so that no process is left alone with one of them
    "12_ppo.ipynb",
    "14_full_gpu_run.ipynb",
    "extras/bug_lab.ipynb",
    "13_details.ipynb",
    "extras/language_model.ipynb",
    "extras/continuous_actions.ipynb",
]
OPENING = re.compile(r'<img src="(?:\.\./)+assets/(\w+)\.png" width="\d+" alt="([^"]*)">')
CHECK = re.compile(r"^check\(my_", re.MULTILINE)
LINK_TAG = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
PRACTICE = """> **This page cannot check what you write: that needs a kernel.** Run the notebook to solve this
> exercise. The hints open here, too."""


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
    for cell in notebook.cells:
        fit(cell, f"notebooks/{name}", {f"notebooks/{page}" for page in pages})
    notebook.cells[0].source = with_panels(notebook.cells[0].source, out / "frames", address)
    notebook.cells = [part for cell in notebook.cells for part in without_a_check(cell)]
    target = out / "notebooks" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return time.monotonic() - began


def fit(cell, page, pages):
    """Change a cell to what Sphinx understands: a folded source, and no link to what the site does not have.

    All code is folded. What the notebook itself folds would tell an answer; the page's switch leaves it folded.
    """
    if cell.cell_type == "markdown":
        cell.source = without_dead_links(tiles(cell.source, page, pages), page, pages)
        return
    folded = cell.metadata.get("jupyter", {}).get("source_hidden")
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input", *(["spoils"] if folded else [])]
    for output in cell.get("outputs", []):
        if "text/html" in output.get("data", {}):
            output.data["text/html"] = LINK_TAG.sub(
                lambda link: link[0] if is_there(link[1], page, pages) else link[2], output.data["text/html"]
            )


def without_a_check(cell):
    """The cells that stand on the page for one of the notebook: where a check needs a kernel, the page says so."""
    if cell.cell_type == "code" and CHECK.search(cell.source):
        return [nbformat.v4.new_markdown_cell(PRACTICE)]
    return [cell]


def with_panels(text, folder, address):
    """The picture that opens a notebook, drawn as the others are: its panels can be stacked on a phone."""

    def opening(image):
        name, words = image[1], html.unescape(image[2])
        picture, values = PICTURES[name]
        shown = frames.card(Canvas(picture, **values), folder, f"opening-{name}", address, words)
        return f'<div class="frames">{shown}</div>'

    return OPENING.sub(opening, text)


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


def index(names, out):
    """The first page: `home.md` with a picture to move, the film of lesson 12, and the lessons of this site."""
    sliders = {"ratio": (0.05, 2.0, 0.05, 1.0), "advantage": (-1.0, 1.0, 0.5, 1.0), "epsilon": (0.0, 0.5, 0.05, 0.2)}
    parts = {
        "clip": live.tag("clip.objective", explore(clip.objective, **sliders)),
        "film": film_of(out / "notebooks" / "12_ppo.ipynb"),
        "lessons": table(names),
        "extras": "\n".join(
            [f"- [{Path(name).stem.replace('_', ' ').capitalize()}]({name})" for name in names if "/extras/" in name]
            + ["- {download}`Every formula on one page <assets/cheatsheet.pdf>`, to print"]
        ),
    }
    text = (HERE / "home.md").read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    lessons, extras = ([name for name in names if ("/extras/" in name) == extra] for extra in (False, True))
    pages = {"Lessons": lessons, "Extras": extras, "More": ["teachers"]}
    tree = "```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```"
    return "\n\n".join([text, *(tree.format(title, "\n".join(of)) for title, of in pages.items() if of)])


def film_of(notebook):
    """The film before and after learning, as the executed notebook shows it, with a line above; or nothing."""
    if not notebook.exists():
        return ""
    outputs = [output for cell in nbformat.read(notebook, 4).cells for output in cell.get("outputs", [])]
    films = [page for output in outputs if 'class="film"' in (page := output.get("data", {}).get("text/html", ""))]
    return f"What comes out in lesson 12: the agent before and after learning.\n\n{films[0]}" if films else ""


def table(names):
    """The lessons, from the README's table: number, name, what one learns, minutes."""
    lines = ["| Lesson | What you learn | Minutes |", "|---|---|---|"]
    readme = (ROOT / "README.md").read_text("utf-8")
    for row in re.findall(r"^\| *\d\d *\|.*$", readme, flags=re.MULTILINE):
        number, lesson, learn, minutes, notebook, *_ = (cell.strip() for cell in row.split("|")[1:])
        page = re.search(r"\((notebooks/.*?)\)", notebook)
        title = f"{number} · {lesson}"
        link = f"[{title}]({page[1]})" if page and page[1] in names else title
        lines.append(f"| {link} | {learn} | {minutes} |")
    return "\n".join(lines)


def teachers(names):
    """The page for teachers; as a page its links begin at the site, and what is not there is no link."""
    text = (HERE / "teachers.md").read_text("utf-8").replace("](../notebooks/", "](notebooks/")
    return without_dead_links(text, "teachers.md", set(names))


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
        slowest_first = sorted(names, key=lambda name: SLOWEST.index(name) if name in SLOWEST else len(SLOWEST))
        for name, seconds in zip(
            slowest_first, pool.map(partial(execute, out=out, pages=names), slowest_first), strict=True
        ):
            print(f"{name}: {seconds:.0f} s", flush=True)
    shutil.copytree(ROOT / "assets", out / "assets")
    pages = [f"notebooks/{name}" for name in names]
    (out / "index.md").write_text(index(pages, out), "utf-8")
    (out / "teachers.md").write_text(teachers(pages), "utf-8")


if __name__ == "__main__":
    main()

"""How Sphinx builds the site from what `execute.py` wrote."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.util.fileutil import copy_asset

project = "PPO, derived step by step"
html_title = project
language = "en"
extensions = ["myst_nb"]
nb_execution_mode = "off"  # the notebooks have run
nb_merge_streams = True  # what a cell prints stands in one box, however it was sent
exclude_patterns = ["assets"]  # pictures and records, no pages
myst_enable_extensions = ["dollarmath", "amsmath", "html_image"]

html_theme = "furo"
html_static_path = [str(Path(__file__).parent / "static")]
html_favicon = str(Path(__file__).parent / "static" / "icon.svg")
html_css_files = ["course.css", "live.css"]
SCRIPTS = [
    "formulas.js",
    "plot.js",
    "live.js",
    "corridor.js",
    "game.js",
    "frames.js",
    "code.js",
    "film.js",
    "access.js",
]
html_js_files = [(script, {"defer": "defer"}) for script in SCRIPTS]
html_use_index = html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_show_copyright = False
html_scaled_image_link = False  # a picture leads where the notebook says, or nowhere
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"  # come with Furo

# MathJax 3 comes with the site, so that formulas need no network; its files are those of a package in [site].
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
mathjax_path = "mathjax/tex-chtml.js"


# The address of the repository on a code host, "https://github.com/OWNER/NAME", makes each page link to its notebook.
# `colab` adds a button that opens it there; it stays off until somebody has seen a notebook work in Colab.
REPOSITORY, COLAB = "", False


def add_way_in(app, pagename, templatename, context, doctree):
    """Below the title of a notebook's page: what this page cannot do, where the notebook is, and how to run it.

    Also mends what a screen reader misses in the pages of the theme and of MyST-NB.
    """
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    if pagename.startswith("notebooks/"):
        way_in = way_in_tag(f"{pagename}.ipynb", app.config.repository, app.config.colab)
        body = context["body"].replace("</h1>", f"</h1>\n{way_in}", 1)
        # The words inside say more.
        context["body"] = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")


def way_in_tag(path, repository, colab):
    name = f"<code>{path}</code>"
    if repository:
        name = f'<a href="{repository}/blob/main/{path}">{name}</a>'
    buttons = ""
    if repository and colab:
        place = repository.removeprefix("https://github.com/")
        address = f"https://colab.research.google.com/github/{place}/blob/main/{path}"
        buttons = f'<a class="button" href="{address}">Open in Colab</a> '
    return (
        '<div class="way-in"><p>The pictures of this page move without Python. To change the code, to train, and to '
        f"have your exercises checked, open {name}: <code>make lab</code> in your copy of the course does it. What a "
        f"lesson says about cells and Shift + Enter is meant for the notebook.</p>{buttons}</div>"
    )


def copy_beside(app, error):
    """Files that Sphinx does not know of: MathJax with its fonts, and the frames."""
    if error is None:
        out = Path(app.outdir)
        copy_asset(MATHJAX / "tex-chtml.js", out / "_static" / "mathjax")
        fonts = Path("output", "chtml", "fonts", "woff-v2")
        copy_asset(MATHJAX / fonts, out / "_static" / "mathjax" / fonts)
        shutil.rmtree(out / "frames", ignore_errors=True)  # those of a build before
        shutil.copytree(Path(app.srcdir, "frames"), out / "frames")


def setup(app):
    app.add_config_value("repository", REPOSITORY, "html")
    app.add_config_value("colab", COLAB, "html")
    app.connect("html-page-context", add_way_in, priority=900)  # after the theme
    app.connect("build-finished", copy_beside)

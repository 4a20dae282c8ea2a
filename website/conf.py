"""How Sphinx builds the site from what `execute.py` wrote."""

from importlib.util import find_spec
from pathlib import Path

from sphinx.util.fileutil import copy_asset

project = "PPO, derived step by step"
html_title = project
language = "en"
extensions = ["myst_nb"]
nb_execution_mode = "off"  # the notebooks have run
exclude_patterns = ["assets"]  # pictures and records, no pages
myst_enable_extensions = ["dollarmath", "amsmath", "html_image"]

html_theme = "furo"
html_static_path = [str(Path(__file__).parent / "static")]
html_favicon = str(Path(__file__).parent / "static" / "icon.svg")
html_css_files = ["course.css"]
html_js_files = [("frames.js", {"defer": "defer"})]
html_use_index = html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_show_copyright = False
html_scaled_image_link = False  # a picture leads where the notebook says, or nowhere
pygments_style, pygments_dark_style = "default", "github-dark"

# MathJax 3 comes with the site, so that formulas need no network; its files are those of a package in [site].
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
mathjax_path = "mathjax/tex-chtml.js"


def copy_beside(app, error):
    """Files that Sphinx does not know of: MathJax with its fonts, and the frames."""
    if error is None:
        out = Path(app.outdir)
        copy_asset(MATHJAX / "tex-chtml.js", out / "_static" / "mathjax")
        fonts = Path("output", "chtml", "fonts", "woff-v2")
        copy_asset(MATHJAX / fonts, out / "_static" / "mathjax" / fonts)
        copy_asset(Path(app.srcdir, "frames"), out / "frames")


def setup(app):
    app.connect("build-finished", copy_beside)

"""The house rules: how notebooks are stored, which layer may import which, what each lesson must have."""

import ast
import fnmatch
import importlib
import inspect
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebook_runner import MODULE_OF, NOTEBOOKS, ROOT, code_of

from ppo_lessons import LESSONS

PACKAGE = ROOT / "ppo_lessons"
LONGEST_CELL = 16
MOST_ASSERTS = 0.14  # of the lines of code


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imports(tree, without=()):
    """Every module that the code imports, with the names taken from it: `from a import b` gives a and a.b."""
    for node in ast.walk(tree):
        if node in without:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def belongs(module, *packages):
    """Is it one of these packages or a part of one?"""
    return any(module == package or module.startswith(package + ".") for package in packages)


def pyplot_uses(tree):
    """Names through which code reaches pyplot's hidden global figure."""
    attributes = (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return [name for name in (*imports(tree), *attributes) if {"pyplot", "pylab"} & set(name.split("."))]


# Notebooks


def plumbing(tree):
    """Code that a reader would have to be told about, in words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and (node.args.defaults or any(node.args.kw_defaults)):
            yield f"a lambda with default arguments: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("set_num_threads"):
            yield "sets the number of threads"


def notebook_problems(notebook, name):
    """What is wrong with a notebook, in words. `name` is the file's name without its ending."""
    problems = [f"metadata.{key} is stored" for key in ("widgets", "signature") if key in notebook.metadata]
    for number, cell in enumerate(notebook.cells):
        where = f"cell {number}"
        if cell.source.count("\n") + 1 > LONGEST_CELL:
            problems.append(f"{where} has more than {LONGEST_CELL} lines")
        if cell.cell_type != "code":
            continue
        if cell.outputs or cell.execution_count is not None:
            problems.append(f"{where} has stored outputs or an execution count")
        if {"execution", "collapsed", "scrolled", "ExecuteTime"} & set(cell.metadata):
            problems.append(f"{where} has metadata of a run")
        if "NBVAL_" in cell.source or any("skip" in t or "nbval" in t for t in cell.metadata.get("tags", [])):
            problems.append(f"{where} is skipped or excused from the test")
        if re.search(r"#\s*noqa", cell.source):
            problems.append(f"{where} is excused from ruff")
    code = "\n".join(code_of(notebook))
    lines = [line.strip() for line in code.splitlines() if line.strip()]
    asserts = sum(line.startswith("assert ") for line in lines)
    if lines and round(asserts / len(lines), 2) > MOST_ASSERTS:
        problems.append(f"{asserts} of {len(lines)} lines are asserts, more than {MOST_ASSERTS:.0%}")
    tree = ast.parse(code)
    problems += plumbing(tree)
    problems += [f"imports {module}" for module in imports(tree) if belongs(module, "ipywidgets", "matplotlib")]
    problems += [f"uses {use}" for use in pyplot_uses(tree)]
    module = MODULE_OF.get(name)
    if module and not any(
        isinstance(node, ast.ImportFrom) and node.module == f"ppo_lessons.{module}" for node in ast.walk(tree)
    ):
        problems.append(f"has no line `from ppo_lessons.{module} import ...`")
    if module and name != "00_start_here":
        calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")}
        if "explore" not in calls:
            problems.append("has no explore(...) cell")
    return problems


def test_every_lesson_has_its_notebook_in_the_order_of_the_derivation():
    assert [name[:2] for name in MODULE_OF] == [f"{number:02}" for number in range(len(MODULE_OF))]
    assert [module for module in MODULE_OF.values() if module in LESSONS] == list(LESSONS)
    assert set(MODULE_OF.values()) == {"corridor", *LESSONS, "ppo"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebook_keeps_the_rules(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook_problems(notebook, path.stem) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebook_pictures_exist_and_one_opens_each_lesson(path):
    cells = nbformat.read(path, as_version=4).cells
    pictures = [re.findall(r"[(\"']([^()\"'\s]*assets/[^()\"'\s]+)", cell.source) for cell in cells]
    missing = [picture for found in pictures for picture in found if not (path.parent / picture).is_file()]
    assert missing == []
    if path.stem in MODULE_OF:
        assert any(pictures[:3]), "no picture from assets/ in the first three cells"


LESSON_FILES = [path for path in NOTEBOOKS if path.stem in MODULE_OF]
FOLDED = {"predict", "check", "explore", "hints"}


def neighbours(path):
    """Names of the notebooks before and after a lesson's; after the last one comes the bug lab."""
    place = LESSON_FILES.index(path)
    return [other.name for other in LESSON_FILES[max(place - 1, 0) : place]], [
        other.name for other in LESSON_FILES[place + 1 : place + 2]
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_each_notebook_leads_on_back_and_to_the_map_at_its_top_and_at_its_end(path):
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    before, after = neighbours(path) if path in LESSON_FILES else ([], [])
    wanted = {*before, *after, "00_start_here.ipynb"} - {path.name}
    for cell in (cells[0], cells[-1]):
        ways = [target for line in cell.splitlines() if " · " in line or "→" in line for target in links(line)]
        assert wanted <= {Path(target).name for target in ways}
    missing = [target for cell in cells for target in links(cell) if not (path.parent / target).exists()]
    assert missing == []


def asks_only(source):
    """Is this cell nothing but a question, a picture or a check, whose source would only be in the way?"""
    body = ast.parse(source).body
    calls = [node.value for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return bool(body) and len(calls) == len(body) and {ast.unparse(call.func) for call in calls} <= FOLDED


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_questions_keep_their_answers_folded(path):
    """The source of a prediction holds its answer: JupyterLab shows it only when it is asked for."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for cell, source in zip(cells, code_of(path), strict=True):
        assert asks_only(source) == cell.metadata.get("jupyter", {}).get("source_hidden", False), source


@pytest.mark.skipif(not NOTEBOOKS, reason="no notebooks")
def test_nbstripout_finds_nothing_to_strip():
    command = [sys.executable, "-m", "nbstripout", "--keep-id", "--verify", *map(str, NOTEBOOKS)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


GOOD_CELL = "from ppo_lessons.gae import gae\nexplore(picture, lam=(0, 1, 0.05, 0.95))"


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        (nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text="1")]), "stored outputs"),
        (nbformat.v4.new_code_cell("1", execution_count=3), "execution count"),
        (nbformat.v4.new_code_cell("1", metadata={"execution": {}}), "metadata of a run"),
        (nbformat.v4.new_code_cell("# NBVAL_SKIP\n1"), "skipped"),
        (nbformat.v4.new_code_cell("\n".join("x = 1" for _ in range(17))), "more than 16 lines"),
        (nbformat.v4.new_code_cell("import ipywidgets as w"), "imports ipywidgets"),
        (nbformat.v4.new_code_cell("def f():\n    from matplotlib.figure import Figure"), "imports matplotlib"),
        (nbformat.v4.new_code_cell("%matplotlib inline\nimport pylab"), "uses pylab"),
        (nbformat.v4.new_code_cell("assert 1 == 1"), "1 of 3 lines are asserts"),
        (nbformat.v4.new_code_cell("import math  # no" + "qa: F401"), "excused from ruff"),
        (nbformat.v4.new_code_cell("f = lambda x, y=1: x"), "lambda with default"),
        (nbformat.v4.new_code_cell("f = lambda *, y=1: y"), "lambda with default"),
        (nbformat.v4.new_code_cell("import torch\ntorch.set_num_threads(1)"), "number of threads"),
    ],
)
def test_a_planted_fault_in_a_notebook_is_found(planted, complaint):
    good = nbformat.v4.new_code_cell(GOOD_CELL)
    assert notebook_problems(nbformat.v4.new_notebook(cells=[good]), "07_gae") == []
    assert complaint in notebook_problems(nbformat.v4.new_notebook(cells=[good, planted]), "07_gae")[0]


def test_a_notebook_without_its_import_or_its_sliders_is_found():
    empty = nbformat.v4.new_notebook(metadata={"widgets": {}})
    found = " ".join(notebook_problems(empty, "07_gae"))
    assert "metadata.widgets" in found and "from ppo_lessons.gae import" in found and "explore(" in found
    assert notebook_problems(nbformat.v4.new_notebook(), "glossary") == []


# Layers

MATHS, GAMES = ("torch",), ("torch", "numpy", "gymnasium")
LAYERS = (  # from the bottom up: modules and rooms, and their packages. A row sees the rows above it
    (("validation",), MATHS),
    (LESSONS, MATHS),  # and each lesson those before it
    (("corridor", "trust_region", "language"), MATHS),
    (("envs",), GAMES),
    (("trainer",), GAMES),
    (("ppo",), GAMES),
    (("experiments",), ("torch", "numpy", "tqdm")),
    (("figures",), ("torch", "numpy", "matplotlib", "PIL")),
    (("controls",), (*GAMES, "ipywidgets", "IPython")),
    (("practice",), ("torch", "numpy", "platformdirs")),
)
ASIDE = {  # module or room -> (the highest layer that it sees, its packages, who may import it)
    "__init__": (None, ("gymnasium",), ()),  # Python runs it first, whatever is imported
    "data": (None, (), ("experiments", "figures")),
    "cli": ("ppo", (*GAMES, "tqdm"), ()),
    "lab": (None, (), ()),
}


def sights():
    """For each module or room: the places of the package and the other packages that it may import."""
    seen, below = {}, ["__init__"]
    for places, packages in LAYERS:
        for number, place in enumerate(places):
            earlier = places[:number] if places is LESSONS else ()
            seen[place] = ({*below, *earlier, place}, packages)
        below += places
    for place, (top, packages, readers) in ASIDE.items():
        seen[place] = ({place, "__init__"} | (seen[top][0] if top else set()), packages)
        for reader in readers:
            seen[reader][0].add(place)
    return seen


SIGHT = sights()


def place_of(name):
    """The module or room that an import reaches, None outside the package; `ppo_lessons.LESSONS` is in `__init__`."""
    top, *rest = name.split(".")
    if top != "ppo_lessons":
        return None
    return rest[0] if rest and rest[0] in SIGHT else "__init__"


def is_main_block(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def is_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


UPWARDS = {  # the two arrows that point upwards, and where they may stand
    ("ppo", "cli"): is_main_block,  # `python -m ppo_lessons.ppo`
    ("envs", "figures"): is_function,  # a game fetches its picture when it is asked to render
}


def layer_problems(module, source):
    """Imports that break the layering. `module` is a name inside the package, such as figures.gae."""
    place = module.split(".")[0]
    if place not in SIGHT:
        return [f"{place} stands in no layer"]
    tree = ast.parse(source)
    places, packages = SIGHT[place]

    def forbidden(name):
        target = place_of(name)
        if target is None:  # a relative import too: there is one way to write an arrow
            return name.split(".")[0] not in (*sys.stdlib_module_names, *packages)
        if (place, target) in UPWARDS:
            inside = {leaf for node in ast.walk(tree) if UPWARDS[place, target](node) for leaf in ast.walk(node)}
            return name in imports(tree, without=inside)
        return target not in places

    return [name for name in imports(tree) if forbidden(name)] + pyplot_uses(tree)


MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def layer_table():
    """The layers as the rows of a table in Markdown."""
    for places, packages in LAYERS:
        names = ", ".join(f"`{place}`" for place in places)
        names = "the lessons, in the order of `LESSONS`" if places is LESSONS else names
        yield f"| {names} | {', '.join(packages)} |"


def test_contributing_shows_these_layers():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert "\n".join(layer_table()) in text, "the table should be:\n" + "\n".join(layer_table())
    assert all(f"`{place}`" in text for place in ASIDE if place != "__init__")


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module):
    assert layer_problems(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gae", "import numpy"),
        ("gae", "import gymnasium"),
        ("gae", "from ppo_lessons.clip import clipped_objective"),  # against the order of the derivation
        ("gae", "from ppo_lessons import corridor"),
        ("gae", "from ppo_lessons.trust_region import trust_region_step"),
        ("gae", "from .advantage import td_error"),
        ("validation", "from ppo_lessons.gae import gae"),
        ("trust_region", "from ppo_lessons.corridor import Corridor"),
        ("corridor", "def f():\n    from ppo_lessons.figures import style"),
        ("envs.cartpole", "from ppo_lessons.trainer.rollout import collect"),
        ("envs.corridor", "from ppo_lessons.figures.corridor import picture"),
        ("envs.corridor", "def f():\n    import matplotlib"),
        ("envs.corridor", "def f():\n    from ppo_lessons.controls import explore"),
        ("trainer.rollout", "from ppo_lessons.ppo import Config"),
        ("trainer.rollout", "def f():\n    from ppo_lessons.experiments import tabular"),
        ("trainer.rollout", "from ppo_lessons import figures"),
        ("trainer.networks", "import matplotlib"),
        ("ppo", "from ppo_lessons import figures"),
        ("ppo", "from ppo_lessons.cli import main"),
        ("ppo", "def f():\n    import ppo_lessons.cli"),
        ("ppo", "import tqdm"),
        ("ppo", "import ppo_lessons.controls"),
        ("cli", "from ppo_lessons.experiments import ladder"),
        ("experiments.ladder", "import matplotlib"),
        ("experiments.ladder", "from ppo_lessons.cli import main"),
        ("experiments.ladder", "from ppo_lessons.figures import style"),
        ("figures.gae", "from ipywidgets import Image"),
        ("figures.gae", "from ppo_lessons.controls import explore"),
        ("figures.gae", "import matplotlib.pyplot as plt"),
        ("controls", "from matplotlib import pyplot"),
        ("controls", "from ppo_lessons import practice"),
        ("practice.gae", "import ipywidgets"),
        ("practice.gae", "from ppo_lessons import data"),
        ("data", "import torch"),
        ("data", "from ppo_lessons.ppo import train"),
        ("lab", "import jupyterlab"),
        ("lab", "from ppo_lessons.ppo import train"),
        ("rollouts", "import math"),  # a module that nobody has given a layer
        ("helpers.gae", "import math"),
    ],
)
def test_a_planted_wrong_import_is_found(module, line):
    assert layer_problems(module, line)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gae", "import math, torch\nfrom ppo_lessons.advantage import td_error"),
        ("trust_region", "from ppo_lessons import LESSONS"),
        ("envs.corridor", "def f():\n    from ppo_lessons.figures.corridor import picture"),
        ("trainer.rollout", "from ppo_lessons.trainer import networks\nfrom ppo_lessons.entropy import entropy"),
        ("ppo", "from ppo_lessons.gae import gae"),
        ("ppo", "if __name__ == '__main__':\n    from ppo_lessons.cli import main"),
        ("cli", "import tqdm\nfrom ppo_lessons.ppo import train\nfrom ppo_lessons.trainer import config"),
        ("experiments.ladder", "from ppo_lessons import data\nfrom ppo_lessons.ppo import train"),
        ("figures.gae", "from matplotlib.figure import Figure\nfrom ppo_lessons.gae import gae"),
        ("controls", "import ipywidgets"),
        ("practice", "from ppo_lessons.controls import predict\nfrom ppo_lessons import practice"),
    ],
)
def test_a_right_import_is_left_alone(module, line):
    assert layer_problems(module, line) == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [("ppo_lessons", {"torch", "matplotlib", "ipywidgets"}), ("ppo_lessons.ppo", {"matplotlib", "ipywidgets"})],
)
def test_importing_stays_light(module, unwanted):
    command = [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert module in loaded
    assert unwanted.isdisjoint(loaded)


# Lessons

FUNCTIONS = {
    f"{lesson}.{name}": function
    for lesson in LESSONS
    for name, function in inspect.getmembers(importlib.import_module(f"ppo_lessons.{lesson}"), inspect.isfunction)
    if function.__module__ == f"ppo_lessons.{lesson}" and not name.startswith("_")
}


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_has_a_function_and_a_test_file(lesson):
    assert any(name.startswith(f"{lesson}.") for name in FUNCTIONS)
    assert (ROOT / "tests" / f"test_{lesson}.py").is_file()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_says_what_it_takes_and_gives_and_where_it_is_from(name):
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    assert [part for part in ("Args:", "Returns:", "Source:", ">>> ") if part not in text] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_no_default_values(name):
    """A number that can be left out is a number that can be forgotten: defaults live once, in `Config`."""
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    assert [p.name for p in parameters if p.default is not p.empty] == []
    knobs = {"gamma", "lam", "epsilon", "temperature", "n", "estimator", "target"}
    assert [p.name for p in parameters if p.name in knobs and p.kind is not p.KEYWORD_ONLY] == []


# Pages


def links(text):
    """Targets of the links to files of this repository."""
    return [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]


def test_pages_link_only_to_what_exists():
    for page in ("README.md", "CONTRIBUTING.md"):
        missing = [target for target in links((ROOT / page).read_text("utf-8")) if not (ROOT / target).exists()]
        assert missing == [], f"{page} links to files that do not exist"


def test_lesson_table_is_complete_and_true():
    rows = re.findall(r"^\| *(\d\d) *\|(.*)$", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    assert [number for number, _ in rows] == [name[:2] for name in MODULE_OF]
    for (_, row), (notebook, module) in zip(rows, MODULE_OF.items(), strict=True):
        assert f"notebooks/{notebook}.ipynb" in links(row)
        minutes = re.findall(
            r"Time: about (\d+) minutes", (ROOT / "notebooks" / f"{notebook}.ipynb").read_text("utf-8")
        )
        assert all(f"| {number} |" in row for number in minutes), f"{notebook} needs {minutes} minutes"
        assert f"ppo_lessons/{module}.py" in links(row)
        named = re.findall(r"`(\w+)\.(\w+)`", row)
        functions = [(file, name) for file, name in named if name not in ("py", "ipynb")]
        assert functions, "no function named"
        for file, name in functions:
            assert hasattr(importlib.import_module(f"ppo_lessons.{file}"), name), f"{file}.{name} does not exist"
        assert any(target.startswith("tests/test_") for target in links(row)), "no test named"


# The whole repository

ELSEWHERE = re.compile(
    r"\b(?:test\.)?pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.(?:org|com)|npmjs\.(?:org|com)"
    r"|--(?:extra-)?index-url|--find-link[s]"
    r"|(?<![\w.~-])/(?:home|Users|root|tmp|work)/\w|\b[A-Z]:\\\\?Users\b"
)


def stored_files():
    """Files of the repository: all but what .gitignore leaves out."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()] + [".git"]

    def kept(names):
        return [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)]

    for folder, folders, files in os.walk(ROOT):
        folders[:] = kept(folders)
        yield from (Path(folder, name) for name in kept(files))


def test_no_file_depends_on_one_machine_or_one_mirror():
    found = []
    for path in stored_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{relative(path)}: {match.group()}" for match in ELSEWHERE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "see https://" + "pypi" + ".org/project/x",
        "pip install --" + "index-url x",
        "open('/" + "home/ada/x')",
        "cd /" + "tmp/x",
        "C:" + "\\Users\\Ada",
    ],
)
def test_a_planted_machine_name_is_found(text):
    assert ELSEWHERE.search(text)


@pytest.mark.parametrize("text", ["https://example.org/home/page", "~/tmp/x", "my/work/x", "pytorch.org/get-started/"])
def test_an_innocent_path_is_left_alone(text):
    assert not ELSEWHERE.search(text)


def test_the_readme_gives_the_recorded_times_of_the_pictures():
    """The table below the mark in the README: the last cell of each row, whatever its words are."""
    pictures = json.loads((ROOT / "assets" / "bench_ui.json").read_text())["pictures"].values()
    trained = [numbers for numbers in pictures if "taken_up_ms" in numbers]
    plain = [numbers for numbers in pictures if "taken_up_ms" not in numbers]

    def ends(name, numbers, unit, form):
        found = [one[name] / unit for one in numbers if name in one]  # menus have no key press
        return [f"{min(found):{form}}", f"{max(found):{form}}"]

    recorded = [
        ends("cpu_ms", plain, 1, ".0f"),
        ends("press_to_pixels_ms", plain, 1, ".0f"),
        ends("longest_wait_ms", trained, 1000, ".2f"),
        ends("wall_ms", trained, 1000, ".1f"),
    ]
    _, *rows = marked_table((ROOT / "README.md").read_text("utf-8"), "assets/bench_ui.json")
    assert [re.findall(r"\d+(?:\.\d+)?", cells[-1]) for cells in rows] == recorded


def marked_table(text, mark):
    """The rows of the table after the comment `<!-- mark -->`, as lists of cells, without the line of dashes."""
    _, _, after = text.partition(f"<!-- {mark} -->")
    lines = itertools.takewhile(lambda line: line.startswith("|"), after.strip().splitlines())
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if set(line) - set("|- :")]

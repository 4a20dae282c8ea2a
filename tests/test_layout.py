"""The house rules: how notebooks are stored, which layer may import which, what each lesson must have."""

import ast
import fnmatch
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from ppo_lessons import LESSONS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ppo_lessons"
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
MODULE_OF = {  # notebook -> the module that it must import from
    "00_start_here": "corridor",
    **{f"{number:02}_{lesson}": lesson for number, lesson in enumerate(LESSONS, start=1)},
    "12_ppo": "ppo",
}
LONGEST_CELL = 16


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imports(tree):
    """Every module that the code imports, with the names taken from it: `from a import b` gives a and a.b."""
    for node in ast.walk(tree):
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


def notebook_problems(notebook, name):
    """What is wrong with a notebook, in words. `name` is the file's name without its ending."""
    problems = [f"metadata.{key} is stored" for key in ("widgets", "signature") if key in notebook.metadata]
    code = []
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
        code.append(TransformerManager().transform_cell(cell.source))
    tree = ast.parse("\n".join(code))
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


def test_notebooks_that_must_exist_do():
    names = {path.stem for path in NOTEBOOKS}
    assert {"00_start_here", "07_gae", "10_clip", "12_ppo"} <= names


def test_numbered_notebooks_bear_the_name_of_their_lesson():
    numbered = [path.stem for path in NOTEBOOKS if path.parent.name == "notebooks" and path.stem[:2] <= "12"]
    assert set(numbered) <= set(MODULE_OF)


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


def layer_problems(module, source):
    """Imports that break the layering. `module` is a name inside the package, such as figures.gae."""
    tree = ast.parse(source)
    at_import = ast.Module([node for node in tree.body if not isinstance(node, ast.ClassDef | ast.FunctionDef)], [])
    lessons = [f"ppo_lessons.{lesson}" for lesson in LESSONS]

    def forbidden(name):
        if name.startswith("."):
            return True  # absolute imports only: one way to write an arrow
        outside = not belongs(name, "ppo_lessons")
        if module in (*LESSONS, "corridor", "trust_region", "validation"):
            if outside:
                return name.split(".")[0] not in (*sys.stdlib_module_names, "torch")
            earlier = lessons[: LESSONS.index(module)] if module in LESSONS else lessons
            if module == "validation":
                earlier = []
            return not belongs(name, *earlier, "ppo_lessons.validation")
        if belongs(name, "ipywidgets"):
            return module != "controls"
        if belongs(name, "matplotlib"):
            return not belongs(module, "figures", "controls")
        if belongs(module, "figures"):
            return belongs(name, "ppo_lessons.controls")
        if belongs(module, "controls", "practice"):
            return False
        if belongs(module, "envs") and name not in set(imports(at_import)):
            return False  # a game may fetch its picture when it is asked to render
        return belongs(name, "ppo_lessons.figures", "ppo_lessons.controls")

    return [name for name in imports(tree) if forbidden(name)] + pyplot_uses(tree)


MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


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
        ("gae", "from .advantage import td_error"),
        ("corridor", "def f():\n    from ppo_lessons.figures import style"),
        ("figures.gae", "from ipywidgets import Image"),
        ("figures.gae", "from ppo_lessons.controls import explore"),
        ("figures.gae", "import matplotlib.pyplot as plt"),
        ("controls", "from matplotlib import pyplot"),
        ("ppo", "from ppo_lessons import figures"),
        ("rollout", "import ppo_lessons.controls"),
        ("networks", "import matplotlib"),
        ("rollout", "def f():\n    from ppo_lessons.figures import style"),
        ("envs.corridor", "from ppo_lessons.figures.corridor import picture"),
        ("envs.corridor", "def f():\n    import matplotlib"),
        ("practice.gae", "import ipywidgets"),
    ],
)
def test_a_planted_wrong_import_is_found(module, line):
    assert layer_problems(module, line)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gae", "import math, torch\nfrom ppo_lessons.advantage import td_error"),
        ("figures.gae", "from matplotlib.figure import Figure\nfrom ppo_lessons.gae import gae"),
        ("controls", "import ipywidgets"),
        ("ppo", "from ppo_lessons.gae import gae"),
        ("envs.corridor", "def f():\n    from ppo_lessons.figures.corridor import picture"),
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
        file = ROOT / "notebooks" / f"{notebook}.ipynb"
        exists = file.is_file()
        assert (f"notebooks/{notebook}.ipynb" in links(row)) == exists, f"the table and notebooks/ differ on {notebook}"
        assert ("notebook to come" in row) != exists
        if exists:
            minutes = re.findall(r"Time: about (\d+) minutes", file.read_text("utf-8"))
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
    pictures = json.loads((ROOT / "assets" / "bench_ui.json").read_text())["pictures"].values()
    trained = [numbers for numbers in pictures if "taken_up_ms" in numbers]
    plain = [numbers for numbers in pictures if "taken_up_ms" not in numbers]

    def ends(name, numbers, unit=1, digits=0):
        found = [one[name] / unit for one in numbers]
        return f"{min(found):.{digits}f} to {max(found):.{digits}f}"

    words = " ".join((ROOT / "README.md").read_text().split())
    assert f"costs {ends('cpu_ms', plain)} ms" in words
    assert f"{ends('press_to_pixels_ms', plain)} ms pass" in words
    assert f"every {max(one['longest_wait_ms'] for one in trained) / 1000:.2f} s" in words
    assert f"training takes {ends('wall_ms', trained, 1000, 1)} s" in words

"""What an installation needs: declared dependencies, pinned versions, and a wheel that works without the checkout."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest
import yaml

import ppo_lessons

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def normal(name):
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_and_version(requirement):
    """`gymnasium[classic-control]==1.4.0` gives ("gymnasium", "1.4.0"); without == the version is None."""
    name, _, version = requirement.partition("==")
    return normal(re.match(r"[\w.-]+", name).group()), version.strip() or None


def lines(file):
    """The requirements in a file: no comments, no options."""
    text = (ROOT / file).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-"))]


def imported(source):
    """Names of the packages outside the standard library and this one that the code imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


# What is declared


def test_what_the_package_imports_is_what_it_declares():
    found = {name for file in (ROOT / "ppo_lessons").rglob("*.py") for name in imported(file.read_text("utf-8"))}
    outside = found - {*sys.stdlib_module_names, "ppo_lessons"}
    distributions = packages_distributions()
    needed = {normal(distributions[name][0]) for name in outside}
    assert needed == {name_and_version(requirement)[0] for requirement in PROJECT["dependencies"]}


def test_an_import_inside_a_function_is_seen():
    assert list(imported("def f():\n    import a.b\n    from c.d import e")) == ["a", "c"]


def test_a_learner_gets_all_that_the_package_needs():
    given = {name_and_version(line)[0] for line in lines("requirements.txt")}
    needed = {name_and_version(requirement)[0] for requirement in PROJECT["dependencies"]}
    assert needed - given == {"ipython"}  # ipykernel brings it, and constraints.txt pins it


def test_the_version_is_the_same_everywhere():
    assert f"version: {ppo_lessons.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    newest = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest.group(1) == ppo_lessons.__version__


# What is pinned


def test_constraints_pin_one_version_each_and_name_no_place():
    assert [line for line in lines("constraints.txt") if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    names = [name_and_version(line)[0] for line in lines("constraints.txt")]
    assert len(names) == len(set(names))


def test_constraints_agree_with_what_is_asked_for():
    pinned = dict(map(name_and_version, lines("constraints.txt")))
    asked = [*lines("requirements.txt"), *PROJECT["optional-dependencies"]["test"], *PROJECT["dependencies"]]
    for name, version in map(name_and_version, asked):
        assert name in pinned, f"{name} is missing: run `make constraints`"
        assert version in (None, pinned[name]), f"{name}: constraints.txt has {pinned[name]}: run `make constraints`"


def test_the_learners_list_uses_the_constraints():
    assert "-c constraints.txt" in (ROOT / "requirements.txt").read_text("utf-8").splitlines()


# What runs elsewhere


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_targets_that_exist(path):
    steps = [step for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values() for step in job["steps"]]
    targets = {target for step in steps for target in re.findall(r"make ([\w-]+)", step.get("run", ""))}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"
INSTALLED = """
import sys, ppo_lessons
from importlib.metadata import version
from ppo_lessons.data import load
assert ppo_lessons.__file__.startswith(sys.prefix), ppo_lessons.__file__
assert version("ppo_lessons") == ppo_lessons.__version__
assert load("ladder") and load("scaling") and load("bench")
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The Python of an environment with the built wheel in it. Its other packages are the ones of this environment."""
    source, wheels, env = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "env"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, source)
    copytree(ROOT / "ppo_lessons", source / "ppo_lessons", ignore=ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet"]
    wheel = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels), str(source)]
    subprocess.run([*pip, *wheel], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    python = env / ("Scripts" if os.name == "nt" else "bin") / "python"
    (built,) = wheels.glob("*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(built)], check=True)
    # In a folder that a .pth file adds, Python reads no further .pth files: the checkout's own one stays unread.
    own = subprocess.run([python, "-c", PURELIB], check=True, capture_output=True, text=True).stdout.strip()
    Path(own, "others.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return python


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", INSTALLED],
        ["-m", "ppo_lessons.ppo", "--total-steps", "4096", "--device", "cpu"],
        [str(ROOT / "tests" / "ten_runs.py"), "1", "07_gae"],
        [str(ROOT / "tests" / "ten_runs.py"), "1", "parallel"],
    ],
    ids=["package", "trainer", "lesson", "extra"],
)
def test_the_wheel_works_without_the_checkout(elsewhere, tmp_path, arguments):
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests" / "no_network")}
    result = subprocess.run([elsewhere, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr

"""The course's notebooks: where they are, what they say, and how one is run from top to bottom."""

import os
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
MODULE_OF = {  # numbered notebook -> the module of its lesson; a notebook without a module of its own is about PPO
    path.stem: "corridor" if number == "00" else name if (ROOT / "ppo_lessons" / f"{name}.py").is_file() else "ppo"
    for path in NOTEBOOKS
    if path.parent == FOLDER
    for number, _, name in [path.stem.partition("_")]
}
NO_NETWORK = ROOT / "tests" / "no_network"


def code_of(notebook):
    """The sources of the code cells as plain Python. Takes a notebook or the path of one."""
    cells = (nbformat.read(notebook, 4) if isinstance(notebook, Path) else notebook).cells
    return [TransformerManager().transform_cell(cell.source) for cell in cells if cell.cell_type == "code"]


def write(path, *sources):
    """Write a notebook with these code cells and return its path."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def run(path, folder, *, setup="", paths=(), network=False, timeout=300):
    """Execute a notebook in a kernel of its own. Raises CellExecutionError.

    Args:
        path: the notebook; the file stays as it is.
        folder: the working directory of the kernel.
        setup: Python that runs first, in a cell that the result does not have.
        paths: folders from which the kernel may import.
        network: may it reach other machines?
        timeout: seconds for each cell, None for as long as it takes.

    Returns:
        The notebook with its outputs.
    """
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(setup))
    folders = [*paths, *([] if network else [NO_NETWORK]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders)), "OMP_NUM_THREADS": "1"}
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=resources)
    client.execute(env=environment)
    del notebook.cells[0]
    return notebook

"""Each notebook runs in any folder and without a network: `make ten-runs` runs them all; the suite tries the guard."""

import pytest
from nbclient.exceptions import CellExecutionError
from notebook_runner import NOTEBOOKS, run, write


@pytest.mark.parametrize(
    "call", ["create_connection(('192.0.2.1', 80), 1)", "socket(2, 2).sendto(b'', ('192.0.2.1', 9))"]
)
def test_a_notebook_that_reaches_for_the_network_is_found(tmp_path, call):
    with pytest.raises(CellExecutionError, match="no network in this test"):
        run(write(tmp_path / "caller.ipynb", f"import socket\nsocket.{call}"), tmp_path)


def test_a_notebook_that_reads_a_file_beside_it_is_found(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data.txt").write_text("here")
    notebook = write(tmp_path / "reader.ipynb", "open('data.txt').read()")
    run(notebook, tmp_path)
    with pytest.raises(CellExecutionError, match="FileNotFoundError"):
        run(notebook, tmp_path / "elsewhere")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_each_notebook_runs_elsewhere_without_a_network(tmp_path, path):
    run(path, tmp_path)

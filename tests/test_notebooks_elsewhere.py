"""The guard of `make ten-runs`, which runs each notebook in a folder elsewhere and without a network."""

import pytest
from nbclient.exceptions import CellExecutionError
from notebook_runner import run, write


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

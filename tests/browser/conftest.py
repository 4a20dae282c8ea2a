"""A JupyterLab with its token and a headless Chromium, for tests that use the course as a learner does.

With JUPYTER_APP=notebook it is a Notebook 7, which has to be installed first.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from lab import APP, visit

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")  # Playwright holds the thread's event loop: later tests need it back
def browser():
    if CHROMIUM is None:
        message = "no Chromium found: install it (Debian: apt-get install chromium fonts-dejavu-core)"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """A JupyterLab on copies of the notebooks, with settings of its own: (address, token, folder)."""
    base = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", base / "course" / "my", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(ROOT / "assets", base / "course" / "assets")
    settings = base / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    whole = base / "settings" / "@jupyterlab" / "notebook-extension"  # cells out of sight stay on the page, in order
    whole.mkdir(parents=True)
    (whole / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(24)
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = os.environ | {name: str(base / folder) for name, folder in folders.items()}
    app = {"lab": "jupyterlab", "notebook": "notebook"}[APP]
    command = [sys.executable, "-m", app, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={base / 'course'}"]
    log = base / "lab.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment | {"JUPYTER_TOKEN": token}, stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()[-2000:]
            try:
                urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=5).read()
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail("JupyterLab did not start\n" + log.read_text()[-2000:])
        yield address, token, base / "course"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture
def lab(server, browser):
    lab = visit(browser, server)
    yield lab
    lab.shut_down_kernels()
    lab.page.context.close()

"""The built site, served on this machine.

`SITE=folder pytest tests/site` reads another copy of the site than `_build/html`.
"""

import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from built_site import ROOT, SETTINGS, SITE, new_tab, site_pages


def pytest_generate_tests(metafunc):
    if "page" in metafunc.fixturenames:
        # without a site the fixture `site` fails; an empty list would skip the tests in silence
        metafunc.parametrize("page", site_pages() or ["no page"])
    if "setting" in metafunc.fixturenames:
        metafunc.parametrize("setting", SETTINGS, ids=[f"{theme}-{width}" for theme, width in SETTINGS])


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the built site."""
    if not site_pages():
        pytest.fail(f"There is no site in {SITE}: run `make book` first.")
    return SITE


def pytest_collection_modifyitems(items):
    """What asks for the second build comes last: it takes minutes, while the other tests run."""
    items.sort(key=lambda item: "second_build" in item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def begun_early(request):
    """Begin the second build before the first test, if a test will ask for it."""
    if site_pages() and any("second_build" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("second_build")


@pytest.fixture(scope="session")
def second_build(tmp_path_factory):
    """Folder, process and log of a build from a copy of the sources with nothing in the cache."""
    home = tmp_path_factory.mktemp("second")
    copy, log = home / "a folder with another name", home / "log"
    ignored = shutil.ignore_patterns(".git", ".venv", ".cache", "_build", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    variables = {**os.environ, "PYTHONPATH": str(copy)}
    command = ["nice", sys.executable, "-m", "mlm.cli", "book"]  # the browser's tests have time limits
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=copy, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    yield copy, process, log
    if process.poll() is None:  # the tests were stopped; the workers go with the build
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(site):
    """Where the site is served, with a slash at the end."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def tab(browser):
    """A tab of its own."""
    with new_tab(browser) as tab:
        yield tab

"""The built site, served on this machine.

`SITE=folder pytest tests/site` reads another copy of the site than `_build/html`.
"""

import functools
import http.server
import threading
from pathlib import Path

import pytest
from built_site import SITE, WIDTHS, new_tab, site_pages


def pytest_generate_tests(metafunc):
    if "page" in metafunc.fixturenames:
        # without a site the fixture `site` fails; an empty list would skip the tests in silence
        metafunc.parametrize("page", site_pages() or ["no page"])
    if "screen" in metafunc.fixturenames:
        metafunc.parametrize("screen", WIDTHS)


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the built site."""
    if not site_pages():
        pytest.fail(f"There is no site in {SITE}: run `make book` first.")
    return SITE


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

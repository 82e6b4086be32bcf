"""The built site, served on this machine, and one Chromium to read it with.

`SITE=folder pytest tests/site` reads another copy of the site than `_build/html`.
"""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from built_site import FLAGS, SETTINGS, SITE, site_pages
from playwright.sync_api import sync_playwright


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


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests. Without one the tests are skipped, but never in continuous integration."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing = (
            "Chromium is not installed (Debian: apt install chromium), so the site was not read in a browser."
        )
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    """A tab for tests that act on a page; short waits, so that a test fails soon."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(15_000)
    context.set_default_navigation_timeout(60_000)  # a long page sets a thousand formulas
    yield context.new_page()
    context.close()

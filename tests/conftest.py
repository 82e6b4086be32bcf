"""One Chromium for the tests that look at pages."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

# as root, without a network and without a screen
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    """One Chromium for a file of tests. Without one they are skipped, but never in continuous integration."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing = "Chromium is not installed (Debian: apt install chromium), so no page was looked at."
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()

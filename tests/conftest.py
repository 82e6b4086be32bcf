"""How tests are dealt to the workers, what was sampled, and one Chromium for those that look at pages."""

import os
import re
import shutil

import pytest
import sampling
from playwright.sync_api import sync_playwright

# as root, without a network and without a screen
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

#: A page or a solution, among the parameters of a test.
ABOUT = re.compile(r"[\w/-]+\.html|\d\d-[a-z-]+[a-z]")
#: Files whose tests take longest: they are dealt first, so that no worker is left with one at the end.
LONG = ("test_exercises_proofs.py", "test_binder.py", "test_reference.py", "test_fit.py", "test_inference.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of a file share a worker and what it has computed; where there are any, of a page or solution."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPageAndSolution(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByPageAndSolution(config, log)


def group_of(nodeid: str) -> str:
    """The page or solution that a test is about, where its file has one worker for each; else its file."""
    file, _, rest = nodeid.partition("::")
    about = ABOUT.search(rest) if file.startswith("tests/site/") or "proofs" in file else None
    return about[0] if about else file


def pytest_sessionfinish(session):
    """A worker hands over what it sampled."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["sampled"] = sampling.SAID


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    sampling.SAID.extend(getattr(node, "workeroutput", {}).get("sampled", []))


def pytest_terminal_summary(terminalreporter):
    """Say what was proved in part."""
    for line in dict.fromkeys(sampling.SAID):
        terminalreporter.write_line(f"sampled {line}; all with ALL=yes")


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

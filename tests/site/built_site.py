"""Where the built site is, which pages it has, and what a browser needs to read it."""

import os
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("SITE", ROOT / "_build" / "html"))
WIDTHS = (1300, 390)  # px: a desk, a phone


def site_pages() -> list[str]:
    """Every page that a reader may open; the root page only leads on to the first one."""
    pages = (path.relative_to(SITE) for path in SITE.rglob("*.html") if "_static" not in path.parts)
    return sorted(page.as_posix() for page in pages if page.as_posix() != "index.html")


@contextmanager
def new_tab(browser):
    """A tab for tests that act on a page; it waits long, for the machine may have other work."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(120_000)
    context.set_default_navigation_timeout(300_000)  # a long page sets a thousand formulas
    yield context.new_page()
    context.close()


def ready(tab) -> None:
    """Wait until the page has set its formulas and drawn what it draws."""
    tab.wait_for_load_state("load")
    tab.evaluate("() => window.MathJax?.startup?.promise")
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.mlm-quiz')].every(q => q.matches('.quiz-ready'))"
    )
    settled(tab)


def settled(tab) -> None:
    """Wait until a frame has been drawn and nothing is left to do for now."""
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestIdleCallback(done)))")


def unfold(tab) -> None:
    """Open everything that is folded away, and wait until the page has answered to that."""
    tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    settled(tab)

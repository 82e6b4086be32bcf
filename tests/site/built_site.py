"""Where the built site is, which pages it has, and what a browser needs to read it."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("SITE", ROOT / "_build" / "html"))
# Chromium as root, without a network and without a screen
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SETTINGS = [(theme, width) for theme in ("light", "dark") for width in (1300, 390)]


def site_pages() -> list[str]:
    """Every page that a reader may open; the root page only leads on to the first one."""
    pages = (path.relative_to(SITE) for path in SITE.rglob("*.html") if "_static" not in path.parts)
    return sorted(page.as_posix() for page in pages if page.as_posix() != "index.html")


def ready(tab) -> None:
    """Wait until the page has set its formulas and drawn what it draws."""
    tab.wait_for_load_state("load")
    tab.evaluate("() => window.MathJax?.startup?.promise")
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.mlm-quiz')].every(q => q.matches('.quiz-ready'))"
    )


def violations(tab, part: str | None = None) -> list[str]:
    """What axe-core holds against a page, or against one part of it."""
    found = (
        Axe()
        .run(tab, context=part, options={"runOnly": RULES, "resultTypes": ["violations"]})
        .response["violations"]
    )
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]

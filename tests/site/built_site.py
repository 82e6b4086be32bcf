"""Where the built site is, which pages it has, and what a browser needs to read it."""

import os
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("SITE", ROOT / "_build" / "html"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SETTINGS = [(theme, width) for theme in ("light", "dark") for width in (1300, 390)]


def site_pages() -> list[str]:
    """Every page that a reader may open; the root page only leads on to the first one."""
    pages = (path.relative_to(SITE) for path in SITE.rglob("*.html") if "_static" not in path.parts)
    return sorted(page.as_posix() for page in pages if page.as_posix() != "index.html")


@contextmanager
def new_tab(browser):
    """A tab for tests that act on a page; short waits, so that a test fails soon."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(15_000)
    context.set_default_navigation_timeout(60_000)  # a long page sets a thousand formulas
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


# Pages show thousands of words of code in a few colours, and axe-core takes long over the contrast of each.
# Of the words that look alike in one box the first stays; the others become text of the box, which is judged.
FEWER_WORDS = """() => {
    const alike = ["color", "backgroundColor", "backgroundImage", "fontSize", "fontWeight", "opacity",
        "visibility", "display", "position", "textShadow", "filter"];
    const merges = word => word.tagName === "SPAN" && !word.children.length
        && word.getAttributeNames().every(name => name === "class");
    const again = [];
    for (const box of document.querySelectorAll("pre, pre span")) {
        const seen = new Set();
        for (const word of [...box.children].filter(merges)) {
            const style = getComputedStyle(word);
            const look = alike.map(name => style[name]).join();
            if (seen.has(look)) again.push(word);
            seen.add(look);
        }
    }
    // only now: after each change the styles of the whole page would be computed anew
    for (const word of again) word.replaceWith(...word.childNodes);
}"""


def start_axe(tab, part: str | None = None, *, colours: bool = True) -> None:
    """Let axe-core read a page, or one part of it; other tabs can be looked at meanwhile.

    Most of its time goes into the contrast of ``colours``.
    """
    tab.evaluate(FEWER_WORDS)
    tab.evaluate(Axe().axe_script)
    rules = {"color-contrast": {"enabled": colours}}
    tab.evaluate(
        "([part, options]) => { window.axeFound = axe.run(part ?? document, options); }",
        [part, {"runOnly": RULES, "resultTypes": ["violations"], "rules": rules}],
    )


def axe_found(tab) -> list[str]:
    """Wait for what axe-core, once started, holds against a page."""
    found = tab.evaluate("async () => (await window.axeFound).violations")
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def violations(tab, part: str | None = None) -> list[str]:
    """What axe-core holds against a page, or against one part of it."""
    start_axe(tab, part)
    return axe_found(tab)

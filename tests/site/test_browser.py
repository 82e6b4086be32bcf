"""Every page as a reader sees it: on a desk and on a phone, in light and in dark.

A page is opened once at each width and asked everything in there; what it answered is kept for as long as
its bytes, the browser and these tests stay the same (see `mlm.executions`).
`PICTURES=folder pytest tests/site/test_browser.py` keeps a picture of each page at each width, for people.
"""

import hashlib
import os
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import pytest
from accessibility import axe_found, start_axe, violations
from bs4 import BeautifulSoup
from built_site import SITE, WIDTHS, ready, settled, site_pages, unfold
from playwright.sync_api import Error

from mlm import executions

PICTURES = os.environ.get("PICTURES")

# boxes that scroll sideways, but that no key reaches
STUCK = """() => [...document.querySelectorAll('.bd-article *')]
    .filter(box => ['auto', 'scroll'].includes(getComputedStyle(box).overflowX))
    .filter(box => box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0)
    .filter(box => !box.querySelector('a, button, input, [tabindex="0"]'))
    .map(box => box.outerHTML.slice(0, 160))"""
# space between the outputs of one cell
GAPS = """() => [...document.querySelectorAll('.cell_output > * + *')].map(after =>
    after.getBoundingClientRect().top - after.previousElementSibling.getBoundingClientRect().bottom)"""
# of each wide table: does it scroll, and does it show a shadow
SHADOWS = """() => [...document.querySelectorAll('.table-scroll')].filter(box => box.clientWidth).map(box =>
    [box.scrollWidth > box.clientWidth, getComputedStyle(box).backgroundImage !== 'none'])"""


@dataclass
class Visit:
    """What happened while a page was open."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    violations_in_the_dark: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    shadows: list[tuple[bool, bool]] = field(default_factory=list)
    overflow: int = 0
    bad_formulas: int = 0
    flat_formulas: int = 0


@pytest.fixture(scope="module")
def visits(browser, address):
    """Visit a page once, at both widths; every test reads its own line of the record."""
    contexts, seen = {}, {}
    for width in WIDTHS:
        contexts[width] = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="light", reduced_motion="reduce"
        )
        contexts[width].set_default_timeout(300_000)  # long pages on a busy machine

    def visit(page: str, width: int) -> Visit:
        if page not in seen:
            seen[page] = remembered(contexts, address, page, browser.version)
        if isinstance(seen[page], Error):
            raise seen[page]  # once is enough: a second visit would take as long to fail
        return seen[page][width]

    yield visit
    for context in contexts.values():
        context.close()


def remembered(contexts: dict, address: str, page: str, version: str) -> dict[int, Visit] | Error:
    """What the page answered when it had these bytes; else what it answers now."""
    key = hashlib.sha256(repr((page, version, bytes_of(page), bytes_of_tests())).encode()).hexdigest()
    if not PICTURES and (kept := executions.recall(key)):
        return {int(width): Visit(**found) for width, found in kept.items()}
    found = visit_both(contexts, address, page)
    if not isinstance(found, Error):
        executions.keep(key, {str(width): asdict(visit) for width, visit in found.items()})
    return found


def bytes_of(page: str) -> list[str]:
    """Hashes of the page and of what it draws with."""
    path = SITE / page
    images = BeautifulSoup(path.read_bytes(), "html.parser").find_all("img", src=lambda src: "_images" in src)
    return hashes([path, *(path.parent / image["src"] for image in images)]) + shared()


def hashes(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@cache
def shared() -> list[str]:
    return hashes([path for path in sorted((SITE / "_static").rglob("*")) if path.is_file()])


@cache
def bytes_of_tests() -> list[str]:
    here = Path(__file__)
    return hashes([here, here.with_name("built_site.py"), here.parents[1] / "accessibility.py"])


def visit_both(contexts: dict, address: str, page: str) -> dict[int, Visit] | Error:
    """What happened at each width, or what ended the visit."""
    tabs = {width: context.new_page() for width, context in contexts.items()}
    try:
        return look_at_both(tabs, address, page)
    except Error as problem:
        return problem
    finally:
        for tab in tabs.values():
            tab.close()


def look_at_both(tabs: dict, address: str, page: str) -> dict[int, Visit]:
    """Each tab is a process of its own: while one is looked at, the other works."""
    found = {width: listen(tab, address) for width, tab in tabs.items()}
    for tab in tabs.values():
        tab.goto(address + page, wait_until="commit")
    for width, tab in tabs.items():
        look(tab, found[width])
        picture(tab, page, width)
        # a copy: axe looks for imported style sheets in the wrong folder, and what it asks for does not count
        found[width] = deepcopy(found[width])
        start_axe(tab, colours=width == WIDTHS[0])  # colours are the same at any width
    for width, tab in tabs.items():
        found[width].violations = axe_found(tab)
    found[WIDTHS[0]].violations_in_the_dark = contrast_in_the_dark(tabs[WIDTHS[0]])
    return found


def contrast_in_the_dark(tab) -> list[str]:
    """What is too faint once the reader's system turns dark; the structure stays what it was."""
    tab.emulate_media(color_scheme="dark", reduced_motion="reduce")
    tab.wait_for_function("(document.documentElement.dataset.theme ?? 'dark') === 'dark'")
    settled(tab)
    start_axe(tab, only="color-contrast")
    return axe_found(tab)


def listen(tab, address: str) -> Visit:
    """A record that fills while the page loads."""
    visit = Visit()
    tab.on("pageerror", lambda error: visit.errors.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and visit.errors.append(message.text))
    tab.on("response", lambda answer: answer.status >= 400 and visit.missing.append(answer.url))
    tab.on(
        "request",
        lambda ask: ask.url.startswith((address, "data:", "blob:")) or visit.foreign.append(ask.url),
    )
    return visit


def look(tab, visit: Visit) -> None:
    """Measure the page as it opens, then with everything unfolded."""
    ready(tab)
    visit.bad_formulas = tab.locator("mjx-merror").count()
    visit.flat_formulas = tab.locator(".math:not(:has(mjx-container))").count()
    visit.gaps, visit.shadows = tab.evaluate(GAPS), tab.evaluate(SHADOWS)
    unfold(tab)
    visit.overflow = tab.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    visit.stuck = tab.evaluate(STUCK)


def picture(tab, page: str, width: int) -> None:
    """Keep a picture if somebody wants to look; a long page takes seconds."""
    if PICTURES:
        name = page.removesuffix(".html").replace("/", "_")
        tab.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)


def test_nothing_goes_wrong_in_the_console(visits, page, screen):
    assert not visits(page, screen).errors


def test_nothing_is_asked_from_another_server(visits, page, screen):
    assert not visits(page, screen).foreign


def test_nothing_that_the_page_asks_for_is_missing(visits, page, screen):
    assert not visits(page, screen).missing


def test_no_rule_of_accessibility_is_broken(visits, page, screen):
    assert not visits(page, screen).violations, "axe found:\n" + "\n".join(visits(page, screen).violations)


def test_everything_can_be_read_in_the_dark(visits, page):
    faint = visits(page, WIDTHS[0]).violations_in_the_dark
    assert not faint, "axe found:\n" + "\n".join(faint)


@pytest.mark.parametrize("faint", ["color: #ddd", "background: #777", "opacity: 0.2"])
def test_one_faint_word_of_code_is_found_among_many(tab, faint):
    words = "".join(f"<span class={kind}>word</span> " for kind in ("a", "b", "a", "a", "c", "a", "b"))
    style = f"<style>pre {{ color: #111; background: #fff }} .c {{ {faint} }}</style>"
    tab.set_content(
        f"<!doctype html><html lang=en><title>Code</title>{style}<main><h1>Code</h1><pre>{words}</pre>"
    )
    assert [line for line in violations(tab) if line.startswith("color-contrast") and 'class="c"' in line]


def test_the_page_is_not_wider_than_the_screen(visits, page, screen):
    assert visits(page, screen).overflow <= 0, f"{page} is {visits(page, screen).overflow} px too wide"


def test_every_formula_is_set(visits, page, screen):
    assert visits(page, screen).bad_formulas == 0, f"{page}: MathJax could not read a formula"
    assert visits(page, screen).flat_formulas == 0, f"{page}: formulas were left as text"


def test_the_root_page_leads_to_the_first_chapter(tab, address):
    tab.goto(address)
    tab.wait_for_url("**/book/index.html")


def test_search_finds_partial_pooling(tab, address):
    tab.goto(address + "search.html?q=partial+pooling")
    excerpt = tab.locator("#search-results p.context", has_text="partial pooling").first
    excerpt.wait_for()


def test_what_scrolls_shows_a_shadow_and_what_fits_does_not(visits):
    page = next(page for page in site_pages() if "table-scroll" in (SITE / page).read_text())
    scrolling = {390: set(), 1300: set()}
    for width in WIDTHS:
        boxes = visits(page, width).shadows
        assert all(scrolls == shadow for scrolls, shadow in boxes), f"{width} px: {boxes}"
        scrolling[width] |= {scrolls for scrolls, _ in boxes}
    assert True in scrolling[390] and False in scrolling[1300], scrolling


def test_the_folded_reasons_of_a_table_are_printed(tab, address):
    page = next(page for page in site_pages() if "mlm-agreement" in (SITE / page).read_text())
    tab.goto(address + page)
    reason = tab.locator(".mlm-agreement details li").first
    assert not reason.is_visible()
    tab.emulate_media(media="print")
    assert reason.is_visible()


def test_a_page_read_in_the_dark_is_printed_in_the_light(tab, address):
    tab.emulate_media(color_scheme="dark")
    tab.goto(address + "book/index.html")
    themes = [tab.evaluate("document.documentElement.dataset.theme")]
    for event in ("beforeprint", "afterprint"):
        tab.evaluate("name => window.dispatchEvent(new Event(name))", event)
        themes.append(tab.evaluate("document.documentElement.dataset.theme"))
    assert themes == ["dark", "light", "dark"]


def test_outputs_of_one_cell_keep_apart(visits, page, screen):
    gaps = visits(page, screen).gaps
    assert all(gap >= 8 for gap in gaps), f"some outputs touch: {gaps}"


def test_cards_that_are_links_are_underlined(tab, address):
    tab.goto(address + "book/index.html")
    cards = tab.locator(".sd-card:has(> .sd-stretched-link) .sd-card-title")
    assert cards.count(), "the front page has no cards"
    for card in cards.all():
        assert card.evaluate("title => getComputedStyle(title).textDecorationLine") == "underline"


def test_wide_content_can_be_scrolled_by_keyboard(visits, page, screen):
    stuck = visits(page, screen).stuck
    assert not stuck, f"{page} has regions that scroll by mouse only: {stuck}"


def test_the_notebook_downloads(tab, address):
    page = next(page for page in site_pages() if "btn-download-notebook" in (SITE / page).read_text())
    tab.goto(address + page)
    tab.get_by_role("button", name="Download this page").click()
    with tab.expect_download() as download:
        tab.locator("a.btn-download-notebook-button").click()
    assert download.value.suggested_filename == page.rpartition("/")[2].replace(".html", ".ipynb")

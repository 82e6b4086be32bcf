"""Every page as a reader sees it: on a desk and on a phone, in light and in dark.

`PICTURES=folder pytest tests/site/test_browser.py` keeps a picture of each page in each setting, for people.
"""

import os
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from accessibility import axe_found, start_axe, violations
from built_site import SETTINGS, SITE, ready, site_pages, unfold
from playwright.sync_api import Error

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
    stuck: list[str] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    shadows: list[tuple[bool, bool]] = field(default_factory=list)
    overflow: int = 0
    bad_formulas: int = 0
    flat_formulas: int = 0


@pytest.fixture(scope="module")
def visits(browser, address):
    """Visit a page once, in all settings at a time; every test reads its own line of the record."""
    contexts, seen = {}, {}
    for theme, width in SETTINGS:
        contexts[theme, width] = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts[theme, width].set_default_timeout(120_000)  # four long pages share the processors

    def visit(page: str, setting: tuple[str, int]) -> Visit:
        if page not in seen:
            seen[page] = visit_all(contexts, address, page)
        if isinstance(seen[page], Error):
            raise seen[page]  # once is enough: a second visit would take as long to fail
        return seen[page][setting]

    yield visit
    for context in contexts.values():
        context.close()


def visit_all(contexts: dict, address: str, page: str) -> dict[tuple[str, int], Visit] | Error:
    """What happened in each setting, or what ended the visit."""
    tabs = {setting: context.new_page() for setting, context in contexts.items()}
    try:
        return look_at_all(tabs, address, page)
    except Error as problem:
        return problem
    finally:
        for tab in tabs.values():
            tab.close()


def look_at_all(tabs: dict, address: str, page: str) -> dict[tuple[str, int], Visit]:
    """Each tab is a process of its own: while one is looked at, the others work."""
    found = {setting: listen(tab, address) for setting, tab in tabs.items()}
    for tab in tabs.values():
        tab.goto(address + page, wait_until="commit")
    for setting, tab in tabs.items():
        look(tab, found[setting])
        picture(tab, page, setting)
        # a copy: axe looks for imported style sheets in the wrong folder, and what it asks for does not count
        found[setting] = deepcopy(found[setting])
        start_axe(tab, colours=setting[1] == 1300)  # colours are the same at any width
    for setting, tab in tabs.items():
        found[setting].violations = axe_found(tab)
    return found


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


def picture(tab, page: str, setting: tuple[str, int]) -> None:
    """Keep a picture if somebody wants to look; a long page takes seconds."""
    if PICTURES:
        name = page.removesuffix(".html").replace("/", "_")
        tab.screenshot(path=Path(PICTURES) / f"{name}-{setting[0]}-{setting[1]}.png", full_page=True)


def test_nothing_goes_wrong_in_the_console(visits, page, setting):
    assert not visits(page, setting).errors


def test_nothing_is_asked_from_another_server(visits, page, setting):
    assert not visits(page, setting).foreign


def test_nothing_that_the_page_asks_for_is_missing(visits, page, setting):
    assert not visits(page, setting).missing


def test_no_rule_of_accessibility_is_broken(visits, page, setting):
    assert not visits(page, setting).violations, "axe found:\n" + "\n".join(visits(page, setting).violations)


@pytest.mark.parametrize("faint", ["color: #ddd", "background: #777", "opacity: 0.2"])
def test_one_faint_word_of_code_is_found_among_many(tab, faint):
    words = "".join(f"<span class={kind}>word</span> " for kind in ("a", "b", "a", "a", "c", "a", "b"))
    style = f"<style>pre {{ color: #111; background: #fff }} .c {{ {faint} }}</style>"
    tab.set_content(
        f"<!doctype html><html lang=en><title>Code</title>{style}<main><h1>Code</h1><pre>{words}</pre>"
    )
    assert [line for line in violations(tab) if line.startswith("color-contrast") and 'class="c"' in line]


def test_the_page_is_not_wider_than_the_screen(visits, page, setting):
    assert visits(page, setting).overflow <= 0, f"{page} is {visits(page, setting).overflow} px too wide"


def test_every_formula_is_set(visits, page, setting):
    assert visits(page, setting).bad_formulas == 0, f"{page}: MathJax could not read a formula"
    assert visits(page, setting).flat_formulas == 0, f"{page}: formulas were left as text"


def test_the_root_page_leads_to_the_first_chapter(tab, address):
    tab.goto(address)
    tab.wait_for_url("**/book/index.html")


def test_search_finds_partial_pooling(tab, address):
    tab.goto(address + "search.html?q=partial+pooling")
    excerpt = tab.locator("#search-results p.context", has_text="partial pooling").first
    excerpt.wait_for()


# each excerpt comes when its page has been read; what is found in the index has a word of its own instead
ALL_EXCERPTS = """() => Search.status?.innerText.startsWith('Search finished')
    && [...Search.output.children].every(found => found.querySelector(':scope > p.context, :scope > span'))"""


@pytest.mark.parametrize("words", ["partial pooling", "quiz"])
def test_search_excerpts_hold_no_words_of_the_buttons(tab, address, words):
    tab.goto(f"{address}search.html?q={words}")
    tab.wait_for_function(ALL_EXCERPTS)
    for excerpt in tab.locator("#search-results p.context").all_text_contents():
        assert not {"Repository", ".ipynb", ".md"} & set(excerpt.split()), excerpt


def test_search_excerpts_show_formulas_as_signs(tab, address):
    page = next(page for page in site_pages() if r"\(\sigma_\alpha\)" in (SITE / page).read_text())
    tab.goto(address + "search.html?q=pooling")
    text = tab.evaluate("async page => Search.htmlToText(await (await fetch(page)).text())", page)
    assert "σ_α" in text and r"\sigma" not in text


def test_what_scrolls_shows_a_shadow_and_what_fits_does_not(visits):
    page = next(page for page in site_pages() if "table-scroll" in (SITE / page).read_text())
    scrolling = {390: set(), 1300: set()}
    for theme, width in SETTINGS:
        boxes = visits(page, (theme, width)).shadows
        assert all(scrolls == shadow for scrolls, shadow in boxes), f"{theme}, {width} px: {boxes}"
        scrolling[width] |= {scrolls for scrolls, _ in boxes}
    assert True in scrolling[390] and False in scrolling[1300], scrolling


def test_the_folded_reasons_of_a_table_are_printed(tab, address):
    page = next(page for page in site_pages() if "mlm-agreement" in (SITE / page).read_text())
    tab.goto(address + page)
    reason = tab.locator(".mlm-agreement details li").first
    assert not reason.is_visible()
    tab.emulate_media(media="print")
    assert reason.is_visible()


def test_outputs_of_one_cell_keep_apart(visits, page, setting):
    gaps = visits(page, setting).gaps
    assert all(gap >= 8 for gap in gaps), f"some outputs touch: {gaps}"


def test_cards_that_are_links_are_underlined(tab, address):
    tab.goto(address + "book/index.html")
    cards = tab.locator(".sd-card:has(> .sd-stretched-link) .sd-card-title")
    assert cards.count(), "the front page has no cards"
    for card in cards.all():
        assert card.evaluate("title => getComputedStyle(title).textDecorationLine") == "underline"


def test_wide_content_can_be_scrolled_by_keyboard(visits, page, setting):
    stuck = visits(page, setting).stuck
    assert not stuck, f"{page} has regions that scroll by mouse only: {stuck}"


def test_the_notebook_downloads(tab, address):
    page = next(page for page in site_pages() if "btn-download-notebook" in (SITE / page).read_text())
    tab.goto(address + page)
    tab.get_by_role("button", name="Download this page").click()
    with tab.expect_download() as download:
        tab.locator("a.btn-download-notebook-button").click()
    assert download.value.suggested_filename == page.rpartition("/")[2].replace(".html", ".ipynb")

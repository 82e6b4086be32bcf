"""Every page as a reader sees it: on a desk and on a phone, in light and in dark."""

from copy import deepcopy
from dataclasses import dataclass, field

import pytest
from built_site import SITE, ready, site_pages, violations

PICTURES = SITE.parent / "screenshots"


# boxes that scroll sideways, but that no key reaches
STUCK = """() => [...document.querySelectorAll('.bd-article *')]
    .filter(box => ['auto', 'scroll'].includes(getComputedStyle(box).overflowX))
    .filter(box => box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0)
    .filter(box => !box.querySelector('a, button, input, [tabindex="0"]'))
    .map(box => box.outerHTML.slice(0, 160))"""


@dataclass
class Visit:
    """What happened while a page was open."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    overflow: int = 0
    bad_formulas: int = 0
    flat_formulas: int = 0


@pytest.fixture(scope="session")
def visits(browser, address):
    """Visit a page once for each setting; every test reads its own line of the record."""
    contexts, seen = {}, {}

    def visit(page: str, setting: tuple[str, int]) -> Visit:
        if setting not in contexts:
            theme, width = setting
            contexts[setting] = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
            )
        if (page, setting) not in seen:
            seen[page, setting] = record(contexts[setting], address, page, setting)
        return seen[page, setting]

    yield visit
    for context in contexts.values():
        context.close()


def record(context, address: str, page: str, setting: tuple[str, int]) -> Visit:
    tab, visit = context.new_page(), Visit()
    tab.on("pageerror", lambda error: visit.errors.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and visit.errors.append(message.text))
    tab.on("response", lambda answer: answer.status >= 400 and visit.missing.append(answer.url))
    tab.on(
        "request",
        lambda ask: ask.url.startswith((address, "data:", "blob:")) or visit.foreign.append(ask.url),
    )
    tab.goto(address + page)
    ready(tab)
    tab.wait_for_timeout(200)  # for whatever the page does after that
    visit.bad_formulas = tab.locator("mjx-merror").count()
    visit.flat_formulas = tab.locator(".math:not(:has(mjx-container))").count()
    PICTURES.mkdir(exist_ok=True)
    name = page.removesuffix(".html").replace("/", "_")
    tab.screenshot(path=PICTURES / f"{name}-{setting[0]}-{setting[1]}.png", full_page=True)
    tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    visit.overflow = tab.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    # a copy, because axe looks for imported style sheets in the wrong folder: what it asks for does not count
    kept = deepcopy(visit)
    kept.violations = violations(tab)
    tab.close()
    return kept


def test_nothing_goes_wrong_in_the_console(visits, page, setting):
    assert not visits(page, setting).errors


def test_nothing_is_asked_from_another_server(visits, page, setting):
    assert not visits(page, setting).foreign


def test_nothing_that_the_page_asks_for_is_missing(visits, page, setting):
    assert not visits(page, setting).missing


def test_no_rule_of_accessibility_is_broken(visits, page, setting):
    assert not visits(page, setting).violations, "axe found:\n" + "\n".join(visits(page, setting).violations)


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


@pytest.mark.parametrize("words", ["partial pooling", "quiz"])
def test_search_excerpts_hold_no_words_of_the_buttons(tab, address, words):
    tab.goto(f"{address}search.html?q={words}")
    tab.locator("#search-results p.context").first.wait_for()
    tab.wait_for_timeout(500)  # each excerpt comes when its page has been read
    for excerpt in tab.locator("#search-results p.context").all_text_contents():
        assert not {"Repository", ".ipynb", ".md"} & set(excerpt.split()), excerpt


def test_search_excerpts_show_formulas_as_signs(tab, address):
    page = next(page for page in site_pages() if r"\(\sigma_\alpha\)" in (SITE / page).read_text())
    tab.goto(address + "search.html?q=pooling")
    text = tab.evaluate("async page => Search.htmlToText(await (await fetch(page)).text())", page)
    assert "σ_α" in text and r"\sigma" not in text


def test_what_scrolls_shows_a_shadow_and_what_fits_does_not(browser, address):
    page = next(page for page in site_pages() if "table-scroll" in (SITE / page).read_text())
    scrolling = {}
    for width in (390, 1300):
        context = browser.new_context(viewport={"width": width, "height": 900})
        tab = context.new_page()
        tab.goto(address + page)
        ready(tab)
        tab.wait_for_timeout(100)
        boxes = tab.locator(".table-scroll").evaluate_all(
            "boxes => boxes.filter(box => box.clientWidth).map(box => "
            "[box.scrollWidth > box.clientWidth, getComputedStyle(box).backgroundImage !== 'none'])"
        )
        context.close()
        assert all(scrolls == shadow for scrolls, shadow in boxes), f"at {width} px: {boxes}"
        scrolling[width] = {scrolls for scrolls, _ in boxes}
    assert True in scrolling[390] and False in scrolling[1300], scrolling


def test_the_folded_reasons_of_a_table_are_printed(tab, address):
    page = next(page for page in site_pages() if "mlm-agreement" in (SITE / page).read_text())
    tab.goto(address + page)
    reason = tab.locator(".mlm-agreement details li").first
    assert not reason.is_visible()
    tab.emulate_media(media="print")
    assert reason.is_visible()


def test_outputs_of_one_cell_keep_apart(tab, address, page):
    tab.goto(address + page)
    ready(tab)
    gaps = tab.evaluate(
        """() => [...document.querySelectorAll('.cell_output > * + *')].map(after =>
            after.getBoundingClientRect().top
            - after.previousElementSibling.getBoundingClientRect().bottom)"""
    )
    assert all(gap >= 8 for gap in gaps), f"some outputs touch: {gaps}"


def test_cards_that_are_links_are_underlined(tab, address):
    tab.goto(address + "book/index.html")
    cards = tab.locator(".sd-card:has(> .sd-stretched-link) .sd-card-title")
    assert cards.count(), "the front page has no cards"
    for card in cards.all():
        assert card.evaluate("title => getComputedStyle(title).textDecorationLine") == "underline"


def test_wide_content_can_be_scrolled_by_keyboard(browser, address, page):
    context = browser.new_context(viewport={"width": 390, "height": 900})
    tab = context.new_page()
    tab.goto(address + page)
    ready(tab)
    tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    tab.wait_for_timeout(100)
    stuck = tab.evaluate(STUCK)
    context.close()
    assert not stuck, f"{page} has regions that scroll by mouse only: {stuck}"


def test_the_notebook_downloads(tab, address):
    page = next(page for page in site_pages() if "btn-download-notebook" in (SITE / page).read_text())
    tab.goto(address + page)
    tab.get_by_role("button", name="Download this page").click()
    with tab.expect_download() as download:
        tab.locator("a.btn-download-notebook-button").click()
    assert download.value.suggested_filename == page.rpartition("/")[2].replace(".html", ".ipynb")

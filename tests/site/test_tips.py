"""A term shows its meaning on hover, focus and tap."""

import pytest
from accessibility import violations
from built_site import SITE, ready

TERM = ".bd-article section p a[data-tip]"
TIP = "#term-tip"


@pytest.fixture(scope="module")
def chapter() -> str:
    pages = sorted(SITE.glob("book/*.html"))
    return "book/" + next(p.name for p in pages if "data-tip" in p.read_text(encoding="utf8"))


@pytest.fixture
def reading(tab, address, chapter):
    tab.goto(address + chapter)
    ready(tab)
    return tab


def test_hover_shows_the_meaning_and_it_stays_under_the_pointer(reading):
    term = reading.locator(TERM).first
    term.hover()
    tip = reading.locator(TIP)
    assert tip.text_content() == term.get_attribute("data-tip") and tip.is_visible()
    tip.hover()
    reading.wait_for_timeout(400)
    assert tip.is_visible(), "it vanishes before one can read it"
    reading.locator(".bd-article h1").hover()
    tip.wait_for(state="hidden")


def test_focus_shows_the_meaning_and_escape_closes_it(reading):
    term = reading.locator(TERM).first
    term.evaluate("link => link.focus({ focusVisible: true })")
    assert reading.locator(TIP).is_visible() and term.get_attribute("aria-describedby") == TIP[1:]
    reading.keyboard.press("Escape")
    assert not reading.locator(TIP).is_visible() and term.get_attribute("aria-describedby") is None


def test_an_open_meaning_breaks_no_rule_of_accessibility(tab, address):
    tab.goto(address + "book/index.html")
    ready(tab)
    tab.locator(TERM).first.hover()
    assert tab.locator(TIP).is_visible() and not violations(tab)


@pytest.mark.parametrize("width", [320, 390])
def test_the_first_tap_shows_the_meaning_and_the_second_follows_the_link(browser, address, chapter, width):
    context = browser.new_context(viewport={"width": width, "height": 800}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto(address + chapter)
    ready(tab)
    term = tab.locator(TERM).first
    term.tap()
    box = tab.locator(TIP).bounding_box()
    assert chapter in tab.url and box and box["x"] >= 0 and box["x"] + box["width"] <= width
    term.tap()
    tab.wait_for_url("**/glossary.html#term-*")
    context.close()

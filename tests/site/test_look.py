"""What must be seen: the column to read, sharp figures, formulas that are no tab stops, what is printed."""

from functools import cache

import pytest
from built_site import SITE, ready


@cache
def chapters_with(words: str) -> list[str]:
    pages = sorted(SITE.glob("book/*.html"))
    return [f"book/{page.name}" for page in pages if words in page.read_text(encoding="utf8")]


@pytest.fixture
def sized(browser):
    """A page at some width."""
    contexts = []

    def at(width: int, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **settings))
        return contexts[-1].new_page()

    yield at
    for context in contexts:
        context.close()


# of each agreement: the right edge of the column to read, and of what can be seen
READ_COLUMN = """() => [...document.querySelectorAll('.mlm-agreement')].map(box => [
    box.querySelector('thead th:nth-child(2)').getBoundingClientRect().right,
    box.querySelector('.table-scroll').getBoundingClientRect().right,
    box.querySelector('thead th:nth-child(2)').textContent])"""


@pytest.mark.parametrize("width", [1300, 390, 320])
@pytest.mark.parametrize("chapter", chapters_with("mlm-agreement"))
def test_the_largest_difference_is_in_sight(sized, address, chapter, width):
    tab = sized(width)
    tab.goto(address + chapter)
    ready(tab)
    for right, edge, title in tab.evaluate(READ_COLUMN):
        assert title == "Largest difference" and right <= edge + 1, (
            f"{chapter}, {width} px: {right} of {edge}"
        )


CUT = """() => [...document.querySelectorAll('.bd-article .cell_output :is(table, img), .bd-article pre')]
    .filter(box => box.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(box => box.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("chapter", chapters_with("mlm-agreement"))
def test_nothing_is_cut_off_on_paper(sized, address, chapter):
    tab = sized(718)  # a page of A4 between its margins
    tab.goto(address + chapter)
    ready(tab)
    tab.emulate_media(media="print")
    assert not tab.evaluate(CUT)


@pytest.mark.parametrize("chapter", chapters_with("math notranslate")[:1])
def test_formulas_are_no_tab_stops(sized, address, chapter):
    tab = sized(1300)
    tab.goto(address + chapter)
    ready(tab)
    assert tab.locator("mjx-container").count() and not tab.locator("mjx-container[tabindex='0']").count()


def test_figures_of_cells_are_drawn_in_lines_not_points(site):
    for page in chapters_with("cell_output"):
        html = (site / page).read_text(encoding="utf8")
        assert ".png" not in html.split("<article", 1)[-1].split("</article>")[0], page


def test_the_certificate_is_a_box_with_a_seal(sized, address):
    tab = sized(390)
    tab.goto(address + chapters_with("mlm-certificate")[0])
    certificate = tab.locator(".mlm-certificate.ok").first
    assert "Certified" in certificate.inner_text() and certificate.get_attribute("role") == "group"
    assert certificate.evaluate("box => getComputedStyle(box).borderTopStyle") == "double"
    assert "✓" in certificate.evaluate("box => getComputedStyle(box, '::before').content")


def test_without_javascript_the_contents_can_be_reached(sized, address):
    for width in (1300, 390):
        tab = sized(width, java_script_enabled=False)
        tab.goto(address + chapters_with("mlm-agreement")[0])
        assert tab.locator(".bd-sidebar-primary a", has_text="Glossary").is_visible(), f"{width} px"

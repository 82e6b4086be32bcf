"""Search leads to the place that holds the words, and shows them."""

import json
import re
from urllib.parse import quote

import pytest
from built_site import SITE, new_tab, ready

PLACES = "#search-results ul.search > li"
IN_SIGHT = """mark => { const box = mark.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight
        && box.left >= 0 && box.right <= innerWidth; }"""
STILL = """() => new Promise(done => { let last = null; const look = () => scrollY === last ? done()
    : (last = scrollY, setTimeout(look, 150)); look(); })"""


def search(tab, address: str, words: str):
    """Search as a reader does; the list of places."""
    tab.goto(f"{address}search.html?q={quote(words)}")
    tab.wait_for_function(
        "() => /place|Nothing/.test(document.querySelector('.search-summary')?.textContent)"
    )
    return tab.locator(PLACES)


@pytest.fixture
def phone(browser):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("words", ["partial pooling", "design matrix", "t quantile"])
def test_a_result_lands_on_its_words(tab, address, words):
    search(tab, address, words).first.get_by_role("link").click()
    tab.wait_for_selector("mark.found")
    ready(tab)
    tab.evaluate(STILL)
    assert "#" in tab.url and tab.locator("mark.found").first.evaluate(IN_SIGHT), (
        f"{tab.url}: the words that were searched are not in sight"
    )


def test_a_result_lands_on_its_words_on_a_phone(phone, address):
    search(phone, address, "likelihood-ratio test").first.get_by_role("link").click()
    phone.wait_for_selector("mark.found")
    ready(phone)
    phone.evaluate(STILL)
    assert phone.locator("mark.found").first.evaluate(IN_SIGHT)


def test_words_in_a_folded_part_are_unfolded(tab, address):
    pages = sorted(SITE.glob("book/*.html"))
    page = next(p for p in pages if '<details class="admonition hide' in p.read_text(encoding="utf8"))
    tab.goto(f"{address}book/{page.name}")
    place, word = tab.evaluate(
        """() => {
            for (const fold of document.querySelectorAll('.bd-article section details.hide:not([open])')) {
            const words = fold.querySelector('pre')?.textContent.match(/[a-z]{9,}/gi);
            if (words && !fold.closest('.mlm-quiz')) return [fold.closest('section').id, words.at(-1)]; } }"""
    )
    tab.goto(f"{address}book/{page.name}?highlight={word}#{place}")
    assert tab.locator("mark.found").first.is_visible()


@pytest.mark.parametrize(
    "typed, found",
    [
        ("random slope", "varying slope"),
        ("random effect", "varying intercept"),
        ("lmer", "lme4"),
        ("HLM", "multilevel model"),
        ("shrinkage", "partial pooling"),
        ("BLUP", "conditional mode"),
    ],
)
def test_the_words_of_another_school_are_understood(tab, address, typed, found):
    places = search(tab, address, typed)
    said = " ".join(places.nth(i).inner_text().lower() for i in range(min(places.count(), 12)))
    assert found in said, f"{typed!r} does not find {found!r}: {said[:500]}"


def test_each_result_shows_its_words_in_an_excerpt(tab, address):
    places = search(tab, address, "restricted maximum likelihood")
    assert places.count() > 3
    for place in places.all():
        assert place.locator("p.context").inner_text().strip(), place.inner_text()


@pytest.mark.parametrize("words", ["zyzzyva", "<img src=x onerror=alert(1)>", "(", "\\", "the", "σ"])
def test_any_words_are_answered(tab, address, words):
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    search(tab, address, words)
    assert not errors


def test_formulas_are_signs_in_what_is_searched(site):
    lines = (site / "_static" / "sections.js").read_text(encoding="utf8").splitlines()
    text = "".join(line for line in lines if line.startswith('["book/glossary.html'))
    assert "σ_α" in text and not re.search(r"\\(?:sigma|alpha|frac)", text)


def test_every_place_that_is_searched_exists(site):
    text = (site / "_static" / "sections.js").read_text(encoding="utf8")
    places = json.loads(text.removeprefix("bookSections(").rstrip().removesuffix(");"))
    pages = {}
    for address, *_ in places:
        page, anchor = address.split("#")
        html = pages.setdefault(page, (site / page).read_text(encoding="utf8"))
        assert f'id="{anchor}"' in html, address


def test_a_site_on_disk_is_searched_without_a_request(browser):
    with new_tab(browser) as tab:
        asked = []
        tab.on("request", lambda ask: asked.append(ask.url))
        places = search(tab, SITE.resolve().as_uri() + "/", "partial pooling")
        assert "partial pooling" in places.first.inner_text().lower()
        assert all(text.strip() for text in places.locator("p.context").all_inner_texts())
        places.first.get_by_role("link").click()
        tab.wait_for_selector("mark.found")
        assert all(url.startswith(("file:", "data:", "blob:")) for url in asked), asked


def test_the_magnifier_leaves_the_first_letter_free(tab, address):
    search(tab, address, "pooling")
    icon, field = tab.locator(".bd-search-container form.bd-search").evaluate(
        """form => { const field = form.querySelector('input'), sign = form.querySelector('svg, i');
            return [sign.getBoundingClientRect().right,
                field.getBoundingClientRect().left + parseFloat(getComputedStyle(field).paddingLeft)]; }"""
    )
    assert icon <= field, f"the sign ends at {icon}, the text begins at {field}"

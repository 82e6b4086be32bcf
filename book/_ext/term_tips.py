"""A link to a term carries the first sentence of its meaning; `book/_static/tips.js` shows it.

The sentence stands in the page itself, so nothing is asked for while one reads.
"""

import re

from bs4 import BeautifulSoup, Tag
from formulas import signs

#: a full stop, bracket closed or not, before a capital letter; not within "e.g." or "0.5"
_SENTENCE = re.compile(r".+?[.!?]\)?(?=\s+[A-ZΑ-Ω]|\s*$)", re.DOTALL)


def meanings(glossary: str) -> dict[str, str]:
    """The first sentence of each term, by the term's anchor."""
    page = BeautifulSoup(glossary, "html.parser")
    found = {}
    for term in page.select("dl.glossary dt[id]"):
        # several names may share one meaning
        meaning = term.find_next_sibling("dd")
        if meaning and (paragraph := meaning.find("p")):
            found[term["id"]] = first_sentence(paragraph)
    return found


def first_sentence(paragraph: Tag) -> str:
    """The sentence as plain text, formulas as signs."""
    copy = BeautifulSoup(str(paragraph), "html.parser")
    for formula in copy.select(".math"):
        formula.string = signs(formula.get_text())
    text = " ".join(copy.get_text().split())
    found = _SENTENCE.match(text)
    return found[0] if found else text


def give_tips(page: BeautifulSoup, tips: dict[str, str]) -> None:
    """Give each link to a term the term's meaning."""
    for link in page.select("a[href*='#term-']"):
        if tip := tips.get(link["href"].partition("#")[2]):
            link["data-tip"] = tip
            link.attrs.pop("title", None)

"""What the search page reads: each section, term and source of the book as one record of plain text.

Sphinx's own search leads to whole pages, and a page of this book is sixty screens tall.
`book/_static/search.js` searches these records and leads to the place. They are a script rather than
data, so that a site opened from disk is searched as well.
"""

import json
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from formulas import signs

NOT_TEXT = "script, style, svg, iframe, button, nav, .headerlink, .toctree-wrapper, .page-times"
DRAWN = ".mlm-quiz, .mlm-explorer"
BLOCKS = "p, li, dt, dd, tr, td, th, pre, div, figcaption, summary, h1, h2, h3, h4"
#: what Sphinx writes for its own search
OF_SPHINX = (
    "searchindex.js",
    *(f"_static/{n}.js" for n in ("searchtools", "language_data", "sphinx_highlight")),
)


def records(name: str, page: BeautifulSoup) -> list[list[str]]:
    """Of each place in a page: address, title of the page, title of the place, text. Uses the page up."""
    article = page.select_one("article.bd-article")
    if article is None:
        return []
    for junk in article.select(f"{NOT_TEXT}, {DRAWN}"):
        junk.decompose()
    for formula in article.select(".math"):
        formula.string = signs(formula.get_text())
    for block in article.select(BLOCKS):
        block.append(" ")
    heading = article.find("h1")
    chapter = _plain(heading) if heading else ""
    found = [
        [f"{name}#{term['id']}", chapter, _plain(term), _plain(term.find_next_sibling("dd"))]
        for term in article.select("dl.glossary dt[id]")
    ]
    for glossary in article.select("dl.glossary"):
        glossary.decompose()
    sections = []
    # from the last to the first, so that what stands inside another place is taken out before it
    for place in reversed(article.select("section[id], .citation[id]")):
        heading = place.find(["h1", "h2", "h3", "h4"])
        title = _plain(heading.extract()) if heading else chapter
        sections.append([f"{name}#{place['id']}", chapter, title, _plain(place.extract())])
    return sections[::-1] + found


def _plain(node: Tag) -> str:
    return " ".join(node.get_text().split())


def write_sections(site: Path, found: list[list[str]]) -> None:
    """Write the records of all pages, and drop what Sphinx wrote for its own search."""
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in found)
    (site / "_static" / "sections.js").write_text(f"bookSections([\n{lines}\n]);\n", encoding="utf8")
    for name in OF_SPHINX:
        (site / name).unlink(missing_ok=True)

"""Repairs to the pages that Jupyter Book writes: faults of access, doubled scripts, scripts nobody needs.

`mend` is given each page as the theme has written it; what it repairs is listed in `REPAIRS`.
"""

from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag
from search_sections import OF_SPHINX, records, write_sections
from sharing import describe
from term_tips import give_tips, meanings


def drop(node: Tag) -> None:
    """Take the node out, with the white space behind it."""
    behind = node.next_sibling
    if isinstance(behind, NavigableString) and not behind.strip():
        behind.extract()
    node.decompose()


def drop_thebe(page: BeautifulSoup) -> None:
    """Thebe would load code from a third party; this book runs on Binder instead."""
    for script in page.find_all("script"):
        if "THEBE_JS_URL" in script.text or "thebe" in script.get("src", "") + script.get("type", ""):
            drop(script)
    for sheet in page.find_all("link", href=lambda href: href and "sphinx-thebe" in href):
        drop(sheet)


def drop_doubled_scripts(page: BeautifulSoup) -> None:
    """The theme lists some scripts twice, which fails at their first `const`."""
    seen = set()
    for script in page.head.find_all("script") if page.head else []:
        key = script.get("src") or script.text
        if key in seen:
            drop(script)
        seen.add(key)


def drop_icon_script(page: BeautifulSoup) -> None:
    """1.5 MB of script that draws the icons which the style sheet's fonts draw already."""
    for script in page.find_all("script", src=lambda src: src and "scripts/fontawesome.js" in src):
        drop(script)


def drop_search_of_sphinx(page: BeautifulSoup) -> None:
    """The book is searched by section; see `search_sections`."""
    for script in page.find_all("script", src=True):
        if Path(script["src"].partition("?")[0]).name in {Path(name).name for name in OF_SPHINX}:
            drop(script)


def mend_sidebar(page: BeautifulSoup) -> None:
    """The book's title stands outside all landmarks; the keys of a shortcut are read as the button's name."""
    for section in page.select(".sidebar-primary-items__start"):
        section["role"], section["aria-label"] = "region", "Book"
    for keys in page.select(".search-button__kbd-shortcut"):
        keys["aria-hidden"] = "true"


def mend_bibliography(page: BeautifulSoup) -> None:
    """Its roles are outdated, and a list may not hold what this one holds."""
    for node in page.select(".citation-list, .citation"):
        del node["role"]


def mend_folded_cells(page: BeautifulSoup) -> None:
    """The label hides the words that one sees."""
    for summary in page.find_all("summary", attrs={"aria-label": True}):
        del summary["aria-label"]


def join_index_names(page: BeautifulSoup) -> None:
    """pandas puts the name of the index into a row of its own, all of whose other cells are empty."""
    for head in page.select(".bd-article table.dataframe > thead"):
        rows = [row.find_all(["th", "td"]) for row in head.find_all("tr")]
        if len(rows) != 2 or len(rows[0]) != len(rows[1]):
            continue
        (corner, *_), (name, *rest) = rows
        if not corner.get_text(strip=True) and not any(cell.get_text(strip=True) for cell in rest):
            corner.string = name.get_text(strip=True)
            drop(name.parent)


def mend_tables(page: BeautifulSoup) -> None:
    """Headers without text are no headers; those with text say whether they head a column or a row."""
    for cell in page.select(".bd-article th"):
        if not cell.get_text(strip=True):
            cell.name = "td"
            cell.attrs.pop("scope", None)
        elif "scope" not in cell.attrs:
            wide = "group" if int(cell.get("colspan", 1)) > 1 else ""
            tall = "group" if int(cell.get("rowspan", 1)) > 1 else ""
            cell["scope"] = "col" + wide if cell.find_parent("thead") else "row" + tall


def mend_downloads(page: BeautifulSoup) -> None:
    """A browser would show the notebook as a page of JSON; .pdf opens the dialog for printing."""
    for link in page.select("a.btn-download-notebook-button, a.btn-download-source-button"):
        link["download"] = ""
        link.attrs.pop("target", None)
    for button in page.select("button.btn-download-pdf-button"):
        button["title"] = "Print or save as PDF"
        button.select_one(".btn__text-container").string = "Print"
        button.i["class"] = ["fas", "fa-print"]


REPAIRS = (
    drop_thebe,
    drop_doubled_scripts,
    drop_icon_script,
    drop_search_of_sphinx,
    mend_sidebar,
    mend_bibliography,
    mend_folded_cells,
    join_index_names,
    mend_tables,
    mend_downloads,
)


def mend(html: str) -> str:
    """The page with all repairs made; mending twice changes nothing more."""
    page = BeautifulSoup(html, "html.parser")
    for repair in REPAIRS:
        repair(page)
    return str(page)


def finish(app, error) -> None:
    """Mend what this build has written; give it tips and a description, and take from it what is searched."""
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    glossary = site / "book" / "glossary.html"
    tips = meanings(glossary.read_text(encoding="utf8")) if glossary.exists() else {}
    found = []
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if name.startswith("_static/"):
            continue
        page = BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
        for repair in REPAIRS:
            repair(page)
        give_tips(page, tips)
        describe(page, name, app.config.html_title or app.config.project, app.config.html_baseurl)
        path.write_text(str(page), encoding="utf8")
        if name.startswith("book/"):
            found += records(name, page)
    write_sections(site, found)


def setup(app):
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

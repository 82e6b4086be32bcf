"""What the pages of the site must hold, read as files: links, pictures, captions, downloads."""

import re
from functools import cache
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from built_site import ROOT, SITE

# what MyST leaves in the text when a role, directive, fence or formula was not understood
RAW_MARKUP = re.compile(
    r"\{(?:ref|term|cite|eq|numref|doc|code-cell)[^}]*\}`?|:::|```|\$\$|\$\\?\w[^$\n]{0,60}\$"
)
URL_IN_CODE = re.compile(r"""(?:https?:)?//[a-z0-9-]+\.[a-z0-9.-]+[^\s"'`)]*""")
NAMESPACES = ("http://www.w3.org/",)


@cache
def read(page: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / page).read_text(encoding="utf8"), "html.parser")


@cache
def anchors(page: str) -> set[str]:
    return {node["id"] for node in read(page).find_all(id=True)}


def article(page: str):
    return read(page).select_one("article") or read(page).select_one("main")


def targets(page: str):
    """Each address in the page, as written, with the element that holds it."""
    for attribute in ("href", "src"):
        for node in read(page).find_all(attrs={attribute: True}):
            if not node[attribute].startswith(("data:", "mailto:", "javascript:")):
                yield node, node[attribute]


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def notebook_pages() -> list[str]:
    """Addresses of the chapters that hold code."""
    sources = sorted((ROOT / "book").glob("*.md"))
    return [
        f"book/{path.stem}.html" for path in sources if "\nkernelspec:" in path.read_text(encoding="utf8")
    ]


def test_every_entry_of_the_table_of_contents_has_a_page(site):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    missing = [name for name in entries(toc) if not (site / f"{name}.html").exists()]
    assert not missing, f"_toc.yml lists pages that were not built: {missing}"


def entries(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from entries(value)
    elif isinstance(node, list):
        for item in node:
            yield from entries(item)


def test_every_local_link_leads_somewhere(site, page):
    broken = []
    for _, address in targets(page):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or address == "#":
            continue
        target = (site / page).parent / unquote(parts.path) if parts.path else site / page
        target = target.resolve()
        if not target.is_file():
            broken.append(f"{address} (no such file)")
        elif parts.fragment and target.suffix == ".html":
            name = target.relative_to(site.resolve()).as_posix()
            if unquote(parts.fragment) not in anchors(name):
                broken.append(f"{address} (no such anchor)")
    assert not broken, f"{page} links to what is not there: {sorted(set(broken))}"


def test_ids_are_unique(site, page):
    ids = [node["id"] for node in read(page).find_all(id=True)]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    assert not twice, f"{page} uses ids more than once: {twice}"


def test_nothing_is_loaded_from_elsewhere(site, page):
    loads = [
        address
        for node, address in targets(page)
        if is_foreign(address) and node.name != "a" and "canonical" not in node.get("rel", [])
    ]
    loads += [node["srcset"] for node in read(page).find_all(srcset=True) if "//" in node["srcset"]]
    for node in read(page).find_all(["script", "style"]):
        loads += [
            url for url in URL_IN_CODE.findall(without_comments(node)) if not url.startswith(NAMESPACES)
        ]
    assert not loads, f"{page} names resources on other servers: {loads}"


def without_comments(node) -> str:
    return re.sub(r"^\s*//.*$|/\*.*?\*/", "", node.text, flags=re.MULTILINE | re.DOTALL)


def test_every_picture_says_what_it_shows(site, page):
    for image in article(page).find_all("img"):
        alt = (image.get("alt") or "").strip()
        name = image["src"][:60]
        assert alt, f"{page}: the picture {name} has no alt text"
        assert len(alt.split()) > 3, (
            f"{page}: the alt text {alt!r} of {name} is too short to say what is drawn"
        )
        assert not re.fullmatch(r"\S+\.(png|svg|jpe?g)", alt), f"{page}: the alt text {alt!r} is a file name"


def test_every_figure_has_a_caption(site, page):
    for image in article(page).select(".cell_output img"):
        assert image.find_parent("figure"), (
            f"{page}: a cell draws a picture ({image.get('alt')!r}) that is not a figure; "
            "give the cell `mystnb: {figure: {name, caption}}`"
        )
    for figure in article(page).find_all("figure"):
        caption = figure.find("figcaption")
        assert caption and caption.get_text(strip=True), f"{page}: figure {figure.get('id')!r} has no caption"


def test_no_markup_is_left_raw(site, page):
    prose = BeautifulSoup(str(article(page)), "html.parser")
    for node in prose.find_all(["pre", "code", "script", "style"]):
        node.decompose()
    raw = [
        f"…{m.string[max(0, m.start() - 40) : m.end() + 20]}…"
        for m in RAW_MARKUP.finditer(prose.get_text(" "))
    ]
    assert not raw, f"{page} shows markup that was not understood: {raw}"


def test_no_cell_failed_unless_the_failure_is_the_lesson(site, page):
    for cell in article(page).select(".cell"):
        if "tag_raises-exception" not in cell["class"]:
            assert "Traceback (most recent call last)" not in cell.get_text(), f"{page} shows a traceback"


def test_every_header_of_a_table_has_text_and_scope(site, page):
    for cell in article(page).find_all("th"):
        assert cell.get_text(strip=True), f"{page}: a table has an empty header: {cell.parent}"
        assert cell.get("scope"), (
            f"{page}: the header {cell.get_text(strip=True)!r} does not say what it heads"
        )


def test_there_are_chapters_with_code(site):
    assert notebook_pages(), "no chapter in book/ has a kernelspec, so nothing would be run"


@pytest.mark.parametrize("chapter", notebook_pages())
def test_the_binder_button_opens_the_chapter(site, chapter):
    repository = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["repository"]
    owner, name = repository["url"].rstrip("/").split("/")[-2:]
    source = chapter.removesuffix(".html") + ".md"
    wanted = f"https://mybinder.org/v2/gh/{owner}/{name}/{repository['branch']}?urlpath=lab/tree/{source}"
    found = [link["href"] for link in read(chapter).select("a[href*='mybinder.org']")]
    assert wanted in found, f"{chapter}: expected the Binder link {wanted}, found {found}"


@pytest.mark.parametrize("chapter", notebook_pages())
def test_the_notebook_for_download_is_valid_and_has_outputs(site, chapter):
    link = read(chapter).select_one("a.btn-download-notebook-button")
    assert link, f"{chapter} has no download of its notebook; is a launch provider configured?"
    notebook = nbformat.read((site / chapter).parent / link["href"], as_version=4)
    nbformat.validate(notebook)
    assert any(cell.get("outputs") for cell in notebook.cells), f"{link['href']} has no outputs"
    names = [cell["id"] for cell in notebook.cells]
    assert names == [f"cell-{i:03d}" for i in range(1, len(names) + 1)], (
        f"{link['href']}: ids differ between builds"
    )


@pytest.mark.parametrize("chapter", notebook_pages())
def test_the_notebook_for_download_reads_well_in_plain_jupyter(site, chapter):
    notebook = nbformat.read(site / "_sources" / chapter.replace(".html", ".ipynb"), as_version=4)
    tags = [set(cell.metadata.get("tags", [])) for cell in notebook.cells]
    assert not any("remove-cell" in tag for tag in tags), "guards are no reading"
    raw = [c.source[m.start() : m.end() + 40] for c in prose(notebook) for m in MYST.finditer(c.source)]
    assert not raw, f"{chapter}: plain Jupyter shows this as it stands: {raw}"
    for cell, tag in zip(notebook.cells, tags, strict=True):
        if tag & {"hide-input", "remove-input"}:
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), f"not folded: {cell.source[:80]}"


# fences and roles, labels, options of directives
MYST = re.compile(r"^:::.*|^[`]{3}\{.*|\{[a-z:]+\}`|^\([\w-]+\)=|^>? ?:\w+: ", re.MULTILINE)


def prose(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def test_chapters_and_what_stands_in_them_are_numbered_by_the_name_of_the_file(site):
    for chapter in notebook_pages():
        digits = re.match(r"book/(\d\d)-", chapter)
        number = int(digits[1]) if digits else 0
        if not number:
            continue
        first, *others = article(chapter).select("h1, h2, h3")
        assert first.get_text().startswith(f"{number}. "), f"{chapter} has the title {first.get_text()!r}"
        assert not [h for h in others if h.select_one(".section-number")], f"{chapter} numbers its sections"
        entry = read("book/index.html").select_one(f".bd-sidebar-primary a[href='{chapter[5:]}']")
        assert entry.get_text(strip=True).startswith(f"{number}. "), f"{chapter} has no number in the sidebar"
        shown = [n.get_text(strip=True) for n in article(chapter).select(".caption-number")]
        figures = [text for text in shown if text.startswith("Fig.")]
        assert figures == [f"Fig. {number}.{i}" for i in range(1, len(figures) + 1)]
        equations = [n.get_text().strip("()#") for n in article(chapter).select(".eqno")]
        equations = [text.split(")")[0] for text in equations]
        assert equations == [f"{number}.{i}" for i in range(1, len(equations) + 1)]


def test_every_page_says_what_it_is_about(site, page):
    if not page.startswith("book/"):
        return
    facts = {m.get("name") or m.get("property"): m["content"] for m in read(page).select("meta[content]")}
    assert 40 < len(facts["description"]) < 400, f"{page}: {facts['description']!r}"
    assert not re.search(r"[\\$`{}]", facts["description"]), f"{page}: {facts['description']!r}"
    address = read(page).select_one("link[rel=canonical]")["href"]
    assert facts["og:url"] == address and address.endswith("/" + page)
    picture = facts["og:image"].removeprefix(address.removesuffix(page))
    assert (site / picture).is_file(), f"{page}: no picture {facts['og:image']}"


def test_the_map_of_the_site_lists_its_pages(site):
    listed = re.findall(r"<loc>(.*?)</loc>", (site / "sitemap.xml").read_text(encoding="utf8"))
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    assert len(listed) == len(set(listed)) and {a.split("/book/")[1] for a in listed} == {
        name.removeprefix("book/") + ".html" for name in entries(toc)
    }
    assert f"Sitemap: {listed[0].split('book/')[0]}sitemap.xml" in (site / "robots.txt").read_text()


def test_the_page_for_what_is_not_found_needs_no_file(site):
    """It is shown at any depth, so an address relative to it would lead nowhere."""
    relative = [address for _, address in targets("404.html") if not is_foreign(address)]
    assert not relative and read("404.html").select("a[href$='book/index.html']")


def test_of_mathjax_only_what_pages_load_is_there(site):
    folder = site / "_static" / "mathjax"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert (folder / "tex-chtml.js").is_file() and size < 3e6, f"{size / 1e6:.1f} MB"


@pytest.mark.parametrize("chapter", notebook_pages())
def test_a_chapter_is_no_heavier_than_a_picture_of_a_camera(site, chapter):
    files = {
        (site / chapter).parent / unquote(urlsplit(a).path) for n, a in targets(chapter) if n.name == "img"
    }
    size = (site / chapter).stat().st_size + sum(f.stat().st_size for f in files if f.is_file())
    assert size < 3.5e6, f"{chapter} and its pictures weigh {size / 1e6:.1f} MB"


def test_links_to_terms_carry_their_meaning(site, page):
    for link in article(page).select("a[href*='#term-']"):
        tip = link.get("data-tip", "")
        assert tip, f"{page}: no meaning at {link}"
        assert not re.search(r"[$\\{}]", tip), f"{page}: formula left raw in {tip!r}"

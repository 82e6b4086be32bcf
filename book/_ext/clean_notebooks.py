"""The notebook for download: a page of the book as a reader of plain Jupyter would want it.

Guards are dropped, the code of quizzes and figures is folded, and what only MyST understands becomes plain
Markdown: links, blockquotes, numbered equations.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import nbformat
from chapter_numbers import chapter
from jupyter_cache import get_cache

GUARD = "remove-cell"
FOLDED = {"hide-input", "remove-input", "hide-cell"}
_ROLE = re.compile(r"\{(?P<role>[a-z:]+)\}`(?:(?P<text>[^`<]+?)\s*<)?(?P<target>[^`<>]+)>?`")
_EQUATION = re.compile(
    r"^\$\$(?P<tex>.*?)^\$\$[ \t]*(?:\((?P<label>[^)]+)\))?[ \t]*$", re.DOTALL | re.MULTILINE
)
_BOX = re.compile(
    r"^(?P<fence>:{3,})\{(?P<kind>admonition|grid|grid-item-card)\}[ \t]*(?P<title>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_LABEL = re.compile(r"^\([\w-]+\)=[ \t]*\n", re.MULTILINE)


class Book:
    """What the roles of a page point to, read from the built book.

    Parameters
    ----------
    app : Sphinx
        The application, after the pages are written.
    page : str
        Name of the page whose roles are asked for.
    """

    def __init__(self, app, page: str):
        self.env, self.page, self.base = app.env, page, app.config.html_baseurl.rstrip("/")
        self.std, self.math = app.env.get_domain("std"), app.env.get_domain("math")
        self.entries = app.env.get_domain("cite").bibdata.data.entries

    def address(self, docname: str, anchor: str) -> str:
        """Where the place is read: in this notebook, or else on the site."""
        return f"{self.base}/{docname}.html#{anchor}" if self.base else ""

    def number(self, kind: str, docname: str, anchor: str) -> str:
        numbers = self.env.toc_fignumbers.get(docname, {}).get(kind, {})
        return ".".join(map(str, numbers.get(anchor, ())))

    def equation(self, label: str) -> tuple[str, str]:
        """Number and address of an equation."""
        docname, _ = self.math.equations[label]
        anchor = f"equation-{label}"
        return self.number("displaymath", docname, anchor), self.address(docname, anchor)

    def figure(self, label: str) -> tuple[str, str]:
        """Number, with its kind, and address of a figure or table."""
        docname, anchor = self.std.anonlabels[label][:2]
        for kind, word in (("figure", "Fig."), ("table", "Table"), ("code-block", "Listing")):
            if found := self.number(kind, docname, anchor):
                return f"{word} {found}", self.address(docname, anchor)
        raise KeyError(label)

    def section(self, label: str) -> tuple[str, str]:
        """Title and address of a section or page."""
        docname, anchor, title = self.std.labels[label]
        return title, self.address(docname, anchor)

    def term(self, name: str) -> tuple[str, str]:
        docname, anchor = self.std._terms[name.lower()]
        return name, self.address(docname, anchor)

    def document(self, name: str) -> tuple[str, str]:
        docname = str(PurePosixPath(self.page).parent / name) if not name.startswith("/") else name[1:]
        return self.env.titles[docname].astext(), self.address(docname, "").rstrip("#")

    def authors(self, key: str) -> tuple[str, str]:
        """Authors and year of a source."""
        entry = self.entries[key]
        names = [" ".join([*p.prelast_names, *p.last_names]) for p in entry.persons.get("author", [])]
        names = [re.sub(r"[{}]", "", name) for name in names] or [entry.fields.get("title", key)]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return who, entry.fields.get("year", "")


def plain(source: str, book: Book) -> str:
    """Markdown that says what the MyST of the page says."""
    source = _LABEL.sub("", source)
    source = _EQUATION.sub(lambda m: _numbered(m["tex"], m["label"], book), source)
    while _BOX.search(source):
        source = _BOX.sub(lambda m: _boxed(m["kind"], m["title"], m["body"]), source)
    return _ROLE.sub(lambda m: _linked(m["role"], m["text"], m["target"].strip(), book), source)


def _numbered(tex: str, label: str | None, book: Book) -> str:
    tag = rf"\tag{{{book.equation(label)[0]}}}" + "\n" if label else ""
    return f"$${tex}{tag}$$"


def _boxed(kind: str, title: str, body: str) -> str:
    """A box as a quotation, a card as a point of a list, what holds the cards as they are."""
    link = re.search(r"^:link: (\S+)", body, re.MULTILINE)
    body = re.sub(r"\A(?::[\w-]+:[^\n]*\n)+", "", body).strip("\n")
    if kind == "grid":
        return body
    if kind == "grid-item-card":
        shown = f"{{ref}}`{title.strip()} <{link[1]}>`" if link else title.strip()
        return f"- **{shown}.** " + " ".join(body.split("\n"))
    return "\n".join(f"> {line}".rstrip() for line in [f"**{title.strip()}**", "", *body.split("\n")])


def _linked(role: str, text: str | None, target: str, book: Book) -> str:
    if role in ("cite", "cite:t", "cite:p"):
        sources = [book.authors(key.strip()) for key in target.split(",")]
        if role == "cite:t":
            return ", ".join(f"{who} ({year})" for who, year in sources)
        return "(" + "; ".join(f"{who}, {year}" for who, year in sources) + ")"
    if role == "eq":
        number, address = book.equation(target)
        found = f"Eq. ({number})", address
    elif role == "math":
        return f"${target}$"
    else:
        finders: dict[str, Callable[[str], tuple[str, str]]] = {
            "term": book.term,
            "ref": book.section,
            "numref": book.figure,
            "doc": book.document,
        }
        found = finders[role](target)
    shown = text or found[0]
    return f"[{shown}]({found[1]})" if found[1] else shown


def clean(notebook, book: Book):
    """Drop guards, fold what is folded on the page, write the text plainly and the captions as text."""
    kept = [cell for cell in notebook.cells if GUARD not in cell.metadata.get("tags", [])]
    notebook.cells = []
    for cell in kept:
        notebook.cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source, book)
        elif FOLDED & set(cell.metadata.get("tags", [])):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
        if figure := cell.metadata.get("mystnb", {}).get("figure"):
            caption = f"**{book.figure(figure['name'])[0]}** {plain(figure['caption'].strip(), book)}"
            notebook.cells.append(nbformat.v4.new_markdown_cell(caption))
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    if number := chapter(book.page):
        notebook.cells[0].source = re.sub(r"\A# ", f"# {number}. ", notebook.cells[0].source)
    return notebook


def fill(notebook, cache):
    """Give a notebook its outputs: of a page that comes from the cache MyST-NB writes the code alone."""
    return cache.merge_match_into_notebook(notebook)[1]


def settle(notebook):
    """Give the cells ids that depend on their place alone, so that two builds agree."""
    for place, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{place:03d}"
    return notebook


def finish(app, error) -> None:
    """Rewrite each notebook that this build offers for download."""
    if error or app.builder.format != "html":
        return
    sources = Path(app.outdir) / "_sources"
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    for path in sources.rglob("*.ipynb"):
        page = path.relative_to(sources).with_suffix("").as_posix()
        notebook = fill(nbformat.read(path, as_version=4), cache)
        notebook = settle(clean(notebook, Book(app, page)))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf8")


def setup(app):
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What was asked: title, text and section of the book for each question, from the exercise's own files."""

import re
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import jupytext
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from mlm.grading.model import CannotGrade
from mlm.grading.report.tex import tex_to_html

_CALL = re.compile(r"""\bex\.(?:check|write)\(\s*(["'])([a-z][a-z0-9-]*)\1""")
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\s+(.*)")
_DISCUSSION = re.compile(r"^(:{3,})\s*\{discussion\}[^\n]*\n(.*?)\n\s*\1\s*$", re.MULTILINE | re.DOTALL)
_LABEL = re.compile(r"^\((?P<label>[\w-]+)\)=\s*\n(?=(?:\([\w-]+\)=\s*\n)*#+ +(?P<title>.+)$)", re.MULTILINE)
_TITLE = re.compile(r"^# +(.+)$", re.MULTILINE)


def _math(tex: str, options: dict) -> str:
    return tex_to_html(tex) or f"<code>{escape(tex.strip())}</code>"


# no pictures: a page shall not ask anybody for anything
_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["image", "html_block", "html_inline"])
    .use(dollarmath_plugin, renderer=_math)
)
_INLINE = MarkdownIt("zero").enable(["backticks", "emphasis", "escape"])


@dataclass(frozen=True)
class Section:
    """A place in the book.

    Attributes
    ----------
    page, title : str
        Titles of the page and of the section; the same where the whole page is meant.
    address : str
        Where it is, seen from the first folder of the site: ``book/03-basics.html#sec-basics-icc``.
    """

    page: str
    title: str
    address: str


@dataclass(frozen=True)
class Asked:
    """A question as a page shows it.

    Attributes
    ----------
    exercise : str
        Title of the exercise.
    name, number, title : str
        ``icc``, ``3.4`` and ``How much of the variation lies between professors?``.
    text : Markup
        The exercise's own words above the answer, as HTML without script, picture or foreign tag.
    kind : str
        ``check`` or ``write``.
    points : float
        Points that can be earned.
    section : Section or None
        What to read; None where the book has no page for the exercise.
    mistakes : dict of str to Markup
        The hint of each catalogued mistake.
    rubric : tuple of (str, float)
        Criteria and their points, where kind is ``write``.
    words : (int, int) or None
        Fewest and most words that are asked for, where kind is ``write``.
    """

    exercise: str
    name: str
    number: str
    title: str
    text: Markup
    kind: str
    points: float
    section: Section | None
    mistakes: dict
    rubric: tuple = ()
    words: tuple[int, int] | None = None

    @property
    def heading(self) -> str:
        """Number and title: ``3.1 Who teaches how much?``."""
        return f"{self.number} {self.title}".strip()


@dataclass(frozen=True)
class Released:
    """What a page shows of the solution once it is released: the worked answer and its discussion."""

    code: str
    discussion: Markup


def asked(exercise: str, questions: list[dict], notebook, book: Path) -> list[Asked]:
    """What was asked in each question of an exercise.

    Parameters
    ----------
    exercise : str
        Its name, ``03-basics``.
    questions : list of dict
        The questions of its key.  Where one has a ``section``, that is a label of the book.
    notebook : nbformat.NotebookNode
        The exercise as learners receive it.
    book : Path
        Folder of the book's pages.

    Returns
    -------
    list of Asked
        In the order of the key.

    Raises
    ------
    CannotGrade
        Where a question is not in the notebook, or its label not in the book.
    """
    name, texts = _texts(notebook.cells)
    sections = _sections(book)
    chapter = sections.get(exercise)
    return [_asked(name or exercise, question, texts, sections, chapter) for question in questions]


def released(solution: Path) -> dict[str, Released]:
    """The worked answer of each question and what the solution says about it, by the question's name."""
    answers, found, name = [], {}, None
    for cell in jupytext.read(solution).cells:
        tags = cell.metadata.get("tags", [])
        if "answer" in tags:
            answers.append(cell.source)
        elif called := _CALL.search(cell.source) if "check" in tags else None:
            name = called[2]
            found[name], answers = Released("\n\n".join(answers), Markup("")), []
        elif cell.cell_type == "markdown" and name in found:
            said = "\n\n".join(text for _, text in _DISCUSSION.findall(cell.source))
            found[name] = Released(found[name].code, found[name].discussion + to_html(said))
    return found


def to_html(text: str) -> Markup:
    """Markdown of ours as HTML: tables and formulas, but no tag of its own, no picture and no script."""
    html = _MARKDOWN.render(text)
    return Markup(re.sub(r"<th([ >])", r'<th scope="col"\1', re.sub(r"<th[^>]*></th>", "<td></td>", html)))


def hint_to_html(text: str) -> Markup:
    """A sentence with code and emphasis, and nothing else of Markdown, as HTML."""
    return Markup(_INLINE.renderInline(text))


def _asked(exercise, question, texts, sections, chapter) -> Asked:
    name, label = question["name"], question.get("section")
    if name not in texts:
        raise CannotGrade(
            f"The exercise has no question {name!r} any more, but its key has one; grade into a new folder"
        )
    if label and label not in sections:
        raise CannotGrade(f"Question {name!r} names the section {label!r}, which no page of the book has")
    heading, text = texts[name]
    numbered = _NUMBERED.fullmatch(heading)
    number, title = numbered.groups() if numbered else ("", heading or name)
    return Asked(
        exercise=exercise,
        name=name,
        number=number,
        title=_plain(title),
        text=to_html(text),
        kind=question["kind"],
        points=question["points"],
        section=sections[label] if label else chapter,
        mistakes={mistake["name"]: hint_to_html(mistake["hint"]) for mistake in question.get("mistakes", [])},
        rubric=tuple((entry["criterion"], entry["points"]) for entry in question.get("rubric", [])),
        words=tuple(question["words"]) if "words" in question else None,
    )


def _texts(cells) -> tuple[str, dict[str, tuple[str, str]]]:
    """Title of the notebook; heading and Markdown above the answer of each question."""
    name, heading, above, found = "", "", [], {}
    for cell in cells:
        if cell.cell_type == "markdown":
            source = cell.source
            name = name or _plain((_TITLE.search(source) or ("", ""))[1])
            if headings := list(_HEADING.finditer(source)):
                heading, above = headings[-1][1].strip(), []
                source = source[headings[-1].end() :]
            above.append(source.strip())
        elif "check" in cell.metadata.get("tags", []) and (called := _CALL.search(cell.source)):
            found[called[2]], above = (heading, "\n\n".join(above)), []
    return name, found


def _sections(book: Path) -> dict[str, Section]:
    """Every label of the book, and every page by the name of its file."""
    found = {}
    for path in sorted(book.glob("*.md")):
        text = path.read_text(encoding="utf8")
        page = _plain((_TITLE.search(text) or ("", path.stem))[1])
        address = f"{book.name}/{path.stem}.html"
        found[path.stem] = Section(page, page, address)
        for label in _LABEL.finditer(text):
            found[label["label"]] = Section(page, _plain(label["title"]), f"{address}#{label['label']}")
    return found


def _plain(markdown: str) -> str:
    """One line of Markdown as text without tags."""
    html = re.sub(r"<sub>(.*?)</sub>", r"_\1", _MARKDOWN.renderInline(markdown.strip()))
    return unescape(re.sub(r"<[^>]+>", "", html))

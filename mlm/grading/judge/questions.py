"""What was asked: title, text and section of the book for each question, from the exercise's own files."""

import re
from pathlib import Path

import jupytext
from markupsafe import Markup

from mlm.grading.model import Asked, CannotGrade, Released, Section
from mlm.grading.report.markdown import hint_to_html, to_html, to_text

_CALL = re.compile(r"""\bex\.(?:check|write)\(\s*(["'])([a-z][a-z0-9-]*)\1""")
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\s+(.*)")
_DISCUSSION = re.compile(r"^(:{3,})\s*\{discussion\}[^\n]*\n(.*?)\n\s*\1\s*$", re.MULTILINE | re.DOTALL)
_LABEL = re.compile(r"^\((?P<label>[\w-]+)\)=\s*\n(?=(?:\([\w-]+\)=\s*\n)*#+ +(?P<title>.+)$)", re.MULTILINE)
_TITLE = re.compile(r"^# +(.+)$", re.MULTILINE)


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
        title=to_text(title),
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
            name = name or to_text((_TITLE.search(source) or ("", ""))[1])
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
        page = to_text((_TITLE.search(text) or ("", path.stem))[1])
        address = f"{book.name}/{path.stem}.html"
        found[path.stem] = Section(page, page, address)
        for label in _LABEL.finditer(text):
            found[label["label"]] = Section(page, to_text(label["title"]), f"{address}#{label['label']}")
    return found

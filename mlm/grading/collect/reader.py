"""From the bytes of a notebook to the code that is to be run; the bytes may be anything.

Nothing of the notebook runs or is evaluated here, and its outputs are dropped.  Time and memory are bounded
by the limits below, which no notebook of a course comes near.  Formats 2 and 3 are read here, not upgraded by
nbformat: only the place and the name of the code differ, and an upgrade would validate and rewrite the rest.
"""

import json
import re
from dataclasses import dataclass
from itertools import islice

from mlm.grading.model import Cell

MAX_BYTES = 20 * 2**20
MAX_CELLS = 5_000
MAX_SOURCE = 2**20  # characters of one cell
MAX_BRACKETS = 1_000_000  # an object takes up to 200 bytes of memory for the 3 of its text
MAX_CALLS = 1_000  # calls of `Exercise` that are looked at
SHOWN = 60

EXERCISE = re.compile(r"""\bExercise\(\s*(?:name\s*=\s*)?["']([^"'\n]{1,200})["']""")
COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
OLD = {2, 3}
OTHER_FILES = {
    b"%PDF": "a PDF",
    b"PK\3\4": "a zip",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"<": "a web page",
    b"\x1f\x8b": "a compressed file",
    b"\xd0\xcf\x11\xe0": "an Office document",
}


class Refused(Exception):
    """A notebook cannot be graded.

    Attributes
    ----------
    status : str
        ``unreadable``, ``not a notebook``, ``wrong exercise``, ``too large`` or ``empty``.
    sentence : str
        What was found and what to do, for the learner.
    """

    def __init__(self, status: str, sentence: str):
        super().__init__(f"{status}: {sentence}")
        self.status, self.sentence = status, sentence


@dataclass(frozen=True)
class ReadNotebook:
    """What of a notebook is to be run.

    Attributes
    ----------
    cells : list of Cell
        The code cells in order, blank ones too; none is longer than `MAX_SOURCE` characters.
    notes : tuple of str
        What an instructor wants to know: ``kernel: ir``, ``nbformat 3``, ``encoding: utf-16``,
        ``exercise not named``.
    """

    cells: list[Cell]
    notes: tuple[str, ...] = ()


def read_notebook(content: bytes, exercise: str) -> ReadNotebook:
    """Read the code cells of a notebook that was handed in for an exercise.

    Parameters
    ----------
    content : bytes
        The file.
    exercise : str
        Name of the exercise: ``03-basics``.

    Raises
    ------
    Refused
        If there is nothing to grade; no other exception, whatever the bytes are.
    """
    if len(content) > MAX_BYTES:
        raise Refused("too large", _large(f"It has {len(content):,} bytes", f"{MAX_BYTES:,}"))
    if not content.strip():
        raise Refused("empty", "The file is empty; save the notebook and hand it in again.")
    text, notes = _decode(content)
    notebook = _parse(text, content)
    cells, more = _cells(notebook)
    notes += more + _kernel(_table(notebook.get("metadata")))
    code = [
        Cell(place, _source(cell)) for place, cell in enumerate(cells, 1) if cell.get("cell_type") == "code"
    ]
    _refuse_large(code)
    if not any(cell.source.strip() for cell in code):
        raise Refused("empty", "No cell holds code; hand in the notebook that you worked in.")
    notes += _belongs(_table(notebook.get("metadata")), code, exercise)
    return ReadNotebook(code, tuple(notes))


def short(text: str) -> str:
    """What a learner wrote, fit for a line of a report: no control characters, 60 characters at most."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * SHOWN]).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _large(found: str, limit: str) -> str:
    return (
        f"{found}; up to {limit} are graded. Clear the outputs (Edit > Clear Outputs of All Cells) and save."
    )


def _decode(content: bytes) -> tuple[str, list[str]]:
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text, encoding = content.decode("latin-1"), "latin-1"
    return text, [] if encoding.startswith("utf-8") else [f"encoding: {re.sub('-[bl]e$', '', encoding)}"]


def _parse(text: str, content: bytes) -> dict:
    if not text.lstrip().startswith("{"):
        kind = next(
            (kind for start, kind in OTHER_FILES.items() if content.startswith(start)), "something else"
        )
        raise Refused("not a notebook", f"This is {kind}; hand in the .ipynb file that Jupyter saves.")
    if text.count("{") + text.count("[") > MAX_BRACKETS:
        raise Refused("too large", _large("It holds millions of small parts", f"{MAX_BRACKETS:,}"))
    try:
        # numbers are of no use here, and one of a million digits takes long to convert
        notebook = json.loads(text, parse_int=_number, parse_float=len, parse_constant=len)
    except RecursionError:
        raise Refused("unreadable", "It is nested too deeply to be a notebook that Jupyter saved.") from None
    except json.JSONDecodeError as error:
        raise Refused("unreadable", _damage(text, error)) from None
    if not isinstance(notebook, dict):
        raise Refused("not a notebook", "This is JSON, but no notebook; hand in the .ipynb file.")
    return notebook


def _number(digits: str) -> int:
    return int(digits) if len(digits) < 10 else 0


def _damage(text: str, error: json.JSONDecodeError) -> str:
    cut = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated string")
    what = "The file is cut off" if cut else "The file is damaged"
    return f"{what} (line {error.lineno}: {error.msg}); open it in Jupyter, save it and hand it in again."


def _cells(notebook: dict) -> tuple[list[dict], list[str]]:
    """All cells; those of format 2 and 3 stand in worksheets, the source of their code under ``input``."""
    cells, notes = notebook.get("cells"), []
    if not isinstance(cells, list):
        sheets = notebook.get("worksheets")
        if not isinstance(sheets, list):
            raise Refused(
                "not a notebook", "This is JSON without cells, so no notebook; hand in the .ipynb file."
            )
        cells = [cell for sheet in sheets for cell in _list(_table(sheet).get("cells"))]
        version = notebook.get("nbformat")
        notes.append(f"nbformat {version if type(version) is int and version in OLD else 3}")
    if len(cells) > MAX_CELLS:
        raise Refused("too large", f"It has {len(cells):,} cells; up to {MAX_CELLS:,} are graded.")
    if broken := sum(not isinstance(_table(cell).get("cell_type"), str) for cell in cells):
        notes.append(f"cells that are none: {broken}")
    return [_table(cell) for cell in cells], notes


def _table(thing) -> dict:
    return thing if isinstance(thing, dict) else {}


def _list(thing) -> list:
    return thing if isinstance(thing, list) else []


def _source(cell: dict) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        ended = "source" in cell or "".join(lines[:1]).endswith(("\n", "\r"))  # format 2 has no line ends
        source = ("" if ended else "\n").join(lines)
    if not isinstance(source, str):
        return ""
    return source.encode("utf8", "replace").decode(
        "utf8"
    )  # half a character (a surrogate) cannot be passed on


def _refuse_large(cells: list[Cell]) -> None:
    for cell in cells:
        if len(cell.source) > MAX_SOURCE:
            found = f"Cell {cell.place} has {len(cell.source):,} characters"
            raise Refused("too large", f"{found}; up to {MAX_SOURCE:,} are graded.")


def _kernel(metadata: dict) -> list[str]:
    kernel = _table(metadata.get("kernelspec"))
    language = kernel.get("language") or _table(metadata.get("language_info")).get("name")
    name = kernel.get("name") or language
    if not isinstance(name, str) or "python" in f"{language or name}".lower():
        return []
    return [f"kernel: {short(name)}"]


def _belongs(metadata: dict, cells: list[Cell], exercise: str) -> list[str]:
    """Refuse a notebook of another exercise; what the code names counts, then what the metadata name."""
    named, coded = _table(metadata.get("mlm")).get("exercise"), _named_by(cells)
    named = named if isinstance(named, str) and named else None
    if not coded and named is None:
        return ["exercise not named"]
    found = coded or [named]
    if exercise not in found:
        raise Refused(
            "wrong exercise", f"This is a notebook of “{short(found[0])}”; “{exercise}” was to be handed in."
        )
    return [] if named in (None, exercise) else [f"metadata name another exercise: {short(named)}"]


def _named_by(cells: list[Cell]) -> list[str]:
    calls = (
        call[1]
        for cell in cells
        if "Exercise(" in cell.source
        for call in EXERCISE.finditer(COMMENT.sub("", cell.source))
    )
    return list(dict.fromkeys(islice(calls, MAX_CALLS)))

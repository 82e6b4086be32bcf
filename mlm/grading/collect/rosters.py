"""The list of learners: a CSV of the instructor's own, a Canvas gradebook or a Moodle grading worksheet."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from mlm.grading.model import CannotGrade

MAX_BYTES = 10 * 2**20
#: Column -> what it is; a roster of one's own has these and no others.
COLUMNS = {
    "learner": "learner",
    "name": "name",
    "full name": "name",
    "email": "email",
    "email address": "email",
    "id": "id",
    "sid": "sid",
    "login": "login",
    "file": "file",
    "section": "section",
}
CANVAS = {
    "Student": "name",
    "ID": "canvas",
    "SIS User ID": "sid",
    "SIS Login ID": "login",
    "Section": "section",
}
MOODLE = {"Identifier": "moodle", "Full name": "name", "ID number": "sid", "Email address": "email"}
#: What no two learners share.
UNIQUE = ("canvas", "moodle", "id", "sid", "login", "email", "file")


class CannotCollect(CannotGrade):
    """There are no submissions to collect, or no roster; the message says what was found and what to do."""


@dataclass(frozen=True)
class Learner:
    """One learner of the roster.

    Attributes
    ----------
    name : str
        As reports write it; no two learners of a roster share it.
    ids : dict of str to str
        ``email``, ``id``, ``sid``, ``login``, ``canvas``, ``moodle``, ``section``, those that the roster has.
        Of a Canvas gradebook also ``Student``, ``ID``, ``SIS User ID``, ``SIS Login ID``, ``Section``.
    names : tuple of str
        What else the learner is called.
    """

    name: str
    ids: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roster:
    """The learners, and an index of what each is known by."""

    learners: list[Learner]
    index: dict[tuple[str, str], list[Learner]] = field(repr=False)

    def find(self, ids: dict[str, str], text: str, files: tuple[str, ...] = ()) -> Learner | None:
        """The one learner who handed in such a file, or has one of the platform's ids, or is called this."""
        keys = [("file", file) for file in files if file]
        keys += [(kind, ids[kind]) for kind in ("canvas", "moodle", "email", "sid") if kind in ids]
        keys += [(kind, text) for kind in ("login", "email", "sid", "id", "user", "name")]
        for kind, wanted in keys:
            found = self.index.get((kind, _plain(wanted)), [])
            if len(found) == 1:
                return found[0]
        return None


def read_roster(path: Path) -> Roster:
    """Read a roster.

    Parameters
    ----------
    path : pathlib.Path
        A CSV in UTF-8 with ``,``, ``;`` or tabs, in one of three forms.

        - Columns of one's own, in any order: ``learner`` or ``name`` (or another that tells who it is),
          ``email``, ``id``, ``sid``, ``login``, ``section``, and ``file``: the name of what the learner
          handed in, where neither file nor folder says whose it is.
        - A Canvas gradebook as exported: ``Student, ID, SIS User ID, SIS Login ID, Section`` and any others.
        - A Moodle grading worksheet as exported: ``Identifier, Full name, Email address`` and any others.

    Raises
    ------
    CannotCollect
        If it cannot be read, a column is not known, or two rows are the same learner's.
    """
    rows = _rows(path)
    header = [column.strip() for column in rows[0][1]] if rows else []
    columns = _columns(path, header)
    learners, first = [], {}
    for line, row in rows[1:]:
        if len(row) > len(header) and any(row[len(header) :]):
            raise CannotCollect(
                f"{path.name}, line {line}: {len(row)} cells under {len(header)} columns; quote text."
            )
        cells = {column: cell.strip() for column, cell in zip(header, row, strict=False) if cell.strip()}
        if not cells or _is_no_learner(cells):
            continue
        known = {columns[column]: cell for column, cell in cells.items() if column in columns}
        _refuse_twice(path, line, known, first)
        learners.append(_learner(path, line, known, cells if columns is CANVAS else {}))
    if not learners:
        raise CannotCollect(f"{path.name} names no learner; expected a header and a row for each.")
    learners = _told_apart(learners)
    return Roster(learners, _index(learners))


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CannotCollect(f"{path.name} has more than {MAX_BYTES:,} bytes; that is no roster.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CannotCollect(f"The roster {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotCollect(f"{path.name} is not UTF-8; save it as “CSV UTF-8”.") from None
    header = text.lstrip("\r\n").split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise CannotCollect(
            f"{path.name}, line {reader.line_num}: {error}; is a quotation mark missing?"
        ) from None


def _columns(path: Path, header: list[str]) -> dict[str, str]:
    if twice := sorted({column for column in header if column and header.count(column) > 1} & _KNOWN):
        raise CannotCollect(f"{path.name} has the column {twice[0]!r} twice; keep one.")
    for form, marks in ((CANVAS, {"Student", "ID"}), (MOODLE, {"Identifier", "Full name"})):
        if marks <= set(header):
            return form
    unknown = [column for column in header if column.lower() not in COLUMNS]
    if unknown or not header:
        known = ", ".join(COLUMNS)
        found = f"the column {unknown[0]!r}, which is not known" if header else "no columns"
        raise CannotCollect(
            f"{path.name} has {found}; known are {known}, or hand over a Canvas gradebook as it is."
        )
    return {column: COLUMNS[column.lower()] for column in header}


_KNOWN = {*COLUMNS, *CANVAS, *MOODLE}


def _is_no_learner(cells: dict[str, str]) -> bool:
    """Canvas has a line of possible points, one on how grades are posted, and a student for trying out."""
    student = cells.get("Student", "")
    return (
        "Student" in cells
        and ("ID" not in cells or student == "Student, Test")
        or (
            "Student" not in cells
            and bool(cells)
            and all(cell == "Manual Posting" for cell in cells.values())
        )
    )


def _refuse_twice(path: Path, line: int, known: dict[str, str], first: dict) -> None:
    keys = [(kind, _plain(known[kind])) for kind in UNIQUE if kind in known]
    for key in keys or [("name", *sorted(known.items()))]:
        if key in first:
            what = f"{key[0]} {known.get(key[0], '')!r}"
            raise CannotCollect(f"{path.name}: lines {first[key]} and {line} have the same {what}; keep one.")
        first[key] = line


def _learner(path: Path, line: int, known: dict[str, str], canvas: dict[str, str]) -> Learner:
    names = [known[kind] for kind in ("learner", "name") if kind in known]
    called = names or [known[kind] for kind in ("login", "email", "sid", "id") if kind in known]
    if not called:
        raise CannotCollect(f"{path.name}, line {line}: no name, login, email or id says who this is.")
    ids = {kind: text for kind, text in known.items() if kind not in ("learner", "name")}
    if "moodle" in ids:  # the worksheet says `Participant 123`, file names say 123
        ids["moodle"] = re.sub(r"^\D+", "", ids["moodle"])
    return Learner(
        called[0], ids | {column: canvas[column] for column in CANVAS if column in canvas}, (*names[1:],)
    )


def _told_apart(learners: list[Learner]) -> list[Learner]:
    """Two learners may have one name; then an id follows it."""
    names = [learner.name for learner in learners]
    return [
        Learner(f"{one.name} ({_id(one)})", one.ids, (one.name, *one.names))
        if names.count(one.name) > 1
        else one
        for one in learners
    ]


def _id(learner: Learner) -> str:
    return next(
        (learner.ids[kind] for kind in reversed(UNIQUE) if kind in learner.ids and kind != "file"), ""
    )


def _index(learners: list[Learner]) -> dict[tuple[str, str], list[Learner]]:
    index: dict[tuple[str, str], list[Learner]] = {}
    for learner in learners:
        keys = {(kind, _plain(text)) for kind, text in learner.ids.items() if kind in UNIQUE}
        keys.add(("user", _plain(learner.ids.get("email", "").split("@")[0])))
        for name in (learner.name, *learner.names):
            keys |= {("name", key) for key in _orders(name)}
        for key in keys - {("user", "")}:
            index.setdefault(key, []).append(learner)
    return index


def _orders(name: str) -> set[str]:
    """`Anna Maria Doe`, `Doe, Anna Maria` and Canvas' `doeannamaria` are one name."""
    family, comma, given = name.partition(",")
    if comma:
        return {_plain(family + given), _plain(given + family)}
    words = name.split()
    return {_plain(name), _plain(" ".join([*words[-1:], *words[:-1]]))}


def _plain(text: str) -> str:
    """Text as it is compared: without case, marks of punctuation and differences of Unicode's forms."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in plain if c.isalnum()) or plain

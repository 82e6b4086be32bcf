"""Marks of written answers: a CSV that the instructor fills in, read with care and merged into results."""

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from mlm.grading.model import Asked, CannotGrade, Result
from mlm.grading.report.exports import cell, labels, to_csv
from mlm.grading.report.visible import number, visible
from mlm.spelling import did_you_mean

COLUMNS = ["submission", "learner", "question", "text", "criterion", "possible", "mark", "comment"]
_KEY = ("submission", "question", "text", "criterion")
_NAMED = re.compile("text-[0-9a-f]{10}")


class MarksRefused(CannotGrade):
    """The file of marks has faults; the message names the row, what was expected and what to do."""


@dataclass(frozen=True)
class Mark:
    """What an instructor gave for one criterion.

    Attributes
    ----------
    mark : float or None
        Points; None while the cell is empty.
    possible : float
        Points that the criterion can earn.
    comment : str
        A word to the learner.
    """

    mark: float | None
    possible: float
    comment: str = ""


def marks_template(results: list[Result], asked: list[Asked], existing: list[dict]) -> str | None:
    """The text of ``marks.csv``: a row for each submission, written question and criterion.

    The column ``text`` names the text that a row marks: a text that is handed in anew gets rows of its own,
    and the marks of the old one no longer count.

    Parameters
    ----------
    results : list of Result
        Those with a written answer get rows.
    asked : list of Asked
        What was asked, with the rubrics.
    existing : list of dict
        The rows of the file as it is (`marks_rows`).  Each stays in its place with its mark and comment, also
        where its submission is gone; new rows come behind them.

    Returns
    -------
    str or None
        Begins with the mark by which a spreadsheet knows UTF-8, without which it would spoil names.  None
        where the file lacks no row: then it stays as the instructor's program wrote it.
    """
    rows = [[row[column] for column in COLUMNS] for row in existing]
    known = {tuple(row[column] for column in _KEY) for row in existing}
    for result, label, question, text in _written(results, asked):
        for criterion, points in question.rubric:
            if (label, question.name, text, cell(criterion)) not in known:
                who = [label, cell(result.learner), question.name, text, cell(criterion)]
                rows.append([*who, number(points), "", ""])
    if existing and len(rows) == len(existing):
        return None
    return "\ufeff" + to_csv([COLUMNS, *rows])


def _written(results, asked):
    """Each result with the label of its submission, each written question that it answered, and its text."""
    called = labels(results)
    for result in sorted(results, key=lambda result: result.submission):
        answers = {answer.name: answer for answer in result.answers}
        for question in asked:
            answer = answers.get(question.name)
            if question.kind == "write" and answer and answer.status in ("written", "marked"):
                yield result, called[result.submission], question, _named(answer.text)


def _named(text: str) -> str:
    """A short name of a text, which no spreadsheet takes for a number or a date."""
    return "text-" + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:10]


def marks_rows(path: Path) -> list[dict]:
    """The rows of a file of marks as text, whatever separator and ends of lines a spreadsheet gave them.

    Raises
    ------
    MarksRefused
        Where it is no such file.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MarksRefused(
            f"{path.name} is not written in UTF-8 (byte {error.start}); save it again as “CSV UTF-8”"
        ) from None
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if lacking := [column for column in COLUMNS if column not in names]:
        raise MarksRefused(
            f"{path.name} has no column {', '.join(lacking)}; its first row must be {','.join(COLUMNS)}"
        )
    found = []
    for place, row in enumerate(rows[1:], 2):
        if any(entry.strip() for entry in row):
            filled = row + [""] * (len(names) - len(row))
            found.append({name: filled[names.index(name)].strip() for name in COLUMNS} | {"row": place})
    return found


def read_marks(path: Path, results: list[Result], asked: list[Asked]) -> dict:
    """What the instructor gave, checked row by row against what was handed in and what the rubric allows.

    Parameters
    ----------
    path : Path
        ``marks.csv``.
    results : list of Result
        All submissions.
    asked : list of Asked
        What was asked, with the rubrics.

    Returns
    -------
    dict
        ``marks[submission][question][criterion]`` is a `Mark`, for every criterion of every written answer.

    Raises
    ------
    MarksRefused
        With all that is wrong in the file, a line for each row.
    """
    marks, places = {}, {}
    for result, label, question, text in _written(results, asked):
        marks.setdefault(result.submission, {})[question.name] = {
            c: Mark(None, p) for c, p in question.rubric
        }
        for criterion, points in question.rubric:
            place = (result.submission, question.name, criterion, points)
            places[label, question.name, text, cell(criterion)] = place
    faults, seen = [], {}
    for row in marks_rows(path):
        key = tuple(row[column] for column in _KEY)
        try:
            if _is_outdated(key, places):
                continue
            submission, question, criterion, points = _place(key, places)
            if key in seen:
                raise MarksRefused(
                    f"the same criterion of the same text as in row {seen[key]}; delete one of the two"
                )
            seen[key] = row["row"]
            marks[submission][question][criterion] = Mark(_mark(row["mark"], points), points, row["comment"])
        except MarksRefused as fault:
            if row["mark"]:  # an empty row asks for nothing
                faults.append(f"Row {row['row']} of {path.name}: {fault}.")
    if faults:
        raise MarksRefused("\n".join(faults))
    return marks


def _is_outdated(key: tuple[str, str, str, str], places: dict) -> bool:
    """Whether a row marks a text instead of which another has been handed in since."""
    submission, question, text, _ = key
    current = {place[2] for place in places if place[:2] == (submission, question)}
    return bool(current) and text not in current and _NAMED.fullmatch(text) is not None


def _place(key: tuple[str, str, str, str], places: dict) -> tuple:
    """Where a row belongs; what nothing answers to is refused, part by part."""
    if key in places:
        return places[key]
    for depth, column in enumerate(_KEY):
        known = sorted({place[depth] for place in places if place[:depth] == key[:depth]})
        if key[depth] not in known:
            otherwise = "correct it, or delete the row"
            advice = did_you_mean(key[depth], known, otherwise, most=1, alike=0.5, quoted=True)
            raise MarksRefused(
                f"no {column} with a text to mark is called {visible(key[depth], 120)!r}; {advice}"
            )
    raise AssertionError(key)


def _mark(text: str, possible: float) -> float | None:
    if not text:
        return None
    expected = f"expected a number between 0 and {number(possible)}"
    plain = re.fullmatch(r"\+?\d*[.,]?\d+|\d+[.,]", text)
    value = float(text.replace(",", ".")) if plain else math.nan
    if not 0 <= value <= possible:
        raise MarksRefused(f"the mark is {visible(text, 40)!r}; {expected}, or nothing")
    return value


def merge_marks(result: Result, marks: dict) -> Result:
    """The result with each written answer marked of which every criterion has a mark."""
    given = marks.get(result.submission, {})
    return replace(result, answers=[_merged(answer, given.get(answer.name, {})) for answer in result.answers])


def _merged(answer, given: dict):
    if answer.status not in ("written", "marked") or not given or any(m.mark is None for m in given.values()):
        return answer
    points = round(sum(mark.mark for mark in given.values()), 6)
    message = f"Marked by your instructor: {number(points)} of {number(answer.possible)} points."
    return replace(answer, status="marked", points=points, message=message)

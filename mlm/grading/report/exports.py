"""Results as files for other programs: grades, marks, Canvas and Gradescope.

Every function returns text.  A CSV is safe to open in a spreadsheet: no text of a learner begins a formula.
"""

import csv
import io
import json
import re
from collections import Counter

from mlm.grading.model import NOT_GRADED, Answer, Asked, CannotGrade, Result
from mlm.grading.report.visible import JOINERS, number, visible

_FORMULA = "=+\\-@＝＋－＠﹦﹢﹣﹫"
_STARTS = re.compile(rf"^[\s'{JOINERS}]*[{_FORMULA}]")
# a spreadsheet that expects another separator would begin a new cell here
_STARTS_WITHIN = re.compile(rf"([;,|][\s{JOINERS}]*)(?=[{_FORMULA}])")
_CELL = 300
#: Canvas drops columns with these words in their title, as totals of its own.
_CANVAS_OWN = re.compile(r"(Current|Final|Override) (Score|Points|Grade|Status)")


def grades_csv(results: list[Result], questions: list[dict]) -> str:
    """One row for each submission, sorted by its name; the same results give the same bytes.

    Parameters
    ----------
    results : list of Result
        In any order.
    questions : list of dict
        The questions of the key, one column each.

    Returns
    -------
    str
        Columns ``submission``, ``learner``, ``status``, ``flags``, one for each question, ``total``, ``max``.
        The cell of a text that is not marked yet is empty; so are all points of a submission that could not
        be graded by a fault that is not its own.
    """
    names, most = [question["name"] for question in questions], sum(q["points"] for q in questions)
    rows = [["submission", "learner", "status", "flags", *names, "total", "max"]]
    called = labels(results)
    for result in sorted(results, key=lambda result: result.submission):
        points = {answer.name: _points(answer) for answer in result.answers}
        total = number(result.points)
        if result.status == NOT_GRADED:
            points, total = {}, ""
        who = [called[result.submission], cell(result.learner), result.status, cell("; ".join(result.flags))]
        rows.append([*who, *[points.get(name, "") for name in names], total, number(most)])
    return to_csv(rows)


def _points(answer: Answer) -> str:
    return "" if answer.status == "written" else number(answer.points)


def canvas_csv(results: list[Result], assignment: str) -> str:
    """Totals as Canvas' gradebook imports them (Grades, Import).

    Parameters
    ----------
    results : list of Result
        Of a learner with several submissions the best one counts.
    assignment : str
        Title of the column.  With its number, ``Exercises 3 (4711)`` as an export of Canvas calls it, the
        points go to that assignment; a title that Canvas does not know makes a new one.

    Returns
    -------
    str
        The columns of Canvas, a row of possible points, and a row for each learner.  ``ids`` of a result may
        hold a gradebook's own cells by its titles (``Student``, ``ID``, …), or else ``canvas`` (a number),
        ``sid``, ``login`` or ``email``, and ``section``; Canvas looks for a learner by them in this order,
        and then by name.  Where nothing could be graded the points are empty, not 0.
    """
    if _CANVAS_OWN.search(assignment):
        raise CannotGrade(
            f"Canvas ignores a column called {assignment!r}: it takes it for a total; choose another name"
        )
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", cell(assignment)]]
    rows.append(
        ["    Points Possible", "", "", "", "", number(max((r.possible for r in results), default=0))]
    )
    for result in best_of_each(results):
        ids = result.ids
        canvas = ids.get("ID") or ids.get("canvas", "")
        rows.append(
            [
                # a row with these words would be read as the row of possible points
                cell(ids.get("Student") or result.learner).replace("Points Possible", "Points_Possible"),
                canvas if re.fullmatch("[0-9]+", canvas) else "",
                cell(ids.get("SIS User ID") or ids.get("sid", "")),
                cell(ids.get("SIS Login ID") or ids.get("login") or ids.get("email", "")),
                cell(ids.get("Section") or ids.get("section", "")),
                "" if result.status == NOT_GRADED else number(result.points),
            ]
        )
    return to_csv(rows)


def best_of_each(results: list[Result]) -> list[Result]:
    """The submission with most points of each learner (of two, the first by name), sorted by learner."""
    best = {}
    for result in sorted(results, key=lambda r: (r.status == NOT_GRADED, -r.points, r.submission)):
        known = next(
            ((field, result.ids[field]) for field in ("canvas", "sid", "email") if result.ids.get(field)),
            None,
        )
        best.setdefault(known or ("learner", result.learner), result)
    return sorted(best.values(), key=lambda result: (result.learner, result.submission))


def gradescope_json(result: Result, asked: list[Asked]) -> str:
    """One submission as a ``results.json`` of Gradescope's autograder; everything in it is plain text.

    A text that still has to be marked stands as 0 points and says so, without being called failed.
    """
    answers = {answer.name: answer for answer in result.answers}
    output = (
        f"{result.status[:1].upper()}{result.status[1:]}. {visible(result.detail, 1000, lines=True)}".strip()
    )
    report = {
        "score": round(result.points, 6),
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_gradescope_test(question, answers.get(question.name)) for question in asked],
    }
    return json.dumps(report, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _gradescope_test(question: Asked, answer: Answer | None) -> dict:
    answer = answer or Answer(
        question.name, "missing", message="No answer arrived.", possible=question.points
    )
    unmarked = answer.status == "written"
    given = visible(answer.shown, 1000, lines=True)
    lines = [
        visible(answer.message, 1000),
        f"Given: {given}" if given else "",
        "Not marked yet." if unmarked else "",
    ]
    return {
        "number": question.number or question.name,
        "name": question.title,
        "score": round(answer.points, 6),
        "max_score": round(question.points, 6),
        "status": "passed" if unmarked or answer.points >= question.points else "failed",
        "output": "\n".join(line for line in lines if line),
        "visibility": "visible",
    }


def cell(text: str) -> str:
    """A text as the cell of a CSV: on one line, everything in it visible, and never a formula."""
    safe = _STARTS_WITHIN.sub(r"\1'", visible(text, _CELL))
    return "'" + safe if _STARTS.match(safe) else safe


def labels(results: list[Result]) -> dict[str, str]:
    """The cell that stands for a submission, by its name; with the slug where two would look the same."""
    cells = {result.submission: cell(result.submission) for result in results}
    shared = {text for text, times in Counter(cells.values()).items() if times > 1}
    slugs = {result.submission: result.slug for result in results}
    return {name: f"{text} ({slugs[name]})" if text in shared else text for name, text in cells.items()}


def to_csv(rows: list[list[str]]) -> str:
    """Rows as the text of a CSV file with ``\\n`` at the ends of lines."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()

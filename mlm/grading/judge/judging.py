"""From what a submission said to its marks: claims are read with suspicion, and judged out here."""

import json
import math
from dataclasses import dataclass

from mlm.exercises.compare import INVALID, RIGHT, UNANSWERED, judge
from mlm.exercises.wellformed import is_plain
from mlm.grading.model import Answer

LONGEST_CLAIM = 4_000_000  # characters of one line: the largest answer that `to_plain` makes
LONGEST_TEXT = 50_000  # characters kept of a written answer
SHOWN = 120  # characters of an answer in short
MISSING, HARD_CODED, WRITTEN = "missing", "hard-coded", "written"
IS_MISSING = "No answer arrived: a cell before it failed, or the run ended before it."
IS_HARD_CODED = (
    "This is the answer for the public data, and these are other data: compute it from the data that "
    "`ex.data` gives as in the first cell, not from another file, and do not type the number."
)


@dataclass(frozen=True)
class Claims:
    """What a submission said that is well-formed; none of it is believed.

    Attributes
    ----------
    answers : dict of str to dict
        The last answer to each question, plain data.
    errors : list of (int, str)
        Place of each cell that failed, and what it did.
    finished : bool
        Whether it says that its last cell ran.
    """

    answers: dict[str, dict]
    errors: list[tuple[int, str]]
    finished: bool


def read_claims(lines: list[str], exercise: str, names: set[str], places: set[int]) -> Claims:
    """Take the well-formed claims out of what came through the pipe.

    Parameters
    ----------
    lines : list of str
        `mlm.grading.sandbox.host.Execution.lines`.
    exercise : str
        Name of the exercise; answers to another are left aside.
    names : set of str
        Its questions.
    places : set of int
        Places of the submission's cells.
    """
    answers, errors, finished = {}, {}, False
    for line in lines:
        claim = _claim(line)
        event, name, place, problem = (claim.get(field) for field in ("event", "name", "place", "problem"))
        if event == "answer" and type(name) is str and name in names and claim.get("exercise") == exercise:
            answers[name] = claim.get("answer") if is_plain(claim.get("answer")) else None
        elif event == "failed" and type(place) is int and place in places and type(problem) is str:
            errors.setdefault(place, problem[:400])
        elif event == "end":
            finished = True
    return Claims(answers, sorted(errors.items()), finished)


def _claim(line: str) -> dict:
    if len(line) > LONGEST_CLAIM:
        return {}
    try:
        claim = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return claim if type(claim) is dict else {}


def mark(claims: Claims, questions: list[dict], public: dict[str, dict] | None) -> list[Answer]:
    """Judge every question of an exercise.

    Parameters
    ----------
    claims : Claims
        What was answered.
    questions : list of dict
        The key of the variant that was graded.
    public : dict of str to dict, optional
        Questions of the public key by name, where the variant is a private one: an answer that is right by it
        alone was typed, not computed.

    Returns
    -------
    list of Answer
        One for each question, in the key's order.
    """
    return [_marked(question, claims.answers, (public or {}).get(question["name"])) for question in questions]


def _marked(question: dict, answers: dict[str, dict], public: dict | None) -> Answer:
    name, possible = question["name"], question["points"]
    if name not in answers:
        return Answer(name, MISSING, message=IS_MISSING, possible=possible)
    plain = answers[name]
    if question["kind"] == "write":
        return _text(question, plain)
    verdict, shown = judge(plain, question), in_short(plain)
    status, mistake, message = verdict.status, verdict.mistake, verdict.message
    if status not in (RIGHT, UNANSWERED) and public and _is_right(plain, public):
        status, mistake, message = HARD_CODED, "", IS_HARD_CODED
    return Answer(name, status, mistake, message, verdict.points, possible, shown)


def _is_right(plain: dict | None, question: dict) -> bool:
    return question["from_data"] and judge(plain, question).status == RIGHT


def _text(question: dict, plain: dict | None) -> Answer:
    name, possible = question["name"], question["points"]
    if plain is None or plain["kind"] not in ("text", "unanswered"):
        return Answer(name, INVALID, message="A written answer is text between quotes.", possible=possible)
    if plain["kind"] == "unanswered" or not plain["value"].strip():
        return Answer(name, UNANSWERED, message="Not answered yet.", possible=possible)
    text = plain["value"][:LONGEST_TEXT]
    return Answer(name, WRITTEN, message="To be marked by a reader.", possible=possible, text=text)


def in_short(plain: dict | None) -> str:
    """An answer as a reader would write it, in at most `SHOWN` characters."""
    if plain is None:
        return "something that is no answer"
    kind = plain["kind"]
    if kind in ("number", "boolean"):
        return _entry(plain["value"])
    if kind == "text":
        return _cut(plain["value"])
    if kind in ("array", "set", "series"):
        entries = ", ".join(map(_entry, plain["values"][:20]))
        return _cut(f"{len(plain['values'])} values: {entries}")
    if kind == "table":
        return _cut(f"{len(plain['index'])} rows of {', '.join(c['name'] for c in plain['columns'][:20])}")
    if kind == "function":
        return _cut("a function that gives " + "; ".join(map(in_short, plain["results"][:10])))
    words = {
        "unanswered": "...",
        "missing": "None",
        "list": f"a list of {len(plain.get('items', []))} things",
    }
    return _cut(words.get(kind) or plain.get("error") or f"an object of type {plain.get('type', kind)}")


def _entry(value) -> str:
    if type(value) is float and math.isfinite(value):
        return f"{value:.6g}"
    return _cut(str(value), 40)


def _cut(text: str, width: int = SHOWN) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"

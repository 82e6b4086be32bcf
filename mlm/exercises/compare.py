"""Is this answer right?  Plain data against a question's key.

This module imports nothing of the learner's world: it sees what JSON can hold (`mlm.exercises.plain`
says how) and, like `wellformed`, `align` and `describe`, needs the standard library only, so that a grader
can run it on answers from a sandbox.
"""

import math
from dataclasses import dataclass

from mlm.exercises.align import distance, element_distances
from mlm.exercises.describe import misfit, miss
from mlm.exercises.rounding import too_few_digits
from mlm.exercises.wellformed import is_plain

RIGHT, MISTAKE, WRONG, INVALID, UNANSWERED = "right", "mistake", "wrong", "invalid", "unanswered"


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes
    ----------
    status : str
        ``right``, ``mistake`` (a catalogued one), ``wrong``, ``invalid`` (not the kind of value that was
        asked for) or ``unanswered``.
    mistake : str
        The mistake's short name, or ``""``.
    message : str
        One plain line for the learner.
    points : float
        Points earned: all of the question's or none.
    """

    status: str
    mistake: str = ""
    message: str = ""
    points: float = 0


NOT_PLAIN = Verdict(INVALID, message="This value could not be compared with anything.")


def judge(answer: dict, question: dict) -> Verdict:
    """Compare a plain answer with the question's key.

    The right value comes first, then the nearest catalogued mistake, then a sentence on what kind of
    value was expected, on the right value rounded, or on how far off this one is.  Never raises, whatever
    the answer holds, and takes no longer than its length accounts for: what is not plain data
    (`mlm.exercises.wellformed`) is invalid.
    """
    try:
        return _judge(answer, question) if is_plain(answer) else NOT_PLAIN
    except Exception:  # plain data, but of a form that `to_plain` makes of nothing
        return NOT_PLAIN


def _judge(answer: dict, question: dict) -> Verdict:
    if is_unanswered(answer):
        return Verdict(UNANSWERED, message="Not answered yet.")
    value, tolerance = question["value"], (question["rtol"], question["atol"])
    distances = element_distances(answer, value, *tolerance)
    if all(gap <= 1 for gap in distances):
        message = f"Right. {question.get('means', '')}".rstrip()
        return Verdict(RIGHT, message=message, points=question["points"])
    near = [(distance(answer, m["value"], *tolerance), m) for m in question["mistakes"]]
    nearest = min(near, key=lambda pair: pair[0], default=(math.inf, None))
    if nearest[0] <= 1:
        return Verdict(MISTAKE, nearest[1]["name"], nearest[1]["hint"])
    rights = _right_calls(answer, value, tolerance)
    if sentence := misfit(answer, value, question.get("probes"), rights):
        return Verdict(INVALID, message=_capital(sentence))
    sentence = too_few_digits(answer, question)
    if not sentence:
        off, unit = [gap > 1 for gap in distances], question.get("unit", "")
        sentence = miss(answer, value, off, question.get("probes"), rights, unit)
    return Verdict(WRONG, message=_capital(sentence))


def _right_calls(answer: dict, value: dict, tolerance: tuple[float, float]) -> list[bool]:
    """At which of its calls a function is right."""
    if not answer["kind"] == value["kind"] == "function":
        return []
    pairs = zip(answer["results"], value["results"], strict=False)
    return [distance(given, right, *tolerance) <= 1 for given, right in pairs]


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def is_unanswered(answer: dict) -> bool:
    """Is it still the stub: ``...`` itself, or a function that returns it whenever it is called?"""
    if answer["kind"] == "function" and answer["results"]:
        return all(result["kind"] == "unanswered" for result in answer["results"])
    return answer["kind"] == "unanswered"

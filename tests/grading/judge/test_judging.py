"""From what a submission said to points: what is malformed is left aside, what is well-formed is judged."""

import json

import pytest

from mlm.exercises.keys import compile_check
from mlm.exercises.plain import to_plain
from mlm.grading.judge.judging import HARD_CODED, LONGEST_CLAIM, MISSING, Claims, in_short, mark, read_claims

HINTS = ["a nudge", "the structure", "the code"]


def question(value, from_data=True, **settings) -> dict:
    """A question named ``mean``."""
    given = {"rtol": 1e-3, "atol": 0, "points": 2, "mistakes": {}, "accepts": {}, "probes": None}
    given |= {"hints": HINTS, "section": None, "variant": None} | settings
    return compile_check("mean", value, from_data=from_data, **given)


def line(**claim) -> str:
    return json.dumps({"event": "answer", "name": "mean", "exercise": "98-example"} | claim)


def claims_of(*lines: str) -> Claims:
    return read_claims(list(lines), "98-example", {"mean"}, {1, 2})


def test_the_last_answer_counts():
    found = claims_of(line(answer=to_plain(1.0)), line(answer=to_plain(2.0)), json.dumps({"event": "end"}))
    assert found.answers == {"mean": to_plain(2.0)} and found.finished


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        "[" * 100_000,
        line(name="other", answer=to_plain(1.0)),
        line(name=["mean"], answer=to_plain(1.0)),
        line(exercise="97-other", answer=to_plain(1.0)),
        line(event=["answer"], answer=to_plain(1.0)),
        line(answer={"kind": "text", "value": "x" * LONGEST_CLAIM}),
        json.dumps({"event": "failed", "place": 99, "problem": "raised X"}),
        json.dumps({"event": "failed", "place": True, "problem": "raised X"}),
        json.dumps({"event": "failed", "place": 1, "problem": 7}),
    ],
)
def test_what_is_no_claim_is_left_aside(said):
    assert claims_of(said) == Claims({}, [], False)


@pytest.mark.parametrize(
    "forged", [{"status": "right", "points": 9}, 7, {"kind": "number", "value": [1]}, None]
)
def test_an_answer_that_is_no_plain_data_earns_nothing(forged):
    (answer,) = mark(claims_of(line(answer=forged)), [question(2.0)], None)
    assert (answer.status, answer.points) == ("invalid", 0)


def test_of_two_failures_of_a_cell_the_first_is_kept_and_a_long_one_cut():
    first, second = (json.dumps({"event": "failed", "place": 1, "problem": text}) for text in "AB")
    assert claims_of(first, second).errors == [(1, "A")]
    (_, problem) = claims_of(json.dumps({"event": "failed", "place": 2, "problem": "x" * 9999})).errors[0]
    assert len(problem) == 400


@pytest.mark.parametrize(
    ("said", "status", "points"),
    [(2.0, "right", 2), (3.0, HARD_CODED, 0), (4.0, "wrong", 0)],
)
def test_an_answer_that_only_the_public_data_give_was_typed(said, status, points):
    private, public = question(2.0), {"mean": question(3.0)}
    (answer,) = mark(claims_of(line(answer=to_plain(said))), [private], public)
    assert (answer.status, answer.points) == (status, points)


def test_an_answer_that_does_not_come_from_data_is_never_called_typed():
    key = question(2.0, from_data=False), {"mean": question(3.0, from_data=False)}
    (answer,) = mark(claims_of(line(answer=to_plain(3.0))), [key[0]], key[1])
    assert answer.status == "wrong"


def test_a_question_without_an_answer_is_missing():
    (answer,) = mark(Claims({}, [], True), [question(2.0)], None)
    assert (answer.status, answer.points, answer.possible) == (MISSING, 0, 2)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123456789, "0.123457"), ("a" * 500, "a" * 119 + "…"), (..., "..."), (None, "None"), (True, "True")],
)
def test_an_answer_is_shown_in_short(value, shown):
    assert in_short(to_plain(value)) == shown

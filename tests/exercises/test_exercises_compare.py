"""`judge` on plain data alone, as a grader calls it: total, and the nearest mistake wins."""

import pytest

from mlm.exercises.compare import INVALID, MISTAKE, RIGHT, judge
from mlm.exercises.plain import from_plain, to_plain


def number(value) -> dict:
    return {"kind": "number", "value": value}


QUESTION = {
    "name": "icc",
    "kind": "check",
    "points": 2,
    "value": number(0.4),
    "rtol": 0.1,
    "atol": 0,
    "mistakes": [
        {"name": "near", "value": number(0.5), "hint": "Near."},
        {"name": "far", "value": number(0.56), "hint": "Far."},
    ],
    "probes": None,
}


def test_the_right_value_comes_before_a_mistake_that_is_near_too():
    verdict = judge(number(0.44), QUESTION)
    assert (verdict.status, verdict.points) == (RIGHT, 2)


def test_between_two_mistakes_the_nearer_one_is_named():
    assert judge(number(0.525), QUESTION).mistake == "near"
    assert judge(number(0.535), QUESTION).mistake == "far"


def test_a_mistake_earns_no_points():
    verdict = judge(number(0.5), QUESTION)
    assert (verdict.status, verdict.points) == (MISTAKE, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        None,
        "0.4",
        {"kind": "number"},
        {"kind": "number", "value": [0.4]},
        number(10**400),
        {"kind": []},
    ],
)
def test_what_is_no_plain_data_is_invalid_and_nothing_raises(answer):
    verdict = judge(answer, QUESTION)
    assert (verdict.status, verdict.points) == (INVALID, 0)


@pytest.mark.parametrize("value", [3, 0.5, "a", True, None, [1.5, 2.5], [1, "a"], float("inf")])
def test_arguments_of_a_probe_survive_the_way_through_plain_data(value):
    again = from_plain(to_plain(value))
    assert list(again) == value if isinstance(value, list) else again == value

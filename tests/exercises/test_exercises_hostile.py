"""`judge` on what no learner's value would become: it never raises, never takes long, never says right."""

import copy
import json
import random
import sys

import numpy as np
import pandas as pd
import pytest
from patience import patience

from mlm.exercises import keys
from mlm.exercises.builder import EXERCISES
from mlm.exercises.compare import INVALID, RIGHT, judge
from mlm.exercises.plain import LARGEST, to_plain
from mlm.exercises.wellformed import is_plain

HINTS = ["a nudge", "the structure", "the code"]
LONG = "x " * 10_000
MEANS = {f"county {n}": (n + 1) / 7 for n in range(90)}


def ask(right, **settings) -> dict:
    defaults = {"rtol": None, "atol": 0, "points": 1, "mistakes": None, "accepts": None, "probes": None}
    settings = defaults | settings
    settings |= {"hints": HINTS, "from_data": True, "section": None, "variant": None}
    return keys.compile_check("it", right, **settings)


NUMBER = ask(0.4, mistakes={"inverted": (0.6, "Which part goes on top?")})
TEXT = ask("Lac qui Parle", mistakes={"biggest": ("HENNEPIN", "Most houses.")})
TRUTH = ask(True)
ARRAY = ask(np.array([1.5, 2.5, 3.5]), mistakes={"turned": (np.array([3.5, 2.5, 1.5]), "Turned.")})
MATRIX = ask([[1.0, 2.0], [3.0, 4.0]])
SET = ask({"ANOKA", "Becker"}, mistakes={"one": ({"ANOKA"}, "One more.")})
SERIES = ask(pd.Series(MEANS), mistakes={"n": (pd.Series(MEANS) * 2, "Twice.")})
TABLE = ask(pd.DataFrame({"sd": [0.3, 0.8], "part": ["county", "house"]}, index=["a", "b"]))
LIST = ask([0.5, "a"])
FUNCTION = ask(lambda n, ratio: n / (n + ratio), probes=[(5, 1.0), (80, 0.25)])
QUESTIONS = {
    "number": NUMBER,
    "text": TEXT,
    "truth": TRUTH,
    "array": ARRAY,
    "matrix": MATRIX,
    "set": SET,
    "series": SERIES,
    "table": TABLE,
    "list": LIST,
    "function": FUNCTION,
}


def number(value) -> dict:
    return {"kind": "number", "value": value}


def array(*values, shape=None, of="number") -> dict:
    return {
        "kind": "array",
        "shape": [len(values)] if shape is None else shape,
        "of": of,
        "values": list(values),
    }


def series(index, values, of="number") -> dict:
    return {"kind": "series", "index": index, "of": of, "values": values}


MALFORMED = [
    (NUMBER, number(float("nan"))),
    (NUMBER, number(float("inf"))),
    (NUMBER, number("0.4")),
    (NUMBER, number(10**5000)),
    (NUMBER, number(-(10**301))),
    (NUMBER, number([0.4])),
    (NUMBER, number(None)),
    (NUMBER, ["kind", "number"]),
    (NUMBER, {"kind": "other", "type": 3, "family": ""}),
    (NUMBER, {"kind": "other", "type": "a", "family": ["fit"]}),
    (NUMBER, {"kind": "raised", "error": "no", "signature": 1}),
    (TRUTH, {"kind": "boolean", "value": 1}),
    (TRUTH, number(True)),
    (TEXT, {"kind": "text", "value": ["Lac qui Parle"]}),
    (ARRAY, array()),
    (ARRAY, array(1.5, 2.5)),
    (ARRAY, array(shape=[3])),
    (ARRAY, array(1.5, 2.5, 3.5, 4.5, shape=[3])),
    (ARRAY, array(1.5, 2.5, 3.5, shape=[-3])),
    (ARRAY, array(1.5, 2.5, 3.5, shape=[-1, -3])),
    (ARRAY, array(1.5, 2.5, 3.5, shape=[3.0])),
    (ARRAY, array(1.5, 2.5, 3.5, shape=[True, 3])),
    (ARRAY, array(1.5, 2.5, 3.5, shape=[1] * 10**6)),
    (ARRAY, array(1.5, 2.5, 3.5, shape={"0": 3})),
    (ARRAY, array(1.5, 2.5, "3.5")),
    (ARRAY, array(1.5, 2.5, 3.5, of="floats")),
    (ARRAY, array(1.5, 2.5, 3.5, of="boolean")),
    (ARRAY, array(1.5, 2.5, 3.5) | {"gaps": {"missing": "1"}}),
    (ARRAY, array(1.5, 2.5, 3.5) | {"gaps": []}),
    (ARRAY, {"kind": "list", "items": [number(1.5), number(2.5), number(3.5)]}),
    (ARRAY, {"kind": "list", "items": {"0": 1.5}}),
    (SERIES, series(list(MEANS), list(MEANS.values())[:-1])),
    (SERIES, series(MEANS, list(MEANS.values()))),
    (SERIES, series([*list(MEANS)[:-1], 3], list(MEANS.values()))),
    (TABLE, {"kind": "table", "index": ["a", "b"], "columns": []}),
    (TABLE, {"kind": "table", "index": ["a", "b"], "columns": [["sd"]]}),
    (TABLE, {"kind": "table", "index": 2, "columns": []}),
    (
        TABLE,
        {"kind": "table", "index": [], "columns": [{"name": "sd", "of": "number", "values": []}] * 10**6},
    ),
    (FUNCTION, {"kind": "function", "results": []}),
    (FUNCTION, {"kind": "function", "results": [number(5 / 6)]}),
    (FUNCTION, {"kind": "function", "results": [number(5 / 6), number(80 / 80.25), number(1)]}),
    (FUNCTION, {"kind": "function", "results": [None, None]}),
]


@pytest.mark.parametrize(("question", "answer"), MALFORMED)
def test_malformed_data_is_invalid(question, answer):
    verdict = judge(answer, question)
    assert (verdict.status, verdict.points) == (INVALID, 0)


@pytest.mark.parametrize("depth", [10, 500, sys.getrecursionlimit() * 2])
def test_lists_in_lists_without_end_are_invalid(depth):
    nested = number(0.4)
    for _ in range(depth):
        nested = {"kind": "list", "items": [nested]}
    for question in (NUMBER, LIST):
        assert judge(nested, question).status == INVALID


@pytest.mark.parametrize("trick", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_finite_hides_no_other_number(trick, place):
    values = [1.5, 2.5, 3.5]
    values[place] = trick
    assert judge(array(*values), ARRAY).status == INVALID
    assert judge(number(trick), NUMBER).status == INVALID


def test_a_column_given_twice_is_not_right():
    plain = copy.deepcopy(TABLE["value"])
    plain["columns"].append(plain["columns"][0] | {"values": [9.0, 9.0]})
    assert judge(plain, TABLE).status == INVALID


def test_a_set_does_not_mind_capitals_that_change_its_order():
    assert judge(to_plain({"becker", "Anoka"}), SET).status == RIGHT


def test_a_member_named_twice_is_said_to_be():
    verdict = judge(to_plain(["Becker", "becker"]), SET)
    assert verdict.message == "All of these belong, but one is named more than once."


def test_rows_that_are_numbered_in_another_order_are_said_to_be():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    sentence = "The rows are numbered in another order; number them anew with .reset_index(drop=True)."
    assert judge(to_plain(frame[::-1]), ask(frame)).message == sentence


MANY = [str(n) for n in range(LARGEST)]
ZEROS = [0.0] * LARGEST
ENORMOUS = {
    "as many labels": series([f"label {n}" for n in range(LARGEST)], ZEROS),
    "one label again and again": series(["a"] * LARGEST, ZEROS),
    "labels twice at the end": series([*MANY[:-1], MANY[0]], ZEROS),
    "ninety labels, nearly the right ones": series([name[:-1] + "?" for name in MEANS], list(MEANS.values())),
    "ninety long labels": series([LONG + name for name in MEANS], list(MEANS.values())),
    "as many columns": {
        "kind": "table",
        "index": ["a"],
        "columns": [{"name": name, "of": "number", "values": [0.0]} for name in MANY[:10_000]],
    },
    "as many rows": {
        "kind": "table",
        "index": ["a"] * LARGEST,
        "columns": [{"name": "sd", "of": "number", "values": ZEROS}],
    },
    "as many members": {"kind": "set", "of": "text", "values": MANY},
    "an array of as many": array(*ZEROS),
    "a list of as many": {"kind": "list", "items": [{"kind": "missing"}] * LARGEST},
    "a function's as many": {"kind": "function", "results": [array(*ZEROS), {"kind": "text", "value": LONG}]},
    "members as long": {"kind": "set", "of": "text", "values": [LONG, LONG.upper()]},
    "a text as long": {"kind": "text", "value": LONG},
    "a text of spaces": {"kind": "text", "value": " " * 20_000},
    "an error as long": {"kind": "raised", "error": LONG, "signature": False},
    "a type as long": {"kind": "other", "type": LONG, "family": ""},
    "whole numbers as long": array(*[10**299] * 3),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("answer", ENORMOUS.values(), ids=ENORMOUS)
def test_an_enormous_answer_is_told_off_in_a_moment_and_in_one_line(answer, question):
    assert is_plain(answer)
    with patience():
        verdict = judge(answer, question)
    assert verdict.status != RIGHT
    assert len(verdict.message) < 600
    assert "\n" not in verdict.message


@pytest.mark.parametrize("text", ["\ud800", "a\nb\r\tc", "\x1b[2J" + LONG])
def test_a_learners_words_are_repeated_in_one_line_that_can_be_printed(text):
    message = judge({"kind": "text", "value": text}, TEXT).message
    assert "\n" not in message
    assert "\x1b" not in message
    assert len(message.encode("utf8")) < 300


def _mutations(rng: random.Random, plain):
    """A copy of plain data in which one thing, somewhere, is another."""
    mutated = copy.deepcopy(plain)
    places = list(_places(mutated))
    parent, place = rng.choice(places)
    what = rng.randrange(5)
    if what == 0:
        del parent[place]
    elif what == 1 and isinstance(parent, list):
        parent.insert(place, parent[rng.randrange(len(parent))])
    elif what == 2:
        other, elsewhere = rng.choice(places)
        parent[place] = copy.deepcopy(other[elsewhere])
    else:
        parent[place] = rng.choice(REPLACEMENTS)
    return mutated


REPLACEMENTS = [None, True, False, 0, 1, -1, 0.4, -0.0, 1e308, 10**299, 10**5000, float("nan"), float("inf")]
REPLACEMENTS += [
    "nan",
    "inf",
    "",
    "number",
    "array",
    "set",
    "text",
    "a",
    [],
    {},
    [0.4],
    [[]],
    {"kind": "missing"},
]


def _places(plain):
    parts = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for place, part in parts:
        yield plain, place
        if isinstance(part, (dict, list)):
            yield from _places(part)


def _scalars(plain) -> list:
    """What an answer says, without what it calls itself: numbers and words, in order of their labels."""
    kind = plain["kind"]
    if kind in ("number", "text", "boolean"):
        return [plain["value"]]
    if kind == "series":
        return sorted(zip(plain["index"], plain["values"], strict=True))
    if kind == "table":
        columns = sorted((column["name"], column["values"]) for column in plain["columns"])
        return [(name, sorted(zip(plain["index"], values, strict=True))) for name, values in columns]
    if kind in ("list", "function"):
        return [_scalars(part) for part in plain["items" if kind == "list" else "results"]]
    if kind == "set":
        return sorted(plain["values"], key=str.casefold)
    return [plain["shape"], plain["values"]]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_thousand_garbled_right_answers_never_raise_and_are_right_only_if_they_say_the_same(name):
    question, rng = QUESTIONS[name], random.Random(f"garble {name}")
    statuses = set()
    for _ in range(1000):
        garbled = question["value"]
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            if isinstance(garbled, dict) and garbled:
                garbled = _mutations(rng, garbled)
        verdict = judge(garbled, question)
        statuses.add(verdict.status)
        if verdict.status == RIGHT:
            as_key = garbled | {"kind": question["value"]["kind"]}
            assert _scalars(as_key) == _scalars(question["value"]), garbled
            assert _truths(as_key) == _truths(question["value"]), garbled
    assert INVALID in statuses


def _truths(plain) -> list[bool]:
    """Which scalars are True or False: Python says that they equal 1 and 0."""
    return [type(scalar) is bool for scalar in _flat(_scalars(plain))]


def _flat(thing) -> list:
    return [part for item in thing for part in _flat(item)] if isinstance(thing, (list, tuple)) else [thing]


def test_every_right_answer_of_the_course_is_plain_data():
    for path in sorted((EXERCISES / "keys").glob("*.json")):
        for question in json.loads(path.read_text(encoding="utf8"))["questions"]:
            if question["kind"] == "check":
                assert is_plain(question["value"]), question["name"]
                assert judge(question["value"], question).status == RIGHT, question["name"]

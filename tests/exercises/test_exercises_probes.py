"""Functions are called at other places in a private variant, near those of the public key."""

import json

import numpy as np
import pandas as pd
import pytest

from mlm.exercises import Exercise, exercise, keys
from mlm.exercises.plain import to_plain
from mlm.exercises.probes import FARTHEST, NEAREST, generator, move

HINTS = ["a nudge", "the structure", "the code"]


def moved(*arguments, seed=1) -> list:
    plains = move([to_plain(argument) for argument in arguments], np.random.default_rng(seed))
    return [plain.get("value", plain) for plain in plains]


def ask(monkeypatch, variant, probes=((5, 1.5), (80, 0.25))) -> dict:
    """The question of a weight, as its key cell states it in this variant."""
    lines = []
    monkeypatch.setattr(exercise, "record", lines.append)
    Exercise("99-asked", variant=variant).key(
        "weight",
        lambda n, ratio: n / (n + ratio),
        probes=list(probes),
        mistakes={"other-end": (lambda n, ratio: ratio / (n + ratio), "Which end?")},
        accepts={"inverse": lambda n, ratio: 1 / (1 + ratio / n)},
        hints=HINTS,
    )
    return lines[-1]["question"]


@pytest.mark.parametrize("value", [1.5, -1.5, 1e-300, 42.0])
def test_a_float_becomes_a_little_smaller(value):
    (new,) = moved(value)
    assert FARTHEST - 1e-3 <= new / value <= NEAREST + 1e-3


@pytest.mark.parametrize("value", [0.0, -0.0, float("nan"), float("inf"), 3, True, "a", None])
def test_what_is_special_whole_or_no_number_stays(value):
    before = to_plain(value)
    assert move([before], np.random.default_rng(1)) == [before]


@pytest.mark.parametrize(
    "value", [np.array([0.5, 0.5]), [0.2, 0.8], pd.Series([1.5]), pd.DataFrame({"a": [1.5]})]
)
def test_collections_stay_for_their_entries_may_belong_together(value):
    before = to_plain(value)
    assert move([before], np.random.default_rng(1)) == [before]


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_arguments_stays(seed):
    low, n, high, lowest = moved(1.0, 3, 1.01, -5.0, seed=seed)
    assert lowest < low <= high
    assert n == 3


def test_each_float_moves_by_a_factor_of_its_own():
    first, second = moved(1.0, 2.0)
    assert abs(second / first - 2) > 1e-3


def test_the_public_calls_are_those_that_the_solution_states(monkeypatch):
    assert [call["shown"] for call in ask(monkeypatch, None)["probes"]] == [
        "weight(5, 1.5)",
        "weight(80, 0.25)",
    ]


def test_right_value_mistakes_and_routes_are_computed_at_the_private_calls(monkeypatch):
    question = ask(monkeypatch, 7)
    for place, call in enumerate(question["probes"]):
        n, ratio = (argument["value"] for argument in call["arguments"])
        assert call["shown"] == f"weight({n}, {ratio})"
        assert question["value"]["results"][place]["value"] == pytest.approx(n / (n + ratio))
        assert question["mistakes"][0]["value"]["results"][place]["value"] == pytest.approx(
            ratio / (n + ratio)
        )
        assert question["accepts"][0]["value"]["results"][place]["value"] == pytest.approx(n / (n + ratio))
    assert question["probes"] != ask(monkeypatch, None)["probes"]


def test_a_seed_makes_the_same_calls_each_time_and_another_seed_others(monkeypatch):
    assert ask(monkeypatch, 7) == ask(monkeypatch, 7)
    assert ask(monkeypatch, 7)["probes"] != ask(monkeypatch, 8)["probes"]
    assert generator("weight", 7).uniform() != generator("other", 7).uniform()


def test_a_key_without_answers_keeps_the_private_calls(monkeypatch):
    question = ask(monkeypatch, 7)
    bare = keys.without_answers({"exercise": "99-asked", "variant": 7, "questions": [question]})
    arguments = [call["arguments"] for call in question["probes"]]
    assert bare["questions"][0]["probes"] == [{"arguments": one} for one in arguments]
    assert "results" not in json.dumps(bare)

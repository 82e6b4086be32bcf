"""`Exercise.key` and `Exercise.rubric`: what contradicts itself is refused, by the question's name."""

import json

import numpy as np
import pytest

from mlm.exercises import Exercise, exercise, keys
from mlm.exercises.compare import MISTAKE, RIGHT, judge
from mlm.exercises.exercise import RECORD_FILE

HINTS = ["a nudge", "the structure", "the code"]


def state(value=0.4, variant=None, **settings) -> None:
    Exercise("99-asked", variant=variant).key("icc", value, **({"hints": HINTS} | settings))


@pytest.fixture
def stated(monkeypatch):
    """State a question and return it as its key would hold it."""
    lines = []
    monkeypatch.setattr(exercise, "record", lines.append)

    def question(**settings) -> dict:
        state(**settings)
        return lines[-1]["question"]

    return question


def identity(x):
    return x


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"mistakes": {"close": (0.4003, "Close.")}}, "mistake 'close' is within the tolerance"),
        ({"mistakes": {"a": (0.6, "A."), "b": (0.6001, "B.")}}, "mistake 'b' cannot be told apart from 'a'"),
        ({"mistakes": {"a": (0.6, " ")}}, "mistake 'a' must be a pair"),
        ({"mistakes": {"a": 0.6}}, "mistake 'a' must be a pair"),
        ({"mistakes": {"a": (float("nan"), "A.")}}, "mistake 'a' holds nan"),
        ({"accepts": {"other engine": 0.41}}, "'other engine' is 25 tolerances from the right value"),
        ({"hints": HINTS[:2]}, "give three hints"),
        ({"hints": [*HINTS[:2], ""]}, "give three hints"),
        ({"value": float("nan")}, "the right value holds nan"),
        ({"value": np.array([1.0, np.inf])}, "the right value holds nan or an infinity"),
        ({"value": ...}, "the right value cannot be compared: unanswered"),
        ({"value": None}, "the right value cannot be compared: missing"),
        ({"value": object()}, "the right value cannot be compared: object"),
        ({"value": identity}, "is a function; name what to call it with"),
        ({"value": identity, "probes": [1, 2]}, "probes must be a list of tuples"),
        ({"value": lambda x: 1 / x, "probes": [(0,)]}, "cannot be compared: ZeroDivisionError"),
        ({"value": 0.0}, "the right value holds a 0, of which rtol admits nothing; give atol"),
        ({"means": 3}, "means=3 is no sentence"),
        ({"rtol": -1}, "rtol is -1; it must be a number, 0 or more"),
        ({"points": float("nan")}, "points is nan"),
        ({"section": "Shrinkage"}, "section='Shrinkage' is no label of a section"),
    ],
)
def test_a_contradiction_is_refused_by_name(settings, complaint):
    with pytest.raises(keys.KeyRefused) as refusal:
        state(**settings)
    assert str(refusal.value).startswith("icc: ")
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("name", ["ICC", "two words", "", 3])
def test_a_name_that_is_no_slug_is_refused(name):
    with pytest.raises(keys.KeyRefused, match="is no name of a question"):
        Exercise("99-asked").key(name, 0.4, hints=HINTS)


def test_a_private_variant_leaves_a_mistake_out_that_its_data_cannot_tell_apart(monkeypatch, tmp_path):
    record = tmp_path / "record.jsonl"
    monkeypatch.setenv(RECORD_FILE, str(record))
    state(variant=7, mistakes={"close": (0.4003, "Close."), "far": (0.6, "Far.")})
    question = json.loads(record.read_text())["question"]
    assert [mistake["name"] for mistake in question["mistakes"]] == ["far"]
    assert question["left_out"] == ["close"]


def test_two_ways_to_the_same_mistake_may_share_a_hint(stated):
    same = {"a": (0.6, "Same."), "again": (0.6, "Same."), "near": (0.6001, "Same."), "b": (0.7, "Same.")}
    question = stated(mistakes=same)
    assert [mistake["name"] for mistake in question["mistakes"]] == ["a", "near", "b"]
    assert question["left_out"] == []


def test_a_private_variant_leaves_a_mistake_out_that_comes_out_as_nan(stated):
    question = stated(variant=7, mistakes={"none": (float("nan"), "None."), "far": (0.6, "Far.")})
    assert [mistake["name"] for mistake in question["mistakes"]] == ["far"]
    assert question["left_out"] == ["none"]


def test_a_private_variant_widens_the_tolerance_for_a_route_that_is_farther_away(stated):
    question = stated(variant=7, accepts={"other engine": 0.4008}, mistakes={"far": (0.41, "Far.")})
    assert question["widened"] == pytest.approx(2, abs=0.02)
    assert question["rtol"] == keys.RTOL * question["widened"]
    assert judge(question["accepts"][0]["value"], question).status == RIGHT
    assert judge(question["mistakes"][0]["value"], question).status == MISTAKE


def test_a_tolerance_is_not_widened_without_need(stated):
    assert stated(variant=7, accepts={"other engine": 0.4003})["widened"] == 1


def test_no_route_widens_a_tolerance_by_more_than_a_factor_of_three():
    with pytest.raises(keys.KeyRefused, match="'other engine' is 3.5 tolerances from the right value"):
        state(variant=7, accepts={"other engine": 0.4014})


def test_no_tolerance_is_widened_so_far_that_a_mistake_becomes_right():
    with pytest.raises(keys.KeyRefused, match="would admit the mistake 'close'"):
        state(variant=7, accepts={"other engine": 0.4008}, mistakes={"close": (0.4006, "Close.")})


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"words": (5, 8)}, "the model answer has 3 words, outside the 5 to 8"),
        ({"words": (8, 5)}, "should be (fewest, most)"),
        ({"rubric": {"It says so.": 1}}, "a rubric needs two criteria or more"),
        ({"hints": HINTS[:1]}, "give three hints"),
    ],
)
def test_a_rubric_that_contradicts_itself_is_refused(settings, complaint):
    sound = {"words": (2, 8), "rubric": {"It says so.": 1, "It says why.": 2}, "hints": HINTS}
    with pytest.raises(keys.KeyRefused) as refusal:
        Exercise("99-asked").rubric("essay", "Three short words", **(sound | settings))
    assert complaint in str(refusal.value)


def test_a_model_answer_that_copies_the_rubric_is_refused():
    rubric = {"It says who leans on whom.": 1, "It says why.": 2}
    with pytest.raises(keys.KeyRefused, match="the model answer would be refused: More than half of this"):
        Exercise("99-asked").rubric(
            "essay", "It says who leans on whom.", words=(2, 8), rubric=rubric, hints=HINTS
        )


def test_numbers_of_a_key_keep_ten_digits():
    assert keys.tidy({"value": [1 / 3, 2, "a", None, 1e-300]}) == {
        "value": [0.3333333333, 2, "a", None, 1e-300]
    }


def test_a_key_without_answers_holds_no_value_mistake_route_hint_or_rubric(monkeypatch):
    lines = []
    monkeypatch.setattr(exercise, "record", lines.append)
    told = {
        "means": "A secret meaning.",
        "mistakes": {"a-slip": (0.987654, "A secret hint.")},
        "accepts": {"a-route": 0.123457},
    }
    state(0.123456, **told)
    slip, route = (lambda x: 0.987654 * x, "A secret hint."), lambda x: 0.123456 * x
    settings = {"mistakes": {"a-slip": slip}, "accepts": {"a-route": route}, "section": "sec-secret"}
    state(route, probes=[(2.5,), (0.5,)], **settings)
    rubric = {"A secret criterion.": 1, "Another secret.": 2}
    ex = Exercise("99-asked")
    ex.rubric("essay", "A secret answer", words=(2, 77), rubric=rubric, hints=HINTS, section="sec-secret")
    key = {"exercise": "99-asked", "variant": 7, "questions": [line["question"] for line in lines]}
    text = keys.dump(keys.without_answers(key))
    secrets = ["0.1234", "0.9876", "0.308", "0.0617", "2.469", "a-slip", "a-route", "secret", "77", *HINTS]
    assert [secret for secret in secrets if secret in keys.dump(key)], "the full key holds them"
    assert [secret for secret in secrets if secret in text] == []


def test_a_key_without_answers_names_what_is_asked_and_with_what(built):
    key = json.loads((built / "keys" / "98-example.json").read_text(encoding="utf8"))
    bare = keys.without_answers(key)
    assert (bare["exercise"], bare["variant"]) == ("98-example", None)
    fields = {"name", "kind", "points", "probes", "hints"}
    assert {frozenset(question) for question in bare["questions"]} == {frozenset(fields)}
    assert [q["points"] for q in bare["questions"]] == [q["points"] for q in key["questions"]]
    weight = next(question for question in bare["questions"] if question["name"] == "weight")
    first, second = ({"kind": "number", "value": value} for value in (5, 1.0))
    assert weight["probes"][0] == {"arguments": [first, second]}

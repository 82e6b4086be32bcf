"""`to_plain`: every value becomes data that strict JSON can hold; only types that are what they say count."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from mlm.exercises.plain import to_plain

NAN = float("nan")
ONE_GAP = {"gaps": {"missing": 1}}


def number_array(*values) -> dict:
    return {"kind": "array", "shape": [len(values)], "of": "number", "values": list(values)}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int8(3), {"kind": "number", "value": 3}),
        (decimal.Decimal("0.5"), {"kind": "number", "value": 0.5}),
        (-np.inf, {"kind": "number", "value": "-inf"}),
        (np.str_("a"), {"kind": "text", "value": "a"}),
        (pd.NaT, {"kind": "missing"}),
        (xr.DataArray(0.5), {"kind": "number", "value": 0.5}),
        (xr.DataArray([0.5, 1]), number_array(0.5, 1.0)),
        ((1, 2.5), number_array(1, 2.5)),
        ([1.5, None], number_array(1.5, "nan") | ONE_GAP),
        ([NAN, NAN], number_array("nan", "nan")),
        (pd.Index([1, 2]), number_array(1, 2)),
        (pd.RangeIndex(2), number_array(0, 1)),
        (pd.array([1, None], dtype="Int64"), number_array(1, "nan") | ONE_GAP),
        (pd.array([1.5, None], dtype="Float64"), number_array(1.5, "nan") | ONE_GAP),
        (np.array([1, 2.5], dtype=object), number_array(1, 2.5)),
        ([], {"kind": "array", "shape": [0], "of": "mixed", "values": []}),
        (
            pd.Categorical(["a", None, "b"]),
            {"kind": "array", "shape": [3], "of": "text", "values": ["a", None, "b"]},
        ),
        ({1: 0.5, 2.0: 1}, {"kind": "series", "index": ["1", "2"], "of": "number", "values": [0.5, 1]}),
        (
            pd.Series([True, False], index=[("a", 1), ("a", 2)]),
            {"kind": "series", "index": ["a, 1", "a, 2"], "of": "boolean", "values": [True, False]},
        ),
        ({2, 1}, {"kind": "set", "of": "number", "values": [1, 2]}),
        ([[1, 2], [3, 4]], {"kind": "array", "shape": [2, 2], "of": "number", "values": [1, 2, 3, 4]}),
        (
            ["a", 1],
            {"kind": "list", "items": [{"kind": "text", "value": "a"}, {"kind": "number", "value": 1}]},
        ),
    ],
)
def test_a_value_becomes_plain(value, plain):
    assert to_plain(value) == plain


class Number(float):
    """A number of the learner's own making."""


class Array(np.ndarray):
    """An array of the learner's own making."""


class Frame(pd.DataFrame):
    """A data frame of the learner's own making."""


@pytest.mark.parametrize(
    "value", [Number(1), np.zeros(2).view(Array), Frame({"a": [1]}), 1j, b"a", object(), print]
)
def test_what_is_not_exactly_a_known_type_is_not_taken_for_one(value):
    assert to_plain(value)["kind"] in ("other", "function")


@pytest.mark.parametrize(
    "value",
    [
        ...,
        None,
        NAN,
        10**400,
        np.array([np.nan, np.inf]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        pd.Timestamp("2026-01-01"),
        datetime.date(2026, 1, 1),
        pd.DataFrame({"a": [1, None], "b": ["x", None], 3: pd.Categorical(["u", "v"])}),
        pd.DataFrame({("a", 1): [1]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.Series([object(), 1]),
        pd.Series([pd.Interval(0, 1)]),
        {"a": [1, 2]},
        {(1, "a"): {2}},
        {1, "a"},
        [{1: 2}, [3, [4, [5, [6, [7]]]]]],
        np.zeros((2, 0)),
        np.ma.masked_array([1, 2], [True, False]),
        pd.DataFrame(),
    ],
)
def test_every_value_becomes_strict_json(value):
    json.dumps(to_plain(value), allow_nan=False)


def test_a_function_that_changes_what_it_is_given_is_told_so():
    def doubled_in_place(values):
        values *= 2
        return values.sum()

    (result,) = to_plain(doubled_in_place, [[number_array(1.0, 2.0)]])["results"]
    assert result["kind"] == "raised" and "changes what it is given" in result["error"]

"""Private variants: the same columns, labels and types; other rows behind each label."""

import numpy as np
import pandas as pd
import pytest

from mlm import load
from mlm.exercises import Exercise
from mlm.exercises.variants import VARIANT, read_variant, vary_groups


@pytest.fixture
def radon() -> pd.DataFrame:
    return load("radon")


@pytest.fixture
def varied() -> pd.DataFrame:
    return Exercise("98-example", variant=7).data("radon", vary="county")


def test_the_public_variant_is_the_data_as_they_are(radon):
    pd.testing.assert_frame_equal(Exercise("98-example").data("radon", vary="county"), radon)


def test_a_data_set_without_groups_is_the_same_in_every_variant(radon):
    pd.testing.assert_frame_equal(Exercise("98-example", variant=7).data("radon"), radon)


def test_columns_types_and_labels_stay(radon, varied):
    assert list(varied.columns) == list(radon.columns)
    assert (varied.dtypes == radon.dtypes).all()
    assert varied["county"].unique().tolist() == radon["county"].unique().tolist()
    assert varied.index.equals(pd.RangeIndex(len(varied)))


def test_every_label_receives_the_rows_of_one_other_group(radon, varied):
    content = ["floor", "activity", "log_uranium"]
    public = {label: rows[content].to_numpy() for label, rows in radon.groupby("county", observed=True)}
    for label, rows in varied.groupby("county", observed=True):
        donors = [name for name, values in public.items() if np.array_equal(values, rows[content].to_numpy())]
        assert donors, f"{label} holds rows of no single county"
        assert label not in donors, f"{label} kept its own rows"


@pytest.mark.parametrize("seed", range(20))
def test_some_group_is_dealt_twice_so_that_no_statistic_of_all_rows_stays(seed):
    frame = pd.DataFrame({"g": ["a", "b", "c"], "y": [1.0, 2.0, 4.0]})
    assert vary_groups(frame, "g", seed=seed, salt="")["y"].nunique() == 2


def test_a_column_of_the_group_moves_with_its_rows(varied):
    for label, values in varied.groupby("county", observed=True)["log_uranium"]:
        assert (values == values.iloc[0]).all(), f"{label} has houses of several counties"


def test_the_same_seed_gives_the_same_rows(varied):
    pd.testing.assert_frame_equal(varied, Exercise("98-example", variant=7).data("radon", vary="county"))


@pytest.mark.parametrize(("exercise", "variant"), [("98-example", 8), ("97-other", 7)])
def test_another_seed_or_exercise_gives_others(varied, exercise, variant):
    other = Exercise(exercise, variant=variant).data("radon", vary="county")
    assert not varied.equals(other)


def test_labels_that_are_text_stay_text():
    frame = pd.DataFrame({"g": ["a", "a", "b"], "y": [1.0, 2.0, 3.0]})
    swapped = vary_groups(frame, "g", seed=1, salt="")
    assert swapped["g"].dtype == frame["g"].dtype
    assert swapped.to_dict("list") == {"g": ["a", "b", "b"], "y": [3.0, 1.0, 2.0]}


def test_a_wrong_group_column_is_named():
    frame = pd.DataFrame({"g": ["a", None], "y": [1.0, 2.0]})
    with pytest.raises(KeyError, match="'county' is no column of this data set; it has g, y"):
        vary_groups(frame, "county", seed=1, salt="")
    with pytest.raises(ValueError, match="needs two groups or more and no missing label"):
        vary_groups(frame, "g", seed=1, salt="")


def test_the_variant_is_the_argument_else_the_environment_else_public(monkeypatch):
    assert read_variant(None) is None
    monkeypatch.setenv(VARIANT, "12")
    assert read_variant(None) == 12
    assert read_variant(3) == 3
    monkeypatch.setenv(VARIANT, "")
    assert read_variant(None) is None


@pytest.mark.parametrize("given", [-1, "seven", 1.5, True])
def test_a_variant_that_is_no_seed_is_refused(given):
    with pytest.raises(ValueError, match="a variant is a whole number"):
        read_variant(given)

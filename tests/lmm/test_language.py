"""Formulas as people write them: the fit that lme4 makes of them, or words that name the place."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm import fit_lmm, load
from mlm.lmm import build_design

ROOT = Path(__file__).parents[2]
RECORD = json.loads((ROOT / "data/reference/formulas.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def ratings():
    """As data/reference/formulas.R prepares them."""
    data = load("teaching_ratings")
    data["upper"] = data["division"] == "upper"
    data["stage"] = pd.cut(data["age"], [0, 40, 55, 100], labels=["early", "middle", "late"])
    data["people"] = 1e5 * data["students"]
    data["prof.id"] = data["prof id"] = data["prof"]
    return data


def test_the_stored_criteria_are_those_of_this_script_and_these_data():
    stale = [
        path
        for path, sha256 in RECORD["sha256"].items()
        if hashlib.sha256((ROOT / path).read_bytes()).hexdigest() != sha256
    ]
    assert not stale, f"run `make reference` again: {stale} changed since"


@pytest.mark.parametrize("formula", RECORD["formulas"])
def test_a_formula_means_what_it_means_to_lme4(ratings, formula):
    fit, theirs = fit_lmm(formula, ratings), RECORD["formulas"][formula]
    assert fit.converged
    assert (fit.design.X.shape[1], fit.design.n_theta) == (theirs["fixed"], theirs["random"])
    assert fit.criterion == pytest.approx(theirs["criterion"], abs=1e-5)


REFUSED = {
    "eval ~ beauty age + (1 | prof)": ["Missing operator between `beauty` and `age`", "^"],
    "eval ~ beauty, age + (1 | prof)": ["Unknown operator ','"],
    "eval ~ beauty % 2 + age + (1 | prof)": ["% 2 + age", "^"],
    "eval ~ beauty // age + (1 | prof)": ["//", "^^"],
    "eval ~ 1beauty + age + (1 | prof)": ["no column '1beauty'"],
    "eval ~ beauty %in% stage + age + (1 | prof)": ["write a:b for b %in% a"],
    "eval ~ age + (beauty age | prof)": ["Missing operator between `beauty` and `age`"],
    "eval beauty ~ age + (1 | prof)": ["'eval beauty' cannot be read", "^"],
    "eval ~ beauty + 2 + (1 | prof)": ["Numeric literals other than `1`", "I(…)"],
    "eval ~ 2 * beauty + (1 | prof)": ["Numeric literals other than `1`", "I(…)"],
    "eval ~ 2:beauty + (1 | prof)": ["multiplies by a number", "I(…)"],
    "eval ~ beauty > 0 + (1 | prof)": ["Unknown operator '>'", "I(…)"],
    "eval ~ I(beauty^2) + (1 | prof)": ["a power is written **"],
    "eval^2 ~ beauty + (1 | prof)": ["a power is written **"],
    "eval ~ beauty[0] + (1 | prof)": ["make that column first"],
    "eval ~ exp10(beauty) + (1 | prof)": ["'exp10' is no function known here"],
    "eval ~ I(beauty age) + (1 | prof)": ["cannot be read", "^"],
    "cbind(eval, age) ~ beauty + (1 | prof)": ["'cbind' is no function known here"],
    "upper ~ beauty + (1 | prof)": ["response must be one column of numbers", "astype(float)"],
    "eval ~ beauty * (1 | prof)": ["a bar stands where it cannot"],
    "eval ~ . + (1 | prof)": ["name the columns that the dot stands for"],
}


@pytest.mark.parametrize(("formula", "words"), REFUSED.items())
def test_a_formula_that_is_not_read_whole_is_refused_with_its_place(ratings, formula, words):
    with pytest.raises(ValueError) as refused:
        build_design(formula, ratings)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "formula", ["eval ~ stage + beauty + (1 | prof)", "eval ~ stage * beauty + (1 | prof)"]
)
def test_a_factor_of_one_level_is_named(ratings, formula):
    """Its column would vanish, and with it the question."""
    data = ratings.assign(beauty=ratings["beauty"].where(ratings["stage"] == "late"))
    with pytest.raises(ValueError, match="stage makes no column"):
        build_design(formula, data)


#: Ways in which a data frame can hold the same values.
KINDS = {
    "arrow": lambda data: data.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda data: data.convert_dtypes(),
    "objects": lambda data: data.assign(**{name: data[name].astype(object) for name in ("upper",)}),
    "sparse": lambda data: data.assign(age=pd.arrays.SparseArray(data["age"])),
    "small numbers": lambda data: data.assign(
        age=data["age"].astype("int8"), beauty=data["beauty"].astype("float32")
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_mean_the_same_in_columns_of_any_kind(ratings, kind):
    data = ratings.drop(columns=["stage"])
    formula = "eval ~ upper * age + gender + beauty + I(age**3) + (1 + upper | prof)"
    plain, other = (build_design(formula, frame) for frame in (data, KINDS[kind](data)))
    assert plain.fixed_names == other.fixed_names
    assert np.allclose(plain.X, other.X, rtol=1e-6) and np.array_equal(
        plain.terms[0].codes, other.terms[0].codes
    )


def test_columns_with_levels_of_names_are_refused(ratings):
    deep = pd.concat({"a": ratings}, axis=1)
    with pytest.raises(ValueError, match="2 levels of names"):
        build_design("eval ~ beauty + (1 | prof)", deep)


def test_groups_that_cannot_be_sorted_are_refused_by_name(ratings):
    with pytest.raises(ValueError, match="grouping column 'prof'.*astype"):
        build_design("eval ~ beauty + (1 | prof)", ratings.assign(prof=[[1]] * len(ratings)))


def test_the_column_without_which_no_row_is_left_is_named(ratings):
    with pytest.raises(ValueError, match=r"No row is left.*beauty: 463"):
        build_design("eval ~ beauty + (1 | prof)", ratings.assign(beauty=np.nan))

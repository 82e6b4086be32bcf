"""`fit_lmm` reaches the optimum that lme4 reaches, and tells the same of it, on every stored model.

The stored numbers are of the lme4 optimiser that came lowest (`data/reference/lme4.R`). What is asked:
the criterion within 1e-5; fixed effects within 1e-5 of their value, or of their standard error where the
value is smaller; standard deviations, correlations and standard errors within 1e-4; conditional modes within
1e-4 of the standard deviation between the groups.
"""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from mlm import certify, estimates, load, stored
from mlm.engines.tables import STORED
from mlm.lmm import fit_lmm

RECORD = json.loads(STORED.read_text(encoding="utf-8"))
FORMULAS = {
    "radon M0": ("radon", "y ~ 1 + (1 | county)"),
    "radon M1": ("radon", "y ~ floor + (1 | county)"),
    "radon M2": ("radon", "y ~ floor + log_uranium + (1 | county)"),
    "radon M3": ("radon", "y ~ floor + (1 + floor | county)"),
    "radon M4": ("radon", "y ~ floor * log_uranium + (1 + floor | county)"),
    "radon within-between": ("radon", "y ~ floor + log_uranium + floor_mean + (1 | county)"),
    "ratings null": ("teaching_ratings", "eval ~ 1 + (1 | prof)"),
    "ratings beauty": ("teaching_ratings", "eval ~ beauty + (1 | prof)"),
    "pastes": ("pastes", "strength ~ 1 + (1 | batch) + (1 | sample)"),
    "pastes nested": ("pastes", "strength ~ 1 + (1 | batch/cask)"),
    "penicillin": ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    "dyestuff": ("dyestuff", "yield ~ 1 + (1 | batch)"),
    "dyestuff2": ("dyestuff2", "yield ~ 1 + (1 | batch)"),
    "sleepstudy intercepts": ("sleepstudy", "reaction ~ days + (1 | subject)"),
    "sleepstudy slopes": ("sleepstudy", "reaction ~ days + (1 + days | subject)"),
    "sleepstudy independent": ("sleepstudy", "reaction ~ days + (1 | subject) + (0 + days | subject)"),
    "cheese": ("cheese", "log_volume ~ log_price + display + (1 + log_price | retailer)"),
    "cheese centred": (
        "cheese",
        "log_volume ~ log_price_centred + display + (1 + log_price_centred | retailer)",
    ),
    "orange juice tropicana": (
        "tropicana",
        "log_ounces ~ log_price_centred + deal + feature + (1 + log_price_centred | store)",
    ),
    "orange juice": (
        "orange_juice",
        "log_ounces ~ log_price_centred + deal + feature"
        " + (1 + log_price_centred | store) + (1 + log_price_centred | brand)",
    ),
    "insteval": ("insteval", "rating ~ service + (1 | student) + (1 | lecturer) + (1 | department)"),
}
EVERY_FIT = pytest.mark.parametrize(
    ("model", "reml"),
    [
        pytest.param(model, reml, id=f"{model} {'REML' if reml else 'ML'}")
        for model in FORMULAS
        for reml in (True, False)
    ],
)


@cache
def frame(name: str) -> pd.DataFrame:
    """The data as the chapters prepare them, and as lme4.R does."""
    if name == "tropicana":
        juice = frame("orange_juice")
        return juice[juice["brand"] == "Tropicana Premium 64"]
    data = load(name)
    if name == "radon":
        data["y"] = np.log(data["activity"].replace(0, 0.1))
        data["floor_mean"] = data.groupby("county", observed=True)["floor"].transform("mean")
    if name in ("cheese", "orange_juice"):
        sold = "volume" if name == "cheese" else "ounces"
        data[f"log_{sold}"] = np.log(data[sold])
        data["log_price"] = np.log(data["price"])
        data["log_price_centred"] = data["log_price"] - data["log_price"].mean()
    return data


@cache
def fit(model: str, reml: bool):
    name, formula = FORMULAS[model]
    return fit_lmm(formula, frame(name), reml=reml)


def record(model: str, reml: bool) -> dict:
    return RECORD["models"][model]["REML" if reml else "ML"]


def gaps(found, expected, scale) -> pd.Series:
    """Differences as shares of a scale, largest first: a failing test shows the worst."""
    return ((found - expected).abs() / scale).sort_values(ascending=False)


# ---- every stored model -----------------------------------------------------------------------------------


def test_every_stored_model_is_fitted_here():
    assert sorted(FORMULAS) == sorted(RECORD["models"])
    assert len(FORMULAS) >= 16


@EVERY_FIT
def test_criterion_is_that_of_the_best_optimum_known(model, reml):
    ours, best = fit(model, reml), record(model, reml)["criterion"]
    assert ours.converged, ours.convergence
    assert ours.criterion - best < 1e-5, f"ours stopped {ours.criterion - best:.2g} above lme4's best"
    assert best - ours.criterion < 1e-5, (
        f"lme4's best is {best - ours.criterion:.2g} above ours: fit it again"
    )


def test_seventy_thousand_rows_in_three_crossed_factors_are_certified():
    """Here, since the fit takes seconds and is there already."""
    certificate = certify(fit("insteval", True))
    assert certificate.ok and not certificate.singular and not certificate.everywhere
    assert "no higher point found near it" in repr(certificate)


@EVERY_FIT
def test_estimates_are_those_of_lme4(model, reml):
    ours, theirs = estimates(fit(model, reml)), stored(model, reml)
    assert set(ours.index) == set(theirs.index)
    ours, expected = ours.loc[theirs.index, "estimate"], theirs["estimate"]
    size = np.maximum(expected["fixed"].abs(), theirs.loc["fixed", "se"])
    assert (gaps(ours["fixed"], expected["fixed"], size) < 1e-5).all(), gaps(
        ours["fixed"], expected["fixed"], size
    )
    residual = expected.loc["residual", "residual"]
    sizes = expected["sd"].where(
        expected["sd"] > 1e-4 * residual, residual
    )  # zero is measured by the residual
    assert (gaps(ours["sd"], expected["sd"], sizes) < 1e-4).all(), gaps(ours["sd"], expected["sd"], sizes)
    assert ours.loc["residual", "residual"] == pytest.approx(residual, rel=1e-5)
    if "cor" in expected:
        assert (gaps(ours["cor"], expected["cor"], 1) < 1e-4).all(), gaps(ours["cor"], expected["cor"], 1)


@EVERY_FIT
def test_standard_errors_are_those_of_lme4(model, reml):
    ours, theirs = estimates(fit(model, reml)).loc["fixed", "se"], stored(model, reml).loc["fixed", "se"]
    assert (gaps(ours, theirs, theirs) < 1e-4).all(), gaps(ours, theirs, theirs)


@EVERY_FIT
def test_theta_is_that_of_lme4(model, reml):
    ours, theirs = fit(model, reml), record(model, reml)["theta"]
    expected = pd.Series({row["term"]: row["estimate"] for row in theirs})
    found = pd.Series(dict(zip(theta_terms(ours.design), ours.theta, strict=True)))
    size = np.maximum(expected.abs(), 1e-4 if record(model, reml)["singular"] else 0.1)
    assert set(found.index) == set(expected.index)
    assert (gaps(found, expected, size) < 1e-4).all(), gaps(found, expected, size)


def theta_terms(design) -> list[str]:
    """The names that lme4.R gives to the entries of the relative factor, in the order of our theta."""
    names = []
    for term in design.terms:
        for column, effect in enumerate(term.names):
            names.append(f"{term.group} {effect}")
            names += [f"{term.group} {effect}, {below}" for below in term.names[column + 1 :]]
    return names


@EVERY_FIT
def test_conditional_modes_are_those_of_lme4(model, reml):
    ours, theirs = fit(model, reml), record(model, reml)["conditional_modes"]
    assert set(ours.random) == set(theirs)
    for group, modes in theirs.items():
        found, expected = by_label(ours.random[group], ours.random[group].index), pd.DataFrame(modes)
        assert set(found.columns) == set(expected.columns)
        for effect in expected:
            sd = ours.variance_components.loc[(group, effect), "sd"]
            gap = gaps(found.loc[expected.index, effect], expected[effect], sd if sd > 0 else ours.sigma)
            assert (gap < 1e-4).all(), f"{effect} of {group}, in standard deviations:\n{gap.head()}"


def by_label(values, levels) -> pd.DataFrame:
    return pd.DataFrame(values).set_axis([str(level) for level in levels])


@EVERY_FIT
def test_likelihood_parameters_and_information_criteria_are_those_of_lme4(model, reml):
    ours, theirs = fit(model, reml), record(model, reml)
    assert ours.n == RECORD["models"][model]["rows"]
    assert ours.df == theirs["parameters"]
    assert ours.loglik == pytest.approx(theirs["log_likelihood"], abs=1e-5)
    assert ours.aic == pytest.approx(theirs["aic"], abs=1e-5)
    assert ours.bic == pytest.approx(theirs["bic"], abs=1e-5)


@EVERY_FIT
def test_a_fit_is_singular_where_lme4s_best_is(model, reml):
    assert fit(model, reml).singular == record(model, reml)["singular"]


@pytest.mark.parametrize(
    "model", [name for name, both in RECORD["models"].items() if "conditional_sd" in both["REML"]]
)
@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
def test_conditional_standard_deviations_are_those_of_lme4(model, reml):
    ours, theirs = fit(model, reml), record(model, reml)["conditional_sd"]
    for group, columns in theirs.items():
        effects = ours.random[group]
        found = np.sqrt(np.diagonal(ours.random_cov[group], axis1=1, axis2=2))
        found = by_label(found, effects.index).set_axis(list(effects.columns), axis=1)
        for effect, sds in columns.items():
            expected = pd.Series(sds)
            gap = gaps(found.loc[expected.index, effect], expected, expected)
            assert (gap < 1e-4).all(), f"{effect} of {group}:\n{gap.head()}"


# ---- where programs differ --------------------------------------------------------------------------------


@pytest.mark.parametrize(("reml", "short"), [(True, 5.6557), (False, 4.9973)], ids=["REML", "ML"])
def test_on_m4_ours_is_lower_than_lme4s_default_which_stops_at_a_singular_point(reml, short):
    default = record("radon M4", reml)["optimisers"]["nloptwrap (default)"]
    ours = fit("radon M4", reml)
    assert default["singular"] and not ours.singular
    assert default["criterion"] - ours.criterion == pytest.approx(short, abs=1e-3)


def test_no_lme4_optimiser_ends_below_ours():
    below = {
        (model, optimiser): fit(model, reml).criterion - end["criterion"]
        for model in FORMULAS
        for reml in (True, False)
        for optimiser, end in record(model, reml)["optimisers"].items()
        if end["criterion"] < fit(model, reml).criterion - 1e-5
    }
    assert not below


def test_raw_and_centred_price_are_the_same_model():
    """Only the meaning of the intercept changes: its variance and the correlation, not the fit."""
    raw, centred = fit("cheese", True), fit("cheese centred", True)
    assert raw.criterion == pytest.approx(centred.criterion, abs=1e-6)
    assert raw.sigma == pytest.approx(centred.sigma, rel=1e-6)
    slopes = raw.random["retailer"]["log_price"], centred.random["retailer"]["log_price_centred"]
    assert np.abs(slopes[0] - slopes[1]).max() < 1e-5
    correlations = raw.correlations.iloc[0], centred.correlations.iloc[0]
    assert [round(r, 2) for r in correlations] == [-0.79, 0.02]

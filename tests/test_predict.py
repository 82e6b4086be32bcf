"""Predictions: against lme4, dense matrices, closed forms, simulation, and what chapter 3 makes by hand."""

import hashlib
import json
import pickle
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from lmm.cases import FORMULAS, dense_G, dense_Z, simulated
from scipy import linalg, stats

from mlm import fit_lmm, load, predict
from mlm.lmm import Likelihood, LmmFit, build_design, fit_design
from mlm.lmm.resampling import simulate_with_effects

ROOT = Path(__file__).parents[1]
RECORD = json.loads((ROOT / "data/reference/predictions.json").read_text(encoding="utf8"))
Z90 = stats.norm.ppf(0.95)

LME4 = {
    "sleepstudy slopes": ("sleepstudy", "reaction ~ days + (days | subject)"),
    "sleepstudy polynomial": ("sleepstudy", "reaction ~ poly(days, 2) + (1 | subject)"),
    "pastes nested": ("pastes", "strength ~ 1 + (1 | batch/cask)"),
    "penicillin crossed": ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    "ratings scaled": ("teaching_ratings", "eval ~ scale(age) + division * beauty + (beauty | prof)"),
    "ratings spline": ("teaching_ratings", "eval ~ bs(age, df=4) + (1 | prof)"),
}


def sleepstudy():
    return fit_lmm("reaction ~ days + (days | subject)", load("sleepstudy"))


# ---- lme4 -----------------------------------------------------------------------------------------------


def test_the_stored_predictions_are_those_of_this_script_and_these_data():
    stale = [
        path
        for path, sha256 in RECORD["sha256"].items()
        if hashlib.sha256((ROOT / path).read_bytes()).hexdigest() != sha256
    ]
    assert not stale, f"run `make reference` again: {stale} changed since"
    assert set(RECORD["models"]) == set(LME4)


@pytest.mark.parametrize("model", LME4)
def test_predictions_are_those_of_lme4(model):
    name, formula = LME4[model]
    theirs, fit = RECORD["models"][model], fit_lmm(formula, load(name))
    rows = pd.DataFrame(theirs["rows"])
    group, population = predict(fit, rows), predict(fit, rows, of="population")
    scale = np.max(theirs["se"])
    np.testing.assert_allclose(group["prediction"], theirs["group"], atol=1e-3 * scale)
    np.testing.assert_allclose(population["prediction"], theirs["population"], atol=1e-3 * scale)
    np.testing.assert_allclose(group["se"], theirs["se"], rtol=2e-3)


# ---- dense matrices -------------------------------------------------------------------------------------


def some_rows(seed):
    """Rows in known and in new groups of each factor."""
    rows = simulated(seed, n=40).drop(columns="y")
    for name, every in {"g": 3, "k": 4, "m": 5, "h": 7}.items():
        rows.loc[rows.index % every == 0, name] = "never seen"
    return rows.set_index(rows.index + 100)


def dense_prediction(fit, rows):
    """BLUP and its error variance by dense generalised least squares over all groups, old and new."""
    data = simulated()
    both = pd.concat([data, rows], keys=["old", "new"]).assign(y=lambda d: d["y"].fillna(0))
    design = build_design(fit.formula, both)
    old = np.asarray(design.index.get_level_values(0) == "old")
    Z, X = dense_Z(design), design.X
    within = fit.sigma**2 * Z @ dense_G(design, fit.theta) @ Z.T
    V = within[old][:, old] + fit.sigma**2 * np.eye(old.sum())
    W = np.linalg.solve(V, within[old][:, ~old])
    d = X[~old] - W.T @ X[old]
    information = X[old].T @ np.linalg.solve(V, X[old])
    beta = np.linalg.solve(information, X[old].T @ np.linalg.solve(V, data["y"]))
    prediction = X[~old] @ beta + W.T @ (data["y"].to_numpy() - X[old] @ beta)
    covariance = within[~old][:, ~old] - within[~old][:, old] @ W + d @ np.linalg.solve(information, d.T)
    return prediction, np.diag(covariance)


@pytest.mark.parametrize("case", FORMULAS)
def test_errors_of_coefficients_and_effects_count_together(case):
    fit, rows = fit_lmm(FORMULAS[case], simulated()), some_rows(seed=2)
    expected, variance = dense_prediction(fit, rows)
    found = predict(fit, rows)
    np.testing.assert_allclose(found["prediction"], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["se"] ** 2, variance, rtol=1e-6, atol=1e-8)
    observed = predict(fit, rows, interval="observation")
    np.testing.assert_allclose(observed["se"] ** 2, variance + fit.sigma**2, rtol=1e-6)


def test_the_joint_covariance_is_the_inverse_of_the_mixed_model_equations():
    fit = fit_lmm(FORMULAS["crossed"], simulated())
    design, Z = fit.design, dense_Z(fit.design)
    G = fit.sigma**2 * dense_G(design, fit.theta)
    W = np.hstack([design.X, Z])
    ridge = linalg.block_diag(np.zeros((2, 2)), fit.sigma**2 * np.linalg.inv(G))
    covariance = fit.sigma**2 * np.linalg.inv(W.T @ W + ridge)
    se = np.sqrt(np.einsum("ia,ab,ib->i", W, covariance, W))
    np.testing.assert_allclose(predict(fit, simulated())["se"], se, rtol=1e-8)


@pytest.mark.parametrize("case", FORMULAS)
def test_the_fitted_rows_get_the_fitted_values(case):
    fit = fit_lmm(FORMULAS[case], simulated())
    group, population = (predict(fit, simulated(), of=of) for of in ("group", "population"))
    np.testing.assert_allclose(group["prediction"], fit.fitted, atol=1e-8)
    np.testing.assert_allclose(population["prediction"], fit.fitted_population, atol=1e-8)
    variance = np.einsum("ia,ab,ib->i", fit.design.X, fit.fixed_cov, fit.design.X)
    np.testing.assert_allclose(population["se"], np.sqrt(variance), atol=1e-8)


def test_ends_lie_normal_quantiles_of_the_standard_error_away():
    found = predict(sleepstudy(), load("sleepstudy"), level=0.5)
    np.testing.assert_allclose(found["upper"] - found["prediction"], 0.67449 * found["se"], rtol=1e-5)
    np.testing.assert_allclose(found["prediction"] - found["lower"], 0.67449 * found["se"], rtol=1e-5)


# ---- known and new groups -------------------------------------------------------------------------------


def test_a_new_group_is_expected_where_the_population_is_and_varies_as_groups_do():
    fit, rows = sleepstudy(), pd.DataFrame({"days": [0.0, 7], "subject": ["a", "b"]}, index=["x", "y"])
    found, population = predict(fit, rows), predict(fit, rows, of="population")
    z = np.array([[1, 0], [1, 7]])
    between = np.einsum("ia,ab,ib->i", z, fit.G["subject"], z)
    assert list(found.index) == ["x", "y"] and not found["known"].any()
    np.testing.assert_allclose(found["prediction"], population["prediction"])
    np.testing.assert_allclose(found["se"] ** 2, population["se"] ** 2 + between)


def test_a_row_may_be_known_in_one_factor_and_new_in_another():
    fit = fit_lmm("strength ~ 1 + (1 | batch/cask)", load("pastes"))
    rows = pd.DataFrame({"batch": ["A", "A", "?"], "cask": ["a", "?", "a"]})
    found = predict(fit, rows)
    assert found["known"].tolist() == [True, False, False]
    assert found["known batch"].tolist() == [True, True, False]
    assert found["known batch:cask"].tolist() == [True, False, False]
    assert found["prediction"][1] == pytest.approx(
        fit.fixed["Intercept"] + fit.random["batch"].loc["A", "Intercept"]
    )


def test_rows_need_no_response_and_for_the_population_no_groups():
    fit, rows = sleepstudy(), pd.DataFrame({"days": [3]})
    assert list(predict(fit, rows, of="population")) == ["prediction", "se", "lower", "upper"]
    with pytest.raises(ValueError, match="no column 'subject'"):
        predict(fit, rows)


def test_no_rows_give_no_predictions():
    assert predict(sleepstudy(), load("sleepstudy").iloc[:0]).shape == (0, 5)


def test_numbers_that_name_groups_are_known_as_whole_numbers_and_as_floats():
    data = load("sleepstudy").astype({"subject": int})
    fit = fit_lmm("reaction ~ days + (1 | subject)", data)
    rows = pd.DataFrame({"days": 0, "subject": [308.0, 1.0]})
    assert predict(fit, rows)["known"].tolist() == [True, False]
    with pytest.raises(ValueError, match=r"group '308' in 'subject'.*with 308: one is a str"):
        predict(fit, rows.assign(subject=["308", "new"]))


# ---- columns are made as the fitted ones were -----------------------------------------------------------

CONSTANTS = [
    "center(x)",
    "scale(x)",
    "poly(x, 2)",
    "bs(x, df=4)",
    "f",
    "C(f, contr.sum)",
    "f * x",
    "I(x > 2)",
    "C(n)",
    "np.log(w**2 + 1)",
    "f == 'low'",
]


@pytest.mark.parametrize("term", CONSTANTS)
def test_constants_and_categories_are_those_of_the_fitted_rows(term):
    data = simulated().assign(n=lambda d: d.index % 3)
    term = f"I({term})" if "==" in term else term
    fit = fit_lmm(f"y ~ {term} + (1 | g)", data)
    found = predict(fit, data.drop(columns="y").iloc[[4, 17]])
    np.testing.assert_allclose(found["prediction"], fit.fitted[[4, 17]], rtol=1e-9)


def test_constants_of_varying_effects_are_those_of_the_fitted_rows():
    fit = fit_lmm("y ~ x + (scale(x) || g) + (0 + f | k)", simulated())
    found = predict(fit, simulated().iloc[[4, 17]])
    np.testing.assert_allclose(found["prediction"], fit.fitted[[4, 17]], rtol=1e-9)


REFUSED = {
    "a column that is missing": (lambda d: d.drop(columns="x"), "no column 'x'"),
    "a gap": (lambda d: d.assign(x=np.nan), r"missing \(x: 3\)"),
    "a gap in the group": (lambda d: d.assign(g=None), r"missing \(g: 3\).*a label of its own"),
    "an unknown category": (lambda d: d.assign(f="huge"), r"'f' holds 'huge'.*It held 'low', 'mid', 'top'"),
    "a category made on the way": (lambda d: d.assign(n=9), r"C\(n\).*no coefficient belongs to it: 9"),
    "text for numbers": (lambda d: d.assign(x="1"), "'x' held numbers.*pd.to_numeric"),
    "a value outside the knots": (lambda d: d.assign(v=99.0), "beyond upper"),
    "a logarithm of zero": (lambda d: d.assign(p=0.0), r"log\(p\).*not a finite number in 3 of 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_cannot_be_read_are_refused_by_name(case):
    data = simulated().assign(n=lambda d: d.index % 3, v=lambda d: d["w"], p=lambda d: d["x"] ** 2 + 1)
    fit = fit_lmm("y ~ x + f + C(n) + bs(v, df=4) + log(p) + (1 | g)", data)
    spoil, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        predict(fit, spoil(data.iloc[:3]))


def test_questions_that_mean_nothing_are_refused():
    fit, rows = sleepstudy(), load("sleepstudy").iloc[:2]
    with pytest.raises(ValueError, match="An observation is made in some group"):
        predict(fit, rows, of="population", interval="observation")
    with pytest.raises(ValueError, match='of must be "group" or "population"; it is \'county\''):
        predict(fit, rows, of="county")
    with pytest.raises(ValueError, match="level is a chance between 0 and 1; it is 90"):
        predict(fit, rows, level=90)
    with pytest.raises(TypeError, match="predict\\(\\) reads a fit_lmm result"):
        predict(smf.ols("reaction ~ days", load("sleepstudy")).fit(), rows)
    with pytest.raises(ValueError, match="given as arrays"):
        predict(fit_design(bare(fit.design)), rows)


def bare(design):
    return type(design)(design.y, design.X, design.fixed_names, design.terms)


def test_weights_are_refused_with_a_reason():
    with pytest.raises(ValueError, match="three things"):
        fit_lmm("reaction ~ days + (1 | subject)", load("sleepstudy"), weights="days")


# ---- the uncertainty of the variances, by fitting again -------------------------------------------------


def one_way(groups, each, seed, sd=3.0):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), each)
    return pd.DataFrame({"y": sd * rng.standard_normal(groups)[g] + rng.standard_normal(len(g)), "g": g})


def test_an_error_is_what_a_fit_to_drawn_responses_misses_in_its_own_standard_errors():
    fit, rng = fit_lmm("y ~ 1 + (1 | g)", one_way(8, 3, seed=1)), np.random.default_rng(3)
    rows = pd.DataFrame({"g": [0, 5]})
    errors = []
    for own in np.random.default_rng(3).spawn(3):
        y, (effects,) = simulate_with_effects(fit, own)
        again = predict(fit.refit(y=y), rows)
        truth = fit.fixed["Intercept"] + effects[[0, 5], 0]
        errors.append((truth - again["prediction"]) / again["se"])
    found = predict(fit, rows, draws=3, rng=rng, progress=False, level=0.5)
    plain = predict(fit, rows)
    low, high = np.quantile(errors, [0.25, 0.75], axis=0)
    np.testing.assert_allclose(found["se"], plain["se"])
    np.testing.assert_allclose(found["lower"], plain["prediction"] + low * plain["se"], rtol=1e-6)
    np.testing.assert_allclose(found["upper"], plain["prediction"] + high * plain["se"], rtol=1e-6)


def test_with_six_balanced_groups_the_mean_has_the_interval_of_t_on_five_degrees_of_freedom():
    """(ybar − mu) / sqrt(MSB / n) is exactly t; the normal interval is a fifth too short."""
    fit = fit_lmm("y ~ 1 + (1 | g)", one_way(6, 4, seed=2))
    rows = pd.DataFrame({"unused": [0]})
    found = predict(fit, rows, "population", draws=400, rng=np.random.default_rng(1), progress=False)
    half = (found["upper"] - found["lower"])[0] / 2 / found["se"][0]
    # each end has a Monte Carlo error of 0.17, their mean 0.12
    assert half == pytest.approx(stats.t.ppf(0.95, 5), abs=0.36)
    plain = predict(fit, rows, "population")
    assert (plain["upper"] - plain["lower"])[0] / 2 / plain["se"][0] == pytest.approx(Z90)


def test_a_fit_that_was_kept_in_a_file_predicts_the_same():
    """Processes get it that way."""
    fit, rows = fit_lmm("y ~ scale(x) + f + (x | g)", simulated()), simulated().iloc[:3]
    pd.testing.assert_frame_equal(predict(pickle.loads(pickle.dumps(fit)), rows), predict(fit, rows))


def test_drawing_needs_a_generator():
    with pytest.raises(TypeError, match="rng must be a numpy Generator"):
        predict(sleepstudy(), load("sleepstudy"), draws=10)


# ---- how often the intervals hold what they promise -----------------------------------------------------


def held_by_intervals(estimated, datasets, rng, groups=60, each=4, sd=0.7):
    """The share of 90% intervals that hold what they predict, by question and kind of group."""
    g = np.repeat(np.arange(groups), each)
    shares = []
    for _ in range(datasets):
        x = rng.standard_normal(len(g))
        u = sd * rng.standard_normal((2 * groups, 2))  # the second half are new groups
        data = pd.DataFrame(
            {"y": 1 + x + u[g, 0] + u[g, 1] * x + rng.standard_normal(len(g)), "x": x, "g": g}
        )
        fit = (
            fit_lmm("y ~ x + (x | g)", data) if estimated else at_theta("y ~ x + (x | g)", data, [sd, 0, sd])
        )
        rows = pd.DataFrame({"x": rng.standard_normal(2 * groups), "g": np.arange(2 * groups)})
        mean = 1 + rows["x"] + u[:, 0] + u[:, 1] * rows["x"]
        for interval, scatter in {"mean": 0, "observation": 1}.items():
            found = predict(fit, rows, interval=interval)
            truth = mean + scatter * rng.standard_normal(2 * groups)
            inside = truth.between(found["lower"], found["upper"]).groupby(found["known"]).mean()
            shares += [(interval, known, share) for known, share in inside.items()]
    table = pd.DataFrame(shares, columns=["interval", "known", "held"])
    return table.groupby(["interval", "known"])["held"].agg(["mean", "sem"])


def at_theta(formula, data, theta):
    """The model at given relative variances, instead of the best."""
    likelihood = Likelihood(build_design(formula, data))
    return LmmFit(likelihood=likelihood, theta=np.array(theta, dtype=float), convergence=None)


def test_given_the_variances_nine_intervals_of_ten_hold_what_they_predict():
    found = held_by_intervals(estimated=False, datasets=80, rng=np.random.default_rng(11))
    assert found["sem"].max() < 0.007
    assert ((found["mean"] - 0.9).abs() < 4 * found["sem"]).all(), found


def test_with_estimated_variances_somewhat_fewer_do():
    """In 60 groups of 4 rows a slope's variance and a correlation are known poorly: up to 3% fewer."""
    found = held_by_intervals(estimated=True, datasets=40, rng=np.random.default_rng(11))
    assert found["sem"].max() < 0.02
    assert found["mean"].between(0.9 - 0.03 - 4 * found["sem"], 0.9 + 4 * found["sem"]).all(), found


# ---- statsmodels ----------------------------------------------------------------------------------------


def quiet(model, **options):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(**options)


@pytest.mark.parametrize("re_formula", [None, "days", "0 + days"])
@pytest.mark.parametrize("reml", [True, False])
def test_statsmodels_predicts_as_fit_lmm_does(re_formula, reml):
    data = load("sleepstudy")
    theirs = quiet(smf.mixedlm("reaction ~ days", data, groups="subject", re_formula=re_formula), reml=reml)
    ours = fit_lmm(f"reaction ~ days + ({re_formula or 1} | subject)", data, reml=reml)
    rows = pd.DataFrame({"days": [0.0, 12, 3], "subject": ["308", "372", "new"]})
    # without a varying intercept statsmodels loses the name of the groups
    model = {"formula": ours.formula, "data": data} if re_formula == "0 + days" else {}
    for question in ({}, {"interval": "observation"}, {"of": "population"}):
        found = predict(theirs, rows, **question, **model)
        pd.testing.assert_frame_equal(found, predict(ours, rows, **question), rtol=2e-3)


def test_what_is_drawn_from_a_fit_of_statsmodels_is_fitted_again():
    data = one_way(6, 4, seed=2)
    theirs, ours = quiet(smf.mixedlm("y ~ 1", data, groups="g")), fit_lmm("y ~ 1 + (1 | g)", data)
    found, expected = (
        predict(fit, data.iloc[:2], draws=3, rng=np.random.default_rng(1), progress=False)
        for fit in (theirs, ours)
    )
    pd.testing.assert_frame_equal(found, expected, rtol=5e-3)


def test_statsmodels_keeps_constants_of_its_formula_too():
    data = load("teaching_ratings")
    formula = "eval ~ center(age) + division"
    theirs = quiet(smf.mixedlm(formula, data, groups="prof"))
    ours = fit_lmm(f"{formula} + (1 | prof)", data)
    rows = pd.DataFrame({"age": [30, 60], "division": ["upper", "lower"], "prof": ["68", "new"]})
    pd.testing.assert_frame_equal(predict(theirs, rows), predict(ours, rows), rtol=2e-3)


def test_what_statsmodels_does_not_keep_is_asked_for_and_then_checked():
    data = load("pastes")
    fit = quiet(
        smf.mixedlm("strength ~ 1", data, groups="batch", re_formula="1", vc_formula={"cask": "0 + C(cask)"})
    )
    rows = pd.DataFrame({"batch": ["A", "A", "?"], "cask": ["a", "?", "a"]})
    with pytest.raises(ValueError, match="does not keep the vc_formula.*Give formula="):
        predict(fit, rows)
    formula = "strength ~ 1 + (1 | batch/cask)"
    with pytest.raises(ValueError, match="needs data="):
        predict(fit, rows, formula=formula)
    found = predict(fit, rows, formula=formula, data=data)
    pd.testing.assert_frame_equal(found, predict(fit_lmm(formula, data), rows), rtol=5e-3)
    with pytest.raises(ValueError, match="is not the model that statsmodels fitted"):
        predict(fit, rows, formula=formula, data=data.iloc[2:])
    with pytest.raises(ValueError, match="has 'sample Intercept', and the fit has not"):
        predict(fit, rows, formula="strength ~ 1 + (1 | batch) + (1 | sample)", data=data)


def test_a_fit_of_arrays_keeps_no_formula():
    data = load("sleepstudy")
    formula, rows = "reaction ~ days + (1 | subject)", data.iloc[:3]
    X = sm.add_constant(data[["days"]])
    arrays = quiet(sm.MixedLM(data["reaction"], X, groups=data["subject"]))
    with pytest.raises(ValueError, match="given arrays, and keeps no formula"):
        predict(arrays, rows)
    unnamed = quiet(smf.mixedlm("reaction ~ days", data, groups=data["subject"].to_numpy()))
    with pytest.raises(ValueError, match="which column held the groups"):
        predict(unnamed, rows)
    ours = predict(fit_lmm(formula, data), rows)
    for fit in (arrays, unnamed):
        found = predict(fit, rows, formula=formula, data=data)
        pd.testing.assert_frame_equal(found, ours, rtol=2e-3)


# ---- posterior draws ------------------------------------------------------------------------------------


SLEEP = "reaction ~ days + (days | subject)"
NAMES = {
    "beta[0]": ("fixed", "Intercept"),
    "beta[1]": ("fixed", "days"),
    "tau[0]": ("sd", "subject Intercept"),
    "tau[1]": ("sd", "subject days"),
    "rho": ("cor", "subject Intercept, days"),
    "sigma": ("residual", "residual"),
}


def posterior(fit, count, rng=None):
    """Draws at the estimated variances; coefficients at their estimate, or from their normal distribution."""
    beta = np.tile(fit.fixed, (1, count, 1))
    if rng:
        beta = rng.multivariate_normal(fit.fixed, fit.fixed_cov, (1, count))
    one = np.ones((1, count))
    sds = fit.variance_components["sd"].to_numpy()
    return az.from_dict(
        posterior={
            "beta": beta,
            "tau": one[..., None] * sds[:2],
            "rho": one * fit.correlations.iloc[0],
            "sigma": one * fit.sigma,
        }
    )


def test_draws_of_the_coefficients_add_what_the_joint_covariance_adds():
    """At fixed variances and with a flat prior the posterior of x'beta + z'u has the spread of its error."""
    fit, data = sleepstudy(), load("sleepstudy")
    rows = pd.DataFrame({"days": [0.0, 12, 3], "subject": ["308", "372", "new"]})
    draws = posterior(fit, 1000, np.random.default_rng(4))
    for interval in ("mean", "observation"):
        question = {"names": NAMES, "formula": SLEEP, "data": data, "interval": interval}
        found, exact = predict(draws, rows, **question), predict(fit, rows, interval=interval)
        for column in ("prediction", "lower", "upper"):
            # four Monte Carlo errors of a mean of 1000, or two of the end of an interval
            assert ((found[column] - exact[column]).abs() < 0.13 * exact["se"]).all(), column
        np.testing.assert_allclose(found["se"], exact["se"], rtol=0.07)
        assert found["known"].tolist() == [True, True, False]


def test_with_one_value_of_every_parameter_the_ends_are_those_of_a_normal():
    fit, rows = sleepstudy(), load("sleepstudy").iloc[[0, 90]]
    found = predict(posterior(fit, 4), rows, names=NAMES, formula=SLEEP, data=load("sleepstudy"))
    np.testing.assert_allclose(found["upper"] - found["prediction"], Z90 * found["se"], rtol=1e-6)
    assert (found["se"] < predict(fit, rows)["se"]).all()


def test_draws_are_asked_for_by_name():
    fit, data = sleepstudy(), load("sleepstudy")
    draws, rows = posterior(fit, 4), data.iloc[:2]
    with pytest.raises(ValueError, match="Draws do not say how rows become columns.*Give formula="):
        predict(draws, rows, names=NAMES)
    some = {name: label for name, label in NAMES.items() if name != "rho"}
    with pytest.raises(ValueError, match=r"Lacking: \('cor', 'subject Intercept, days'\)"):
        predict(draws, rows, names=some, formula=SLEEP, data=data)
    wrong = NAMES | {"sigma": ("sd", "batch Intercept")}
    with pytest.raises(ValueError, match=r"Not in the formula: \('sd', 'batch Intercept'\)"):
        predict(draws, rows, names=wrong, formula=SLEEP, data=data)
    swapped = NAMES | {"rho": ("residual", "residual"), "sigma": ("cor", "subject Intercept, days")}
    with pytest.raises(ValueError, match="'subject Intercept, days' are no values"):
        predict(draws, rows, names=swapped, formula=SLEEP, data=data)


# ---- chapter 3, by hand ---------------------------------------------------------------------------------

URANIUM = "log_radon ~ floor + log_uranium + (1 | county)"


@pytest.fixture(scope="module")
def radon():
    data = load("radon")
    return data.assign(log_radon=np.log(data["activity"].replace(0, 0.1)))


def gibbs(data, count, rng):
    """Draws from the posterior of the model with uranium, by conditional distributions; flat priors on the
    coefficients and on log sigma_y, and on sigma_alpha."""
    X = np.column_stack([np.ones(len(data)), data["floor"], data["log_uranium"]])
    y = data["log_radon"].to_numpy()
    codes, labels = pd.factorize(data["county"], sort=True)
    n, J = np.bincount(codes), len(labels)
    spread = np.linalg.inv(X.T @ X)
    root, u, sigma, tau, kept = np.linalg.cholesky(spread), np.zeros(J), 0.75, 0.15, []
    for k in range(count + 200):
        beta = spread @ X.T @ (y - u[codes]) + sigma * root @ rng.standard_normal(3)
        left = y - X @ beta
        precision = n / sigma**2 + 1 / tau**2
        u = np.bincount(codes, left) / sigma**2 / precision + rng.standard_normal(J) / np.sqrt(precision)
        sigma = np.sqrt(((left - u[codes]) ** 2).sum() / rng.chisquare(len(y)))
        tau = np.sqrt((u**2).sum() / rng.chisquare(J - 1))
        kept += [(*beta, sigma, tau, u[labels.get_loc("LACQUIPARLE")])] if k >= 200 else []
    return np.array(kept).T


def test_the_four_answers_of_chapter_3_by_draws(radon):
    rng = np.random.default_rng(2006)
    mean, floor, gamma, sigma, tau, county = gibbs(radon, 8000, rng)
    log_uranium = radon.loc[radon["county"] == "LACQUIPARLE", "log_uranium"].iloc[0]
    population = mean + gamma * log_uranium
    new_county = rng.normal(population, tau)
    by_hand = {
        "mean": [population + county, new_county],
        "observation": [rng.normal(population + county, sigma), rng.normal(new_county, sigma)],
    }
    draws = az.from_dict(posterior={"mean": mean, "floor": floor, "gamma": gamma, "sigma": sigma, "tau": tau})
    names = {
        "mean": ("fixed", "Intercept"),
        "floor": ("fixed", "floor"),
        "gamma": ("fixed", "log_uranium"),
        "tau": ("sd", "county Intercept"),
        "sigma": ("residual", "residual"),
    }
    rows = pd.DataFrame({"floor": 0, "log_uranium": log_uranium, "county": ["LACQUIPARLE", "a new county"]})
    model = {"level": 0.5, "names": names, "formula": URANIUM, "data": radon}
    asked = [
        (predict(draws, rows, interval=interval, **model), values) for interval, values in by_hand.items()
    ]
    asked.append((predict(draws, rows[:1], of="population", **model), [population]))
    for found, values in asked:
        expected = np.quantile(values, [0.25, 0.75], axis=1).T
        off = np.abs(found[["lower", "upper"]] - expected).max(axis=1) / np.std(values, axis=1)
        # dependent draws: 8,000 are worth some hundreds for tau
        assert (off < 0.15).all(), off
        assert (np.abs(found["prediction"] - np.mean(values, axis=1)) < 0.15 * np.std(values, axis=1)).all()


def test_the_fixed_part_and_the_deviation_of_chapter_3(radon):
    uranium_fit = quiet(
        smf.mixedlm("log_radon ~ floor + log_uranium", radon, groups="county"), method=["nm", "bfgs"]
    )
    rows = radon[radon["county"] == "LACQUIPARLE"].iloc[:1].assign(floor=0)
    fixed_part = uranium_fit.predict(rows).iloc[0]
    deviation = uranium_fit.random_effects["LACQUIPARLE"].iloc[0]
    assert predict(uranium_fit, rows)["prediction"].iloc[0] == pytest.approx(fixed_part + deviation, abs=1e-5)
    assert predict(uranium_fit, rows, "population")["prediction"].iloc[0] == pytest.approx(
        fixed_part, abs=1e-5
    )


def test_the_next_course_of_the_exercises_with_the_error_of_mu_added():
    """Exercises 3.16 and 3.17 take mu as known; its error counts by one minus the weight of the own mean."""
    ratings = load("teaching_ratings")
    fit = fit_lmm("eval ~ 1 + (1 | prof)", ratings)
    sigma_alpha, sigma_y = fit.variance_components["sd"]
    n_68 = (ratings["prof"] == "68").sum()
    posterior_variance = 1 / (n_68 / sigma_y**2 + 1 / sigma_alpha**2)
    next_variance = posterior_variance + sigma_y**2
    new_variance = sigma_alpha**2 + sigma_y**2
    towards_mu, mu_variance = posterior_variance / sigma_alpha**2, fit.se["Intercept"] ** 2
    rows = pd.DataFrame({"prof": ["68", "a new one"]})
    found = predict(fit, rows, interval="observation", level=0.5)
    expected = np.sqrt([next_variance + towards_mu**2 * mu_variance, new_variance + mu_variance])
    np.testing.assert_allclose(found["se"], expected, rtol=1e-9)
    interval = fit.fixed["Intercept"] + stats.norm.ppf([0.25, 0.75]) * np.sqrt(new_variance)
    np.testing.assert_allclose(found.loc[1, ["lower", "upper"]].astype(float), interval, atol=2e-3)

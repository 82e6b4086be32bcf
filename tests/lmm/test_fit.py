"""The fit is the optimum wherever it lies, whatever things are called; its parts agree with each other."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from mlm import load
from mlm.lmm import Design, LmmFit, Term, build_design, fit_design, fit_lmm, search

from .cases import FORMULAS, dense_G, dense_V, dense_Z, design, least_squares, simulated

CASES = pytest.mark.parametrize("case", FORMULAS)
BOTH = pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])


def balanced(seed, groups=6, rows=5, spread=0.4):
    """One varying intercept, every group of the same size: the optimum is known in closed form."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rows)
    y = rng.normal(0, spread, groups)[codes] + rng.normal(0, 1, groups * rows)
    return pd.DataFrame({"y": y, "g": codes})


def mean_squares(data):
    """Between and within groups, with rows per group."""
    means = data.groupby("g")["y"].transform("mean")
    groups = data["g"].nunique()
    between = ((means - data["y"].mean()) ** 2).sum() / (groups - 1)
    within = ((data["y"] - means) ** 2).sum() / (len(data) - groups)
    return between, within, len(data) // groups


# ---- the optimum ----------------------------------------------------------------------------------------


@CASES
@BOTH
def test_no_other_search_finds_a_better_point(case, reml):
    """On samples of 30 rows, where half the variances are estimated as 0.

    So little may have two optima, and the search, which follows two starts, may end in the higher.
    """
    rng, missed = np.random.default_rng(20), 0
    for seed in range(10):
        here = build_design(FORMULAS[case], simulated(seed, n=60 if case == "nested" else 30))
        fit = fit_design(here, reml)
        others = [
            optimize.minimize(fit.likelihood.criterion_and_gradient, start, jac=True, method="L-BFGS-B").fun
            for start in rng.normal(0, 1, (3, here.n_theta))
        ]
        missed += fit.criterion > min(others) + 1e-5
        assert fit.converged, f"seed {seed}: {fit.convergence}"
    assert missed <= 1


@BOTH
def test_of_balanced_data_the_optimum_is_the_textbooks(reml):
    for seed in range(20):
        data = balanced(seed)
        between, within, rows = mean_squares(data)
        if not reml:
            between *= 5 / 6
        fit = fit_lmm("y ~ 1 + (1 | g)", data, reml=reml)
        variance = fit.variance_components["variance"]
        if between > within:
            assert variance["g", "Intercept"] == pytest.approx((between - within) / rows, rel=1e-3)
            assert fit.sigma**2 == pytest.approx(within, rel=1e-4)
        else:
            assert variance["g", "Intercept"] == 0
            assert fit.sigma**2 == pytest.approx(data["y"].var(ddof=1 if reml else 0), rel=1e-9)


@BOTH
def test_singular_is_true_exactly_where_the_variance_is_zero(reml):
    """In balanced data that is where groups differ no more than chance: MSB ≤ MSW (for ML, (1 − 1/J) MSB)."""
    seen = set()
    for seed in range(40):
        between, within, _ = mean_squares(balanced(seed))
        expected = bool(between * (1 if reml else 5 / 6) <= within)
        assert fit_lmm("y ~ 1 + (1 | g)", balanced(seed), reml=reml).singular == expected, f"seed {seed}"
        seen.add(expected)
    assert seen == {True, False}, "the test's own premise: both kinds occur"


def test_a_correlation_of_one_is_singular_too():
    """Though no variance is zero: intercepts and slopes lie on a line."""
    rng = np.random.default_rng(21)
    codes, x = np.repeat(np.arange(12), 8), np.tile(np.linspace(-1, 1, 8), 12)
    effects = rng.normal(0, 2, 12)
    data = pd.DataFrame({"g": codes, "x": x, "y": effects[codes] * (1 + x) + rng.normal(0, 1, 96)})
    fit = fit_lmm("y ~ x + (x | g)", data)
    assert fit.singular and (fit.variance_components["sd"] > 0.5).all()
    assert fit.correlations.item() == pytest.approx(1, abs=1e-6)


def test_whether_a_fit_is_singular_does_not_depend_on_the_units_of_a_slope():
    data = load("sleepstudy")
    for unit in (1e-4, 1, 1e4):
        data["time"] = data["days"] * unit
        assert not fit_lmm("reaction ~ time + (time | subject)", data).singular


@pytest.mark.parametrize("case", ["vector-valued", "crossed, vectors", "three factors"])
def test_a_search_that_begins_at_zero_does_not_stay_there(case, monkeypatch):
    """Every gradient method would: the slope is zero there."""
    best = fit_design(design(case)).criterion
    monkeypatch.setattr(search, "SCALES", (0.0,))
    stuck = fit_design(design(case), start=np.zeros(design(case).n_theta))
    assert stuck.criterion == pytest.approx(best, abs=1e-5)
    assert "from the boundary" in set(stuck.convergence.starts["start"])


def test_radon_where_lme4s_default_stops_at_a_singular_point():
    radon = load("radon")
    radon["y"] = np.log(radon["activity"].replace(0, 0.1))
    fit = fit_lmm("y ~ floor * log_uranium + (1 + floor | county)", radon)
    assert fit.criterion == pytest.approx(2126.579, abs=0.001) and not fit.singular


@CASES
def test_the_record_says_how_the_search_went(case):
    fit = fit_design(design(case))
    record = fit.convergence
    assert fit.converged and record.gain_left < 1e-6 and record.escape > -1e-3
    assert record.gradient.shape == (len(fit.theta),) and record.hessian.shape == (len(fit.theta),) * 2
    assert list(record.starts.columns) == ["start", "criterion", "evaluations"] and len(record.starts) >= 1
    assert record.starts["criterion"].min() >= fit.criterion - 1e-9
    assert record.evaluations >= record.starts["evaluations"].sum()


@CASES
def test_the_hessian_is_that_of_the_criterion(case):
    fit = fit_design(design(case))
    steps = 1e-4 * np.eye(len(fit.theta))
    gradient = lambda theta: fit.likelihood.criterion_and_gradient(theta)[1]  # noqa: E731
    hessian = np.array([(gradient(fit.theta + h) - gradient(fit.theta - h)) / 2e-4 for h in steps])
    assert fit.convergence.hessian == pytest.approx(hessian, abs=1e-3 * np.abs(hessian).max())


@pytest.mark.parametrize(("between", "noise"), [(0, 0), (0, 1e-12), (1, 0), (1, 1e-12), (1, 1e-9), (1, 1e-6)])
def test_a_response_without_residual_is_refused(between, noise):
    data = simulated()
    groups = pd.factorize(data["g"])[0]
    data["y"] = 1 + 2 * data["x"] + between * groups + noise * np.sin(np.arange(90.0))
    with pytest.raises(ValueError, match="explain the response exactly"):
        fit_lmm("y ~ x + (1 | g)", data)


# ---- what must not matter -------------------------------------------------------------------------------

FORMULA = "y ~ x + (1 + x | g) + (1 | k)"


def assert_same_fit(one: LmmFit, other: LmmFit):
    assert other.criterion == pytest.approx(one.criterion, abs=1e-6)
    assert other.fixed.to_numpy() == pytest.approx(one.fixed.to_numpy(), rel=1e-5, abs=1e-6)
    assert other.variance_components["sd"].to_numpy() == pytest.approx(
        one.variance_components["sd"].to_numpy(), rel=1e-4
    )


@BOTH
def test_the_order_of_rows_does_not_matter(reml):
    data = simulated()
    shuffled = data.sample(frac=1, random_state=3)
    one, other = (fit_lmm(FORMULA, frame, reml=reml) for frame in (data, shuffled))
    assert_same_fit(one, other)
    assert pd.Series(other.fitted, shuffled.index)[data.index].to_numpy() == pytest.approx(
        one.fitted, abs=1e-4
    )


@BOTH
def test_the_names_of_groups_do_not_matter(reml):
    data = simulated()
    renamed = data.assign(
        g=data["g"].map(lambda name: f"z{9 - int(name[1:])}"), k=data["k"].str[1:].astype(int)
    )
    one, other = (fit_lmm(FORMULA, frame, reml=reml) for frame in (data, renamed))
    assert_same_fit(one, other)
    assert other.random["g"].loc["z9"].to_numpy() == pytest.approx(
        one.random["g"].loc["g0"].to_numpy(), abs=1e-4
    )


@BOTH
def test_the_order_of_terms_does_not_matter(reml):
    one = fit_lmm("y ~ x + (1 + x | g) + (1 | k)", simulated(), reml=reml)
    other = fit_lmm("y ~ x + (1 | k) + (1 + x | g)", simulated(), reml=reml)
    assert other.criterion == pytest.approx(one.criterion, abs=1e-6)
    assert other.theta == pytest.approx(one.theta[[3, 0, 1, 2]], abs=1e-4)
    for group in ("g", "k"):
        pd.testing.assert_frame_equal(one.random[group], other.random[group], atol=1e-4)


@BOTH
def test_a_shift_of_the_response_moves_the_intercept_alone(reml):
    data = simulated()
    one, other = (fit_lmm(FORMULA, data.assign(y=data["y"] + shift), reml=reml) for shift in (0, 1e5))
    assert other.fixed["Intercept"] == pytest.approx(one.fixed["Intercept"] + 1e5, rel=1e-9)
    assert other.fixed["x"] == pytest.approx(one.fixed["x"], rel=1e-4)
    assert other.criterion == pytest.approx(one.criterion, abs=1e-5)
    assert other.theta == pytest.approx(one.theta, abs=1e-3)


@BOTH
@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_response_in_other_units_gives_estimates_in_those_units(reml, unit):
    data = simulated()
    one, other = (fit_lmm(FORMULA, data.assign(y=data["y"] * u), reml=reml) for u in (1, unit))
    assert other.sigma == pytest.approx(unit * one.sigma, rel=1e-4)
    assert other.fixed.to_numpy() == pytest.approx(unit * one.fixed.to_numpy(), rel=1e-4)
    assert other.theta == pytest.approx(one.theta, abs=1e-3)
    degrees = one.n - 2 if reml else one.n
    assert other.criterion == pytest.approx(one.criterion + 2 * degrees * np.log(unit), abs=1e-5)


@BOTH
@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_a_predictor_in_other_units_gives_slopes_in_those_units(reml, unit):
    data = simulated()
    one, other = (fit_lmm(FORMULA, data.assign(x=data["x"] * u), reml=reml) for u in (1, unit))
    assert other.fixed["x"] == pytest.approx(one.fixed["x"] / unit, rel=1e-4)
    slope, other_slope = (f.variance_components.loc[("g", "x"), "sd"] for f in (one, other))
    assert other_slope == pytest.approx(slope / unit, rel=1e-3)
    assert other.correlations.item() == pytest.approx(one.correlations.item(), abs=1e-3)
    # the REML criterion holds log|X'X|, so it moves with the units; the deviance does not
    assert other.criterion == pytest.approx(one.criterion + (2 * np.log(unit) if reml else 0), abs=1e-5)


@BOTH
def test_centring_a_predictor_is_the_same_model_with_other_names(reml):
    data = simulated()
    formula = "y ~ x + (1 + x | g)"
    one, other = (fit_lmm(formula, data.assign(x=data["x"] - shift), reml=reml) for shift in (0, 2))
    assert other.criterion == pytest.approx(one.criterion, abs=1e-5)
    assert other.fixed["x"] == pytest.approx(one.fixed["x"], rel=1e-4)
    shift = np.array([[1, 2], [0, 1]])
    assert other.G["g"].to_numpy() == pytest.approx(
        shift @ one.G["g"].to_numpy() @ shift.T, rel=5e-3, abs=1e-3
    )
    assert other.fitted == pytest.approx(one.fitted, abs=1e-3)


def test_nested_by_labels_or_by_a_factor_of_its_own_is_the_same_fit():
    pastes = load("pastes")
    nested = fit_lmm("strength ~ 1 + (1 | batch/cask)", pastes)
    named = fit_lmm("strength ~ 1 + (1 | batch) + (1 | sample)", pastes)
    assert_same_fit(nested, named)
    assert list(nested.random) == ["batch", "batch:cask"] and nested.levels == {"batch": 10, "batch:cask": 30}


def test_a_gap_is_as_good_as_a_row_that_was_never_there():
    data = simulated()
    data.loc[[3, 40], "x"] = np.nan
    fit = fit_lmm(FORMULA, data)
    assert fit.rows_dropped == 2 and fit.n == 88 and len(fit.fitted) == 88
    assert_same_fit(fit, fit_lmm(FORMULA, data.drop([3, 40])))


# ---- the parts of a fit agree ---------------------------------------------------------------------------


@CASES
@BOTH
def test_fitted_and_residuals_add_up(case, reml):
    fit = fit_design(design(case), reml)
    here = fit.design
    effects = np.concatenate([fit.random[t.group][list(t.names)].to_numpy().ravel() for t in here.terms])
    assert fit.fitted + fit.residuals == pytest.approx(here.y, abs=1e-12)
    assert fit.fitted_population == pytest.approx(here.X @ fit.fixed.to_numpy(), abs=1e-9)
    assert fit.fitted == pytest.approx(fit.fitted_population + dense_Z(here) @ effects, abs=1e-9)


@CASES
@BOTH
def test_estimates_are_generalised_least_squares_at_the_estimated_variances(case, reml):
    fit = fit_design(design(case), reml)
    beta, covariance = least_squares(fit.design, dense_V(fit.design, fit.theta))
    assert fit.fixed.to_numpy() == pytest.approx(beta, rel=1e-7, abs=1e-9)
    assert fit.fixed_cov.to_numpy() == pytest.approx(fit.sigma**2 * covariance, rel=1e-7)
    assert fit.se.to_numpy() == pytest.approx(np.sqrt(np.diag(fit.fixed_cov)), rel=1e-12)
    assert list(fit.fixed.index) == list(fit.fixed_cov.columns) == list(fit.design.fixed_names)


@CASES
def test_conditional_modes_are_the_conditional_mean(case):
    """G Z'V⁻¹(y − X beta); and their variances G − G Z'V⁻¹Z G, block by block."""
    fit = fit_design(design(case))
    here = fit.design
    G, Z, V = dense_G(here, fit.theta), dense_Z(here), dense_V(here, fit.theta)
    modes = G @ Z.T @ np.linalg.solve(V, here.y - here.X @ fit.fixed.to_numpy())
    spread = fit.sigma**2 * (G - G @ Z.T @ np.linalg.solve(V, Z @ G))
    begin = 0
    for term in here.terms:
        p, groups = len(term.names), len(term.levels)
        own = fit.random[term.group]
        assert list(own.index) == list(term.levels)
        assert own[list(term.names)].to_numpy().ravel() == pytest.approx(
            modes[begin : begin + groups * p], abs=1e-6
        )
        places = [list(own.columns).index(name) for name in term.names]
        for j, variance in enumerate(fit.random_cov[term.group]):
            block = slice(begin + j * p, begin + (j + 1) * p)
            assert variance[np.ix_(places, places)] == pytest.approx(spread[block, block], abs=1e-6)
        begin += groups * p


def test_modes_solve_hendersons_equations():
    """[X'X, X'Z; Z'X, Z'Z + sigma² G⁻¹] [beta; u] = [X'y; Z'y] for sleepstudy."""
    fit = fit_lmm("reaction ~ days + (days | subject)", load("sleepstudy"))
    X, Z, y = fit.design.X, dense_Z(fit.design), fit.design.y
    W = np.hstack([X, Z])
    equations = W.T @ W
    equations[2:, 2:] += np.kron(np.eye(18), fit.sigma**2 * np.linalg.inv(fit.G["subject"]))
    solution = np.linalg.solve(equations, W.T @ y)
    assert solution == pytest.approx([*fit.fixed, *fit.random["subject"].to_numpy().ravel()], abs=1e-6)
    # the inverse of the same matrix holds the covariance of beta
    assert fit.sigma**2 * np.linalg.inv(equations)[:2, :2] == pytest.approx(
        fit.fixed_cov.to_numpy(), rel=1e-6
    )


@CASES
def test_G_theta_variances_and_correlations_are_one_thing(case):
    fit = fit_design(design(case))
    for term, T in zip(fit.design.terms, fit.design.factors(fit.theta), strict=True):
        names = list(term.names)
        own = fit.G[term.group].loc[names, names].to_numpy()
        assert own == pytest.approx(fit.sigma**2 * T @ T.T, abs=1e-12)
        assert (np.diag(T) >= 0).all()
        components = fit.variance_components.loc[[(term.group, name) for name in names]]
        assert components["variance"].to_numpy() == pytest.approx(np.diag(own), abs=1e-12)
        for i, name in enumerate(names):
            for j in range(i):
                expected = own[i, j] / np.sqrt(own[i, i] * own[j, j])
                found = fit.correlations[term.group, f"{names[j]}, {name}"]
                assert found == pytest.approx(expected, nan_ok=True)
    sds, variances = (fit.variance_components[name].to_numpy() for name in ("sd", "variance"))
    assert sds**2 == pytest.approx(variances)
    assert fit.variance_components.index[-1] == ("Residual", "")
    assert fit.variance_components["sd"].iloc[-1] == fit.sigma


def test_effects_of_two_brackets_are_not_correlated():
    fit = fit_lmm("y ~ x + (1 + x || g)", simulated())
    assert fit.G["g"].loc["Intercept", "x"] == 0 and len(fit.correlations) == 0
    assert list(fit.random["g"].columns) == ["Intercept", "x"] and fit.random_cov["g"].shape == (9, 2, 2)


@BOTH
def test_criterion_likelihood_and_information_criteria(reml):
    fit = fit_lmm(FORMULA, simulated(), reml=reml)
    assert fit.df == 2 + 4 + 1
    assert fit.criterion == fit.likelihood.criterion(fit.theta) == -2 * fit.loglik
    assert fit.aic == fit.criterion + 2 * fit.df
    assert fit.bic == fit.criterion + fit.df * np.log(90)
    assert fit.reml == reml and fit.formula == FORMULA


# ---- again, elsewhere, and on show ----------------------------------------------------------------------


@pytest.mark.parametrize("case", ["vector-valued", "crossed", "no fixed effects"])
def test_refitting_by_the_other_criterion_is_fitting_by_it(case):
    by_reml, by_ml = (fit_design(design(case), reml) for reml in (True, False))
    assert_same_fit(by_ml, by_reml.refit(reml=False))
    assert_same_fit(by_reml, by_ml.refit(reml=True))
    assert by_reml.reml and not by_ml.reml, "the fits themselves are left as they were"


def test_refitting_to_another_response_is_fitting_that_response():
    data = simulated()
    fit, y = fit_lmm(FORMULA, data), data["y"].to_numpy() ** 2
    again = fit.refit(y=y)
    assert_same_fit(fit_lmm(FORMULA, data.assign(y=y)), again)
    assert again.reml and np.array_equal(again.design.y, y) and np.array_equal(fit.design.y, data["y"])
    assert not fit.refit(y=y, reml=False).reml
    assert_same_fit(again, fit.refit(y=pd.Series(y)))


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.ones(89), "one a row"),
        (np.ones((90, 1)), "one a row"),
        (np.ones(90), "constant"),
        (np.full(90, np.nan), "finite"),
    ],
    ids=["short", "column", "constant", "nan"],
)
def test_a_response_that_does_not_fit_the_design_is_refused(y, words):
    with pytest.raises(ValueError, match=words):
        fit_lmm(FORMULA, simulated()).refit(y=y)


def test_arrays_serve_as_well_as_a_formula():
    data = simulated()
    codes, levels = pd.factorize(data["g"], sort=True)
    X = np.column_stack([np.ones(90), data["x"]])
    term = Term("g", ("Intercept", "x"), np.asarray(levels), codes, X)
    fit = fit_design(Design(data["y"].to_numpy(), X, ("Intercept", "x"), (term,)))
    assert_same_fit(fit, fit_lmm("y ~ x + (1 + x | g)", data))
    assert fit.formula is None and "90 observations" in repr(fit)


@CASES
def test_a_fit_travels_to_another_process(case):
    fit = fit_design(design(case))
    copy = pickle.loads(pickle.dumps(fit))
    assert copy.criterion == fit.criterion and copy.fixed.equals(fit.fixed)
    assert copy.refit(reml=False).criterion == fit.refit(reml=False).criterion


def test_the_summary_says_what_was_fitted_and_what_came_out():
    data = simulated()
    data.loc[3, "y"] = np.nan
    fit = fit_lmm("y ~ x + (1 | g) + (1 | k)", data)
    text, html = fit.summary(), fit._repr_html_()
    assert repr(fit) == text
    for shown in (text, html):
        for piece in [
            "89 observations",
            "1 dropped",
            "9 g",
            "6 k",
            "REML criterion",
            "Intercept",
            "Residual",
            "g Intercept",
        ]:
            assert piece in shown, f"{piece!r} is not in {shown}"
    assert "Singular" not in text and "Not converged" not in text
    assert "deviance" in repr(fit.refit(reml=False))


def test_the_summary_says_that_a_fit_is_singular():
    fit = fit_lmm("y ~ 1 + (1 | g)", load("dyestuff2").rename(columns={"yield": "y", "batch": "g"}))
    assert fit.singular and "Singular" in fit.summary() and "Singular" in fit._repr_html_()


def test_names_are_escaped_in_the_html():
    data = simulated().rename(columns={"x": "<b>"})
    html = fit_lmm("y ~ `<b>` + (1 | g)", data)._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;" in html


@BOTH
def test_the_origin_of_a_predictor_that_varies_changes_nothing(reml):
    """The valley of an uncentred slope is narrow, and must be gone down all the same."""
    rng = np.random.default_rng(3)
    group, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    effects = rng.normal(size=(10, 2)) * [0.7, 0.4]
    y = 1 + x + effects[group, 0] + effects[group, 1] * x + rng.normal(size=60)
    fits = [
        fit_lmm("y ~ x + (1 + x | group)", pd.DataFrame({"y": y, "x": x + origin, "group": group}), reml=reml)
        for origin in (0, 1e3, 1e5)
    ]
    for fit in fits:
        assert fit.converged and fit.criterion == pytest.approx(fits[0].criterion, abs=1e-6)
        slope = fit.variance_components.loc[("group", "x"), "sd"]
        assert slope == pytest.approx(fits[0].variance_components.loc[("group", "x"), "sd"], rel=1e-5)

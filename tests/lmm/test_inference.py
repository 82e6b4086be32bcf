"""Standard errors, intervals, bootstrap and likelihood-ratio tests: against R, closed forms, simulation."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import optimize, stats

from mlm import load
from mlm.lmm import (
    bootstrap,
    fit_lmm,
    likelihood_ratio,
    profile,
    profile_intervals,
    standard_errors,
)
from mlm.lmm.parameters import estimated, find, parameters
from mlm.lmm.resampling import simulate

from .cases import FORMULAS, dense_V, dense_Z, simulated

CASES = pytest.mark.parametrize("case", FORMULAS)
BOTH = pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])

MODELS = {
    "dyestuff": "yield_ ~ 1 + (1 | batch)",
    "dyestuff2": "yield_ ~ 1 + (1 | batch)",
    "sleepstudy": "reaction ~ days + (days | subject)",
    "intercepts": "reaction ~ days + (1 | subject)",
    "independent": "reaction ~ days + (days || subject)",
    "pastes": "strength ~ 1 + (1 | batch/cask)",
    "penicillin": "diameter ~ 1 + (1 | plate) + (1 | sample)",
}


def fitted(model, reml=True):
    name = "sleepstudy" if model in ("intercepts", "independent") else model
    data = load(name).rename(columns={"yield": "yield_"})  # `yield` is a word of Python's
    return fit_lmm(MODELS[model], data, reml=reml)


# ---- parameters and their names -------------------------------------------------------------------------


def test_parameters_are_named_as_estimates_names_them():
    fit = fitted("sleepstudy")
    assert list(estimated(fit).index) == [
        ("fixed", "Intercept"),
        ("fixed", "days"),
        ("sd", "subject Intercept"),
        ("sd", "subject days"),
        ("cor", "subject Intercept, days"),
        ("residual", "residual"),
    ]
    expected = [*fit.fixed, *fit.variance_components["sd"][:2], *fit.correlations, fit.sigma]
    assert estimated(fit).to_numpy() == pytest.approx(expected, rel=1e-12)


@CASES
def test_every_parameter_is_found_by_its_short_name_and_by_its_label(case):
    fit = fit_lmm(FORMULAS[case], simulated())
    for parameter in parameters(fit.design):
        assert find(fit.design, parameter.short) == find(fit.design, parameter.label) == parameter


def test_an_unknown_parameter_is_refused_with_a_list_of_those_there_are():
    with pytest.raises(ValueError, match=r"no parameter 'hours'.*'days'.*\('subject', 'days'\).*'sigma'"):
        profile(fitted("sleepstudy"), "hours")


# ---- standard errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "term", "se"),
    [("dyestuff", "batch Intercept", 1432.7), ("intercepts", "subject Intercept", 505.8)],
)
def test_in_balanced_data_the_reml_standard_error_of_the_variance_is_the_textbooks(model, term, se):
    """Var((MSB − MSW)/m) with each mean square's variance 2 MS²/df; statsmodels prints 31.7 and 17.2."""
    fit = fitted(model)
    groups, rows = (6, 5) if model == "dyestuff" else (18, 10)
    within = fit.sigma**2
    between = within + rows * fit.variance_components["variance"].iloc[0]
    df = fit.n - groups - (len(fit.fixed) - 1)
    expected = np.sqrt(2 * between**2 / (groups - 1) + 2 * within**2 / df) / rows
    found = standard_errors(fit)["se"]
    assert found["variance", term] == pytest.approx(expected, rel=1e-3) == pytest.approx(se, abs=0.1)
    assert found["variance", "residual"] == pytest.approx(within * np.sqrt(2 / df), rel=1e-3)


def dense_information(fit):
    """Half the second derivatives of the dense criterion with respect to (G's entries, sigma²)."""
    here, (term,) = fit.design, fit.design.terms
    p = len(term.names)
    rows, columns = np.tril_indices(p)
    Z, X, y = dense_Z(here), here.X, here.y

    def criterion(x):
        G = np.zeros((p, p))
        G[rows, columns] = G[columns, rows] = x[:-1]
        V = Z @ np.kron(np.eye(len(term.levels)), G) @ Z.T + x[-1] * np.eye(here.n)
        information = X.T @ np.linalg.solve(V, X)
        left = y - X @ np.linalg.solve(information, X.T @ np.linalg.solve(V, y))
        value = np.linalg.slogdet(V)[1] + left @ np.linalg.solve(V, left)
        return value + (np.linalg.slogdet(information)[1] if fit.reml else 0)

    G = fit.G[term.group].to_numpy()
    x = np.append(G[rows, columns], fit.sigma**2)
    steps = np.diag(2e-3 * np.maximum(np.abs(x), 0.05 * np.abs(x).max()))
    hessian = [
        [
            sum(s * t * criterion(x + s * a + t * b) for s in (1, -1) for t in (1, -1))
            / (4 * a.sum() * b.sum())
            for b in steps
        ]
        for a in steps
    ]
    return np.array(hessian) / 2


@BOTH
@pytest.mark.parametrize("model", ["dyestuff", "intercepts", "sleepstudy"])
def test_standard_errors_of_variances_are_those_of_the_dense_information(model, reml):
    """In the parameters that textbooks use: the entries of G and sigma²."""
    fit = fitted(model, reml)
    covariance = np.linalg.inv(dense_information(fit))
    p = len(fit.design.terms[0].names)
    rows, columns = np.tril_indices(p)
    expected = np.sqrt(np.diag(covariance))[np.append(rows == columns, True)]
    table = standard_errors(fit)
    assert table.loc["variance", "se"].to_numpy() == pytest.approx(expected, rel=2e-3)
    # the delta method on one number: Var(sd) = Var(variance) / (4 variance)
    sds = table.loc[["sd", "residual"]]
    assert sds["se"].to_numpy() == pytest.approx(expected / (2 * sds["estimate"].to_numpy()), rel=2e-3)


def test_the_standard_error_of_a_correlation_is_the_delta_method_on_G():
    fit = fitted("sleepstudy")
    covariance = np.linalg.inv(dense_information(fit))[:3, :3]
    (a, b), (_, c) = fit.G["subject"].to_numpy()
    rho = b / np.sqrt(a * c)
    slope = np.array([-rho / (2 * a), 1 / np.sqrt(a * c), -rho / (2 * c)])
    found = standard_errors(fit).loc[("cor", "subject Intercept, days"), "se"]
    assert found == pytest.approx(np.sqrt(slope @ covariance @ slope), rel=5e-3)


@CASES
def test_the_table_holds_every_standard_deviation_correlation_and_variance(case):
    fit = fit_lmm(FORMULAS[case], simulated())
    table = standard_errors(fit)
    expected = estimated(fit).iloc[len(fit.fixed) :]
    pd.testing.assert_series_equal(table["estimate"].iloc[: len(expected)], expected)
    variances = fit.variance_components["variance"].to_numpy()
    assert table.loc["variance", "estimate"].to_numpy() == pytest.approx(variances)
    assert table["se"].isna().all() if fit.singular else (table["se"] > 0).all()


def test_a_singular_fit_has_no_standard_errors_and_says_why():
    table = standard_errors(fitted("dyestuff2"))
    assert table["se"].isna().all()
    assert "singular" in table.attrs["note"] and "profile_intervals" in table.attrs["note"]


def test_standard_errors_are_the_spread_of_estimates_over_samples():
    """Forty groups, 300 samples: within the Monte Carlo error, about 4 per cent, and a small bias."""
    rng = np.random.default_rng(22)
    codes, x = np.repeat(np.arange(40), 10), np.tile(np.linspace(-1, 1, 10), 40)
    data = pd.DataFrame({"g": codes, "x": x, "y": rng.normal(size=400)})
    truth = fit_lmm("y ~ x + (x | g)", data)
    effects = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], (300, 40))
    found, claimed = [], []
    for own in effects:
        y = own[codes, 0] + own[codes, 1] * x + rng.normal(size=400)
        table = standard_errors(truth.refit(y=y))
        found.append(table["estimate"])
        claimed.append(table["se"])
    ratio = pd.DataFrame(claimed).mean() / pd.DataFrame(found).std()
    assert ratio.between(0.87, 1.13).all(), ratio


# ---- profiles -------------------------------------------------------------------------------------------

# R 4.2.2, lme4 1.1-31, for example:
#   fit <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE)
#   print(confint(profile(fit, signames = FALSE)), digits = 10)
LME4_INTERVALS = {
    "dyestuff": {
        "sd batch Intercept": (12.19853521, 84.06304671),
        "residual residual": (38.22998488, 67.65769624),
        "fixed Intercept": (1486.45149997, 1568.54849437),
    },
    "dyestuff2": {
        "sd batch Intercept": (0, 2.084043489),
        "residual residual": (2.892831020, 4.815832552),
    },
    "sleepstudy": {
        "sd subject Intercept": (14.3814811165, 37.716018740),
        "cor subject Intercept, days": (-0.4815004432, 0.684986139),
        "sd subject days": (3.8011647624, 8.753366659),
        "residual residual": (22.8982662150, 28.857997323),
        "fixed Intercept": (237.6806954694, 265.129514692),
        "fixed days": (7.3586532953, 13.575918741),
    },
    "intercepts": {
        "sd subject Intercept": (26.007120448, 52.93598353),
        "residual residual": (27.813847208, 34.59104986),
        "fixed Intercept": (231.992326372, 270.81788347),
        "fixed days": (8.886550958, 12.04802096),
    },
    "independent": {
        "sd subject Intercept": (15.258646166, 37.78646394),
        "sd subject days": (3.964074373, 8.76916043),
        "residual residual": (22.880554680, 28.78759756),
        "fixed Intercept": (237.572148000, 265.23806177),
        "fixed days": (7.334066827, 13.60050503),
    },
    "pastes": {
        "sd batch:cask Intercept": (2.1579337383, 4.053588799),
        "sd batch Intercept": (0, 2.946591263),
        "residual residual": (0.6520233563, 1.085448090),
        "fixed Intercept": (58.6636503786, 61.443016369),
    },
    "penicillin": {
        "sd plate Intercept": (0.6335659660, 1.1821039753),
        "sd sample Intercept": (1.0957894653, 3.5562918644),
        "residual residual": (0.4858454001, 0.6294534786),
        "fixed Intercept": (21.2666273831, 24.6778176162),
    },
}


@pytest.mark.parametrize("model", LME4_INTERVALS)
def test_profile_intervals_are_those_of_lme4(model):
    """To four digits: lme4 interpolates between points of the profile, here each end is solved for."""
    found = profile_intervals(fitted(model, reml=False))
    found.index = [" ".join(label) for label in found.index]
    for term, ends in LME4_INTERVALS[model].items():
        assert found.loc[term].to_numpy() == pytest.approx(ends, rel=2e-4, abs=2e-5), term


def test_intervals_of_a_fit_by_reml_are_those_of_the_fit_by_ml():
    by_reml, by_ml = (profile_intervals(fitted("dyestuff", reml)) for reml in (True, False))
    assert by_reml.to_numpy() == pytest.approx(by_ml.to_numpy(), rel=1e-5)


def test_the_index_is_that_of_the_estimates():
    fit = fitted("sleepstudy")
    assert profile_intervals(fit, level=0.5).index.equals(estimated(fit).index)


def test_a_higher_level_gives_wider_intervals_that_hold_the_estimate():
    fit = fitted("sleepstudy", reml=False)
    half, most = (profile_intervals(fit, level=level) for level in (0.5, 0.95))
    assert (most["lower"] < half["lower"]).all() and (half["upper"] < most["upper"]).all()
    assert (half["lower"] < estimated(fit)).all() and (estimated(fit) < half["upper"]).all()
    # R: confint(profile(...), level = 0.5)
    assert half.loc[("sd", "subject Intercept")].to_numpy() == pytest.approx([20.2495, 27.8294], rel=2e-4)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        profile_intervals(fitted("dyestuff"), level=level)


def dense_profile(fit, parameter, value):
    """The deviance minimised, on the dense density, over all parameters but one, which has its value."""
    here, (term,) = fit.design, fit.design.terms

    def deviance(x):
        sds, rho, sigma = [np.exp(x[0]), np.exp(x[1])], np.tanh(x[2]), np.exp(x[3])
        if parameter == ("subject", "days"):
            sds[1] = value
        elif parameter == ("subject", "Intercept, days"):
            rho = value
        else:
            sigma = value
        G = np.outer(sds, sds) * [[1, rho], [rho, 1]]
        V = dense_Z(here) @ np.kron(np.eye(len(term.levels)), G) @ dense_Z(here).T + sigma**2 * np.eye(here.n)
        beta = np.linalg.solve(here.X.T @ np.linalg.solve(V, here.X), here.X.T @ np.linalg.solve(V, here.y))
        left = here.y - here.X @ beta
        return here.n * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + left @ np.linalg.solve(V, left)

    start = [np.log(24), np.log(6), 0.1, np.log(25)]
    return optimize.minimize(deviance, start, method="BFGS", options={"gtol": 1e-4}).fun


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(("subject", "days"), 9.0), (("subject", "Intercept, days"), -0.6), ("sigma", 22.0)],
)
def test_the_profile_is_the_deviance_with_the_others_at_their_best(parameter, value):
    fit = fitted("sleepstudy", reml=False)
    curve = profile(fit, parameter)
    near = curve.index[np.abs(curve.index - value).argmin()]
    assert curve.loc[near, "criterion"] == pytest.approx(dense_profile(fit, parameter, near), abs=1e-4)


def test_a_fixed_effects_profile_is_the_fit_without_it_to_what_is_left():
    """Fix the slope at b: fit y − b days without it."""
    data, b = load("sleepstudy"), 15.0
    fit = fit_lmm("reaction ~ days + (days | subject)", data, reml=False)
    curve = profile(fit, "days")
    near = curve.index[np.abs(curve.index - b).argmin()]
    data["left"] = data["reaction"] - near * data["days"]
    fixed = fit_lmm("left ~ 1 + (days | subject)", data, reml=False)
    assert curve.loc[near, "criterion"] == pytest.approx(fixed.criterion, abs=1e-5)


def test_the_profile_of_a_mean_without_groups_is_known_in_closed_form():
    """Dyestuff2's variance between batches is 0 for means near the estimate: n log(1 + (b − mean)²/s²)."""
    fit = fitted("dyestuff2", reml=False)
    curve = profile(fit, "Intercept")
    y = fit.design.y
    near = curve[np.abs(curve.index - y.mean()) < 0.3]
    expected = 30 * np.log(1 + (near.index - y.mean()) ** 2 / y.var())
    assert near["zeta"].to_numpy() ** 2 == pytest.approx(expected, abs=1e-5)


def test_zeta_rises_through_zero_at_the_estimate():
    fit = fitted("sleepstudy", reml=False)
    for parameter in ("days", ("subject", "days"), ("subject", "Intercept, days"), "sigma"):
        curve = profile(fit, parameter)
        assert curve["zeta"].is_monotonic_increasing and len(curve) > 30
        at = estimated(fit)[find(fit.design, parameter).label]
        assert curve.loc[at, "zeta"] == pytest.approx(0, abs=1e-3)
        assert curve.loc[at, "criterion"] == pytest.approx(fit.criterion, abs=1e-6)
        assert (curve["criterion"] - fit.criterion).to_numpy() == pytest.approx(curve["zeta"] ** 2, abs=1e-8)


def test_a_standard_deviations_profile_ends_at_zero():
    curve = profile(fitted("dyestuff2", reml=False), ("batch", "Intercept"))
    assert curve.index[0] == 0 and curve["zeta"].iloc[0] == 0
    curve = profile(fitted("dyestuff", reml=False), ("batch", "Intercept"))
    assert curve.index[0] == 0
    assert curve["zeta"].iloc[0] == pytest.approx(
        -2.32439800672, abs=1e-4
    )  # R: head(as.data.frame(profile(…)))


def test_a_correlation_that_nothing_limits_ends_at_one():
    """Few groups, and a slope that hardly varies: no correlation is rejected."""
    data = simulated(seed=4, n=40)
    data["y"] = np.random.default_rng(4).normal(size=40)
    fit = fit_lmm("y ~ x + (1 + x | k)", data)
    ends = profile_intervals(fit).loc[("cor", "k Intercept, x")]
    assert tuple(ends) == (-1, 1)


def test_a_correlation_may_be_anything_where_one_effect_need_not_vary():
    """Radon M4: without varying slopes the deviance is 3.81 higher, too little to reject any correlation.

    lme4's profile follows the better of two valleys and stops at −0.556; its other numbers are the same.
    """
    radon = load("radon")
    radon["y"] = np.log(radon["activity"].replace(0, 0.1))
    formula = "y ~ floor * log_uranium + "
    fit, without = (
        fit_lmm(formula + bars, radon, reml=False) for bars in ("(1 + floor | county)", "(1 | county)")
    )
    assert without.criterion - fit.criterion < stats.chi2.ppf(0.95, 1)
    found = profile_intervals(fit)
    assert tuple(found.loc[("cor", "county Intercept, floor")]) == (-1, 1)
    # R: confint(lmer(y ~ floor * log_uranium + (1 + floor | county), …, REML = FALSE, control = bobyqa))
    assert found.loc["fixed", "lower"].to_numpy() == pytest.approx(
        [1.39969, -0.83461, 0.62787, -0.86662], abs=2e-4
    )
    assert found.loc["fixed", "upper"].to_numpy() == pytest.approx(
        [1.53997, -0.49792, 0.98390, 0.03019], abs=2e-4
    )
    assert found.loc["sd", "lower"].to_numpy() == pytest.approx([0.01724, 0], abs=2e-4)
    assert found.loc["sd", "upper"].to_numpy() == pytest.approx([0.21798, 0.52357], abs=2e-4)


def test_three_effects_have_three_correlations_each_with_its_interval():
    fit = fit_lmm("y ~ x + w + (1 + x + w | g)", simulated(seed=6, n=300), reml=False)
    intervals, at = profile_intervals(fit), estimated(fit)
    assert (intervals["lower"] <= at + 1e-9).all() and (at <= intervals["upper"] + 1e-9).all()
    assert intervals.loc["cor"].shape == (3, 2) and (intervals.loc["cor"].abs() <= 1).all(axis=None)
    # the order of effects in the brackets does not matter
    other = profile_intervals(fit_lmm("y ~ x + w + (0 + w + x | g) + (1 | g)", simulated(seed=6, n=300)))
    turned = profile_intervals(fit_lmm("y ~ x + w + (0 + x + w | g) + (1 | g)", simulated(seed=6, n=300)))
    one, two = other.loc[("cor", "g w, x")], turned.loc[("cor", "g x, w")]
    assert one.to_numpy() == pytest.approx(two.to_numpy(), abs=1e-3)


def test_intervals_do_not_depend_on_units():
    data = load("sleepstudy")
    data["time"], data["seconds"] = data["days"] * 1e3, data["reaction"] / 1e3
    one = profile_intervals(fit_lmm("reaction ~ days + (days | subject)", data))
    other = profile_intervals(fit_lmm("seconds ~ time + (time | subject)", data))
    units = np.array([1e-3, 1e-6, 1e-3, 1e-6, 1, 1e-3])[:, None]
    assert other.to_numpy() == pytest.approx(one.to_numpy() * units, rel=1e-3)


# ---- bootstrap ------------------------------------------------------------------------------------------


def test_simulated_responses_have_the_models_mean_and_covariance():
    fit = fit_lmm("y ~ x + (1 + x | g) + (1 | k)", simulated(n=40))
    rng = np.random.default_rng(23)
    draws = np.array([simulate(fit, rng) for _ in range(20_000)])
    V = fit.sigma**2 * dense_V(fit.design, fit.theta)
    scale = np.sqrt(np.diag(V))
    assert np.abs((draws.mean(axis=0) - fit.fitted_population) / scale).max() < 5 / np.sqrt(20_000)
    assert np.abs((np.cov(draws.T) - V) / np.outer(scale, scale)).max() < 0.06


def test_the_result_is_the_same_for_any_number_of_processes():
    fit = fitted("dyestuff")
    one, two = (
        bootstrap(fit, np.random.default_rng(24), draws=8, jobs=jobs, progress=False) for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)
    assert one.attrs == two.attrs


def test_another_seed_gives_other_draws_and_the_same_generator_goes_on():
    fit, rng = fitted("dyestuff"), np.random.default_rng(24)
    first, second = (bootstrap(fit, rng, draws=3, progress=False) for _ in range(2))
    assert not first.equals(second)


def test_more_draws_begin_with_the_same_ones():
    fit = fitted("dyestuff")
    few, more = (bootstrap(fit, np.random.default_rng(25), draws=n, progress=False) for n in (3, 5))
    pd.testing.assert_frame_equal(few, more.iloc[:3])


def test_by_default_all_estimates_are_kept_with_the_share_of_singular_fits():
    fit = fitted("dyestuff")
    draws = bootstrap(fit, np.random.default_rng(26), draws=200, progress=False)
    assert draws.columns.equals(estimated(fit).index) and draws.shape == (200, 3)
    assert draws.attrs["singular"] == (draws["sd", "batch Intercept"] == 0).mean()
    # a draw is singular where its mean squares are MSB <= MSW
    mean_square = fit.sigma**2 + 5 * fit.variance_components["variance"].iloc[0]
    expected = stats.f(5, 24).cdf(fit.sigma**2 / mean_square)
    assert draws.attrs["singular"] == pytest.approx(expected, abs=4 * np.sqrt(expected / 200))
    assert draws.attrs["not_converged"] == 0


@pytest.mark.parametrize(
    ("statistic", "columns"),
    [
        (lambda fit: fit.sigma, ["statistic"]),
        (lambda fit: {"icc": fit.sigma, "b": 1.0}, ["icc", "b"]),
        (lambda fit: fit.fixed, ["Intercept"]),
        (lambda fit: [fit.sigma, 2.0], [0, 1]),
    ],
    ids=["number", "dict", "Series", "list"],
)
def test_any_statistic_may_be_asked_for(statistic, columns):
    draws = bootstrap(
        fitted("dyestuff"), np.random.default_rng(27), draws=2, statistic=statistic, progress=False
    )
    assert list(draws.columns) == columns and len(draws) == 2


def test_the_spread_of_draws_is_the_standard_error():
    """Of the mean of a balanced layout exactly: the draws' estimate is their mean."""
    fit = fitted("dyestuff")
    draws = bootstrap(fit, np.random.default_rng(28), draws=300, progress=False)
    assert draws["fixed", "Intercept"].std() == pytest.approx(fit.se["Intercept"], rel=0.15)
    assert draws["residual", "residual"].mean() == pytest.approx(fit.sigma, rel=0.03)


def test_nothing_is_written_where_no_progress_is_asked_for(capfd):
    bootstrap(fitted("dyestuff"), np.random.default_rng(29), draws=2, progress=False)
    assert capfd.readouterr() == ("", "")


def test_progress_is_never_written_to_the_output(capfd):
    bootstrap(fitted("dyestuff"), np.random.default_rng(29), draws=2, progress=True)
    assert capfd.readouterr().out == ""


def test_a_generator_is_needed_not_a_seed():
    with pytest.raises(
        TypeError, match=r"numpy Generator, such as np.random.default_rng\(2006\); it is a int"
    ):
        bootstrap(fitted("dyestuff"), 2006)


def test_at_least_one_draw_is_needed():
    with pytest.raises(ValueError, match="at least 1; it is 0"):
        bootstrap(fitted("dyestuff"), np.random.default_rng(1), draws=0)


# ---- likelihood-ratio tests -----------------------------------------------------------------------------

# R 4.2.2, lme4 1.1-31: anova(small, large), with refit = FALSE for REML
LME4_TESTS = {
    ("intercepts", "sleepstudy", False): (42.13929852, 2, 7.072412638e-10),
    ("intercepts", "independent", False): (42.07538786063, 1, 8.782158506e-11),
    ("independent", "sleepstudy", False): (0.06391065561, 1, 0.8004184642),
    ("intercepts", "sleepstudy", True): (42.83681343, 2, 4.990041431e-10),
}


@pytest.mark.parametrize("pair", LME4_TESTS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_likelihood_ratios_are_those_of_lme4s_anova(pair):
    small, large, reml = pair
    test = likelihood_ratio(fitted(small, reml), fitted(large, reml))
    statistic, df, p = LME4_TESTS[pair]
    assert test.statistic == pytest.approx(statistic, abs=1e-5) and test.df == df
    assert test.p == pytest.approx(p, rel=1e-4)


def test_one_variance_more_halves_the_p():
    """Half chi-square on 0, half on 1 (Self and Liang 1987)."""
    test = likelihood_ratio(fitted("intercepts"), fitted("independent"))
    assert test.p_boundary == pytest.approx(test.p / 2, rel=1e-9)


def test_a_variance_with_its_covariance_is_a_mixture():
    """Half chi-square on 1, half on 2 (Stram and Lee 1994, case 2)."""
    test = likelihood_ratio(fitted("intercepts"), fitted("sleepstudy"))
    expected = (stats.chi2.sf(test.statistic, 1) + stats.chi2.sf(test.statistic, 2)) / 2
    assert test.p_boundary == pytest.approx(expected, rel=1e-9) and test.p_boundary < test.p


def test_a_statistic_of_zero_rejects_nothing():
    data = load("dyestuff2").rename(columns={"yield": "y"})
    data["half"] = np.tile([0, 1], 15)
    small, large = (fit_lmm(f, data) for f in ("y ~ 1 + (1 | half)", "y ~ 1 + (1 | half) + (1 | batch)"))
    test = likelihood_ratio(small, large)
    assert test.statistic == pytest.approx(0, abs=1e-6) and test.p == pytest.approx(1, abs=1e-3)
    assert test.p_boundary == pytest.approx(1 if test.statistic == 0 else 0.5, abs=1e-3)


def test_a_variance_estimated_as_zero_has_the_p_of_one_whatever_the_last_bits():
    rows = load("dyestuff2").rename(columns={"yield": "amount"}).assign(pair=lambda d: d.index // 3)
    small = fit_lmm("amount ~ 1 + (1 | pair)", rows, reml=False)
    large = fit_lmm("amount ~ 1 + (1 | pair) + (1 | batch)", rows, reml=False)
    assert large.theta[1] == pytest.approx(0, abs=1e-6)
    found = likelihood_ratio(small, large)
    assert found.statistic == 0 and found.p_boundary == 1


@pytest.mark.parametrize(
    ("small", "large"),
    [("y ~ 1 + (1 | g)", "y ~ x + (1 | g)"), ("y ~ x + (1 + x || g)", "y ~ x + (1 + x | g)")],
    ids=["fixed effect", "correlation"],
)
def test_what_is_not_on_a_boundary_has_no_mixture(small, large):
    small, large = (fit_lmm(f, simulated(), reml=False) for f in (small, large))
    assert np.isnan(likelihood_ratio(small, large).p_boundary)


def test_two_variances_at_once_have_no_mixture_and_a_note():
    small, large = (fit_lmm(f, simulated()) for f in ("y ~ x + (1 | g)", "y ~ x + (1 | g) + (1 + x | k)"))
    test = likelihood_ratio(small, large)
    assert np.isnan(test.p_boundary) and "2 variances" in test.notes[0] and "simulate=" in test.notes[0]


def test_a_singular_smaller_model_has_a_note():
    data = load("dyestuff2").rename(columns={"yield": "y"})
    data["x"] = np.linspace(0, 1, 30)
    small, large = (fit_lmm(f, data) for f in ("y ~ x + (1 | batch)", "y ~ x + (1 + x | batch)"))
    assert any("singular" in note for note in likelihood_ratio(small, large).notes)


def test_under_the_null_the_mixture_is_right_and_the_chi_square_is_not():
    """400 samples with no variation of slopes: how often is p < .1? (Monte Carlo error 1.5 points.)"""
    rng = np.random.default_rng(30)
    codes, x = np.repeat(np.arange(30), 8), np.tile(np.linspace(-1, 1, 8), 30)
    data = pd.DataFrame({"g": codes, "x": x, "y": rng.normal(size=240)})
    small, large = (fit_lmm(f, data) for f in ("y ~ x + (1 | g)", "y ~ x + (1 + x || g)"))
    tests = []
    for _ in range(400):
        y = rng.normal(size=30)[codes] + rng.normal(size=240)
        tests.append(likelihood_ratio(small.refit(y=y), large.refit(y=y)))
    boundary, naive = (np.mean([getattr(t, name) < 0.1 for t in tests]) for name in ("p_boundary", "p"))
    assert 0.06 < boundary < 0.14 and naive < 0.08


def test_the_simulated_p_is_the_share_of_draws_as_large():
    small, large = fitted("independent"), fitted("sleepstudy")
    test = likelihood_ratio(small, large, simulate=19, rng=np.random.default_rng(31), progress=False)
    assert test.simulated.shape == (19,) and (test.simulated >= 0).all()
    assert test.p_simulated == (1 + (test.simulated >= test.statistic).sum()) / 20
    assert abs(test.p_simulated - test.p) < 0.4


# ---- is there any group variance? ------------------------------------------------------------------------


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
def test_least_squares_is_the_model_in_which_nothing_varies(reml):
    """Its criterion is the mixed model's at theta = 0, and by ML the one that statsmodels prints."""
    data = simulated()
    large, ols = fit_lmm("y ~ x * w + (1 | g)", data, reml=reml), smf.ols("y ~ x * w", data).fit()
    test = likelihood_ratio(ols, large)
    assert test.statistic == pytest.approx(
        large.likelihood.criterion(np.zeros(1)) - large.criterion, abs=1e-8
    )
    assert test.df == 1 and test.p_boundary == pytest.approx(test.p / 2)
    if not reml:
        assert test.statistic == pytest.approx(-2 * ols.llf - large.criterion, abs=1e-8)


def test_the_p_of_no_group_variance_is_that_of_its_simulation():
    """Boundary and simulation agree where many groups of equal size make the mixture nearly exact."""
    rng = np.random.default_rng(7)
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 5)})
    data["y"] = 0.25 * rng.normal(size=60)[data["g"]] + rng.normal(size=300)
    ols, large = smf.ols("y ~ 1", data).fit(), fit_lmm("y ~ 1 + (1 | g)", data)
    test = likelihood_ratio(ols, large, simulate=400, rng=rng, progress=False)
    assert 0.005 < test.p_boundary < 0.5
    assert abs(test.p_simulated - test.p_boundary) < 4 * np.sqrt(test.p_boundary / 400) + 0.01


def test_a_regression_of_other_columns_or_rows_is_not_compared():
    data = simulated()
    large = fit_lmm("y ~ x + (1 | g)", data)
    with pytest.raises(ValueError, match="differ in their fixed effects"):
        likelihood_ratio(smf.ols("y ~ w", data).fit(), large)
    with pytest.raises(ValueError, match="89 and 90 rows"):
        likelihood_ratio(smf.ols("y ~ x", data[1:]).fit(), large)


@pytest.mark.parametrize(
    "other", [lambda d: smf.wls("y ~ x", d, weights=d["k"] == "k1").fit(), lambda d: None]
)
def test_what_is_no_regression_is_refused_by_name(other):
    data = simulated()
    with pytest.raises(TypeError, match="statsmodels' ols where nothing varies"):
        likelihood_ratio(other(data), fit_lmm("y ~ x + (1 | g)", data))


def test_simulation_needs_a_generator():
    with pytest.raises(ValueError, match="rng="):
        likelihood_ratio(fitted("intercepts"), fitted("sleepstudy"), simulate=10)


def refusal(small, large):
    with pytest.raises(ValueError) as caught:
        likelihood_ratio(small, large)
    return str(caught.value)


def test_models_that_cannot_be_compared_are_refused_with_a_reason():
    data = simulated()
    one = fit_lmm("y ~ x + (1 | g)", data, reml=False)

    def large(formula="y ~ x + w + (1 | g)", frame=data, reml=False):
        return fit_lmm(formula, frame, reml=reml)

    assert "90 and 89 rows" in refusal(one, large(frame=data.iloc[1:]))
    assert "different responses" in refusal(one, large(frame=data.assign(y=data["w"] + data["y"])))
    assert "One model is fitted by REML" in refusal(one, large(reml=True))
    assert "larger goes second" in refusal(large(), one)
    assert "larger goes second" in refusal(one, one)
    assert "lacks the fixed effects x" in refusal(one, large("y ~ w + f + (1 | g)"))
    assert "(Intercept | g)" in refusal(one, large("y ~ x + (1 | k) + (1 | m)"))
    both = fit_lmm("y ~ x + (1 + x | g)", data, reml=False)
    assert "correlation of Intercept and x in g" in refusal(
        both, large("y ~ x + (1 + x || g) + (1 | k) + (1 | m)")
    )


def test_under_reml_the_fixed_effects_must_be_the_same():
    data = simulated()
    small, large = (fit_lmm(f, data) for f in ("y ~ 1 + (1 | g)", "y ~ x + (1 | g)"))
    message = refusal(small, large)
    assert "Refit both by ML: fit.refit(reml=False)" in message
    assert likelihood_ratio(small.refit(reml=False), large.refit(reml=False)).df == 1


def test_groups_of_other_rows_are_not_the_same_groups():
    data = simulated()
    other = data.assign(g=data["g"].sample(frac=1, random_state=1).to_numpy())
    small = fit_lmm("y ~ x + (1 | g)", data, reml=False)
    assert "other values in the two models" in refusal(
        small, fit_lmm("y ~ x + w + (1 | g)", other, reml=False)
    )


def test_the_larger_model_may_name_its_columns_differently():
    """A factor in place of its numbers spans them."""
    data = simulated()
    data["dose"] = data["f"].map({"low": 0, "mid": 1, "top": 2})
    small, large = (fit_lmm(f"y ~ {x} + (1 | g)", data, reml=False) for x in ("dose", "f"))
    assert likelihood_ratio(small, large).df == 1


def test_a_test_shows_itself_in_a_few_lines():
    test = likelihood_ratio(fitted("intercepts"), fitted("sleepstudy"))
    text, html = repr(test), test._repr_html_()
    for shown in (text, html):
        assert "Likelihood ratio 42.837 on 2 degrees of freedom" in shown
        assert "half chi-square on 1, half on 2" in shown
    assert len(text.splitlines()) == 2 and html.startswith("<div") and html.endswith("</div>")

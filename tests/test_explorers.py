"""What the explorers compute, accept and write; tests/site moves them in a browser."""

import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from bs4 import BeautifulSoup
from scipy import linalg, optimize, stats

from mlm import fit_lmm
from mlm.explorers import covariance_explorer, held_out_explorer, pooling, reml_explorer
from mlm.explorers.covariance import implied_covariance
from mlm.explorers.held_out import chosen_share, pull, summarise
from mlm.explorers.pooling import partial_pooling
from mlm.explorers.reml import one_way_estimates, one_way_profile, sample

COUNTIES = pd.DataFrame({"n": [2, 10, 116], "mean": [2.5, 1.1, 0.8]}, index=["Ash", "Birch", "Fir"])


def shops(seed=1, groups=30, weeks=20):
    """Weeks of shops whose slopes differ, in the columns that the explorer of pooling asks for."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (groups, weeks))
    y = rng.normal(-2, 0.5, (groups, 1)) * x + rng.normal(0, 1, (groups, 1)) + rng.normal(0, 1, x.shape)
    names = np.repeat([f"shop {j:02}" for j in range(groups)], weeks)
    return pd.DataFrame(
        {"group": names, "x": x.ravel(), "y": y.ravel(), "place": np.tile(np.arange(weeks) + 1, groups)}
    )


def held_out(rows=None, **changes):
    rows = shops() if rows is None else rows
    parts = {"sizes": (5, 10), "test": 10, "start": 5, "name": "radon"}
    return held_out_explorer(rows, **{**parts, **changes}).data


def draw(counties=COUNTIES, **changes):
    parts = {"sigma_alpha": 0.33, "sigma_y": 0.76, "unit": "log pCi/L", "name": "radon"}
    return pooling(counties, **{**parts, **changes}).data


def test_an_estimate_is_the_precision_weighted_average_of_gelman_and_hill():
    n, mean, sigma_alpha, sigma_y = np.array([2, 10, 116]), np.array([2.5, 1.1, 0.8]), 0.33, 0.76
    pooled = partial_pooling(n, mean, sigma_alpha, sigma_y)
    data, prior = n / sigma_y**2, 1 / sigma_alpha**2
    np.testing.assert_allclose(pooled.estimate, (data * mean + prior * pooled.mu) / (data + prior))


def test_mu_is_the_generalised_least_squares_mean():
    n, mean, sigma_alpha, sigma_y = np.array([2, 10, 116]), np.array([2.5, 1.1, 0.8]), 0.33, 0.76
    y = np.repeat(mean, n)
    group = np.repeat(np.arange(3), n)
    covariance = sigma_alpha**2 * (group[:, None] == group) + sigma_y**2 * np.eye(len(y))
    ones = np.linalg.solve(covariance, np.ones(len(y)))
    assert partial_pooling(n, mean, sigma_alpha, sigma_y).mu == pytest.approx(ones @ y / ones.sum())


def test_without_spread_between_groups_pooling_is_complete():
    pooled = partial_pooling([2, 10, 116], [2.5, 1.1, 0.8], 0, 0.76)
    assert pooled.mu == pytest.approx(pooled.complete)
    np.testing.assert_allclose(pooled.estimate, pooled.complete)


def test_much_spread_between_groups_leaves_the_means_alone():
    np.testing.assert_allclose(
        partial_pooling([2, 10], [2.5, 1.1], 1e4, 0.76).estimate, [2.5, 1.1], rtol=1e-6
    )


EVERY = pytest.mark.parametrize(
    "render",
    [
        draw,
        lambda: covariance_explorer(name="radon").data,
        lambda: reml_explorer(name="radon").data,
        held_out,
    ],
    ids=["pooling", "covariance", "reml", "held out"],
)


@EVERY
def test_two_renders_are_the_same_bytes(render):
    assert render() == render()


@EVERY
def test_ids_start_with_the_name(render):
    html = BeautifulSoup(render(), "html.parser")
    assert all(node["id"].startswith("explorer-radon") for node in html.select("[id]"))


@EVERY
def test_every_slider_and_list_has_a_label(render):
    html = BeautifulSoup(render(), "html.parser")
    for control in html.select("input, select"):
        assert html.find("label", attrs={"for": control["id"]}), f"{control['id']} has no label"


@EVERY
def test_nothing_in_an_explorer_points_to_another_server(render):
    assert set(re.findall(r"https?://[^\s\"']+", render())) == {"http://www.w3.org/2000/svg"}


def test_the_still_picture_says_what_it_shows_in_numbers():
    alt = BeautifulSoup(draw(), "html.parser").img["alt"]
    assert "3 counties" in alt and "2 to 116" in alt and "0.8 to 2.5 log pCi/L" in alt


def test_the_still_picture_tells_the_common_mean_from_the_mean_of_all_houses():
    alt = BeautifulSoup(draw(), "html.parser").img["alt"]
    pooled = partial_pooling(COUNTIES["n"], COUNTIES["mean"], 0.33, 0.76)
    assert f"common mean of the counties, {pooled.mu:.2f}" in alt
    assert f"mean of all houses, {pooled.complete:.2f}" in alt


@pytest.mark.parametrize("chosen, place", [("Birch", 1), (None, 0)])
def test_the_first_county_is_the_one_asked_for_or_the_one_that_moves_furthest(chosen, place):
    assert f'"chosen": {place}' in draw(chosen=chosen)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: draw(COUNTIES.drop(columns="n")), "needs the columns n and mean, found ['mean']"),
        (lambda: draw(pd.concat([COUNTIES, COUNTIES])), "lists 'Ash' more than once"),
        (lambda: draw(COUNTIES.assign(n=[0, 1, 2])), "County 'Ash' has no houses"),
        (lambda: draw(COUNTIES.assign(mean=[1.0, np.nan, 2.0])), "County 'Birch' has no houses or no mean"),
        (lambda: draw(sigma_alpha=9), "sigma_alpha starts at 9, expected a value from 0 to 1.5"),
        (lambda: draw(chosen="Oak"), "`chosen` is 'Oak', which `counties` does not list"),
        (lambda: draw(name="Radon 1"), "must be lower-case letters"),
        (lambda: covariance_explorer(rho=-1), "rho starts at -1, expected a value from -0.9 to 0.9"),
        (lambda: reml_explorer(groups=2), "groups starts at 2, expected a value from 3 to 50"),
        (lambda: held_out(shops().drop(columns="x")), "`rows` needs group, x, y and place"),
        (lambda: held_out(start=7), "`start` is 7, expected one of the sizes (5, 10)"),
        (lambda: held_out(test=8), "10 training weeks reach into the held-out ones, which begin after 8"),
        (lambda: held_out(shops().assign(x=1.0)), "'shop 00' has one price in 5 weeks"),
        (lambda: held_out(share=2), "share starts at 2, expected a value from 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_the_implied_covariance_is_that_of_simulated_groups():
    rng = np.random.default_rng(2006)
    implied = implied_covariance(1.0, 0.5, 0.2, 0.8, groups=2)
    effects = rng.multivariate_normal(np.zeros(4), implied.G, size=200_000).reshape(-1, 2, 2)
    lines = effects[..., :1] + effects[..., 1:] * np.arange(4)
    y = (lines + rng.normal(0, 0.8, lines.shape)).reshape(len(lines), -1)
    np.testing.assert_allclose(np.cov(y.T), implied.V, atol=0.05)


def test_an_entry_of_v_is_the_formula_that_the_explorer_shows():
    sigma_alpha, sigma_beta, rho, sigma_y = 1.3, 0.7, -0.4, 0.9
    V = implied_covariance(sigma_alpha, sigma_beta, rho, sigma_y).V
    cross = rho * sigma_alpha * sigma_beta
    assert V[1, 3] == pytest.approx(sigma_alpha**2 + (1 + 3) * cross + 1 * 3 * sigma_beta**2)
    assert V[6, 6] == pytest.approx(sigma_alpha**2 + (2 + 2) * cross + 2 * 2 * sigma_beta**2 + sigma_y**2)
    assert np.all(V[:4, 4:] == 0)


def test_without_slopes_every_correlation_in_a_group_is_the_icc():
    implied = implied_covariance(1.5, 0, 0.3, 0.5)
    pairs = implied.correlation[:4, :4][np.triu_indices(4, 1)]
    np.testing.assert_allclose(pairs, 1.5**2 / (1.5**2 + 0.5**2))


def test_the_still_heat_map_says_its_variances_and_what_lies_between_groups():
    alt = BeautifulSoup(covariance_explorer().data, "html.parser").img["alt"]
    assert "2.00, 2.45, 3.40, 4.85" in alt and "everything between groups is 0" in alt
    assert f"first and the last time is {1.3 / np.sqrt(2 * 4.85):.2f}" in alt


SAMPLES = pytest.mark.parametrize(
    "number, groups, size, sigma_alpha", [(0, 5, 5, 1.0), (3, 3, 2, 0.0), (1, 12, 3, 0.5), (7, 4, 6, 2.0)]
)
METHODS = pytest.mark.parametrize("reml", [False, True], ids=["ML", "REML"])


def dense_loglik(y, sigma_alpha, sigma_y, reml):
    """From the n × n covariance matrix; for REML from error contrasts, brought to lme4's constant."""
    groups, size = y.shape
    V = np.kron(np.eye(groups), np.full((size, size), sigma_alpha**2)) + sigma_y**2 * np.eye(y.size)
    if reml:
        K = linalg.null_space(np.ones((1, y.size)))
        return stats.multivariate_normal(cov=K.T @ V @ K).logpdf(K.T @ y.ravel()) - np.log(y.size) / 2
    return stats.multivariate_normal(np.full(y.size, y.mean()), V).logpdf(y.ravel())


@SAMPLES
@METHODS
def test_a_profile_is_the_largest_dense_likelihood_over_sigma_y(number, groups, size, sigma_alpha, reml):
    y = sample(number, groups, size, sigma_alpha)
    for value in (0.0, 0.4, 1.1, 2.5):
        found = optimize.minimize_scalar(
            lambda log_sigma, value=value: -dense_loglik(y, value, np.exp(log_sigma), reml),
            bounds=(-3, 2),
            method="bounded",
            options={"xatol": 1e-8},
        )
        assert one_way_profile(y, np.array([value]), reml=reml)[0] == pytest.approx(-found.fun, abs=1e-6)


@SAMPLES
@METHODS
def test_the_peak_of_a_profile_is_the_fit_of_the_engine(number, groups, size, sigma_alpha, reml):
    y = sample(number, groups, size, sigma_alpha)
    data = pd.DataFrame({"y": y.ravel(), "group": np.repeat([f"g{j}" for j in range(groups)], size)})
    fit = fit_lmm("y ~ 1 + (1 | group)", data, reml=reml)
    estimate = one_way_estimates(y).reml if reml else one_way_estimates(y).ml
    assert one_way_profile(y, np.array([estimate]), reml=reml)[0] == pytest.approx(fit.loglik, abs=1e-6)
    assert fit.variance_components["sd"].iloc[0] == pytest.approx(estimate, abs=1e-4)


def test_ml_reaches_the_boundary_before_reml():
    y = np.sqrt(0.6) * np.array([[-1], [0], [1]]) + np.sqrt(0.5) * np.array([-1, 1])
    found = one_way_estimates(y)
    assert (found.msb, found.msw) == pytest.approx((1.2, 1.0))
    assert found.ml == 0, "two thirds of 1.2 is less than 1"
    assert found.reml**2 == pytest.approx((1.2 - 1.0) / 2)


def test_a_larger_sample_keeps_what_the_smaller_one_has():
    np.testing.assert_array_equal(sample(2, 8, 6, 1.0)[:5, :4], sample(2, 5, 4, 1.0))


def test_samples_are_standard_normal_and_new_each_time():
    errors = np.concatenate([sample(number, 50, 20, 0.0).ravel() for number in range(50)])
    assert len(np.unique(errors)) == len(errors)
    assert stats.kstest(errors, "norm").pvalue > 0.01
    effects = sample(0, 50, 20, 1e6)[:, 0] / 1e6
    assert stats.kstest(effects, "norm").pvalue > 0.01


def test_the_still_profiles_say_both_peaks():
    alt = BeautifulSoup(reml_explorer().data, "html.parser").img["alt"]
    found = one_way_estimates(sample(0, 5, 5, 1.0))
    assert f"ML, dashed, peaks at {found.ml:.2f}; REML, solid, peaks at {found.reml:.2f}" in alt


def test_a_groups_slope_and_variance_are_those_of_least_squares_with_a_level_for_each():
    rows = shops()
    summary = summarise(rows, 8, 10)
    used = rows[rows["place"] <= 8]
    fit = smf.ols("y ~ 0 + group + group:x", used).fit()
    slopes = fit.params.filter(like=":x")
    np.testing.assert_allclose(summary.slope, slopes)
    np.testing.assert_allclose(summary.variance, fit.bse[slopes.index] ** 2)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_error_is_that_of_predictions_made_row_by_row(share):
    rows = shops(2)
    pulled = pull(summarise(rows, 5, 10), share)
    code = pd.factorize(rows["group"], sort=True)[0]
    used, held = rows["place"] <= 5, rows["place"] > 10
    centre = rows[used].groupby("group")[["x", "y"]].mean().to_numpy()[code]
    guess = centre[:, 1] + pulled.estimate[code] * (rows["x"] - centre[:, 0])
    assert pulled.error == pytest.approx(np.sqrt(np.mean((rows["y"] - guess)[held] ** 2)))


def test_no_pooling_leaves_slopes_alone_and_complete_pooling_makes_them_one():
    summary = summarise(shops(), 5, 10)
    np.testing.assert_array_equal(pull(summary, 0.0).estimate, summary.slope)
    complete = pull(summary, 1.0)
    mean = np.average(summary.slope, weights=1 / summary.variance)
    np.testing.assert_allclose(complete.estimate, mean)
    assert complete.mu == pytest.approx(mean)


def test_a_group_of_median_variance_is_pulled_by_the_share():
    summary = summarise(shops(groups=31), 5, 10)
    middle = np.argsort(summary.variance)[15]
    assert pull(summary, 0.3).weight[middle] == pytest.approx(0.7)


def test_the_chosen_share_maximises_the_restricted_likelihood_of_the_slopes():
    summary = summarise(shops(3), 6, 10)
    middle = np.median(summary.variance)

    def restricted(share):
        V = np.diag(summary.variance + middle * (1 - share) / share)
        K = linalg.null_space(np.ones((1, len(V))))
        return stats.multivariate_normal(cov=K.T @ V @ K).logpdf(K.T @ summary.slope)

    chosen = chosen_share(summary)
    assert 0.1 < chosen < 0.9
    assert restricted(chosen) > max(restricted(chosen - 0.02), restricted(chosen + 0.02))


def test_the_still_curve_says_its_ends_and_what_was_chosen():
    alt = BeautifulSoup(held_out(), "html.parser").img["alt"]
    summary = summarise(shops(), 5, 10)
    assert f"{pull(summary, 0.0).error:.3f} at 0" in alt and f"{pull(summary, 1.0).error:.3f} at 1" in alt
    assert f"from the training weeks, {chosen_share(summary):.2f}" in alt

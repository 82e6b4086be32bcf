"""The profiled criterion is the multivariate normal density, and its derivatives are derivatives."""

import pickle

import numpy as np
import pytest
from scipy import linalg, optimize, stats

from mlm.lmm import Design, Likelihood, Term

from .cases import FORMULAS, dense_G, dense_V, dense_Z, design, least_squares, random_theta

CASES = pytest.mark.parametrize("case", FORMULAS)
BOTH = pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])


def density(case, theta, beta, sigma):
    """−2 log density of y, by scipy."""
    here = design(case)
    cov = sigma**2 * dense_V(here, theta)
    return -2 * stats.multivariate_normal(here.X @ beta, cov).logpdf(here.y)


def profiled(case, theta):
    """Coefficients and residual SD (ML) that maximise the dense likelihood at theta."""
    here = design(case)
    V = dense_V(here, theta)
    beta, _ = least_squares(here, V)
    left = here.y - here.X @ beta
    return beta, np.sqrt(left @ np.linalg.solve(V, left) / here.n)


# ---- values --------------------------------------------------------------------------------------------


@CASES
def test_the_deviance_is_the_multivariate_normal_density_at_the_best_beta_and_sigma(case):
    like, rng = Likelihood(design(case), reml=False), np.random.default_rng(5)
    for _ in range(5):
        theta = random_theta(like.design, rng)
        assert like.criterion(theta) == pytest.approx(density(case, theta, *profiled(case, theta)), abs=1e-7)


@CASES
def test_no_other_beta_or_sigma_is_better(case):
    like, rng = Likelihood(design(case), reml=False), np.random.default_rng(6)
    theta = random_theta(like.design, rng)
    beta, sigma = profiled(case, theta)
    for _ in range(20):
        other = density(case, theta, beta + rng.normal(0, 0.05, len(beta)), sigma * rng.lognormal(0, 0.05))
        assert other > like.criterion(theta)


@CASES
def test_the_reml_criterion_is_the_density_of_error_contrasts(case):
    """K'y, with K an orthonormal basis of what X does not span, plus lme4's constant log|X'X|."""
    here, rng = design(case), np.random.default_rng(7)
    like, p = Likelihood(here, reml=True), here.X.shape[1]
    K = linalg.qr(here.X)[0][:, p:] if p else np.eye(here.n)
    for _ in range(5):
        theta = random_theta(here, rng)
        cov = K.T @ dense_V(here, theta) @ K
        contrasts = K.T @ here.y
        variance = contrasts @ np.linalg.solve(cov, contrasts) / (here.n - p)
        expected = -2 * stats.multivariate_normal(np.zeros(here.n - p), variance * cov).logpdf(contrasts)
        expected += np.linalg.slogdet(here.X.T @ here.X)[1] if p else 0
        assert like.criterion(theta) == pytest.approx(expected, abs=1e-7)


@CASES
@BOTH
def test_solve_gives_the_parts_of_the_dense_computation(case, reml):
    here = design(case)
    like, theta = Likelihood(here, reml), random_theta(here, np.random.default_rng(8))
    at, V = like.solve(theta), dense_V(here, theta)
    beta, covariance = least_squares(here, V)
    left = here.y - here.X @ beta
    assert at.logdet == pytest.approx(np.linalg.slogdet(V)[1], abs=1e-8)
    assert at.squares == pytest.approx(left @ np.linalg.solve(V, left), rel=1e-9)
    assert at.beta == pytest.approx(beta, rel=1e-8, abs=1e-9)
    if len(beta):
        assert at.logdet_X == pytest.approx(-np.linalg.slogdet(covariance)[1], abs=1e-8)
    degrees = here.n - len(beta) if reml else here.n
    assert like.sigma(at) == pytest.approx(np.sqrt(at.squares / degrees), rel=1e-12)


@BOTH
def test_theta_zero_is_least_squares(reml):
    here = design("crossed, vectors")
    criterion = Likelihood(here, reml).criterion(np.zeros(here.n_theta))
    left = here.y - here.X @ np.linalg.lstsq(here.X, here.y, rcond=None)[0]
    degrees = here.n - here.X.shape[1] if reml else here.n
    expected = degrees * (1 + np.log(2 * np.pi * left @ left / degrees))
    expected += np.linalg.slogdet(here.X.T @ here.X)[1] if reml else 0
    assert criterion == pytest.approx(expected, abs=1e-9)


@CASES
def test_switching_the_criterion_is_starting_again_with_it(case):
    here = design(case)
    theta = random_theta(here, np.random.default_rng(9))
    switched = Likelihood(here, reml=True).switched(reml=False)
    assert switched.criterion(theta) == Likelihood(here, reml=False).criterion(theta)


def test_the_sign_of_a_column_of_the_factor_does_not_matter():
    here = design("three effects")
    theta, like = random_theta(here, np.random.default_rng(10)), Likelihood(here)
    flipped = theta.copy()
    flipped[:3] *= -1  # the first column of T
    assert like.criterion(flipped) == pytest.approx(like.criterion(theta), abs=1e-9)


def test_a_large_mean_costs_no_digits():
    here = design("vector-valued")
    moved = Design(here.y + 1e7, here.X, here.fixed_names, here.terms)
    theta = random_theta(here, np.random.default_rng(11))
    assert Likelihood(moved).criterion(theta) == pytest.approx(Likelihood(here).criterion(theta), abs=1e-5)


# ---- derivatives ------------------------------------------------------------------------------------------


def differences(function, theta, step=1e-5):
    return np.array(
        [(function(theta + h) - function(theta - h)) / (2 * step) for h in step * np.eye(len(theta))]
    )


@CASES
@BOTH
def test_the_gradient_is_that_of_the_criterion(case, reml):
    like, rng = Likelihood(design(case), reml), np.random.default_rng(12)
    for _ in range(4):
        theta = random_theta(like.design, rng)
        value, gradient = like.criterion_and_gradient(theta)
        assert value == like.criterion(theta)
        assert gradient == pytest.approx(differences(like.criterion, theta), rel=1e-5, abs=2e-4)


@CASES
@BOTH
def test_the_gradient_is_right_where_effects_do_not_vary(case, reml):
    like, rng = Likelihood(design(case), reml), np.random.default_rng(13)
    theta = random_theta(like.design, rng)
    for zeros in (range(len(theta)), [0], [len(theta) - 1], range(0, len(theta), 2)):
        singular = theta.copy()
        singular[list(zeros)] = 0
        gradient = like.criterion_and_gradient(singular)[1]
        assert np.isfinite(gradient).all()
        assert gradient == pytest.approx(differences(like.criterion, singular), rel=1e-5, abs=2e-4)


@CASES
@BOTH
def test_with_sigma_held_the_gradient_is_that_of_the_unprofiled_criterion(case, reml):
    like = Likelihood(design(case), reml)
    theta, variance = random_theta(like.design, np.random.default_rng(14)), 1.7

    def unprofiled(theta):
        at = like.solve(theta)
        fit = like.degrees * np.log(2 * np.pi * variance) + at.squares / variance
        return at.logdet + fit + (at.logdet_X if reml else 0)

    gradient = like.gradient(like.solve(theta), variance)
    assert gradient == pytest.approx(differences(unprofiled, theta), rel=1e-5, abs=2e-4)


@CASES
@BOTH
def test_the_slope_along_a_covariance_matrix_is_what_raising_it_costs(case, reml):
    """Also at 0, where the gradient with respect to theta vanishes whatever the data say."""
    here = design(case)
    like, rng, step = Likelihood(here, reml), np.random.default_rng(15), 1e-6
    for theta in (np.zeros(here.n_theta), random_theta(here, rng)):
        slopes = like.covariance_slopes(like.solve(theta))
        for k, term in enumerate(here.terms):
            direction = rng.normal(size=len(term.names))
            factors = here.factors(theta)
            T = np.column_stack([factors[k], np.sqrt(step) * direction])
            factors[k] = linalg.qr(T.T, mode="r")[0][: len(T)].T  # T T' raised by step · direction direction'
            raised = np.concatenate([T[np.triu_indices(len(T))[::-1]] for T in factors])
            change = (like.criterion(raised) - like.criterion(theta)) / step
            assert change == pytest.approx(direction @ slopes[k] @ direction, rel=1e-3, abs=1e-2)


@BOTH
def test_at_theta_zero_the_gradient_vanishes_though_the_data_want_variance(reml):
    """Why a search must not begin there, and must not trust a zero gradient there."""
    here = design("crossed, vectors")
    like = Likelihood(here, reml)
    gradient = like.criterion_and_gradient(np.zeros(here.n_theta))[1]
    best = optimize.minimize(like.criterion, np.full(here.n_theta, 0.5), method="BFGS").fun
    assert np.abs(gradient).max() < 1e-10 and best < like.criterion(np.zeros(here.n_theta)) - 10


# ---- random effects ---------------------------------------------------------------------------------------


@CASES
def test_the_modes_solve_hendersons_equations(case):
    """[X'X, X'Z; Z'X, Z'Z + G⁻¹] [beta; u] = [X'y; Z'y], where G is not singular."""
    here = design(case)
    like, theta = Likelihood(here), np.abs(random_theta(here, np.random.default_rng(16))) + 0.1
    at, Z = like.solve(theta), dense_Z(here)
    effects = np.concatenate([u.ravel() for u in like.by_term(like.modes(at))])
    W = np.hstack([here.X, Z])
    equations, p = W.T @ W, here.X.shape[1]
    equations[p:, p:] += np.linalg.inv(dense_G(here, theta))
    assert np.concatenate([at.beta, effects]) == pytest.approx(
        np.linalg.solve(equations, W.T @ here.y), abs=1e-7
    )


@CASES
def test_the_modes_variances_are_those_of_the_conditional_normal_distribution(case):
    """G − G Z'V⁻¹Z G, the fixed effects taken as known; singular G included."""
    here = design(case)
    like, theta = Likelihood(here), random_theta(here, np.random.default_rng(17))
    theta[-1] = 0
    Z, G = dense_Z(here), dense_G(here, theta)
    dense = G - G @ Z.T @ np.linalg.solve(dense_V(here, theta), Z @ G)
    variances, begin = like.by_term(like.mode_variances(like.solve(theta)), square=True), 0
    for term, own in zip(here.terms, variances, strict=True):
        p = len(term.names)
        for j in range(len(term.levels)):
            place = slice(begin + j * p, begin + (j + 1) * p)
            assert own[j] == pytest.approx(dense[place, place], abs=1e-8)
        begin += p * len(term.levels)


# ---- cost and use -----------------------------------------------------------------------------------------


def test_an_evaluation_reads_no_row_so_it_costs_the_same_for_a_thousand_and_for_a_million():
    rng, theta = np.random.default_rng(18), np.array([0.5, 0.1, 0.3])
    y, ones = rng.normal(size=1000), np.column_stack([np.ones(1000), rng.normal(size=1000)])
    term = Term("g", ("Intercept", "x"), np.arange(50), rng.integers(0, 50, 1000), ones.copy())
    like = Likelihood(Design(y, ones, ("Intercept", "x"), (term,)))
    before, slope = like.criterion_and_gradient(theta)
    y[:], ones[:], term.Z[:] = np.nan, np.nan, np.nan
    after, slope_after = like.criterion_and_gradient(theta)
    assert after == before and (slope_after == slope).all()


@CASES
def test_a_likelihood_travels_to_another_process(case):
    like = Likelihood(design(case))
    theta = random_theta(like.design, np.random.default_rng(19))
    assert pickle.loads(pickle.dumps(like)).criterion(theta) == like.criterion(theta)


# ---- the second elimination --------------------------------------------------------------------------------


def test_nested_factors_fall_into_components_and_crossed_ones_do_not():
    deep, crossed = (Likelihood(design(name)).layout for name in ("nested deep", "crossed"))
    assert deep.K == 9 and deep.m == 5  # a g: its two effects, and one for each of up to three h
    assert (crossed.K, crossed.m) == (1, 6)


@CASES
def test_products_in_a_list_and_in_a_dense_matrix_are_the_same(case, monkeypatch):
    here, rng = design(case), np.random.default_rng(14)
    theta = random_theta(here, rng)
    found = []
    for share in (0, np.inf):  # always dense, never dense
        monkeypatch.setattr("mlm.lmm.rest.DENSE_SHARE", share)
        found.append(Likelihood(here).criterion_and_gradient(theta))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-9)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-8)

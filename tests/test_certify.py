"""Certificates: an independent likelihood confirms what is right, and tells by how much the rest is wrong."""

import re
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from accessibility import Parts
from scipy import sparse, stats
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

from mlm import certify, estimates, fit_lmm, load, stored
from mlm.certificate import CertificateError
from mlm.certificate.claim import design, read
from mlm.certificate.second_likelihood import SecondLikelihood
from mlm.lmm import fit_design

RADON = {
    "radon M0": ("y ~ 1", None),
    "radon M1": ("y ~ floor", None),
    "radon M2": ("y ~ floor + log_uranium", None),
    "radon M3": ("y ~ floor", "1 + floor"),
    "radon M4": ("y ~ floor * log_uranium", "1 + floor"),
}
BOTH = pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
SURE = ("nm", "bfgs")


@cache
def radon() -> pd.DataFrame:
    houses = load("radon")
    houses["y"] = np.log(houses["activity"].replace(0, 0.1))
    return houses


@cache
def fit(model: str, reml: bool = True, method: tuple[str, ...] | None = SURE):
    return fresh(model, reml, method)


def fresh(model: str, reml: bool = True, method: tuple[str, ...] | None = SURE):
    """A statsmodels fit of a new model object, which a test may damage."""
    formula, slopes = RADON[model]
    return quiet(smf.mixedlm(formula, radon(), groups="county", re_formula=slopes), reml, method)


def quiet(model, reml=True, method=SURE):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what an optimiser says is no guide to what it reached
        return model.fit(reml=reml, method=method if method is None else list(method))


@cache
def ours(formula: str, data: str, reml: bool = True):
    return fit_lmm(formula, radon() if data == "radon" else load(data), reml=reml)


def m4():
    return ours("y ~ floor * log_uranium + (1 + floor | county)", "radon")


def moved(lmm_fit, theta):
    """The fit that a program would report if its optimiser had stopped at this theta."""
    return replace(lmm_fit, theta=np.asarray(theta, dtype=float))


# ---- the second likelihood ------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("case", ["one factor, two effects", "two crossed factors", "no fixed effects"])
def test_the_second_likelihood_is_the_normal_density_of_all_rows_at_once(case, reml):
    rng = np.random.default_rng(5)
    n = 60
    X = np.column_stack([np.ones(n), rng.normal(size=n)])[:, : 0 if case == "no fixed effects" else 2]
    y = rng.normal(3, 2, n)
    x = rng.normal(5, 40, n)  # in a unit of its own
    first, other = rng.integers(0, 7, n), rng.integers(0, 4, n)
    if case == "two crossed factors":
        Zs, Gs = [np.eye(7)[first], np.eye(4)[other]], [np.array([[0.7]]), np.array([[2.5]])]
    else:
        by_level = np.stack([np.eye(7)[first], np.eye(7)[first] * x[:, None]], axis=2)
        Zs, Gs = [by_level.reshape(n, 14)], [np.array([[1.2, -0.01], [-0.01, 0.002]])]
    sizes = [len(G) for G in Gs]
    second = SecondLikelihood(y, X, [sparse.csr_array(Z) for Z in Zs], sizes, reml)
    theta = second.theta(Gs, 1.7)
    V = 1.7 * np.eye(n)
    for Z, G in zip(Zs, Gs, strict=True):
        V += Z @ np.kron(np.eye(Z.shape[1] // len(G)), G) @ Z.T
    W = np.linalg.inv(V)
    beta = np.linalg.solve(X.T @ W @ X, X.T @ W @ y)
    density = stats.multivariate_normal(X @ beta, V).logpdf(y)
    if reml and X.shape[1]:  # the integral of the density over beta
        density += X.shape[1] / 2 * np.log(2 * np.pi) - np.linalg.slogdet(X.T @ W @ X).logabsdet / 2
    solution = second.solve(theta)
    assert second.at(solution, 1.7) == pytest.approx(-2 * density, abs=1e-8)
    assert second.fixed(solution) == pytest.approx(beta, abs=1e-9)
    errors = np.sqrt(np.diag(np.linalg.inv(X.T @ W @ X)))
    assert second.fixed_errors(solution, 1.7) == pytest.approx(errors, rel=1e-9)
    elsewhere = beta + 0.3 * errors
    away = stats.multivariate_normal(X @ elsewhere, V).logpdf(y)
    expected = density if reml else away
    assert second.at(solution, 1.7, elsewhere) == pytest.approx(-2 * expected, abs=1e-8)
    for found, G in zip(second.covariances(theta, 1.7), Gs, strict=True):
        assert found == pytest.approx(G, rel=1e-9)


def test_the_best_residual_variance_is_the_one_that_it_uses():
    claim = read(fit("radon M1"))
    second = SecondLikelihood(claim.y, claim.X, [claim.effects[0].Z], [1], reml=True)
    solution = second.solve(np.array([0.4]))
    lowest = second.criterion(np.array([0.4]))
    around = [second.at(solution, solution.sum_of_squares / second.df * k) for k in (0.99, 1.01)]
    assert lowest < min(around)


LMMS = {
    "radon M1": ("y ~ floor + (1 | county)", "radon"),
    "radon M3": ("y ~ floor + (1 + floor | county)", "radon"),
    "radon M4": ("y ~ floor * log_uranium + (1 + floor | county)", "radon"),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin"),
    "dyestuff": ("yield_ ~ 1 + (1 | batch)", "dyestuff"),
    "sleepstudy slopes": ("reaction ~ days + (1 + days | subject)", "sleepstudy"),
}


@BOTH
@pytest.mark.parametrize("model", LMMS)
def test_the_optimum_of_the_second_likelihood_is_that_of_lme4(model, reml):
    # the claim is far off on purpose: what is compared is where the certificate's own search ends
    formula, data = LMMS[model]
    frame = radon() if data == "radon" else load(data).rename(columns={"yield": "yield_"})
    right = fit_lmm(formula, frame, reml=reml)
    best = certify(moved(right, 0.2 * right.theta), may_fail=True).best["estimate"]
    theirs = stored(model, reml)["estimate"]
    assert -2 * best["criterion", "log-likelihood"] == pytest.approx(theirs["criterion"].iloc[0], abs=1e-5)
    rows = [row for row in theirs.index if row[0] != "criterion"]
    assert best[rows].to_numpy() == pytest.approx(theirs[rows].to_numpy(), rel=2e-3, abs=2e-3)


# ---- the optimisers of statsmodels on the radon models --------------------------------------------------

SHORT = [
    ("radon M2", True, None, 0.005),
    ("radon M2", True, ("cg",), 0.005),
    ("radon M2", False, None, 0.386),
    ("radon M2", False, ("cg",), 0.386),
    ("radon M3", True, ("powell",), 0.011),
    ("radon M4", True, None, 0.332),
    ("radon M4", True, ("powell",), 0.007),
    ("radon M4", True, ("cg",), 0.229),
    ("radon M4", True, ("nm",), 0.098),
    ("radon M4", False, None, 1.919),
    ("radon M4", False, ("powell",), 0.008),
    ("radon M4", False, ("cg",), 1.919),
]
RIGHT = [
    *((model, reml, SURE) for model in RADON for reml in (True, False)),
    *((model, True, method) for model in ("radon M0", "radon M1") for method in (None, ("powell",), ("cg",))),
    ("radon M2", True, ("powell",)),
    ("radon M2", False, ("nm",)),
    ("radon M3", True, ("lbfgs",)),
    ("radon M3", True, ("nm",)),
    ("radon M4", True, ("lbfgs",)),
    ("radon M4", False, ("lbfgs",)),
]
INFINITE = [
    *((model, reml, ("lbfgs",)) for model in ("radon M0", "radon M1") for reml in (True, False)),
    ("radon M2", False, ("lbfgs",)),
]


@pytest.mark.parametrize(("model", "reml", "method"), RIGHT)
def test_a_fit_that_arrived_is_certified(model, reml, method):
    certificate = certify(fit(model, reml, method))
    assert certificate.ok and certificate.reasons == () and not certificate.singular
    assert certificate.shortfall < 1e-4
    assert certificate.gradient.abs().max() < 0.02
    assert certificate.loglik == pytest.approx(certificate.printed, abs=1e-6)
    assert (certificate.engine, certificate.reml) == ("statsmodels", reml)


@pytest.mark.parametrize(("model", "reml", "method", "short"), SHORT)
def test_a_fit_that_stopped_too_soon_is_refused_by_the_log_units_it_lacks(model, reml, method, short):
    with pytest.raises(CertificateError) as refused:
        certify(fit(model, reml, method))
    certificate = refused.value.certificate
    assert not certificate.ok
    assert certificate.shortfall == pytest.approx(short, abs=0.002)
    assert certificate.gradient.abs().max() > 0.05
    (reason,) = certificate.reasons
    assert reason.startswith(f"The fit stopped {certificate.shortfall:.3f} log-units short")
    theirs = stored(model, reml).loc["sd", "estimate"]
    assert certificate.best.loc["sd", "estimate"].to_numpy() == pytest.approx(theirs.to_numpy(), abs=0.001)


@pytest.mark.parametrize(("model", "reml", "method"), INFINITE)
def test_an_infinite_log_likelihood_is_refused_whatever_the_flag_says(model, reml, method):
    infinite = fit(model, reml, method)
    assert np.isinf(infinite.llf)
    certificate = certify(infinite, may_fail=True)
    assert not certificate.ok and certificate.shortfall > 1
    assert certificate.reasons[0] == "statsmodels printed a log-likelihood of inf, which none is."


# ---- what else a fit may get wrong ----------------------------------------------------------------------


def test_a_failing_fit_may_be_shown():
    certificate = certify(fit("radon M2", False, None), may_fail=True)
    assert not certificate.ok
    assert certificate.claimed.loc[("sd", "county Intercept"), "estimate"] == pytest.approx(0.189, abs=0.001)
    assert certificate.best.loc[("sd", "county Intercept"), "estimate"] == pytest.approx(0.146, abs=0.001)


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_a_little_too_much_or_too_little_variance_is_noticed(share):
    right = ours("y ~ floor + (1 | county)", "radon")
    certificate = certify(moved(right, share * right.theta), may_fail=True)
    assert not certificate.ok and 0.05 < certificate.shortfall < 1
    assert np.sign(certificate.gradient["county Intercept"]) == np.sign(1 - share)
    assert certify(moved(right, right.theta * (1 + 1e-4))).ok


def test_a_residual_variance_that_does_not_go_with_the_rest_is_noticed():
    wrong = fresh("radon M1")
    wrong.llf  # noqa: B018  (statsmodels computes it when it is first asked for)
    wrong._results.scale = wrong.scale * 1.1
    wrong._results.cov_re = wrong.cov_re * 1.1
    certificate = certify(wrong, may_fail=True)
    n = 917
    assert certificate.shortfall == pytest.approx(n / 2 * (np.log(1.1) + 1 / 1.1 - 1), abs=1e-3)
    assert certificate.gradient["residual"] < -1 and "printed a log-likelihood of" in certificate.reasons[0]


@BOTH
def test_fixed_effects_that_do_not_go_with_the_variances_are_noticed(reml):
    wrong = fresh("radon M1", reml)
    wrong.llf  # noqa: B018
    wrong._results.fe_params = wrong.fe_params + np.array([0, 0.3 * wrong.bse_fe["floor"]])
    certificate = certify(wrong, may_fail=True)
    reason = next(r for r in certificate.reasons if "fixed effects" in r)
    assert "floor is 0.30 standard errors off" in reason
    assert "floor" in [row.split()[0] for row in repr(certificate).splitlines() if row], (
        "the table shows them"
    )
    assert certificate.shortfall == pytest.approx(0 if reml else 0.045, abs=0.01)


def test_a_number_that_is_not_the_likelihood_of_the_estimates_is_noticed():
    model = smf.mixedlm("y ~ floor", radon(), groups="county")
    restricted = quiet(model, reml=True)
    quiet(model, reml=False)
    certificate = certify(restricted, may_fail=True)
    assert not certificate.ok and certificate.shortfall < 1e-4, "the estimates are right"
    assert certificate.printed == pytest.approx(-1081.828, abs=0.001)
    assert certificate.loglik == pytest.approx(-1085.653, abs=0.001)
    (reason,) = certificate.reasons
    assert "its number is not the likelihood of its estimates" in reason
    assert "make a new one for each criterion" in reason
    assert repr(certificate).splitlines()[-1].startswith("The estimates may be read: they are at the top.")


def test_an_earlier_fit_of_the_same_model_is_certified_if_its_number_was_read_in_time():
    model = smf.mixedlm("y ~ floor", radon(), groups="county")
    restricted = quiet(model, reml=True)
    assert certify(restricted).ok
    quiet(model, reml=False)
    assert certify(restricted).ok


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("cov_re", -0.01, r"The variance of county Intercept is negative \(-0.01\)"),
        ("cov_re", np.nan, "The covariance matrix of county Intercept is not finite"),
        ("scale", 0.0, "The residual variance is 0"),
        ("scale", np.nan, "The residual variance is nan"),
        ("fe_params", np.nan, "Some fixed effect is not finite"),
    ],
)
def test_impossible_estimates_are_named_and_the_optimum_is_found_all_the_same(attribute, value, reason):
    wrong = fresh("radon M1")
    wrong.llf  # noqa: B018
    setattr(wrong._results, attribute, getattr(wrong, attribute) * 0 + value)
    certificate = certify(wrong, may_fail=True)
    assert not certificate.ok and re.match(reason, certificate.reasons[0]), certificate.reasons
    assert np.isinf(certificate.shortfall) and np.isnan(certificate.loglik)
    best = certificate.best["estimate"]
    assert best["criterion", "log-likelihood"] == pytest.approx(-1085.653, abs=0.001)
    assert "nan" not in repr(certificate).split("claimed")[1], "a dash stands where there is no number"


def test_an_impossible_correlation_is_named():
    wrong = fresh("radon M3")
    wrong.llf  # noqa: B018
    wrong._results.cov_re = pd.DataFrame([[0.1, 0.2], [0.2, 0.1]])
    certificate = certify(wrong, may_fail=True)
    assert certificate.reasons[0].startswith(
        "The covariance matrix of county Intercept, county floor has a negative eigenvalue (-0.1)"
    )


# ---- the boundary ---------------------------------------------------------------------------------------


@BOTH
def test_a_singular_optimum_is_certified_and_called_singular(reml):
    data = load("dyestuff2").rename(columns={"yield": "strength"})
    zero = fit_lmm("strength ~ 1 + (1 | batch)", data, reml=reml)
    certificate = certify(zero)
    assert certificate.ok and certificate.singular and certificate.boundary == "batch Intercept"
    assert "singular: batch Intercept does not vary" in repr(certificate)
    assert certificate.best.loc[("sd", "batch Intercept"), "estimate"] == pytest.approx(0, abs=1e-3)


@BOTH
def test_a_positive_variance_where_zero_is_best_is_refused(reml):
    data = load("dyestuff2").rename(columns={"yield": "strength"})
    zero = fit_lmm("strength ~ 1 + (1 | batch)", data, reml=reml)
    certificate = certify(moved(zero, [0.3]), may_fail=True)
    assert not certificate.ok and certificate.singular


def test_a_fit_that_is_stuck_at_zero_is_refused_although_its_gradient_is_zero():
    right = ours("y ~ floor + (1 | county)", "radon", reml=False)
    certificate = certify(moved(right, [0.0]), may_fail=True)
    pooled = smf.ols("y ~ floor", radon()).fit()
    assert certificate.loglik == pytest.approx(pooled.llf, abs=1e-6)
    assert certificate.shortfall == pytest.approx(right.loglik - pooled.llf, abs=1e-5)
    assert certificate.gradient.abs().max() < 1e-6
    assert "its gradient is zero, but it is not the top" in certificate.reasons[0]


def test_a_fit_that_is_stuck_on_a_face_of_the_boundary_is_refused():
    # where lme4 1.1-31 stops by default: no variance of the intercept, so no correlation either
    stuck = moved(m4(), [0, 0, 0.37311306 / 0.75730663])
    certificate = certify(stuck, may_fail=True)
    assert -2 * certificate.loglik == pytest.approx(2132.235, abs=0.001)
    assert certificate.shortfall == pytest.approx((2132.235 - 2126.579) / 2, abs=0.001)
    assert not certificate.singular, "the optimum lies inside"


def test_a_combination_of_effects_that_does_not_vary_is_named():
    houses = radon()[radon()["county"].isin(["AITKIN", "ANOKA", "BECKER", "BELTRAMI", "BENTON"])]
    houses = houses.assign(county=houses["county"].astype(str))
    few = fit_lmm("y ~ floor + (1 + floor | county)", houses)
    certificate = certify(few)
    assert certificate.singular == few.singular
    assert few.singular, "five counties cannot tell a correlation"
    assert certificate.boundary == "a combination of county Intercept and county floor"


# ---- all sorts of models --------------------------------------------------------------------------------


def test_crossed_factors_of_statsmodels_are_certified():
    plates = load("penicillin").assign(one=1)
    components = {"plate": "0 + C(plate)", "sample": "0 + C(sample)"}
    model = smf.mixedlm("diameter ~ 1", plates, groups="one", re_formula="0", vc_formula=components)
    certificate = certify(quiet(model))
    assert certificate.ok
    assert -2 * certificate.loglik == pytest.approx(
        stored("penicillin").loc["criterion", "estimate"].iloc[0], abs=1e-4
    )
    assert list(certificate.gradient.index) == ["plate Intercept", "sample Intercept", "residual"]


def test_components_in_a_group_are_certified_beside_its_intercept():
    model = smf.mixedlm(
        "strength ~ 1", load("pastes"), groups="batch", re_formula="1", vc_formula={"cask": "0 + C(cask)"}
    )
    certificate = certify(quiet(model))
    assert certificate.ok and -2 * certificate.loglik == pytest.approx(246.9907, abs=1e-3)


def test_rows_may_come_in_any_order():
    shuffled = radon().sample(frac=1, random_state=3)
    model = smf.mixedlm("y ~ floor * log_uranium", shuffled, groups="county", re_formula="1 + floor")
    assert certify(quiet(model)).ok


def test_missing_values_are_left_out_as_the_fit_left_them_out():
    gaps = radon().copy()
    gaps.loc[gaps.index[::50], "floor"] = np.nan
    assert certify(quiet(smf.mixedlm("y ~ floor", gaps, groups="county", missing="drop"))).ok
    assert certify(fit_lmm("y ~ floor + (1 | county)", gaps)).ok


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_the_unit_of_a_predictor_changes_nothing(factor):
    def judged(houses):
        right = fit_lmm("y ~ x + (1 + x | county)", houses)
        T = right.design.factors(right.theta)[0] * [[1.2], [1.0]]
        return certify(moved(right, T[np.triu_indices(2)[::-1]]), may_fail=True)

    plain = judged(radon().assign(x=radon()["log_uranium"] + radon()["floor"]))
    other = judged(radon().assign(x=(radon()["log_uranium"] + radon()["floor"]) * factor))
    assert plain.shortfall > 0.01
    assert other.shortfall == pytest.approx(plain.shortfall, rel=1e-4)
    assert other.gradient.to_numpy() == pytest.approx(plain.gradient.to_numpy(), abs=1e-4)


@pytest.mark.parametrize(
    "formula", ["y ~ floor + (floor || county)", "y ~ floor + (1 | county) + (0 + floor | county)"]
)
def test_two_pairs_of_brackets_of_one_factor_are_certified(formula):
    certificate = certify(ours(formula, "radon"))
    assert certificate.ok
    assert list(certificate.gradient.index) == ["county Intercept", "county floor", "residual"]


def test_the_model_is_handed_to_the_other_likelihood_as_it_is():
    for name, formula in (
        ("radon M3", "y ~ floor + (1 + floor | county)"),
        ("radon M1", "y ~ floor + (1 | county)"),
    ):
        again = fit_design(design(read(fit(name))), reml=True)
        assert again.theta == pytest.approx(ours(formula, "radon").theta, abs=1e-5)


def test_where_a_search_from_elsewhere_would_take_long_the_neighbourhood_is_searched(monkeypatch):
    monkeypatch.setattr(sys.modules["mlm.certificate"], "MOST_EFFECTS", 84)
    right = ours("y ~ floor + (1 | county)", "radon")
    assert not certify(right).everywhere
    off = certify(moved(right, 1.3 * right.theta), may_fail=True)
    assert off.shortfall == pytest.approx(right.loglik - moved(right, 1.3 * right.theta).loglik, abs=1e-5)
    monkeypatch.setattr(sys.modules["mlm.certificate"], "MOST_EFFECTS", 85)
    assert certify(right).everywhere


def test_the_climb_leaves_zero_by_itself(monkeypatch):
    monkeypatch.setattr(sys.modules["mlm.certificate"], "MOST_EFFECTS", 0)
    right = ours("y ~ floor + (1 | county)", "radon")
    stuck = certify(moved(right, [0.0]), may_fail=True)
    assert stuck.best.loc[("sd", "county Intercept"), "estimate"] == pytest.approx(0.3282, abs=1e-4)
    face = certify(moved(m4(), [0, 0, 0.49]), may_fail=True)
    assert -2 * face.best["estimate"].iloc[-1] == pytest.approx(2126.5794, abs=1e-4)


# ---- what is not certified ------------------------------------------------------------------------------


def test_a_fit_by_least_squares_has_nothing_to_certify():
    with pytest.raises(
        TypeError, match=r"Nothing to certify.*this is (OLSResults|RegressionResults) of statsmodels"
    ):
        certify(smf.ols("y ~ floor", radon()).fit())


def test_a_generalised_linear_model_has_nothing_to_certify():
    with pytest.raises(TypeError, match="Nothing to certify: certify.. judges linear mixed models"):
        certify(smf.poisson("floor ~ 1", radon()).fit(disp=False))


def test_a_model_that_was_not_fitted_is_told_so():
    with pytest.raises(TypeError, match=r"this is MixedLM of statsmodels\. Call its \.fit\(\) first\."):
        certify(smf.mixedlm("y ~ floor", radon(), groups="county"))


def test_a_penalised_fit_is_not_at_the_top_of_its_likelihood():
    x = radon()[["floor", "log_uranium"]].assign(one=1).to_numpy()
    model = MixedLM(radon()["y"].to_numpy(), x, radon()["county"].to_numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lasso = model.fit_regularized(alpha=5)
    with pytest.raises(ValueError, match="with a penalty, or with parameters held fixed"):
        certify(lasso)


def test_a_fit_with_a_parameter_held_fixed_is_not_at_the_top_of_its_likelihood():
    model = smf.mixedlm("y ~ floor", radon(), groups="county", re_formula="1 + floor")
    free = MixedLMParams.from_components(fe_params=np.ones(2), cov_re=np.eye(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = model.fit(free=free, method="bfgs")
    with pytest.raises(ValueError, match="with a penalty, or with parameters held fixed"):
        certify(held)


# ---- how it shows itself --------------------------------------------------------------------------------


def test_a_certificate_is_one_line_with_no_digit_that_an_optimiser_would_change():
    one, other = certify(fit("radon M1", True, SURE)), certify(fit("radon M1", True, ("powell",)))
    assert (
        repr(one)
        == repr(other)
        == (
            "Certified: a second likelihood confirms the REML log-likelihood, −1085.653; gradient zero; "
            "no higher point found; not singular."
        )
    )
    assert repr(certify(fit("radon M1", False))) == repr(one).replace("REML", "ML").replace(
        "−1085.653", "−1081.825"
    )
    assert one._repr_html_() == other._repr_html_() and "<table" not in one._repr_html_()


def test_a_refusal_says_what_is_wrong_by_how_much_where_the_optimum_is_and_what_to_do():
    with pytest.raises(CertificateError) as refused:
        certify(fit("radon M4", True, ("powell",)))
    lines = str(refused.value).splitlines()
    assert lines[0] == "Not certified"
    assert lines[1] == (
        "- The fit stopped 0.007 log-units short: its log-likelihood is −1063.297, "
        "and at the optimum it is −1063.290."
    )
    assert lines[2].split() == ["claimed", "optimum"]
    assert [line.split()[-2:] for line in lines if line.startswith("SD county Intercept")] == [
        ["0.130", "0.124"]
    ]
    assert any("correlation county Intercept, floor" in line for line in lines)
    assert lines[-1].startswith("Do not read this fit.") and "fit_lmm" in lines[-1]


def test_a_refusal_can_be_read_by_a_screen_reader():
    page = Parts(certify(fit("radon M2", False, None), may_fail=True)._repr_html_())
    assert page.inside == [] and {scope for scope, _ in page.headers} == {"col", "row"}
    (scroller,) = page.scrollers
    assert scroller["tabindex"] == "0" and scroller["aria-label"], "the keyboard can scroll it"


def test_names_are_escaped():
    odd = radon().rename(columns={"county": "a<b"})
    html = certify(
        moved(fit_lmm("y ~ floor + (1 | c)", odd.assign(c=odd["a<b"])), [2.0]), may_fail=True
    )._repr_html_()
    assert "a<b" not in html


def test_the_claim_is_what_estimates_says():
    certificate = certify(fit("radon M4"))
    table = estimates(fit("radon M4"))
    rows = [row for row in table.index if row[0] != "criterion"]
    assert certificate.claimed.loc[rows, "estimate"].to_numpy() == pytest.approx(
        table.loc[rows, "estimate"].to_numpy()
    )


def test_three_effects_keep_their_names_and_correlations():
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(30), 8)
    data = pd.DataFrame({"group": group, "x": rng.normal(size=240), "w": rng.normal(size=240)})
    root = np.array([[1, 0, 0], [0.6, 0.8, 0], [-0.5, 0.2, 0.6]])
    u = (rng.normal(size=(30, 3)) @ root.T)[group]
    data["y"] = u[:, 0] + u[:, 1] * data["x"] + u[:, 2] * data["w"] + rng.normal(size=240)
    model = smf.mixedlm("y ~ x + w", data, groups="group", re_formula="1 + x + w")
    certificate = certify(quiet(model, method=("lbfgs",)), may_fail=True)
    table = estimates(fit_lmm("y ~ x + w + (1 + x + w | group)", data))
    rows = [row for row in table.index if row[0] != "criterion"]
    assert certificate.best.loc[rows, "estimate"].to_numpy() == pytest.approx(
        table.loc[rows, "estimate"].to_numpy(), abs=2e-3
    )
    assert [name for name in certificate.gradient.index if "," in name] == [
        "group Intercept, x",
        "group Intercept, w",
        "group x, w",
    ]


def test_mlm_certify_stays_a_function_whatever_is_imported_first():
    script = (
        "from mlm.certificate import CertificateError\nfrom mlm import certify\nimport mlm\n"
        "assert callable(certify) and mlm.certify is certify, mlm.certify"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_large_units_do_not_make_a_column_a_combination_of_the_others():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 10), "people": rng.uniform(1e5, 3e7, 200)})
    data["y"] = 1e-7 * data["people"] + rng.normal(size=20)[data["g"]] + rng.normal(size=200)
    assert certify(fit_lmm("y ~ people + I(people**2) + (1 | g)", data)).ok


def test_an_uncentred_slope_is_judged_as_the_centred_one_is():
    """The valley is narrow there: a claim beside its floor must not pass because a climb sticks."""
    rng = np.random.default_rng(3)
    group, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    y = 1 + x + rng.normal(size=10)[group] + 0.4 * rng.normal(size=10)[group] * x + rng.normal(size=60)
    rows = pd.DataFrame({"y": y, "x": x + 1e5, "group": group})
    right = fit_lmm("y ~ x + (1 + x | group)", rows)
    assert certify(right).ok
    low = replace(right, theta=right.theta * 0.3)
    certificate = certify(low, may_fail=True)
    assert not certificate.ok and certificate.shortfall > 0.1
    assert certificate.best.loc[("criterion", "log-likelihood"), "estimate"] == pytest.approx(
        right.loglik, abs=1e-4
    )


def test_a_log_likelihood_that_is_not_a_number_is_no_confirmation(monkeypatch):
    right = fit_lmm("yield_ ~ 1 + (1 | batch)", load("dyestuff").rename(columns={"yield": "yield_"}))
    whole = SecondLikelihood.at
    monkeypatch.setattr(
        SecondLikelihood,
        "at",
        lambda self, solution, variance, beta=None: (
            np.nan if beta is not None else whole(self, solution, variance)
        ),
    )
    assert not certify(right, may_fail=True).ok

"""What the data cannot tell is said: in the fit, in its summary, in its certificate."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from mlm import certify, fit_lmm
from mlm.lmm import build_design
from mlm.lmm.identification import flat_places


@pytest.fixture(scope="module")
def data():
    """Twenty groups g, the same groups under other names h, both conditions in each, six crossed k."""
    rng, n = np.random.default_rng(2006), 240
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 12), "k": np.tile(np.arange(6), 40)})
    data["h"] = "h" + (7 * data["g"] % 20).astype(str)
    data["cond"] = np.tile(["a", "b"], n // 2)
    data["x"] = rng.normal(size=n)
    data["year"] = np.tile(np.arange(2010, 2022), 20)
    data["y"] = rng.normal(size=20)[data["g"]] + rng.normal(size=n)
    return data


def dimensions_of_nothing(design, reml):
    """How many directions are flat, from the n × n matrices themselves."""
    Q = np.linalg.qr(design.X)[0] if reml else np.zeros((design.n, 0))
    M = np.eye(design.n) - Q @ Q.T
    parts = [np.eye(design.n)]
    for term in design.terms:
        columns = [np.eye(len(term.levels))[term.codes] * z[:, None] for z in term.scaled[0].T]
        for a, b in combinations_with_replacement(columns, 2):
            parts.append(a @ b.T + b @ a.T)
    stacked = np.array([(M @ V @ M).ravel() / np.linalg.norm(V) for V in parts])
    return len(parts) - np.linalg.matrix_rank(stacked, tol=1e-6)


MODELS = {
    "y ~ x + (1 | g)": ((), ()),
    "y ~ x + (x | g)": ((), ()),
    "y ~ year + (year | g)": ((), ()),
    "y ~ x + (1 | g) + (1 | k)": ((), ()),
    "y ~ x + (1 | g/cond)": ((), ()),
    "y ~ x + (1 | g) + (0 + x | h)": ((), ()),
    "y ~ x + C(g) + (1 | g)": (("g Intercept",), ()),
    "y ~ 0 + C(g) + (x | g)": (("g Intercept", "g Intercept, x"), ()),
    "y ~ C(g) * x + (x | g)": (("g Intercept", "g Intercept, x", "g x"), ()),
    "y ~ x + (1 | g) + (1 | h)": (("g Intercept", "h Intercept"),) * 2,
    "y ~ x + (1 | g) + (0 + cond | g)": (("g Intercept", "g cond[a]", "g cond[a], cond[b]", "g cond[b]"),)
    * 2,
}


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("formula", MODELS)
def test_the_variances_that_the_data_do_not_tell_are_named(data, formula, reml):
    fit = fit_lmm(formula, data, reml=reml)
    assert fit.unidentified == MODELS[formula][not reml]
    assert fit.identified == (not fit.unidentified) == (dimensions_of_nothing(fit.design, reml) == 0)
    assert fit.converged, "a flat direction is no reason to go on searching"


@pytest.mark.parametrize("seed", range(8))
def test_crossed_and_unbalanced_designs_agree_with_the_matrices_written_out(seed):
    rng, n = np.random.default_rng(seed), 60
    columns = {name: rng.integers(0, 7, n) for name in "gh"}
    frame = pd.DataFrame({**columns, "x": rng.normal(size=n), "y": rng.normal(size=n)})
    frame["f"] = rng.choice(["a", "b", "c"], n)
    for formula in ("y ~ x + (x | g) + (1 | h)", "y ~ f + (0 + f | g)", "y ~ C(h) + (1 | g) + (1 | h)"):
        design = build_design(formula, frame)
        for reml in (True, False):
            assert bool(flat_places(design, reml)) == (dimensions_of_nothing(design, reml) > 0), formula


def test_the_criterion_is_flat_where_it_is_said_to_be(data):
    likelihood = fit_lmm("y ~ x + (1 | g) + (1 | h)", data).likelihood
    same = [likelihood.criterion(np.sqrt([share, 1 - share])) for share in (0.1, 0.5, 0.9)]
    assert np.ptp(same) < 1e-9


def test_the_summary_and_the_certificate_say_it(data):
    fit = fit_lmm("y ~ x + C(g) + (1 | g)", data)
    said = "Not identified: the data tell nothing of the variance of g Intercept"
    assert said in fit.summary() and said in str(certify(fit)) and said in certify(fit)._repr_html_()


@pytest.mark.filterwarnings("ignore")  # statsmodels warns of the flat direction in its own ways
def test_a_fit_of_statsmodels_is_told_so_too(data):
    certificate = certify(smf.mixedlm("y ~ x + C(g)", data, groups="g").fit(), may_fail=True)
    assert certificate.unidentified == ("g Intercept",)


def test_a_model_that_the_data_can_tell_is_not_called_unidentified(data):
    fit = fit_lmm("y ~ x + (1 | g)", data)
    assert "identified" not in fit.summary() and "identified" not in str(certify(fit))

"""Engines: the tidy tables, the stored lme4 numbers, the agreement of both."""

import json
import re
import subprocess
import sys
import warnings
from functools import cache

import arviz as az
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from accessibility import Parts
from bs4 import BeautifulSoup

from mlm import agreement, estimates, load, stored
from mlm.engines.tables import STORED
from mlm.lmm import fit_lmm

RADON = {
    "radon M0": ("y ~ 1", None),
    "radon M1": ("y ~ floor", None),
    "radon M2": ("y ~ floor + log_uranium", None),
    "radon M3": ("y ~ floor", "1 + floor"),
    "radon M4": ("y ~ floor * log_uranium", "1 + floor"),
    "radon within-between": ("y ~ floor + log_uranium + floor_mean", None),
}
RECORD = json.loads(STORED.read_text(encoding="utf-8"))
BOTH = pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])


@cache
def radon() -> pd.DataFrame:
    houses = load("radon")
    houses["y"] = np.log(houses["activity"].replace(0, 0.1))
    houses["floor_mean"] = houses.groupby("county", observed=True)["floor"].transform("mean")
    return houses


@cache
def fit(model: str, reml: bool = True, method: tuple[str, ...] | None = ("nm", "bfgs")):
    formula, slopes = RADON[model]
    return quiet_fit(
        smf.mixedlm(formula, radon(), groups="county", re_formula=slopes), reml=reml, method=method
    )


def quiet_fit(model, method=("nm", "bfgs"), **options):
    with warnings.catch_warnings():
        # what the optimisers say is no guide to what they reached: these tests look at the likelihood instead
        warnings.simplefilter("ignore")
        return model.fit(method=method if method is None else list(method), **options)


# ---- statsmodels and lme4 reach the same optimum ----------------------------------------------------------


@BOTH
@pytest.mark.parametrize("model", RADON)
def test_statsmodels_estimates_are_those_of_lme4(model, reml):
    ours, theirs = estimates(fit(model, reml)), stored(model, reml)
    assert list(ours.index) == list(theirs.index)
    gap = (ours["estimate"] - theirs["estimate"]).abs()
    assert (gap["fixed"] < 0.01 * theirs.loc["fixed", "se"]).all(), gap["fixed"]
    assert (gap["sd"] < 0.005 * theirs.loc["sd", "estimate"]).all(), gap["sd"]
    assert (gap["residual"] < 0.001 * theirs.loc["residual", "estimate"]).all(), gap["residual"]
    assert (gap.get("cor", pd.Series(dtype=float)) < 0.005).all(), gap["cor"]


@BOTH
@pytest.mark.parametrize(
    ("model", "formula"), [("ratings null", "eval ~ 1"), ("ratings beauty", "eval ~ beauty")]
)
def test_stored_ratings_are_those_of_statsmodels(model, formula, reml):
    ratings_fit = quiet_fit(smf.mixedlm(formula, load("teaching_ratings"), groups="prof"), reml=reml)
    result = agreement(statsmodels=ratings_fit, lme4=stored(model, reml))
    assert result.alarms == () and result.largest < 0.005, result


@BOTH
@pytest.mark.parametrize("model", RADON)
def test_criterion_of_statsmodels_holds_every_constant_of_lme4s(model, reml):
    ours, theirs = estimates(fit(model, reml)), stored(model, reml)
    term = "REML criterion" if reml else "deviance"
    assert ours.loc[("criterion", term), "estimate"] == pytest.approx(
        theirs.loc[("criterion", term), "estimate"], abs=1e-4
    )


@BOTH
@pytest.mark.parametrize("model", RADON)
def test_conditional_modes_of_statsmodels_are_those_of_lme4(model, reml):
    modes = pd.DataFrame(RECORD["models"][model]["REML" if reml else "ML"]["conditional_modes"]["county"])
    ours = pd.DataFrame(fit(model, reml).random_effects).T.rename(columns={"county": "Intercept"})
    gap = (ours[modes.columns] - modes).abs()
    assert len(gap) == 85
    assert gap.max(axis=None) < 0.003, "log pCi/L"


@pytest.mark.parametrize(
    ("model", "values"),
    {
        "radon M0": {
            ("fixed", "Intercept"): (1.313, 0.049),
            ("sd", "county Intercept"): 0.310,
            ("residual", "residual"): 0.798,
            ("criterion", "REML criterion"): 2259.44,
        },
        "radon M1": {
            ("fixed", "Intercept"): (1.462, 0.052),
            ("fixed", "floor"): (-0.693, 0.070),
            ("sd", "county Intercept"): 0.328,
            ("residual", "residual"): 0.756,
            ("criterion", "REML criterion"): 2171.31,
        },
        "radon M2": {
            ("fixed", "Intercept"): (1.466, 0.038),
            ("fixed", "floor"): (-0.668, 0.069),
            ("fixed", "log_uranium"): (0.720, 0.092),
            ("sd", "county Intercept"): 0.156,
            ("residual", "residual"): 0.758,
            ("criterion", "REML criterion"): 2134.19,
        },
        "radon M3": {
            ("fixed", "Intercept"): (1.463, 0.054),
            ("fixed", "floor"): (-0.681, 0.088),
            ("sd", "county Intercept"): 0.349,
            ("sd", "county floor"): 0.344,
            ("cor", "county Intercept, floor"): -0.337,
            ("residual", "residual"): 0.746,
            ("criterion", "REML criterion"): 2168.32,
        },
        "radon M4": {
            ("fixed", "Intercept"): 1.469,
            ("fixed", "floor"): -0.671,
            ("fixed", "log_uranium"): 0.808,
            ("fixed", "floor:log_uranium"): -0.420,
            ("sd", "county Intercept"): 0.124,
            ("sd", "county floor"): 0.307,
            ("cor", "county Intercept, floor"): 0.410,
            ("residual", "residual"): 0.749,
            ("criterion", "REML criterion"): 2126.579,
        },
    }.items(),
)
def test_stored_numbers_are_those_of_the_literature(model, values):
    """The values of Gelman and Hill's chapters 12 and 13, with a digit more where they have two."""
    table = stored(model)
    for row, printed in values.items():
        estimate, se = printed if isinstance(printed, tuple) else (printed, None)
        digits = len(str(estimate).split(".")[1]) if row[0] == "criterion" else 3
        assert round(table.loc[row, "estimate"], digits) == estimate, row
        assert se is None or round(table.loc[row, "se"], 3) == se, row


def test_stored_maximum_likelihood_is_that_of_the_literature():
    assert stored("radon M1", reml=False).loc[("criterion", "deviance"), "estimate"] == pytest.approx(
        2163.65, abs=0.005
    )
    table = stored("radon M2", reml=False)
    assert table.loc[("criterion", "deviance"), "estimate"] == pytest.approx(2122.82, abs=0.005)
    assert table.loc[("sd", "county Intercept"), "estimate"] == pytest.approx(0.146, abs=0.0005)


def test_stored_modes_give_the_intercepts_of_the_literature():
    modes = RECORD["models"]["radon M1"]["REML"]["conditional_modes"]["county"]["Intercept"]
    mean = stored("radon M1").loc[("fixed", "Intercept"), "estimate"]
    counties = radon()["county"].cat.categories[[0, 1, 2, 84]]
    assert [round(mean + modes[county], 3) for county in counties] == [1.192, 0.928, 1.479, 1.386]


def test_default_optimiser_of_lme4_stops_at_a_singular_fit_of_m4():
    record = RECORD["models"]["radon M4"]["REML"]
    default = record["optimisers"]["nloptwrap (default)"]
    assert default["singular"] and round(default["criterion"], 3) == 2132.235
    assert not record["singular"] and round(record["criterion"], 3) == 2126.579
    assert record["kept"] != "nloptwrap (default)"


# ---- the traps of statsmodels -----------------------------------------------------------------------------


def test_standard_deviations_are_neither_variances_nor_scaled_parameters():
    partial_fit = fit("radon M1")
    sd = estimates(partial_fit).loc[("sd", "county Intercept"), "estimate"]
    assert sd**2 == pytest.approx(partial_fit.cov_re.iloc[0, 0])
    assert sd**2 == pytest.approx(partial_fit.params["county Var"] * partial_fit.scale), (
        "statsmodels no longer divides its parameters by scale: tell the chapters"
    )


def test_criterion_is_that_of_the_fit_though_its_model_was_fitted_by_the_other_since():
    """statsmodels computes `llf` when it is first asked for, by the criterion of the model's latest fit."""
    model = smf.mixedlm("y ~ floor", radon(), groups="county")
    by_ml = quiet_fit(model, reml=False)
    quiet_fit(model, reml=True)
    stored_ml = stored("radon M1", reml=False).loc[("criterion", "deviance"), "estimate"]
    criterion = estimates(by_ml).loc[("criterion", "deviance"), "estimate"]
    assert criterion == pytest.approx(stored_ml, abs=1e-3)
    assert abs(-2 * by_ml.llf - stored_ml) > 1, "statsmodels has mended its llf: tell chapter 8"


def test_standard_error_of_a_variance_is_not_passed_on():
    """In a balanced one-way layout it is known in closed form; statsmodels prints something else."""
    dyestuff = load("dyestuff")
    batch_fit = quiet_fit(
        smf.mixedlm("yield_ ~ 1", dyestuff.rename(columns={"yield": "yield_"}), groups="batch")
    )
    groups, size = 6, 5
    within = batch_fit.scale
    between = within + size * batch_fit.cov_re.iloc[0, 0]
    right = np.sqrt(2 * (between**2 / (groups - 1) + within**2 / (groups * (size - 1)))) / size
    assert right == pytest.approx(1432.8, abs=1)
    assert batch_fit.bse["batch Var"] < right / 10, "statsmodels has mended its standard error: pass it on"
    assert estimates(batch_fit)["se"].drop("fixed", level="part").isna().all()


def test_group_intercept_that_vc_formula_drops_is_missed():
    pastes = load("pastes")
    casks = {"sample": "0 + C(sample)"}
    whole = quiet_fit(smf.mixedlm("strength ~ 1", pastes, groups="batch", re_formula="1", vc_formula=casks))
    dropped = quiet_fit(smf.mixedlm("strength ~ 1", pastes, groups="batch", vc_formula=casks))
    assert agreement(statsmodels=whole, lme4=stored("pastes")).alarms == ()
    alarms = " ".join(agreement(statsmodels=dropped, lme4=stored("pastes")).alarms)
    assert "lme4 has terms that not every fit has (batch Intercept)" in alarms


def test_crossed_factors_are_read_from_vc_formula():
    penicillin = load("penicillin").assign(everything=1)
    crossed = {"plate": "0 + C(plate)", "sample": "0 + C(sample)"}
    crossed_fit = quiet_fit(smf.mixedlm("diameter ~ 1", penicillin, groups="everything", vc_formula=crossed))
    result = agreement(statsmodels=crossed_fit, lme4=stored("penicillin"))
    assert result.alarms == () and result.largest < 0.005, result


def test_a_varying_coefficient_is_read_from_vc_formula():
    slopes = quiet_fit(
        smf.mixedlm("y ~ floor", radon(), groups="county", re_formula="1", vc_formula={"floor": "0 + floor"}),
        reml=False,
    )
    assert list(estimates(slopes).loc["sd"].index) == ["county Intercept", "county floor"]


def test_a_standard_deviation_of_zero_is_no_difference():
    dyestuff2 = load("dyestuff2").rename(columns={"yield": "yield_"})
    singular = quiet_fit(smf.mixedlm("yield_ ~ 1", dyestuff2, groups="batch"))
    result = agreement(statsmodels=singular, lme4=stored("dyestuff2"))
    assert result.alarms == () and result.largest < 0.001, result


def test_the_name_of_the_groups_can_be_given_where_statsmodels_forgets_it():
    nameless = quiet_fit(smf.mixedlm("y ~ 1", radon(), groups=radon()["county"]))
    assert ("sd", "Group Intercept") in estimates(nameless).index
    assert ("sd", "county Intercept") in estimates(nameless, group="county").index


def test_standard_errors_of_lme4_take_the_variances_as_known_and_those_of_statsmodels_do_not():
    partial_fit, theirs = fit("radon M1"), stored("radon M1").loc["fixed", "se"]
    model, between = partial_fit.model, partial_fit.cov_re.to_numpy()
    information = sum(
        x.T @ np.linalg.solve(z @ between @ z.T + partial_fit.scale * np.eye(len(x)), x)
        for x, z in zip(model.exog_li, model.exog_re_li, strict=True)
    )
    known = np.sqrt(np.diag(np.linalg.inv(information)))
    assert known == pytest.approx(theirs.to_numpy(), rel=1e-3)
    assert (estimates(partial_fit).loc["fixed", "se"] > 1.001 * theirs).all()


def test_a_fit_that_is_not_a_mixed_model_is_refused():
    with pytest.raises(TypeError, match="this is OLSResults of statsmodels"):
        estimates(smf.ols("y ~ floor", radon()).fit())


def test_a_model_that_is_not_fitted_is_told_to_fit():
    with pytest.raises(TypeError, match=r"Call its \.fit\(\) first"):
        estimates(smf.mixedlm("y ~ floor", radon(), groups="county"))


# ---- the book's own likelihood ----------------------------------------------------------------------------

LMM = {
    "radon M1": "y ~ floor + (1 | county)",
    "radon M3": "y ~ floor + (1 + floor | county)",
    "radon M4": "y ~ floor * log_uranium + (1 + floor | county)",
}


@BOTH
@pytest.mark.parametrize("model", LMM)
def test_table_of_fit_lmm_has_the_terms_of_statsmodels_and_lme4(model, reml):
    ours = estimates(fit_lmm(LMM[model], radon(), reml=reml))
    assert list(ours.index) == list(estimates(fit(model, reml)).index)
    assert list(ours.index) == list(stored(model, reml).index)
    assert ours.attrs["engine"] == "mlm.lmm"
    assert ours.loc["fixed", "se"].notna().all() and ours["se"].drop("fixed", level="part").isna().all()


@BOTH
def test_three_engines_agree_on_slopes_with_an_interaction(reml):
    own = fit_lmm(LMM["radon M4"], radon(), reml=reml)
    result = agreement(statsmodels=fit("radon M4", reml), lmm=own, lme4=stored("radon M4", reml))
    assert result.alarms == () and result.largest < 0.005, result
    assert result.notes[0].startswith("Same optimum: statsmodels, lmm and lme4")


@pytest.mark.parametrize(
    ("component", "formula"),
    {
        "labels used again in each batch": ("cask", "strength ~ 1 + (1 | batch/cask)"),
        "labels of their own, both factors": ("sample", "strength ~ 1 + (1 | batch/sample)"),
        "labels of their own": ("sample", "strength ~ 1 + (1 | batch) + (1 | sample)"),
    }.values(),
)
def test_notations_of_one_nested_model_agree(component, formula):
    pastes = load("pastes")
    components = {component: f"0 + C({component})"}
    fit = quiet_fit(
        smf.mixedlm("strength ~ 1", pastes, groups="batch", re_formula="1", vc_formula=components)
    )
    assert agreement(statsmodels=fit, lmm=fit_lmm(formula, pastes)).alarms == ()


def test_a_crossed_model_beside_a_nested_one_is_another_model_not_a_missed_optimum():
    pastes = load("pastes")
    components = {"cask": "0 + C(cask)"}
    nested = quiet_fit(
        smf.mixedlm("strength ~ 1", pastes, groups="batch", re_formula="1", vc_formula=components)
    )
    crossed = fit_lmm("strength ~ 1 + (1 | batch) + (1 | cask)", pastes)
    alarms = " ".join(agreement(statsmodels=nested, lmm=crossed).alarms)
    assert "is it the same model?" in alarms and "missed" not in alarms


def test_arrays_with_a_constant_have_an_intercept_and_groups_without_a_name():
    """What `add_constant` calls const is neither a predictor nor the groups."""
    houses = radon()
    columns = sm.add_constant(houses["floor"].astype(float))
    fit = quiet_fit(sm.MixedLM(houses["y"], columns, groups=houses["county"], exog_re=columns))
    terms = estimates(fit, group="county").index.get_level_values("term")
    assert list(terms[:4]) == ["Intercept", "floor", "county Intercept", "county floor"]
    assert estimates(fit).loc[("sd", "Group Intercept"), "estimate"] > 0
    slopes = fit_lmm("y ~ floor + (1 + floor | county)", houses)
    assert agreement(statsmodels=estimates(fit, group="county"), lmm=slopes).alarms == ()


def test_crossed_and_nested_factors_have_the_names_of_lme4():
    crossed = fit_lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", load("penicillin"))
    nested = fit_lmm("strength ~ 1 + (1 | batch/cask)", load("pastes"))
    for own, model in ((crossed, "penicillin"), (nested, "pastes nested")):
        result = agreement(lmm=own, lme4=stored(model))
        assert result.alarms == () and result.largest < 1e-4, result


def test_two_terms_of_one_factor_have_no_correlation():
    independent = fit_lmm("reaction ~ days + (days || subject)", load("sleepstudy"))
    result = agreement(lmm=independent, lme4=stored("sleepstudy independent"))
    assert result.alarms == () and result.largest < 1e-4, result
    assert "cor" not in result.table.index.get_level_values("part")


def test_a_singular_fit_is_told_with_a_deviation_of_zero():
    singular = fit_lmm("yield_ ~ 1 + (1 | batch)", load("dyestuff2").rename(columns={"yield": "yield_"}))
    result = agreement(lmm=singular, lme4=stored("dyestuff2"))
    assert result.alarms == () and result.largest < 1e-4, result


def test_standard_errors_of_fit_lmm_count_with_those_of_lme4():
    own = fit_lmm(LMM["radon M1"], radon())
    notes = agreement(statsmodels=fit("radon M1"), lmm=own, lme4=stored("radon M1")).notes
    assert any("lmm and lme4 that of the fixed effects alone" in note for note in notes), notes
    assert not any("Standard errors" in note for note in agreement(lmm=own, lme4=stored("radon M1")).notes)


# ---- stored numbers ---------------------------------------------------------------------------------------


def test_an_unknown_name_lists_near_matches():
    with pytest.raises(ValueError, match="'radon m1'. Did you mean 'radon M1'"):
        stored("radon m1")


def test_a_name_like_none_lists_them_all():
    with pytest.raises(ValueError, match="There is: .*radon M0.*ratings null"):
        stored("zzz")


# ---- posterior draws --------------------------------------------------------------------------------------

NAMES = {
    "alpha_mean": ("fixed", "Intercept"),
    "beta[floor]": ("fixed", "floor"),
    "sigma_alpha": ("sd", "county Intercept"),
    "chol_corr[0, 1]": ("cor", "county Intercept, floor"),
    "sigma_y": ("residual", "sigma_y"),
}


def draws(shift: float = 0.0, **replaced):
    rng = np.random.default_rng(2006)

    def sample(mean, sd, *shape):
        return rng.normal(mean + shift * sd, sd, (4, 500, *shape))

    posterior = {
        "alpha_mean": sample(1.462, 0.052),
        "beta": sample(-0.693, 0.071, 1),
        "sigma_alpha": sample(0.33, 0.04),
        "chol_corr": sample(-0.3, 0.2, 2, 2),
        "sigma_y": sample(0.756, 0.019),
    } | replaced
    return az.from_dict(posterior=posterior, coords={"coef": ["floor"]}, dims={"beta": ["coef"]})


def m1_table(idata) -> pd.DataFrame:
    return estimates(idata, {name: row for name, row in NAMES.items() if row[0] != "cor"})


def test_draws_become_posterior_means_and_standard_deviations():
    idata = draws()
    table = estimates(idata, NAMES)
    expected = {
        ("fixed", "Intercept"): idata.posterior["alpha_mean"],
        ("fixed", "floor"): idata.posterior["beta"][:, :, 0],
        ("sd", "county Intercept"): idata.posterior["sigma_alpha"],
        ("cor", "county Intercept, floor"): idata.posterior["chol_corr"][:, :, 0, 1],
        ("residual", "residual"): idata.posterior["sigma_y"],
    }
    assert list(table.index) == list(expected)
    for row, variable in expected.items():
        assert table.loc[row, "estimate"] == pytest.approx(float(variable.mean())), row
        assert table.loc[row, "se"] == pytest.approx(float(variable.std(ddof=1))), row


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, "Say which draws are which"),
        ({"gamma": ("fixed", "floor")}, r"no 'gamma'; it holds alpha_mean, beta\[coef\]"),
        ({"beta": ("fixed", "floor")}, "'beta' needs one label for each of coef"),
        ({"sigma_y[0]": ("residual", "residual")}, "'sigma_y' needs no brackets"),
        ({"beta[uranium]": ("fixed", "floor")}, "no 'uranium' in coef; there is floor"),
        ({"sigma_y": ("variance", "residual")}, "the part 'variance'; draws have the parts fixed, sd"),
    ],
)
def test_a_name_that_fits_no_draws_is_explained(names, message):
    with pytest.raises(ValueError, match=message):
        estimates(draws(), names)


def test_draws_that_are_not_finite_are_refused():
    broken = np.ones((4, 500))
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="1 of the draws of 'sigma_y' are not finite"):
        estimates(draws(sigma_y=broken), NAMES)


def test_importing_the_engines_imports_neither_pymc_nor_arviz():
    code = "import sys, mlm.engines; print(*{'pymc', 'arviz', 'statsmodels'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == ""


# ---- agreement: what nothing legitimate explains ----------------------------------------------------------


def test_two_fits_at_the_same_optimum_raise_no_alarm():
    result = agreement(statsmodels=fit("radon M1"), lme4=stored("radon M1"))
    assert result.alarms == ()
    assert result.largest < 0.001
    assert "Same optimum: statsmodels and lme4" in result.notes[0]


@pytest.mark.parametrize(
    ("model", "reml", "method", "short"),
    [
        ("radon M2", False, None, "0.386"),  # statsmodels' default
        ("radon M3", True, ("powell",), "0.011"),  # no warning, converged is true
    ],
    ids=["M2 by default", "M3 by powell"],
)
def test_a_fit_that_missed_its_optimum_is_named_loudly(model, reml, method, short):
    result = agreement(statsmodels=fit(model, reml, method), lme4=stored(model, reml))
    assert f"statsmodels missed its optimum. Its log-likelihood is {short} below" in result.alarms[0]
    assert not any("Same optimum" in note for note in result.notes)
    for shown in (repr(result), result._repr_html_().replace("</strong>", "")):
        assert "Not a legitimate difference: statsmodels missed its optimum" in shown


def test_an_infinite_likelihood_is_named_loudly():
    result = agreement(statsmodels=fit("radon M2", False, ("lbfgs",)), lme4=stored("radon M2", reml=False))
    assert "the log-likelihood of statsmodels is not a finite number" in result.alarms[0]


def test_estimates_that_differ_at_equal_criteria_are_named():
    changed = stored("radon M1")
    changed.loc[("fixed", "floor"), "estimate"] += 0.05
    alarms = agreement(one=changed, lme4=stored("radon M1")).alarms
    assert "the criteria agree, but floor does not" in alarms[0]


def test_a_posterior_far_from_the_optimum_is_named():
    alarms = agreement(lme4=stored("radon M1"), pymc=m1_table(draws(shift=3))).alarms
    assert len(alarms) == 1 and "pymc is 3.0 posterior standard deviations from lme4 at" in alarms[0], alarms


def test_one_engine_is_nothing_to_compare():
    with pytest.raises(ValueError, match="two engines or more; it was given 1"):
        agreement(lme4=stored("radon M1"))


def test_engines_without_a_shared_term_are_refused():
    other = estimates(draws(), {"alpha_mean": ("fixed", "one")})
    with pytest.raises(ValueError, match="share no term.*pymc: one"):
        agreement(lme4=stored("radon M1"), pymc=other)


def test_a_data_frame_that_is_no_table_of_estimates_is_refused():
    with pytest.raises(TypeError, match="data is a DataFrame with the columns county, floor"):
        agreement(data=radon(), lme4=stored("radon M1"))


# ---- agreement: what does explain a difference ------------------------------------------------------------


@pytest.mark.parametrize(
    ("engines", "kept"),
    [
        ({"statsmodels": "REML", "lme4": "REML"}, {"Same optimum", "Standard errors", "lme4"}),
        ({"statsmodels": "REML", "lme4": "ML"}, {"REML and ML", "lme4"}),
        ({"lme4": "ML", "pymc": "posterior"}, {"Posterior", "Monte Carlo error", "lme4"}),
        ({"pymc": "posterior", "statsmodels": "ML"}, {"Posterior", "Monte Carlo error"}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_only_the_reasons_that_apply_are_given(engines, kept):
    def column(name, kind):
        if kind == "posterior":
            return m1_table(draws())
        return (
            fit("radon M1", kind == "REML") if name == "statsmodels" else stored("radon M1", kind == "REML")
        )

    result = agreement(**{name: column(name, kind) for name, kind in engines.items()})
    assert {note.split(":")[0] for note in result.notes} == kept
    assert result.kinds == engines


def test_differences_are_measured_in_standard_errors_where_there_are_any():
    shifted = stored("radon M1")
    shifted.loc[("fixed", "floor"), "estimate"] += 0.5 * shifted.loc[("fixed", "floor"), "se"]
    shifted.loc[("sd", "county Intercept"), "estimate"] *= 1.25
    shifted.loc[("criterion", "REML criterion"), "estimate"] += 0.4
    difference = agreement(one=shifted, lme4=stored("radon M1")).table["difference"]
    assert difference.loc[("fixed", "floor"), "unit"] == "SE"
    assert difference.loc[("fixed", "floor"), "value"] == pytest.approx(0.5)
    assert difference.loc[("sd", "county Intercept"), "unit"] == "share"
    assert difference.loc[("sd", "county Intercept"), "value"] == pytest.approx(0.2)
    assert difference.loc[("criterion", "REML criterion"), "value"] == pytest.approx(0.4)


def test_largest_looks_only_at_engines_with_the_same_criterion():
    assert np.isnan(agreement(statsmodels=fit("radon M1"), lme4=stored("radon M1", reml=False)).largest)
    assert np.isnan(agreement(lme4=stored("radon M1"), pymc=m1_table(draws())).largest)


def test_monte_carlo_error_is_that_of_arviz():
    idata = draws()
    share = {name: float(az.mcse(idata)[name] / idata.posterior[name].std(ddof=1)) for name in ("sigma_y",)}
    only = estimates(idata, {"sigma_y": ("residual", "residual")})
    note = agreement(lme4=stored("radon M1"), pymc=only).notes[1]
    assert f"by about {share['sigma_y']:.2f} posterior" in note


# ---- agreement: how it shows itself -----------------------------------------------------------------------


def three_engines():
    return agreement(statsmodels=fit("radon M1"), lme4=stored("radon M1"), pymc=m1_table(draws()))


def test_html_table_can_be_read_by_a_screen_reader():
    page = Parts(three_engines()._repr_html_())
    assert page.inside == [], "every element is closed"
    assert {scope for scope, _ in page.headers} == {"col", "row", "rowgroup"}
    assert all(text.strip() for _, text in page.headers), "no header is empty"
    (scroller,) = page.scrollers
    assert scroller["tabindex"] == "0" and scroller["aria-label"], "the keyboard can scroll it"


def test_html_caption_stands_above_the_box_that_scrolls():
    html = BeautifulSoup(three_engines()._repr_html_(), "html.parser")
    caption, table = html.select_one(".agreement-caption"), html.table
    assert caption.text.startswith("Agreement of statsmodels, lme4 and pymc. In brackets: standard error")
    assert caption.find_next_sibling() == table.parent, "a narrow screen can wrap it"
    assert table["aria-label"] == "Agreement of statsmodels, lme4 and pymc"


def test_html_folds_the_reasons_and_never_the_alarms():
    result = agreement(statsmodels=fit("radon M3", True, ("powell",)), lme4=stored("radon M3"))
    html = BeautifulSoup(result._repr_html_(), "html.parser")
    folded = html.details.extract()
    assert folded.summary.text == "Why the columns differ"
    assert [note.text for note in folded.select("li")] == list(result.notes)
    assert all(alarm in html.text for alarm in result.alarms) and result.alarms


def test_html_is_the_same_bytes_each_time():
    assert three_engines()._repr_html_() == three_engines()._repr_html_()


def test_titles_of_columns_are_escaped():
    html = agreement(**{"<b>": stored("radon M1"), "lme4": stored("radon M1")})._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;" in html


def test_numbers_are_rounded_to_two_digits_of_their_standard_error():
    line = next(line for line in repr(three_engines()).splitlines() if line.startswith("  floor"))
    assert "−0.693 (0.071)" in line and "−0.693 (0.070)" in line and " SE " in line


def test_numbers_without_a_standard_error_keep_three_digits():
    text = repr(agreement(statsmodels=fit("radon M1"), lme4=stored("radon M1")))
    assert re.search(r"county Intercept .* 0\.328 ", text)
    assert "2171.305" in text


def test_a_term_that_one_engine_lacks_is_a_dash():
    only = estimates(draws(), {"alpha_mean": ("fixed", "Intercept")})
    text = repr(agreement(lme4=stored("radon M1"), pymc=only))
    line = next(line for line in text.splitlines() if line.startswith("  floor"))
    assert line.split()[1] == "–" and line.split()[-1] == "–"  # no difference, and no draws

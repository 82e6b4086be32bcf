"""Tidy tables of estimates: from statsmodels, from `fit_lmm`, from posterior draws, from stored lme4 numbers.

Every table has the same index, (`part`, `term`), and the same columns, `estimate` and `se`:

=========== =============================================== ==============================================
part        terms                                           what the estimate is
=========== =============================================== ==============================================
fixed       `Intercept`, `floor`, `floor:log_uranium`       coefficient
sd          `county Intercept`, `county floor`              standard deviation between groups
cor         `county Intercept, floor`                       correlation of two varying coefficients
residual    `residual`                                      standard deviation within groups
criterion   `REML criterion` or `deviance`                  -2 times the (restricted) log-likelihood
=========== =============================================== ==============================================
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlm.spelling import did_you_mean

PARTS = ("fixed", "sd", "cor", "residual", "criterion")
REML_CRITERION, DEVIANCE = "REML criterion", "deviance"
STORED = Path(__file__).resolve().parents[2] / "data" / "reference" / "lme4.json"

Row = tuple[str, str, float, float]  # part, term, estimate, standard error


def estimates(
    fit: Any, names: Mapping[str, tuple[str, str]] | None = None, group: str | None = None
) -> pd.DataFrame:
    """Tell what a fit says in the common vocabulary.

    Parameters
    ----------
    fit : statsmodels MixedLMResults, LmmFit, or draws with a `posterior` (ArviZ InferenceData)
        What `MixedLM.fit`, `fit_lmm` or `pm.sample` returned.
    names : mapping of str to (part, term), needed for draws only
        Which posterior variable is which row, for example `{"alpha_mean": ("fixed", "Intercept")}`.
        An element of an array is named as `az.summary` prints it: `"beta[floor]"`, `"chol_corr[0, 1]"`.
        The residual's term is `"residual"`, whatever it is called here.
    group : str, optional, for statsmodels only
        The name of the groups where statsmodels does not keep it: for `groups=` given as an array.

    Returns
    -------
    DataFrame
        Indexed by (`part`, `term`), with columns `estimate` and `se`, in the units of the outcome.
        Of draws: posterior mean and posterior standard deviation.
        `se` is nan where there is none to trust: the `Std. Err.` that statsmodels 0.15 prints for variance
        components is on the wrong scale, so it is never passed on.
        Right ones for a result of `fit_lmm` are in `mlm.lmm.standard_errors`.

    Raises
    ------
    TypeError
        If `fit` is none of the three.
    ValueError
        If draws come without names, or with names that the posterior does not hold.
    """
    if hasattr(fit, "posterior"):
        return _from_draws(fit.posterior, names)
    from mlm.lmm import LmmFit

    if isinstance(fit, LmmFit):
        return _from_lmm(fit)
    read = "estimates() reads a statsmodels MixedLM fit, a fit_lmm result or PyMC draws with a posterior"
    return _from_mixedlm(mixedlm_results(fit, read), group)


def stored(model: str, reml: bool = True) -> pd.DataFrame:
    """Tell what lme4 said about one of the course's models, as kept in `data/reference/lme4.json`.

    Parameters
    ----------
    model : str
        A model's name, such as `"radon M1"` or `"sleepstudy slopes"`; `data/reference/lme4.R` lists them
        with their formulas, and a name that is unknown is answered with those that are.
    reml : bool
        REML (the default) or maximum likelihood.

    Returns
    -------
    DataFrame
        As from `estimates`: of the optimiser that reached the lowest criterion. Standard errors are those of
        the fixed effects, with the variances taken as known.

    Raises
    ------
    ValueError
        If no model of that name is stored; the message lists near matches.
    """
    record = _stored_record()
    if model not in record["models"]:
        known = sorted(record["models"])
        listed = f"There is: {', '.join(known)}."
        hint = did_you_mean(model, known, listed, alike=0.5, quoted=True, opens=True)
        raise ValueError(f"No lme4 fit is stored under the name {model!r}. {hint}")
    fit = record["models"][model]["REML" if reml else "ML"]
    rows = [("fixed", row["term"], row["estimate"], row["se"]) for row in fit["fixed"]]
    rows += [(part, row["term"], row["estimate"], np.nan) for part in ("sd", "cor") for row in fit[part]]
    rows.append(("residual", "residual", fit["residual"], np.nan))
    rows.append(("criterion", REML_CRITERION if reml else DEVIANCE, fit["criterion"], np.nan))
    table = _table(rows)
    table.attrs["engine"] = "lme4"
    session = record["session"]
    table.attrs["source"] = (
        f"stored numbers of lme4 {session['packages']['lme4']}, "
        f"the best of {len(fit['optimisers'])} optimisers: {fit['kept']}"
    )
    return table


@cache
def _stored_record() -> dict:
    return json.loads(STORED.read_text(encoding="utf-8"))


def _table(rows: list[Row]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["part", "term", "estimate", "se"])
    table = table.sort_values("part", key=lambda part: part.map(PARTS.index), kind="stable")
    return table.astype({"estimate": float, "se": float}).set_index(["part", "term"])


# ---- statsmodels --------------------------------------------------------------------------------------


def mixedlm_results(fit: Any, read: str) -> Any:
    """The results of a statsmodels MixedLM fit, out of their wrapper.

    Raises
    ------
    TypeError
        If it is no such fit; the message begins with `read`, which says what would have been.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMResults

    results = getattr(fit, "_results", fit)  # statsmodels wraps its results
    if isinstance(results, MixedLMResults):
        return results
    kind = f"{type(results).__name__} of {type(results).__module__.split('.')[0]}"
    advice = " Call its .fit() first." if isinstance(fit, MixedLM) else ""
    raise TypeError(f"{read}; this is {kind}.{advice}")


def _from_mixedlm(results: Any, group: str | None) -> pd.DataFrame:
    # `params` holds variance components divided by `scale`, and the summary shows variances:
    # read the unscaled components, and take square roots.
    with np.errstate(invalid="ignore"):  # after a failed fit a variance may be negative: nan tells it
        errors = results.bse_fe
    rows = [
        ("fixed", *row) for row in zip(fixed_names(results.model), results.fe_params, errors, strict=True)
    ]
    group, terms = _random_terms(results.model, group)
    covariance = np.asarray(results.cov_re).reshape(len(terms), len(terms))
    sds = np.sqrt(np.diag(covariance))
    for i, term in enumerate(terms):
        rows.append(("sd", f"{group} {term}", sds[i], np.nan))
        for j in range(i):
            correlation = covariance[j, i] / (sds[j] * sds[i]) if sds[j] * sds[i] > 0 else np.nan
            rows.append(("cor", f"{group} {terms[j]}, {term}", correlation, np.nan))
    for term, variance in zip(_component_terms(results.model, group), results.vcomp, strict=True):
        rows.append(("sd", term, np.sqrt(variance), np.nan))
    rows.append(("residual", "residual", np.sqrt(results.scale), np.nan))
    # it holds every constant that lme4's criterion holds (tests/test_engines.py compares the two)
    criterion = -2 * _loglikelihood(results)
    rows.append(("criterion", REML_CRITERION if results.reml else DEVIANCE, criterion, np.nan))
    table = _table(rows)
    table.attrs["engine"] = "statsmodels"
    return table


def _loglikelihood(results: Any) -> float:
    """The log-likelihood of a fit by its own criterion.

    `results.llf` is computed when first asked for, by the criterion that the *model* was last fitted with.
    """
    model = results.model
    last, model.reml = model.reml, results.reml
    try:
        return float(model.loglike(results.params_object, profile_fe=False))
    finally:
        model.reml = last


def fixed_names(model: Any) -> list[str]:
    """The fixed effects of a MixedLM; `add_constant` calls the intercept `const`."""
    ones = (np.asarray(model.exog) == 1).all(axis=0)
    return [
        "Intercept" if one and name == "const" else name
        for name, one in zip(model.exog_names, ones, strict=True)
    ]


def _random_terms(model: Any, group: str | None) -> tuple[str, list[str]]:
    """Name the groups and the coefficients that vary between them.

    The column of ones is the varying intercept, whatever it is called.
    """
    if model.k_re == 0:
        return group or "Group", []
    names = [name.removesuffix(" Var") for name in model.data.exog_re_names]
    is_intercept = (np.asarray(model.exog_re) == 1).all(axis=0)
    group = group or group_name(model) or "Group"
    return group, ["Intercept" if one else name for name, one in zip(names, is_intercept, strict=True)]


def group_name(model: Any) -> str | None:
    """The column of a MixedLM's groups: a formula calls the varying intercept by it; else it is lost."""
    if not (model.k_re and getattr(model, "formula", None)):
        return None
    ones = (np.asarray(model.exog_re) == 1).all(axis=0)
    names = [name.removesuffix(" Var") for name in model.data.exog_re_names]
    return next((name for name, one in zip(names, ones, strict=True) if one), None)


def _component_terms(model: Any, group: str) -> list[str]:
    """Name the variance components of a `vc_formula`.

    An indicator for each level, `{"cask": "0 + C(cask)"}`, is a varying intercept of that factor,
    `cask Intercept`, or `batch:cask Intercept` where each group has a cask a of its own; one column,
    `{"floor": "0 + floor"}`, varies between the groups, `county floor`.
    """
    terms = []
    for name, matrices, levels in zip(
        model.exog_vc.names, model.exog_vc.mats, model.exog_vc.colnames, strict=True
    ):
        dense = [np.asarray(m.todense() if hasattr(m, "todense") else m) for m in matrices]
        indicators = all(np.isin(m, (0, 1)).all() and (m.sum(axis=1) == 1).all() for m in dense)
        if all(m.shape[1] == 1 for m in dense):
            terms.append(f"{group} {'Intercept' if indicators else name}")
        else:
            labels = [
                label
                for own, m in zip(levels, dense, strict=True)
                for label, used in zip(own, m.any(axis=0), strict=True)
                if used
            ]
            nested = f"{group}:{name}" if len(set(labels)) < len(labels) else name
            terms.append(f"{nested} Intercept" if indicators else name)
    return terms


# ---- the book's own likelihood ------------------------------------------------------------------------


def _from_lmm(fit: Any) -> pd.DataFrame:
    rows = [("fixed", term, fit.fixed[term], fit.se[term]) for term in fit.fixed.index]
    for (group, term), sd in fit.variance_components["sd"].drop("Residual", level="group").items():
        rows.append(("sd", f"{group} {term}", sd, np.nan))
    for (group, pair), correlation in fit.correlations.items():
        rows.append(("cor", f"{group} {pair}", correlation, np.nan))
    rows.append(("residual", "residual", fit.sigma, np.nan))
    rows.append(("criterion", REML_CRITERION if fit.reml else DEVIANCE, fit.criterion, np.nan))
    table = _table(rows)
    table.attrs["engine"] = "mlm.lmm"
    return table


# ---- posterior draws ----------------------------------------------------------------------------------


def _from_draws(posterior: Any, names: Mapping[str, tuple[str, str]] | None) -> pd.DataFrame:
    if not names:
        raise ValueError(
            'Say which draws are which: estimates(idata, names={"sigma_y": ("residual", "residual"), …}). '
            f"The posterior holds {contents(posterior)}."
        )
    import arviz as az

    rows, errors = [], {}
    for name, (part, term) in names.items():
        if part not in PARTS[:-1]:
            raise ValueError(
                f"{name!r} is given the part {part!r}; draws have the parts {', '.join(PARTS[:-1])}."
            )
        term = "residual" if part == "residual" else term
        draws = element(posterior, name)
        if not np.isfinite(draws).all():
            raise ValueError(
                f"{(~np.isfinite(draws)).sum()} of the draws of {name!r} are not finite numbers."
            )
        rows.append((part, term, draws.mean(), draws.std(ddof=1)))
        errors[part, term] = float(az.mcse({"draws": draws})["draws"])
    table = _table(rows)
    table.attrs["mcse"] = errors
    return table


def element(posterior: Any, name: str) -> np.ndarray:
    """Draws of one number, shape (chains, draws); `name` as `az.summary` prints it."""
    variable, _, labels = name.partition("[")
    if variable not in posterior.data_vars:
        raise ValueError(f"The posterior has no {variable!r}; it holds {contents(posterior)}.")
    draws = posterior[variable].transpose("chain", "draw", ...)
    wanted = re.split(r",\s*", labels.removesuffix("]")) if labels else []
    dims = draws.dims[2:]
    if len(wanted) != len(dims):
        needed = f"one label for each of {', '.join(dims)}, as in az.summary" if dims else "no brackets"
        raise ValueError(f"{name!r} does not name one number: {variable!r} needs {needed}.")
    for dim, label in zip(dims, wanted, strict=True):
        known = [str(value) for value in draws[dim].to_numpy()]
        if label not in known:
            raise ValueError(f"{variable!r} has no {label!r} in {dim}; there is {', '.join(known)}.")
        draws = draws.isel({dim: known.index(label)})
    return draws.to_numpy()


def contents(posterior: Any) -> str:
    shown = []
    for name, draws in posterior.data_vars.items():
        dims = draws.dims[2:]
        shown.append(f"{name}[{', '.join(dims)}]" if dims else str(name))
    return ", ".join(shown)

"""Predictions of new rows in known groups, in new groups and for the population, with intervals."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from mlm.engines.tables import mixedlm_results
from mlm.lmm import Design, LmmFit, build_design
from mlm.lmm.resampling import each_draw, simulate_with_effects
from mlm.lmm.threads import one_thread
from mlm.prediction.equations import Equations, Rows
from mlm.prediction.reading import ASK, from_draws, from_mixedlm, point

__all__ = ["predict"]

#: Posterior draws that are used unless `draws` says how many.
POSTERIOR_DRAWS = 1000
READS = "predict() reads a fit_lmm result, a statsmodels MixedLM fit or PyMC draws with a posterior"


@one_thread
def predict(
    fit: Any,
    rows: pd.DataFrame,
    of: str = "group",
    interval: str = "mean",
    level: float = 0.9,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    *,
    formula: str | None = None,
    data: pd.DataFrame | None = None,
    names: Mapping[str, tuple[str, str]] | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Predict new rows, and say how far off that may be.

    Parameters
    ----------
    fit : result of fit_lmm, statsmodels MixedLMResults, or draws with a `posterior` (ArviZ InferenceData)
    rows : DataFrame
        The predictors and the groups' columns; the response may be absent. Centres, knots and categories are
        those of the data that were fitted.
    of : {"group", "population"}
        The row's own group, X beta + Z u; a group that was not fitted is a new one, whose u is expected to be
        0 and varies as the groups do. Or the average over all groups, X beta, which needs no groups' columns.
    interval : {"mean", "observation"}
        For the expected response, or for one response, which scatters around it by sigma.
    level : float
        The chance that the interval holds what is predicted.
    draws : int
        0 takes the estimated variances as if they were known. With a number, so many responses are drawn from
        the fit and fitted again, and the interval takes the quantiles of the errors that were made, each in
        units of its own standard error. Of a posterior: how many of its draws are used, 1,000 unless given.
    rng : numpy Generator
        For `draws` of a fit. The result is the same for any number of jobs.
    formula, data : str and DataFrame
        The model in the language of `fit_lmm`, and the rows that were fitted. Needed for a posterior, and
        where statsmodels does not keep them: arrays, `vc_formula`.
    names : mapping of str to (part, term)
        Which draws are which, as for `estimates`; all parameters are needed, and no groups' effects.
    jobs, progress
        As for `mlm.lmm.bootstrap`.

    Returns
    -------
    DataFrame
        Indexed as `rows`, in units of the response: `prediction`, `se` (standard error of the prediction, the
        variances taken as known; of a posterior the standard deviation), `lower`, `upper`, and for
        `of="group"` also `known`: the row's group is one that was fitted. With several grouping factors
        `known` says whether all are, and `known batch` whether that one is.

    Raises
    ------
    ValueError
        If a column is missing in `rows`, or holds a gap or an unknown category, or if the formula is lacking.
    TypeError
        If the fit is of another kind.

    Notes
    -----
    The standard error counts the errors of beta and u together, from the mixed model equations. The interval
    is normal where `draws` is 0: with few groups too short. What is drawn from a fit of statsmodels is fitted
    by `fit_lmm`. For a posterior the groups' effects are integrated over, given each draw of the coefficients
    and variances, by the normal distributions that the formula stands for; the ends are quantiles of the
    mixture of these.

    References
    ----------
    Henderson (1975), *Biometrics* 31, 423-447; Davison and Hinkley (1997), *Bootstrap Methods and their
    Application*, section 5.2 (studentized errors).
    """
    _check_question(rows, of, interval, level)
    if hasattr(fit, "posterior"):
        design = _design_of_draws(formula, data)
        equations = Equations(design, new_rows(design, rows, of))
        points = from_draws(fit.posterior, names, design, draws or POSTERIOR_DRAWS)
        table = _from_posterior(equations, points, interval, level)
    else:
        if not isinstance(fit, LmmFit):
            fit = from_mixedlm(mixedlm_results(fit, READS), formula, data)
        equations = Equations(fit.design, new_rows(fit.design, rows, of))
        table = _from_fit(fit, equations, interval)
        lower, upper = stats.norm.ppf(_ends(level))
        if draws:
            tasks = each_draw(_one_error, (fit, equations, interval), rng, draws, jobs, progress)
            lower, upper = np.quantile(list(tasks), _ends(level), axis=0)
        table["lower"] = table["prediction"] + lower * table["se"]
        table["upper"] = table["prediction"] + upper * table["se"]
    table.index = rows.index
    return table.assign(**_known(equations)) if of == "group" else table


def _check_question(rows: pd.DataFrame, of: str, interval: str, level: float) -> None:
    if not isinstance(rows, pd.DataFrame):
        raise TypeError(f"rows must be a pandas DataFrame; it is a {type(rows).__name__}.")
    for name, value, known in [
        ("of", of, ("group", "population")),
        ("interval", interval, ("mean", "observation")),
    ]:
        if value not in known:
            raise ValueError(f'{name} must be "{known[0]}" or "{known[1]}"; it is {value!r}.')
    if not 0 < level < 1:
        raise ValueError(f"level is a chance between 0 and 1; it is {level}.")
    if (of, interval) == ("population", "observation"):
        raise ValueError(
            "An observation is made in some group. For one in a group that was not measured, keep "
            'of="group" and give the row a label that no group has.'
        )


def _design_of_draws(formula: str | None, data: pd.DataFrame | None) -> Design:
    if formula is None or data is None:
        raise ValueError(f"Draws do not say how rows become columns. {ASK}")
    return build_design(formula, data)


def new_rows(design: Design, rows: pd.DataFrame, of: str = "group") -> Rows:
    """New rows in the arrays of a design; for the population nothing varies."""
    if design.recipe is None:
        raise ValueError("This model was given as arrays: no formula says what new rows are. Use fit_lmm.")
    X = design.recipe.fixed_columns(rows)
    if of == "population":
        Z = [np.zeros((len(rows), len(term.names))) for term in design.terms]
        return Rows(X, Z, [np.full(len(rows), -1)] * len(Z))
    varying = design.recipe.varying_columns(rows)
    return Rows(X, [Z for Z, _ in varying], [places for _, places in varying])


def _ends(level: float) -> np.ndarray:
    return np.array([(1 - level) / 2, (1 + level) / 2])


def _known(equations: Equations) -> dict[str, np.ndarray]:
    """Whether the row's groups were fitted: all, and by factor where there are several."""
    by_factor = {
        term.group: places >= 0
        for term, places in zip(equations.design.terms, equations.rows.places, strict=True)
    }
    known = {"known": np.all(list(by_factor.values()), axis=0)}
    if len(by_factor) > 1:
        known |= {f"known {group}": own for group, own in by_factor.items()}
    return known


# ---- the variances as estimated, or drawn -----------------------------------------------------------------


def _from_fit(fit: LmmFit, equations: Equations, interval: str) -> pd.DataFrame:
    prediction, variance = equations.expected(point(fit), fit.design.y)
    variance = variance + fit.sigma**2 * (interval == "observation")
    return pd.DataFrame({"prediction": prediction, "se": np.sqrt(variance)})


def _one_error(fit: LmmFit, equations: Equations, interval: str, rng: np.random.Generator) -> np.ndarray:
    """The errors when a response is drawn from the fit and fitted again, in standard errors, shape (m,)."""
    y, effects = simulate_with_effects(fit, rng)
    truth = equations.drawn(point(fit), effects, rng)
    if interval == "observation":
        truth = truth + fit.sigma * rng.standard_normal(len(truth))
    found = _from_fit(fit.refit(y=y), equations, interval)
    missed, se = truth - found["prediction"].to_numpy(), found["se"].to_numpy()
    return np.divide(missed, se, out=np.where(missed < 0, -np.inf, np.inf), where=se > 0)


def _from_posterior(equations: Equations, points: Iterable, interval: str, level: float) -> pd.DataFrame:
    means, variances = [], []
    for at in points:
        mean, variance = equations.expected(at, equations.design.y)
        means.append(mean)
        variances.append(variance + at.sigma**2 * (interval == "observation"))
    means, sds = np.array(means), np.sqrt(variances)
    prediction = means.mean(axis=0)
    lower, upper = (_mixture_quantile(means, sds, chance) for chance in _ends(level))
    se = np.sqrt(means.var(axis=0) + (sds**2).mean(axis=0))
    return pd.DataFrame({"prediction": prediction, "se": se, "lower": lower, "upper": upper})


def _mixture_quantile(means: np.ndarray, sds: np.ndarray, chance: float) -> np.ndarray:
    """Quantiles of equal mixtures of normals, one a column, by bisection; sds of 0 are steps."""
    ends = means + stats.norm.ppf(chance) * sds
    low, high = ends.min(axis=0), ends.max(axis=0)
    for _ in range(60):
        middle = (low + high) / 2
        away = middle - means
        standard = np.divide(away, sds, out=np.where(away < 0, -np.inf, np.inf), where=sds > 0)
        below = stats.norm.cdf(standard).mean(axis=0) < chance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2

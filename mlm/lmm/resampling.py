"""The parametric bootstrap: simulate from a fit, fit again, many times."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlm.lmm.fit import LmmFit
from mlm.lmm.least_squares import LeastSquares
from mlm.lmm.parameters import estimated


def bootstrap(
    fit: LmmFit,
    rng: np.random.Generator,
    draws: int = 500,
    statistic: Callable[[LmmFit], Any] | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Draw responses from a fitted model, fit the model to each, and keep a statistic of every fit.

    New random effects and new residuals are drawn each time, from the estimated covariance matrices; the
    design stays.

    Parameters
    ----------
    fit : result of fit_lmm
    rng : numpy Generator
        Each draw gets a generator of its own, spawned from this one: the result is the same for any number of
        jobs.
    draws : int
    statistic : callable, optional
        From a fit to a number, or to a Series or mapping of numbers. By default all estimates: fixed effects,
        standard deviations, correlations (nan where one of the two effects does not vary), residual standard
        deviation.
    jobs : int, optional
        Processes, as joblib counts them: one by default, -1 for as many as there are cores.
    progress : bool
        Show a progress bar, on the terminal's error stream.

    Returns
    -------
    DataFrame
        A row a draw and a column a number; by default the columns are (`part`, `term`), as in
        `mlm.estimates`. `.attrs["singular"]` and `.attrs["not_converged"]` hold the shares of such fits.

    Notes
    -----
    Percentiles of the draws are an interval: `bootstrap(fit, rng).quantile([0.025, 0.975])`. They inherit the
    bias of the estimate: around an estimated standard deviation of 0 every draw comes from a model without
    that variation.

    References
    ----------
    Davison and Hinkley (1997), *Bootstrap Methods and their Application*, chapter 2.
    """
    statistic = statistic or estimated
    table, singular, missed = [], 0, 0
    for value, is_singular, converged in each_draw(_one_draw, (fit, statistic), rng, draws, jobs, progress):
        table.append(value)
        singular += is_singular
        missed += not converged
    result = pd.DataFrame(table).reset_index(drop=True).rename_axis(index="draw")
    result.attrs |= {"singular": singular / draws, "not_converged": missed / draws}
    return result


def simulate(fit: LmmFit | LeastSquares, rng: np.random.Generator) -> np.ndarray:
    """One response drawn from a fitted model, with new random effects and residuals, shape (n,)."""
    return simulate_with_effects(fit, rng)[0]


def simulate_with_effects(
    fit: LmmFit | LeastSquares, rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One response drawn from a fitted model, and each term's effects in it, shape (groups, effects)."""
    y, drawn = fit.fitted_population.copy(), []
    for term, T in zip(fit.design.terms, fit.design.factors(fit.theta), strict=True):
        effects = fit.sigma * rng.standard_normal((len(term.levels), len(term.names))) @ T.T
        y += (term.Z * effects[term.codes]).sum(axis=1)
        drawn.append(effects)
    return y + fit.sigma * rng.standard_normal(fit.n), drawn


def simulated_ratios(
    small: LmmFit | LeastSquares,
    large: LmmFit,
    rng: np.random.Generator,
    draws: int,
    jobs: int | None,
    progress: bool,
) -> np.ndarray:
    """Likelihood-ratio statistics of responses drawn from the smaller of two models, shape (draws,)."""
    return np.array(list(each_draw(_one_ratio, (small, large), rng, draws, jobs, progress)))


def _one_draw(fit: LmmFit, statistic: Callable, rng: np.random.Generator) -> tuple[pd.Series, bool, bool]:
    again = fit.refit(y=simulate(fit, rng))
    return _as_series(statistic(again)), again.singular, again.converged


def _one_ratio(small: LmmFit | LeastSquares, large: LmmFit, rng: np.random.Generator) -> float:
    y = simulate(small, rng)
    return max(small.refit(y=y).criterion - large.refit(y=y).criterion, 0.0)


def _as_series(value: Any) -> pd.Series:
    if isinstance(value, pd.Series):
        return value
    if isinstance(value, Mapping):
        return pd.Series(value)
    return pd.Series(value) if np.ndim(value) else pd.Series({"statistic": value})


def each_draw(
    task: Callable, arguments: tuple, rng: np.random.Generator, draws: int, jobs: int | None, progress: bool
) -> Iterator[Any]:
    """Results of `task(*arguments, generator)` in order, one generator a draw."""
    from joblib import Parallel, delayed

    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a numpy Generator, such as np.random.default_rng(2006); it is a "
            f"{type(rng).__name__}."
        )
    if draws < 1:
        raise ValueError(f"draws must be at least 1; it is {draws}.")
    tasks = (delayed(task)(*arguments, own) for own in rng.spawn(draws))
    results = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    return _with_progress(results, draws) if progress else results


def _with_progress(results: Iterable, draws: int) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import track

    console = Console(
        stderr=True, force_jupyter=False
    )  # in a notebook rich would write into the cell's output
    yield from track(results, "Bootstrap", total=draws, console=console, transient=True)

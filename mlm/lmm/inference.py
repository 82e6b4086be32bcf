"""Standard errors of standard deviations, variances and correlations; tests of one model against another."""

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from scipy import linalg, stats

from mlm.lmm.design import Design
from mlm.lmm.fit import LmmFit
from mlm.lmm.least_squares import LeastSquares, from_statsmodels
from mlm.lmm.parameters import derivatives, labels, parameters, values
from mlm.lmm.resampling import simulated_ratios
from mlm.lmm.threads import one_thread

SINGULAR = (
    "The fit is singular: a standard deviation is 0, or a correlation −1 or 1. There the likelihood is not "
    "curved as a standard error assumes; use profile_intervals() or bootstrap()."
)
NOT_CURVED = (
    "The criterion does not rise in every direction: the fit is not at an optimum, or the data do not tell "
    "the parameters apart. Run certify() on it."
)
# A larger model cannot fit worse; by this much it may, for want of digits.
ROUNDING = 1e-4
# Criteria that differ by less are the same number: the added variance is zero, and the statistic with it.
NOTHING = 1e-6


@one_thread
def standard_errors(fit: LmmFit) -> pd.DataFrame:
    """Standard errors of the standard deviations, correlations and variances of a fit.

    The covariance of the estimates of (theta, log sigma²) is twice the inverse of the criterion's second
    derivatives, with the fixed effects maximised over (ML) or integrated over (REML): the observed
    information. The delta method carries it over to standard deviations, correlations and variances.

    Parameters
    ----------
    fit : result of fit_lmm

    Returns
    -------
    DataFrame
        Indexed by (`part`, `term`), with the parts `sd`, `cor`, `residual` (a standard deviation) and
        `variance`; columns `estimate` and `se`, in units of the response, or their squares for variances.
        `se` is nan where the fit is singular, and `.attrs["note"]` says why.

    Notes
    -----
    With few groups the likelihood of a standard deviation is skewed, and `estimate ± 2 se` is a poor
    interval; `profile_intervals` is better. For the balanced one-way layout under REML the standard error of
    the variance between groups is the one known in closed form, that of (MSB − MSW)/m.

    References
    ----------
    Bates, Mächler, Bolker and Walker (2015), section 5.1; Searle, Casella and McCulloch (1992), chapter 3.
    """
    chosen = parameters(fit.design)[len(fit.fixed) :]
    variances = [parameter for parameter in chosen if parameter.part != "cor"]

    def numbers(x: np.ndarray) -> np.ndarray:
        factors, sigma = fit.design.factors(x[:-1]), np.exp(x[-1] / 2)
        return np.append(values(chosen, factors, sigma), values(variances, factors, sigma) ** 2)

    x = np.append(fit.theta, 2 * np.log(fit.sigma))
    covariance, note = _covariance(fit)
    if note:
        errors = np.full(len(numbers(x)), np.nan)
    else:
        slopes = derivatives(numbers, x)
        errors = np.sqrt(np.einsum("ia,ab,ib->i", slopes, covariance, slopes))
    squares = pd.MultiIndex.from_product([["variance"], [parameter.term for parameter in variances]])
    index = labels(chosen).append(squares).set_names(["part", "term"])
    table = pd.DataFrame({"estimate": numbers(x), "se": errors}, index=index)
    table.attrs |= {"note": note} if note else {}
    return table


def _covariance(fit: LmmFit) -> tuple[np.ndarray, str]:
    """Covariance of (theta, log sigma²), or why there is none.

    With sigma free the criterion is c(theta) + d (t − h(theta) − 1 + exp(h(theta) − t)): t is log sigma², h
    its best value at theta, d the degrees of freedom and c the profiled criterion. At the optimum twice the
    inverse of its second derivatives is 2 c''⁻¹ for theta; t follows theta along h, with a variance of 2/d of
    its own.
    """
    like, nothing = fit.likelihood, np.empty((0, 0))
    if fit.singular:
        return nothing, SINGULAR
    hessian = derivatives(lambda theta: like.criterion_and_gradient(theta)[1], fit.theta)
    if not linalg.eigvalsh(hessian + hessian.T).min() > 0:
        return nothing, NOT_CURVED
    theta = 4 * np.linalg.inv(hessian + hessian.T)
    at, variance = like.solve(fit.theta), fit.sigma**2
    # with sigma² held at v the gradient is a + b/v, and the derivative of h is b / (d sigma²)
    slope = 2 * (like.gradient(at, variance) - like.gradient(at, 2 * variance)) / like.degrees
    across = theta @ slope
    return np.block([[theta, across[:, None]], [across, 2 / like.degrees + slope @ across]]), ""


# ---- likelihood-ratio tests -----------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class LikelihoodRatio:
    """What a likelihood-ratio test says; in a notebook it shows itself as a few lines.

    Attributes
    ----------
    statistic : float
        How much lower the larger model's criterion is.
    df : int
        Parameters that the larger model has more.
    p : float
        From the chi-square distribution on `df` degrees of freedom.
    p_boundary : float
        From the mixture of chi-square distributions that holds when one variance is tested against 0; nan
        otherwise.
    p_simulated : float
        From the parametric bootstrap; nan unless it was asked for.
    simulated : ndarray
        The statistics drawn under the smaller model; empty unless asked for.
    notes : tuple of str
        What to know before reading a p.
    """

    statistic: float
    df: int
    p: float
    p_boundary: float
    p_simulated: float
    simulated: np.ndarray
    notes: tuple[str, ...]

    def _lines(self) -> list[str]:
        degrees = f"{self.df} degree{'s' if self.df > 1 else ''} of freedom"
        lines = [f"Likelihood ratio {self.statistic:.3f} on {degrees}: p = {self.p:.2g} (chi-square)"]
        if np.isfinite(self.p_boundary):
            mixture = f"half chi-square on {self.df - 1}, half on {self.df}"
            lines.append(f"With the variance on its boundary: p = {self.p_boundary:.2g} ({mixture})")
        if len(self.simulated):
            lines.append(f"By simulation, {len(self.simulated)} draws: p = {self.p_simulated:.2g}")
        return lines

    def __repr__(self) -> str:
        return "\n".join([*self._lines(), *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        lines = "<br>".join(self._lines())
        notes = "".join(f"<li>{note}</li>" for note in self.notes)
        return f'<div class="lmm-ratio"><p>{lines}</p>' + (f"<ul>{notes}</ul>" if notes else "") + "</div>"


def likelihood_ratio(
    small: Any,
    large: LmmFit,
    simulate: int = 0,
    rng: np.random.Generator | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> LikelihoodRatio:
    """Test a model against a larger one that contains it.

    Parameters
    ----------
    small : result of fit_lmm, or of statsmodels' ols
        Least squares is the model in which nothing varies between groups: is there any group variance?
    large : result of fit_lmm
        Of the same data by the same criterion: ML, or REML if the fixed effects are the same too.
    simulate : int
        Draws of the parametric bootstrap, which needs no theory of the boundary; none by default.
    rng : numpy Generator
        Needed with `simulate`.
    jobs, progress
        As in `bootstrap`.

    Returns
    -------
    LikelihoodRatio

    Raises
    ------
    ValueError
        If the models cannot be compared; the message says why and what to do.

    Notes
    -----
    A variance cannot be negative, so under the smaller model its estimate is 0 in about half of all samples,
    and the chi-square distribution gives too large a p. If the larger model has one variance more (and k
    parameters besides, such as its covariances with the effects that vary already), the distribution is half
    chi-square on k and half on k + 1 degrees of freedom. The mixture is an approximation for many groups; for
    two variances or more there is no such simple rule, and simulation serves. A test of fixed effects rejects
    too often when there are few groups; simulation mends that too.

    References
    ----------
    Self and Liang (1987); Stram and Lee (1994), cases 1 to 3.
    """
    if not isinstance(small, LmmFit):
        small = from_statsmodels(small, large.reml) or _refuse(small)
    _check_pair(small, large)
    statistic, df = small.criterion - large.criterion, large.df - small.df
    if statistic < -ROUNDING:
        raise ValueError(
            f"The larger model's criterion is {-statistic:.4g} higher, though it contains the smaller: its "
            "search stopped too soon. Run certify() on both."
        )
    statistic = statistic if statistic > NOTHING else 0.0
    added = len(_variances(large.design) - _variances(small.design))
    draws = np.empty(0)
    if simulate:
        if rng is None:
            raise ValueError("simulate needs a generator of random numbers: rng=np.random.default_rng(2006).")
        draws = simulated_ratios(small, large, rng, simulate, jobs, progress)
    return LikelihoodRatio(
        statistic=statistic,
        df=df,
        p=float(stats.chi2.sf(statistic, df)),
        p_boundary=_mixture(statistic, df) if added == 1 else np.nan,
        p_simulated=(1 + np.sum(draws >= statistic)) / (1 + len(draws)) if len(draws) else np.nan,
        simulated=draws,
        notes=tuple(_notes(small, added)),
    )


def _refuse(small: Any) -> NoReturn:
    raise TypeError(
        "The smaller model must be a result of fit_lmm, or of statsmodels' ols where nothing varies between "
        f"groups; it is a {type(small).__name__}."
    )


def _mixture(statistic: float, df: int) -> float:
    """Upper tail of half chi-square on df − 1 and half on df; on 0 degrees it is the constant 0."""
    lower = stats.chi2.sf(statistic, df - 1) if df > 1 else float(statistic <= 0)
    return float((lower + stats.chi2.sf(statistic, df)) / 2)


def _notes(small: LmmFit | LeastSquares, added: int) -> list[str]:
    notes = []
    if added > 1:
        notes.append(
            f"{added} variances are tested at once: p is too large, and no simple mixture corrects it. "
            "Add them one at a time, or use simulate=."
        )
    if small.singular:
        notes.append(
            "The smaller model is singular itself: neither chi-square nor mixture holds. Use simulate=."
        )
    return notes


def _variances(design: Design) -> set[tuple[str, str]]:
    return {(term.group, name) for term in design.terms for name in term.names}


def _covariances(design: Design) -> set[tuple[str, frozenset]]:
    return {
        (term.group, frozenset({a, b}))
        for term in design.terms
        for i, a in enumerate(term.names)
        for b in term.names[:i]
    }


def _check_pair(small: LmmFit | LeastSquares, large: LmmFit) -> None:
    """Same data, same criterion, and the one inside the other."""
    if small.n != large.n:
        raise ValueError(
            f"The models were fitted to {small.n} and {large.n} rows. Leave the rows that lack a value for "
            "either out of both."
        )
    if not np.array_equal(small.design.y, large.design.y):
        raise ValueError("The models have different responses, so their likelihoods cannot be compared.")
    if small.reml != large.reml:
        raise ValueError(
            "One model is fitted by REML, the other by ML. Refit both by ML: fit.refit(reml=False)."
        )
    if large.df <= small.df:
        raise ValueError(
            f"The second model has {large.df} parameters and the first {small.df}: the larger goes second, "
            "likelihood_ratio(small, large)."
        )
    _check_fixed(small, large)
    _check_varying(small.design, large.design)


def _check_fixed(small: LmmFit | LeastSquares, large: LmmFit) -> None:
    X, wider = small.design.X, large.design.X
    if small.reml and not (X.shape == wider.shape and np.allclose(X, wider)):
        raise ValueError(
            "The models differ in their fixed effects, and REML likelihoods of different fixed effects "
            "measure different things. Refit both by ML: fit.refit(reml=False)."
        )
    left = X - wider @ np.linalg.lstsq(wider, X, rcond=None)[0]
    outside = np.linalg.norm(left, axis=0) > 1e-6 * np.linalg.norm(X, axis=0)
    if outside.any():
        names = ", ".join(np.array(small.design.fixed_names)[outside])
        raise ValueError(f"The models are not nested: the larger one lacks the fixed effects {names}.")


def _check_varying(small: Design, large: Design) -> None:
    lacking = [f"({name} | {group})" for group, name in _variances(small) - _variances(large)]
    lacking += [
        f"the correlation of {' and '.join(sorted(pair))} in {group}"
        for group, pair in _covariances(small) - _covariances(large)
    ]
    if lacking:
        raise ValueError(
            "The models are not nested, or it cannot be seen: the larger one lacks "
            f"{', '.join(sorted(lacking))}."
        )
    wider = {
        (term.group, name): (term.codes, z)
        for term in large.terms
        for name, z in zip(term.names, term.Z.T, strict=True)
    }
    for term in small.terms:
        for name, z in zip(term.names, term.Z.T, strict=True):
            codes, other = wider[term.group, name]
            if not (np.array_equal(codes, term.codes) and np.allclose(other, z)):
                raise ValueError(
                    f"({name} | {term.group}) has other values in the two models; fit both to the same data."
                )

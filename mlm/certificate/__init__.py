"""The fit certificate: does a second likelihood, written apart from the first, confirm what a fit claims?"""

from typing import Any

import numpy as np
import pandas as pd

from mlm.certificate.claim import Claim, Effects, design, read
from mlm.certificate.climbing import Summit, climb
from mlm.certificate.report import (
    IMPOSSIBLE,
    MISPLACED,
    MISPRINTED,
    NO_LIKELIHOOD,
    NOT_PRINTED,
    SHORT,
    Certificate,
    CertificateError,
    Finding,
    number,
)
from mlm.certificate.second_likelihood import SecondLikelihood, Solution
from mlm.lmm import fit_design
from mlm.lmm.identification import flat_places
from mlm.lmm.threads import one_thread

__all__ = ["Certificate", "CertificateError", "certify"]

# A fit may lie this many log-units below the best point found. Where the likelihood is quadratic that is
# 0.045 standard errors from the top in any direction: less than anyone reports. Optimisers that arrive come
# within 1e-5; those that stop too soon, on the radon models, lie 0.005 to 1.9 below.
MOST_SHORT = 1e-3
# Two programs that compute the same function at the same point agree to about 1e-9.
MOST_MISPRINTED = 1e-4
# A direction in which a term's effects vary less than this share of sigma does not count as varying.
SINGULAR = 1e-3
# With more random effects than this the search stays near the claim: an evaluation takes half a second.
MOST_EFFECTS = 2000


@one_thread
def certify(fit: Any, may_fail: bool = False) -> Certificate:
    """Judge a fit by a likelihood that shares no code with the program that made it.

    Is the log-likelihood that the program printed that of its estimates? Do its fixed effects go with its
    variances? Is there a higher point, near by or from elsewhere, and by how much? Is the optimum singular?

    Parameters
    ----------
    fit : statsmodels MixedLMResults or `fit_lmm` result
    may_fail : bool
        The fit is there to be seen failing: return its certificate instead of raising.

    Returns
    -------
    Certificate
        One line when all is well; what is wrong, by how much, and where the optimum is, when not.

    Raises
    ------
    CertificateError
        If the fit is not confirmed, unless `may_fail`.
    TypeError, ValueError
        If the fit is not a linear mixed model fitted by REML or ML: there is nothing to certify.
    """
    certificate = _judge(read(fit))
    if not (certificate.ok or may_fail):
        raise CertificateError(certificate)
    return certificate


def _judge(claim: Claim) -> Certificate:
    sizes = [len(effects.names) for effects in claim.effects]
    second = SecondLikelihood(claim.y, claim.X, [e.Z for e in claim.effects], sizes, claim.reml)
    found = [
        Finding(IMPOSSIBLE, f"{fault}: these estimates are no point that a model could have.")
        for fault in claim.faults
    ]
    possible = not found
    here = second.theta([e.G for e in claim.effects], claim.variance) if possible else None
    summits = _summits(second, claim, here)
    best = min(summits, key=lambda summit: summit.criterion)
    loglik, gradient, shortfall = np.nan, pd.Series(np.nan, index=_parameters(claim)), np.inf
    if not np.isfinite(claim.printed):
        said = f"{claim.engine} printed a log-likelihood of {claim.printed}, which none is."
        found.append(Finding(NOT_PRINTED, said))
    if possible:
        solution = second.solve(here)
        loglik = -second.at(solution, claim.variance, claim.beta) / 2
        gradient = _gradient(second, claim, solution, summits[0])
        shortfall = max(0.0, -best.criterion / 2 - loglik)
        if not np.isfinite(loglik):
            said = f"The log-likelihood of the estimates is {loglik}, which none is."
            found.append(Finding(NO_LIKELIHOOD, said))
        found += _shortcomings(second, claim, solution, loglik, shortfall, gradient)
    solution = second.solve(best.theta)
    variance = solution.sum_of_squares / second.df
    return Certificate(
        ok=not found,
        findings=tuple(found),
        engine=claim.engine,
        reml=claim.reml,
        loglik=float(loglik),
        printed=claim.printed,
        shortfall=float(shortfall),
        gradient=gradient,
        claimed=_table(claim, [e.G for e in claim.effects], claim.variance, claim.beta, loglik),
        best=_table(
            claim,
            second.covariances(best.theta, variance),
            variance,
            second.fixed(solution),
            -best.criterion / 2,
        ),
        everywhere=len(summits) > 1,
        boundary=_boundary(second, claim, best.theta),
        unidentified=_unidentified(claim),
    )


def _summits(second: SecondLikelihood, claim: Claim, here: np.ndarray | None) -> list[Summit]:
    """Where climbs end that begin at the claim (first), at a blind start, and at the optimum of mlm.lmm."""
    starts = [] if here is None else [here]
    small = second.Z.shape[1] <= MOST_EFFECTS
    if small or here is None:
        ones = [np.eye(k)[np.tril_indices(k)] for k in second.effects]
        starts.append(np.concatenate(ones))
    if claim.engine != "fit_lmm":
        try:
            rival = fit_design(design(claim), claim.reml)
            covariances = [T @ T.T for T in rival.design.factors(rival.theta)]
            starts.append(second.theta(covariances, 1.0))
        except ValueError:
            pass  # a model that mlm.lmm cannot say; the other climbs remain
    return [climb(second.criterion, start, second.scale) for start in starts]


def _shortcomings(
    second: SecondLikelihood,
    claim: Claim,
    solution: Solution,
    loglik: float,
    shortfall: float,
    gradient: pd.Series,
) -> list[Finding]:
    found = []
    if np.isfinite(claim.printed) and abs(claim.printed - loglik) > MOST_MISPRINTED:
        since = (
            " The same model object was fitted by the other criterion since, and statsmodels asks the model "
            "which of the two to compute: make a new one for each criterion."
        )
        said = (
            f"{claim.engine} printed a log-likelihood of {number(claim.printed, 4)}, but its estimates have "
            f"{number(loglik, 4)}: its number is not the likelihood of its estimates."
        )
        found.append(Finding(MISPRINTED, said + since * claim.refitted))
    gap = second.fixed_gap(solution, claim.variance, claim.beta)
    if gap > MOST_SHORT:
        errors = second.fixed_errors(solution, claim.variance)
        away = np.abs(claim.beta - second.fixed(solution)) / errors
        said = (
            "The fixed effects are not those that go with the variances: "
            f"{claim.fixed_names[away.argmax()]} is {away.max():.2f} standard errors off."
        )
        found.append(Finding(MISPLACED, said))
    if shortfall > MOST_SHORT:
        flat = " (its gradient is zero, but it is not the top)" if gradient.abs().max() < 0.01 else ""
        said = (
            f"The fit stopped {shortfall:.3f} log-units short: its log-likelihood is {number(loglik)}{flat}, "
            f"and at the optimum it is {number(loglik + shortfall)}."
        )
        found.append(Finding(SHORT, said))
    return found


def _gradient(second: SecondLikelihood, claim: Claim, solution: Solution, summit: Summit) -> pd.Series:
    """Slopes of the log-likelihood per conditional standard error; the last is along log sigma."""
    curvature = np.maximum(np.diag(summit.hessian) / 2, 1e-2)  # a flat direction has no standard error
    slopes = -summit.gradient / 2 / np.sqrt(curvature)
    pull = solution.sum_of_squares / claim.variance
    return pd.Series([*slopes, (pull - second.df) / np.sqrt(2 * pull)], index=_parameters(claim))


def _parameters(claim: Claim) -> list[str]:
    """Names for the entries of theta, row by row of each triangle, and for sigma."""
    return [name for effects in claim.effects for name in _parameters_of(effects)] + ["residual"]


def _parameters_of(effects: Effects) -> list[str]:
    """Names for the lower triangle of a term's covariance matrix, row by row."""
    names, pairs = [], iter(effects.pairs)
    for i, name in enumerate(effects.names):
        names += [next(pairs) for _ in range(i)] + [name]
    return names


def _boundary(second: SecondLikelihood, claim: Claim, theta: np.ndarray) -> str:
    """Which effects, or combinations of a term's effects, do not vary; empty if all do."""
    flat = [
        effects.names[0] if len(effects.names) == 1 else f"a combination of {' and '.join(effects.names)}"
        for effects, T in zip(claim.effects, second.triangles(theta), strict=True)
        if np.linalg.svd(T, compute_uv=False)[-1] < SINGULAR
    ]
    return " and ".join(flat)


def _unidentified(claim: Claim) -> tuple[str, ...]:
    """The variances of which the data tell combinations only; a row's several effects are not looked into."""
    try:
        places = flat_places(design(claim), claim.reml)
    except ValueError:
        return ()
    names = [_parameters_of(effects) for effects in claim.effects]
    return tuple("residual" if t < 0 else names[t][b * (b + 1) // 2 + a] for t, a, b in places)


def _table(
    claim: Claim, covariances: list[np.ndarray], variance: float, beta: np.ndarray, loglik: float
) -> pd.DataFrame:
    rows = [("fixed", name, value) for name, value in zip(claim.fixed_names, beta, strict=True)]
    # an impossible variance has no root, a zero variance no correlation
    with np.errstate(invalid="ignore", divide="ignore"):
        sds = [np.sqrt(np.diag(G)) for G in covariances]
        for effects, sd in zip(claim.effects, sds, strict=True):
            rows += [("sd", name, value) for name, value in zip(effects.names, sd, strict=True)]
        for effects, G, sd in zip(claim.effects, covariances, sds, strict=True):
            lower = np.tril_indices(len(G), -1)
            correlations = (G / np.outer(sd, sd))[lower]
            rows += [("cor", pair, value) for pair, value in zip(effects.pairs, correlations, strict=True)]
        rows.append(("residual", "residual", np.sqrt(variance)))
    rows.append(("criterion", "log-likelihood", loglik))
    return pd.DataFrame(rows, columns=["part", "term", "estimate"]).set_index(["part", "term"])

"""Maximise the profiled likelihood, and say how it went."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import linalg, optimize

from mlm.lmm.design import Design, build_design
from mlm.lmm.display import Summary
from mlm.lmm.likelihood import Likelihood, Solution

# Starts are multiples of "each effect varies as much as the residual does" (per root mean square of its column).
SCALES = (1.0, 0.3, 0.1, 3.0)
RUNS = 2  # of the starts, those with the lowest criterion are followed to the end
# Deviance still to be gained by a Newton step. The promise is 1e-5; the last digits cost one step.
GAIN_LEFT = 1e-8
# A direction in which a group's effects vary less than this share of sigma does not count as varying (lme4's tolerance).
SINGULAR = 1e-4
STEP = 1e-4  # for differences of the gradient, in scaled theta


def fit_lmm(formula: str, data: pd.DataFrame, reml: bool = True, missing: str = "drop") -> "LmmFit":
    """Fit a linear mixed model by the likelihood of chapter 5.

    Parameters
    ----------
    formula : str
        lme4's language: `"y ~ x + (1 + x | g)"`, `(0 + x | g)`, `(x || g)`, `(1 | a/b)`, `(1 | a:b)`, several terms.
    data : DataFrame
    reml : bool
        Maximise the restricted likelihood (REML), or the likelihood (ML).
    missing : {"drop", "raise"}
        Leave out rows with a missing value and count them, or refuse them.

    Returns
    -------
    LmmFit

    Raises
    ------
    ValueError
        If formula or data cannot be used; the message says what to do.
    """
    return fit_design(build_design(formula, data, missing), reml)


def fit_design(design: Design, reml: bool = True, start: np.ndarray | None = None) -> "LmmFit":
    """Fit a model given as arrays; `start` is a theta from which to begin besides the usual ones."""
    return _fit(Likelihood(design, reml), start)


def _fit(likelihood: Likelihood, start: np.ndarray | None = None) -> "LmmFit":
    theta, convergence = maximise(likelihood, start)
    return LmmFit(likelihood=likelihood, theta=theta, convergence=convergence)


# ---- the search -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Convergence:
    """How the search went.

    Attributes
    ----------
    gradient : ndarray
        Derivative of the criterion with respect to theta at the end.
    hessian : ndarray
        Second derivatives with respect to theta.
    gain_left : float
        What one more Newton step would lower the criterion by.
    escape : float
        The steepest descent that raising a variance from the boundary would give; at a minimum none is below 0.
    starts : DataFrame
        Each run: `start` (a multiple of the identity, or what it was), the `criterion` it reached, its `evaluations`.
    evaluations : int
        Of the criterion, with or without gradient, in all.
    """

    gradient: np.ndarray
    hessian: np.ndarray
    gain_left: float
    escape: float
    starts: pd.DataFrame
    evaluations: int

    @property
    def converged(self) -> bool:
        """Nothing left to gain, inside or from the boundary."""
        return bool(np.isfinite(self.gain_left) and self.gain_left < 1e-6 and self.escape > -1e-3)


class _Search:
    """The criterion as a function of phi = theta times the size of the effect's column: all entries alike in scale."""

    def __init__(self, likelihood: Likelihood):
        self.likelihood = likelihood
        self.evaluations = 0
        sizes, identity = [], []
        for term in likelihood.design.terms:
            columns, rows = np.triu_indices(len(term.names))
            sizes.append(np.sqrt((term.Z**2).mean(axis=0))[rows])
            identity.append((rows == columns).astype(float))
        self.sizes, self.identity = np.concatenate(sizes), np.concatenate(identity)

    def value(self, phi: np.ndarray) -> float:
        self.evaluations += 1
        return self.likelihood.criterion(phi / self.sizes)

    def both(self, phi: np.ndarray) -> tuple[float, np.ndarray]:
        self.evaluations += 1
        value, gradient = self.likelihood.criterion_and_gradient(phi / self.sizes)
        return value, gradient / self.sizes

    def hessian(self, phi: np.ndarray) -> np.ndarray:
        """Central differences of the gradient."""
        steps = STEP * np.eye(len(phi))
        rows = [(self.both(phi + step)[1] - self.both(phi - step)[1]) / (2 * STEP) for step in steps]
        return (np.array(rows) + np.array(rows).T) / 2


def maximise(likelihood: Likelihood, start: np.ndarray | None = None) -> tuple[np.ndarray, Convergence]:
    """The theta with the lowest criterion found from several starts.

    At theta = 0 the criterion, even in theta, has slope zero whatever the data say. The search therefore looks at the
    derivative with respect to the covariance matrices as well, which does not vanish there, and leaves the
    boundary wherever that is downhill.
    """
    search = _Search(likelihood)
    starts = {f"{scale:g}": scale * search.identity for scale in SCALES}
    scanned = sorted(starts, key=lambda name: search.value(starts[name]))
    runs = [] if start is None else [_run(search, np.asarray(start, float) * search.sizes, "given")]
    runs += [_run(search, starts[name], name) for name in scanned[:RUNS]]
    value, phi = min(((run["criterion"], run.pop("phi")) for run in runs), key=lambda pair: pair[0])
    for _ in range(5):
        phi = _snap(search, phi)
        escape, upward = _escape(search, phi)
        if escape > -1e-6:
            break
        runs.append(_run(search, upward, "from the boundary"))
        if runs[-1]["criterion"] > value - 1e-9:
            break
        value, phi = runs[-1]["criterion"], runs[-1].pop("phi")
    phi, gradient, hessian, gain = _polish(search, phi)
    theta = _positive(likelihood.design, phi / search.sizes)
    return theta, Convergence(
        gradient=likelihood.criterion_and_gradient(theta)[1],
        hessian=hessian * np.outer(search.sizes, search.sizes),
        gain_left=gain,
        escape=escape,
        starts=pd.DataFrame(runs, columns=["start", "criterion", "evaluations"]),
        evaluations=search.evaluations,
    )


def _run(search: _Search, phi: np.ndarray, name: str) -> dict:
    before = search.evaluations
    with np.errstate(all="ignore"):  # a line search may step where numbers overflow; it comes back by itself
        found = optimize.minimize(search.both, phi, jac=True, method="BFGS", options={"gtol": 1e-3})
    return {
        "start": name,
        "criterion": float(found.fun),
        "evaluations": search.evaluations - before,
        "phi": found.x,
    }


def _polish(search: _Search, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Newton steps until nothing is left to gain."""
    hessian = search.hessian(phi)
    value, gradient = search.both(phi)
    for _ in range(6):
        step = _newton_step(hessian, gradient)
        gain = -gradient @ step / 2
        if gain < GAIN_LEFT:
            break
        new_value, new_gradient = search.both(phi + step)
        if not new_value < value:
            break
        phi, value, gradient = phi + step, new_value, new_gradient
    return phi, gradient, hessian, float(max(gain, 0))


def _newton_step(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Downhill also where the criterion is flat or curved the wrong way."""
    values, vectors = np.linalg.eigh(hessian)
    values = np.maximum(np.abs(values), 1e-8 * max(np.abs(values).max(), 1))
    return -vectors @ ((vectors.T @ gradient) / values)


def _snap(search: _Search, phi: np.ndarray) -> np.ndarray:
    """On the boundary exactly, where the search came close to it and nothing is lost."""
    pieces = []
    for T in search.likelihood.design.factors(phi):
        left, sizes, _ = np.linalg.svd(T)
        kept = np.where(sizes < 1e-2, 0, sizes)
        pieces.append(_entries(_triangle(left * kept) if (kept != sizes).any() else T))
    snapped = np.concatenate(pieces)
    return snapped if search.value(snapped) <= search.value(phi) + GAIN_LEFT else phi


def _escape(search: _Search, phi: np.ndarray) -> tuple[float, np.ndarray]:
    """The steepest way off the boundary, and a point that far along it (or the same point if there is none)."""
    design = search.likelihood.design
    slopes = search.likelihood.covariance_slopes(search.likelihood.solve(phi / search.sizes))
    worst, pieces = 0.0, []
    for term, T, slope in zip(design.terms, design.factors(phi), slopes, strict=True):
        size = np.sqrt((term.Z**2).mean(axis=0))
        left, sizes, _ = np.linalg.svd(T)
        empty = left[:, sizes < SINGULAR]
        if empty.shape[1]:
            values, vectors = np.linalg.eigh(empty.T @ (slope / np.outer(size, size)) @ empty)
            worst = min(worst, values[0])
            if values[0] < 0:
                T = _triangle(np.column_stack([T, 0.1 * empty @ vectors[:, 0]]))
        pieces.append(_entries(T))
    return float(worst), np.concatenate(pieces)


def _triangle(root: np.ndarray) -> np.ndarray:
    """The lower-triangular T with T T' = root root'."""
    T = linalg.qr(root.T, mode="r")[0][: len(root)].T
    return T * np.where(np.diag(T) < 0, -1, 1)


def _entries(T: np.ndarray) -> np.ndarray:
    columns, rows = np.triu_indices(len(T))
    return T[rows, columns]


def _positive(design: Design, theta: np.ndarray) -> np.ndarray:
    """The same covariance matrices with no negative number on a factor's diagonal."""
    return np.concatenate([_entries(T * np.where(np.diag(T) < 0, -1, 1)) for T in design.factors(theta)])


# ---- the result ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class LmmFit(Summary):
    """A fitted linear mixed model; in a notebook it shows itself as a table.

    Attributes
    ----------
    theta : ndarray
        Free entries of the relative covariance factors (lower triangle by columns, terms in the formula's order):
        Var(u_j) = sigma² T T'.
    convergence : Convergence
        How the search went.
    likelihood : Likelihood
        The criterion that was minimised.

    Notes
    -----
    Standard errors of the fixed effects are lme4's: from (X'V⁻¹X)⁻¹, as if the variances were known.
    AIC and BIC count the fixed effects, the entries of theta and sigma. Under REML they rest on the restricted
    likelihood, and compare only models with the same fixed effects.
    """

    likelihood: Likelihood
    theta: np.ndarray
    convergence: Convergence

    @cached_property
    def _at(self) -> Solution:
        return self.likelihood.solve(self.theta)

    @property
    def design(self) -> Design:
        """The arrays that were fitted."""
        return self.likelihood.design

    @property
    def formula(self) -> str | None:
        """The formula as it was given."""
        return self.design.formula

    @property
    def reml(self) -> bool:
        """REML, or ML."""
        return self.likelihood.reml

    @property
    def n(self) -> int:
        """Observations used."""
        return self.design.n

    @property
    def rows_dropped(self) -> int:
        """Rows left out because a value was missing."""
        return self.design.rows_dropped

    @property
    def levels(self) -> dict[str, int]:
        """The number of groups of each grouping factor."""
        return {term.group: len(term.levels) for term in self.design.terms}

    # ---- fixed effects and variances

    @cached_property
    def fixed(self) -> pd.Series:
        """Fixed effects."""
        return pd.Series(self._at.beta, index=list(self.design.fixed_names), name="estimate")

    @cached_property
    def fixed_cov(self) -> pd.DataFrame:
        """Covariance of the fixed effects' estimators, the variances taken as known."""
        back = linalg.solve_triangular(self.likelihood.triangle, np.eye(len(self.fixed)))
        covariance = self.sigma**2 * back @ self._at.inverse @ back.T
        return pd.DataFrame(covariance, index=self.fixed.index, columns=self.fixed.index)

    @property
    def se(self) -> pd.Series:
        """Standard errors of the fixed effects."""
        return pd.Series(np.sqrt(np.diag(self.fixed_cov)), index=self.fixed.index, name="se")

    @cached_property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return self.likelihood.sigma(self._at)

    @cached_property
    def G(self) -> dict[str, pd.DataFrame]:
        """Covariance matrix of one group's effects, by grouping factor; effects of different brackets are unrelated."""
        found: dict[str, pd.DataFrame] = {}
        for term, T in zip(self.design.terms, self.design.factors(self.theta), strict=True):
            own = pd.DataFrame(self.sigma**2 * T @ T.T, index=list(term.names), columns=list(term.names))
            found[term.group] = pd.concat([found[term.group], own]).fillna(0) if term.group in found else own
        return found

    @property
    def variance_components(self) -> pd.DataFrame:
        """Variances and standard deviations, indexed by (`group`, `term`); the last row is the residual's."""
        rows = {(group, term): own.loc[term, term] for group, own in self.G.items() for term in own.index}
        rows["Residual", ""] = self.sigma**2
        variance = pd.Series(rows, name="variance").rename_axis(["group", "term"])
        return pd.DataFrame({"variance": variance, "sd": np.sqrt(variance)})

    @property
    def correlations(self) -> pd.Series:
        """Correlations of effects within one pair of brackets, indexed by (`group`, `"Intercept, x"`)."""
        rows = {}
        for term, T in zip(self.design.terms, self.design.factors(self.theta), strict=True):
            G = T @ T.T
            for i, name in enumerate(term.names):
                for j in range(i):
                    size = np.sqrt(G[i, i] * G[j, j])
                    rows[term.group, f"{term.names[j]}, {name}"] = G[i, j] / size if size > 0 else np.nan
        index = pd.MultiIndex.from_tuples(list(rows), names=["group", "term"])
        return pd.Series(list(rows.values()), index=index, name="correlation", dtype=float)

    # ---- how good it is

    @cached_property
    def criterion(self) -> float:
        """The REML criterion or the deviance: −2 times the maximised log-likelihood."""
        return self.likelihood.value(self._at)

    @property
    def loglik(self) -> float:
        """The maximised log-likelihood (restricted, under REML)."""
        return -self.criterion / 2

    @property
    def df(self) -> int:
        """Parameters: fixed effects, entries of theta, sigma."""
        return len(self.fixed) + len(self.theta) + 1

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.criterion + 2 * self.df

    @property
    def bic(self) -> float:
        """Schwarz's criterion, with the number of observations."""
        return self.criterion + np.log(self.n) * self.df

    @property
    def singular(self) -> bool:
        """Some combination of a group's effects has variance zero: the estimate lies on the boundary."""
        sizes = _Search(self.likelihood).sizes
        factors = self.design.factors(self.theta * sizes)
        return bool(min(np.linalg.svd(T, compute_uv=False).min() for T in factors) < SINGULAR)

    @property
    def converged(self) -> bool:
        """Nothing is left to gain by another step, inside or from the boundary."""
        return self.convergence.converged

    # ---- the groups and the rows

    @cached_property
    def random(self) -> dict[str, pd.DataFrame]:
        """Conditional modes of the random effects (BLUPs), groups × effects, by grouping factor."""
        found: dict[str, pd.DataFrame] = {}
        for term, modes in zip(
            self.design.terms, self.likelihood.by_term(self.likelihood.modes(self._at)), strict=True
        ):
            own = pd.DataFrame(modes, index=pd.Index(term.levels, name=term.group), columns=list(term.names))
            found[term.group] = pd.concat([found[term.group], own], axis=1) if term.group in found else own
        return found

    @cached_property
    def random_cov(self) -> dict[str, np.ndarray]:
        """Var(u_j | y), shape (groups, effects, effects), by grouping factor; fixed effects and variances as known."""
        variances = self.likelihood.mode_variances(self._at)
        return {b.name: self.sigma**2 * v for b, v in zip(self.likelihood.blocks, variances, strict=True)}

    @property
    def fitted_population(self) -> np.ndarray:
        """X beta: what is expected of each row in a new group."""
        return self.design.X @ self._at.beta

    @cached_property
    def fitted(self) -> np.ndarray:
        """X beta + Z u: what is expected of each row in its own group."""
        effects = self.likelihood.by_term(self.likelihood.modes(self._at))
        varying = [(t.Z * u[t.codes]).sum(axis=1) for t, u in zip(self.design.terms, effects, strict=True)]
        return self.fitted_population + sum(varying)

    @property
    def residuals(self) -> np.ndarray:
        """Response minus `fitted`."""
        return self.design.y - self.fitted

    def refit(self, y: np.ndarray | None = None, reml: bool | None = None) -> "LmmFit":
        """Fit the same design to another response, or by the other criterion."""
        reml = self.reml if reml is None else reml
        if y is None:
            return _fit(self.likelihood.switched(reml), start=self.theta)
        y = np.asarray(y, dtype=float)
        if y.shape != self.design.y.shape:
            raise ValueError(f"The response needs {self.n} numbers, one a row; it has the shape {y.shape}.")
        return fit_design(replace(self.design, y=y), reml)

"""Fit a model, and hold what the fit says."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from mlm.lmm.design import Design
from mlm.lmm.formula import build_design
from mlm.lmm.identification import flat_parameters
from mlm.lmm.likelihood import Likelihood, Solution
from mlm.lmm.printing import Summary
from mlm.lmm.search import SINGULAR, Convergence, maximise, smallest_spread

NO_WEIGHTS = (
    "fit_lmm has no weights: the word means three things, with three likelihoods. A row that stands for "
    "several equal ones: repeat it, with data.loc[data.index.repeat(times)]. A row measured more precisely, "
    "with the residual variance divided by its weight: the weights of lme4 are that. A row that stands for "
    "more of a population: that takes survey methods, with weights for rows and for groups."
)


def fit_lmm(
    formula: str, data: pd.DataFrame, reml: bool = True, missing: str = "drop", weights: None = None
) -> "LmmFit":
    """Fit a linear mixed model by the likelihood of chapter 5.

    Parameters
    ----------
    formula : str
        lme4's language: `"y ~ x + (1 + x | g)"`, `(0 + x | g)`, `(x || g)`, `(1 | a/b)`, `(1 | a:b)`.
    data : DataFrame
    reml : bool
        Maximise the restricted likelihood (REML), or the likelihood (ML).
    missing : {"drop", "raise"}
        Leave out rows with a missing value and count them, or refuse them.
    weights : None
        There are none; the message says why.

    Returns
    -------
    LmmFit

    Raises
    ------
    ValueError
        If formula or data cannot be used; the message says what to do.
    """
    if weights is not None:
        raise ValueError(NO_WEIGHTS)
    return fit_design(build_design(formula, data, missing), reml)


def fit_design(design: Design, reml: bool = True, start: np.ndarray | None = None) -> "LmmFit":
    """Fit a model given as arrays; `start` is a theta from which to begin besides the usual ones."""
    return _fit(Likelihood(design, reml), start)


def _fit(likelihood: Likelihood, start: np.ndarray | None = None) -> "LmmFit":
    theta, convergence = maximise(likelihood, start)
    return LmmFit(likelihood=likelihood, theta=theta, convergence=convergence)


@dataclass(frozen=True, eq=False, repr=False)
class LmmFit(Summary):
    """A fitted linear mixed model; in a notebook it shows itself as a table.

    Attributes
    ----------
    theta : ndarray
        Free entries of the relative covariance factors T, lower triangles by columns, terms in the formula's
        order: Var(u_j) = sigma² T T'.
    convergence : Convergence
        How the search went.
    likelihood : Likelihood
        The criterion that was minimised.

    Notes
    -----
    Standard errors of the fixed effects are lme4's: from (X'V⁻¹X)⁻¹, as if the variances were known.
    AIC and BIC count the fixed effects, the entries of theta and sigma. Under REML they rest on the
    restricted likelihood, and compare only models with the same fixed effects.
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
        back = self.likelihood.back
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
        """Covariance matrix of one group's effects, by grouping factor; zero between brackets."""
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
        return smallest_spread(self.design, self.theta) < SINGULAR

    @property
    def converged(self) -> bool:
        """Nothing is left to gain by another step, inside or from the boundary.

        Where the model is not `identified` other estimates have the same likelihood.
        """
        return self.convergence.converged

    @cached_property
    def unidentified(self) -> tuple[str, ...]:
        """The variances and covariances of which the data tell combinations only: `("g Intercept",)`."""
        return flat_parameters(self.design, self.reml)

    @property
    def identified(self) -> bool:
        """Each variance and covariance changes the criterion in a way that no other can make up for."""
        return not self.unidentified

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
        """Var(u_j | y), shape (groups, effects, effects), by grouping factor; all else taken as known."""
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

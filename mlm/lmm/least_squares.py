"""A regression by least squares as what it is: a mixed model without random terms."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg

from mlm.lmm.design import Design


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """What a likelihood ratio asks of the smaller model, where nothing varies between groups.

    Attributes
    ----------
    design : Design
        Without terms.
    reml : bool
        Which criterion: the restricted likelihood, or the likelihood.
    """

    design: Design
    reml: bool

    singular = False
    theta = np.empty(0)

    @cached_property
    def _triangle(self) -> np.ndarray:
        return linalg.qr(self.design.X, mode="r")[0][: self.design.X.shape[1]]

    @cached_property
    def fitted_population(self) -> np.ndarray:
        """X beta, shape (n,)."""
        return self.design.X @ np.linalg.lstsq(self.design.X, self.design.y, rcond=None)[0]

    @property
    def n(self) -> int:
        """Observations used."""
        return self.design.n

    @property
    def df(self) -> int:
        """Parameters: the coefficients and sigma."""
        return self.design.X.shape[1] + 1

    @property
    def _degrees(self) -> int:
        return self.n - self.design.X.shape[1] * self.reml

    @cached_property
    def sigma(self) -> float:
        """Residual standard deviation, by the criterion."""
        return float(np.sqrt(((self.design.y - self.fitted_population) ** 2).sum() / self._degrees))

    @property
    def criterion(self) -> float:
        """−2 times the maximised log-likelihood (restricted, under REML)."""
        fixed = 2 * np.log(np.abs(np.diag(self._triangle))).sum() if self.reml else 0.0
        return float(self._degrees * (1 + np.log(2 * np.pi * self.sigma**2)) + fixed)

    def refit(self, y: np.ndarray) -> "LeastSquares":
        """The same regression of another response."""
        return LeastSquares(replace(self.design, y=y), self.reml)


def from_statsmodels(fit: Any, reml: bool) -> LeastSquares | None:
    """A regression of statsmodels as a model without random terms; None if it is something else."""
    from statsmodels.regression.linear_model import OLS

    model = getattr(fit, "model", None)
    if type(model) is not OLS:
        return None
    X = np.asarray(model.exog, dtype=float)
    return LeastSquares(Design(np.asarray(model.endog, dtype=float), X, tuple(model.exog_names), ()), reml)

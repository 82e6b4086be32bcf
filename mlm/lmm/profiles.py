"""Profile likelihood: how the deviance rises as one parameter is moved and all others follow at their best.

Intervals read from the profile need no standard error, follow the skewness of a standard deviation's
likelihood, and end at the boundary where the data allow it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from mlm.lmm.design import lower_triangle, theta_of
from mlm.lmm.fit import LmmFit
from mlm.lmm.parameters import Parameter, derivatives, estimated, find, labels, parameters
from mlm.lmm.threads import one_thread

FARTHEST = 3.0  # signed root up to which `profile` goes, about 99.7 per cent
POINTS = 41
LEAST = 0.05  # starts keep this far from a factor's zero diagonal, where the deviance's slope vanishes


@one_thread
def profile(fit: LmmFit, parameter: Any) -> pd.DataFrame:
    """The profile of one parameter.

    Parameters
    ----------
    fit : result of fit_lmm
    parameter : str, or pair of str
        `"floor"` for a fixed effect, `("county", "floor")` for a standard deviation,
        `("county", "Intercept, floor")` for a correlation, `"sigma"` for the residual standard deviation.

    Returns
    -------
    DataFrame
        Indexed by the parameter's values, with columns `zeta`, the signed root of the rise of the deviance (a
        straight line where the likelihood is normal), and `criterion`, the deviance.

    Raises
    ------
    ValueError
        If the model has no such parameter.

    Notes
    -----
    The deviance is that of maximum likelihood, as in lme4: a fit by REML is fitted again by ML first, because
    the restricted likelihood does not hold the fixed effects.

    References
    ----------
    Bates, Mächler, Bolker and Walker (2015), section 5.1.
    """
    curve = _curve(_by_ml(fit), find(fit.design, parameter))
    low, high = curve.bound(-1, FARTHEST), curve.bound(1, FARTHEST)
    grid = np.linspace(low, high, POINTS)
    if np.isfinite(curve.estimate):
        grid = np.union1d(grid, curve.estimate)
    table = pd.DataFrame(
        index=pd.Index(grid, name=_heading(parameter)), columns=["zeta", "criterion"], dtype=float
    )
    for side in (grid[grid < curve.centre][::-1], grid[grid >= curve.centre]):
        curve.last = curve.start()
        for value in side:  # outwards, each search from where its neighbour's ended
            rise = curve.rise(value)
            table.loc[value] = np.sign(value - curve.centre) * np.sqrt(rise), curve.least + rise
    return table


@one_thread
def profile_intervals(fit: LmmFit, level: float = 0.95) -> pd.DataFrame:
    """Confidence intervals of all parameters from their profiles.

    An interval holds the values that a likelihood-ratio test does not reject, with the chi-square
    distribution on one degree of freedom. The lower end of a standard deviation is 0 where 0 is not rejected,
    and an end of a correlation is -1 or 1.

    Parameters
    ----------
    fit : result of fit_lmm
    level : float
        The nominal coverage, between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by (`part`, `term`); columns `lower` and `upper`, standard deviations rather than variances.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Notes
    -----
    As in lme4's `confint`, a fit by REML is fitted again by ML first: the intervals belong to the ML
    deviance. A correlation with an effect that does not vary could be anything, and its interval says so:
    -1 to 1. lme4 interpolates between points of the profile; here each end is solved for.

    References
    ----------
    Bates, Mächler, Bolker and Walker (2015), section 5.1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, such as 0.95; it is {level!r}.")
    by_ml, root = _by_ml(fit), stats.norm.ppf((1 + level) / 2)
    chosen = parameters(fit.design)
    curves = [_curve(by_ml, parameter) for parameter in chosen]
    ends = [(curve.bound(-1, root), curve.bound(1, root)) for curve in curves]
    return pd.DataFrame(ends, index=labels(chosen), columns=["lower", "upper"])


def _by_ml(fit: LmmFit) -> LmmFit:
    return fit.refit(reml=False) if fit.reml else fit


def _curve(fit: LmmFit, parameter: Parameter) -> "_Curve":
    kinds = {"fixed": _FixedEffect, "sd": _StandardDeviation, "cor": _Correlation, "residual": _Residual}
    return kinds[parameter.part](fit, parameter)


def _heading(parameter: Any) -> str:
    return parameter if isinstance(parameter, str) else " ".join(parameter)


class _Curve:
    """The rise of the deviance along one parameter; a kind of parameter says what is left to be searched.

    The search runs over x = phi, which is theta with each row of a factor multiplied by the root mean square
    of its effect's column, so that all entries are alike in scale.
    """

    limits = (-np.inf, np.inf)

    def __init__(self, fit: LmmFit, parameter: Parameter):
        self.fit, self.parameter, self.like = fit, parameter, fit.likelihood
        self.least = fit.criterion
        self.estimate = float(estimated(fit)[parameter.label])
        self.centre = 0.0 if np.isnan(self.estimate) else self.estimate
        terms = fit.design.terms
        self.sizes = [np.sqrt((term.Z**2).mean(axis=0)) for term in terms]
        self.scale = np.concatenate([size[lower_triangle(len(size))[0]] for size in self.sizes])
        self.diagonal = np.concatenate([np.equal(*lower_triangle(len(size))) for size in self.sizes])
        self.curvature = np.concatenate([np.full(term.n_theta, 2.0 * len(term.levels)) for term in terms])
        self.last = self.start()

    def start(self) -> np.ndarray:
        """The x of the fit itself."""
        return self.fit.theta * self.scale

    def step(self) -> float:
        """A first guess of half an interval's length."""
        raise NotImplementedError

    def deviance(self, x: np.ndarray, value: float) -> tuple[float, np.ndarray]:
        """The deviance with the parameter at `value` and the others as in x, and its slope along x."""
        raise NotImplementedError

    def rise(self, value: float) -> float:
        """How far the deviance stays above its minimum when the parameter has this value; 0 or more."""
        x = self.last.copy()
        # leave the zeros on a factor's diagonal: the deviance, even in them, has slope zero there
        x[: len(self.diagonal)][self.diagonal & (np.abs(x[: len(self.diagonal)]) < LEAST)] = LEAST
        with np.errstate(
            all="ignore"
        ):  # a line search may step where numbers overflow; it comes back by itself
            best = optimize.minimize(
                self.deviance,
                x,
                args=(value,),
                jac=True,
                method="BFGS",
                options={"gtol": 1e-4, "hess_inv0": np.diag(1 / self.curvature)},
            )
        self.last = best.x
        return max(float(best.fun) - self.least, 0.0)

    def bound(self, side: int, root: float) -> float:
        """Where the root of the rise is `root`, below (-1) or above (+1) the estimate; or the limit."""
        limit, inside, step = self.limits[(side + 1) // 2], self.centre, self.step()
        self.last = self.start()
        for _ in range(50):
            outside = float(np.clip(self.centre + side * step, *self.limits))
            if self.rise(outside) >= root**2:
                return optimize.brentq(
                    lambda value: np.sqrt(self.rise(value)) - root,
                    inside,
                    outside,
                    xtol=1e-7 * step,
                    rtol=1e-7,
                )
            if outside == limit:
                break
            inside, step = outside, 1.7 * step
        return limit


class _FixedEffect(_Curve):
    """x = phi. With beta_k at b, generalised least squares finds the other fixed effects."""

    def step(self) -> float:
        return 2 * self.fit.se.iloc[self.parameter.row]

    def deviance(self, x, value):
        at, n = self.like.solve(x / self.scale), self.fit.n
        row = self.like.back[self.parameter.row]  # beta_k in the orthonormal basis of X
        lift = at.inverse @ row / (row @ at.inverse @ row)
        gap = value - at.beta[self.parameter.row]
        squares = at.squares + gap**2 / (row @ at.inverse @ row)
        moved = replace(at, squares=squares, residual=at.residual - np.append(lift * gap, 0))
        return self.like.value(moved), self.like.gradient(moved, squares / n) / self.scale


class _Residual(_Curve):
    """x = phi, with sigma held."""

    limits = (0.0, np.inf)

    def step(self) -> float:
        return 2 * self.estimate / np.sqrt(2 * self.fit.n)

    def deviance(self, x, value):
        at, n, variance = self.like.solve(x / self.scale), self.fit.n, value**2
        deviance = at.logdet + n * np.log(2 * np.pi * variance) + at.squares / variance
        return deviance, self.like.gradient(at, variance) / self.scale


class _StandardDeviation(_Curve):
    """x = (phi, log sigma). One row of phi gives only its direction: its length is SD / sigma."""

    limits = (0.0, np.inf)

    def __init__(self, fit: LmmFit, parameter: Parameter):
        super().__init__(fit, parameter)
        self.curvature = np.append(self.curvature, 4.0 * fit.n)

    def start(self) -> np.ndarray:
        return np.append(super().start(), np.log(self.fit.sigma))

    def step(self) -> float:
        groups, size = len(self.fit.design.terms[self.parameter.term_place].levels), self._size()
        return max(self.estimate / 2, self.fit.sigma / size / np.sqrt(groups))

    def deviance(self, x, value):
        phi, n, variance = self._placed(x, value), self.fit.n, np.exp(2 * x[-1])
        at = self.like.solve(phi / self.scale)
        deviance = at.logdet + n * np.log(2 * np.pi * variance) + at.squares / variance
        slope = (
            self.like.gradient(at, variance) / self.scale @ derivatives(lambda x: self._placed(x, value), x)
        )
        slope[-1] += 2 * (n - at.squares / variance)
        return deviance, slope

    def _size(self) -> float:
        return self.sizes[self.parameter.term_place][self.parameter.row]

    def _placed(self, x: np.ndarray, value: float) -> np.ndarray:
        factors = self.fit.design.factors(x[:-1])
        rows, k = factors[self.parameter.term_place], self.parameter.row
        rows[k] = value * self._size() / np.exp(x[-1]) * _unit(rows[k])
        return theta_of(factors)


class _Correlation(_Curve):
    """x = phi. The later effect's row keeps its length; its angle with the earlier one's is given.

    Where one of the two effects does not vary, every correlation is as good as any other: what that costs is
    the most that the deviance can rise, and the search, which starts where both vary, may not see it.
    """

    limits = (-1.0, 1.0)

    def __init__(self, fit: LmmFit, parameter: Parameter):
        super().__init__(fit, parameter)
        term = fit.design.terms[parameter.term_place]
        effects = [find(fit.design, (term.group, term.names[k])) for k in (parameter.row, parameter.other)]
        self.most = min(_StandardDeviation(fit, effect).rise(0.0) for effect in effects)

    def rise(self, value: float) -> float:
        return min(super().rise(value), self.most)

    def step(self) -> float:
        return 0.4

    def deviance(self, x, value):
        at = self.like.solve(self._placed(x, value) / self.scale)
        slope = self.like.gradient(at) / self.scale @ derivatives(lambda x: self._placed(x, value), x)
        return self.like.value(at), slope

    def _placed(self, x: np.ndarray, value: float) -> np.ndarray:
        factors, late, early = self.fit.design.factors(x), self.parameter.row, self.parameter.other
        rows = factors[self.parameter.term_place]
        along = _unit(rows[early])
        across = _unit(rows[late] - (rows[late] @ along) * along)
        rows[late] = np.linalg.norm(rows[late]) * (value * along + np.sqrt(1 - value**2) * across)
        return theta_of(factors)


def _unit(row: np.ndarray) -> np.ndarray:
    return row / (np.linalg.norm(row) or 1)

"""A second likelihood, written apart from the first.

A certificate is worth what its independence is worth. So this module shares no code with `mlm.lmm` and none
with statsmodels, and takes another road to the same number. With u ~ N(0, G), e ~ N(0, sigma² I) and
G = sigma² Lambda Lambda', the mixed-model equations {cite}`henderson1975best,bates2015fitting`

    (Lambda'Z'Z Lambda + I) b + Lambda'Z'X beta = Lambda'Z'y
              X'Z Lambda b    +       X'X beta  = X'y,          u = Lambda b,

are formed for all terms together and solved by a general sparse LU factorisation (SuperLU), whose diagonal
gives the determinant. The residual sum of squares comes from the residuals themselves, row by row. That is
slow beside `mlm.lmm`, and meant to be.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu


@dataclass(frozen=True)
class Solution:
    """What the equations give for one set of relative covariance matrices.

    `log_det` is the log-determinant of Var(y) / sigma²; `information` is sigma² times the precision of the
    fixed effects, and `fixed` their generalised least-squares estimate, both in coordinates of Q (X = QR).
    """

    log_det: float
    information: np.ndarray
    fixed: np.ndarray
    sum_of_squares: float


class SecondLikelihood:
    """-2 times the (restricted) log-likelihood of y = X beta + Z u + e, with every constant of lme4's.

    Parameters
    ----------
    y : ndarray of shape (n,)
    X : ndarray of shape (n, p)
    Zs : list of sparse matrices, shape (n, levels × effects)
        One a term; the effects of one level stand side by side.
    effects : list of int
        How many effects each term has.
    reml : bool

    Notes
    -----
    `theta` holds the lower triangles of the terms' relative factors, row by row, for effects that multiply
    orthonormal combinations of the term's columns: so an entry tells how much an effect adds to an
    observation, in residual standard deviations, whatever the predictors' units and origins.
    """

    def __init__(self, y, X, Zs, effects, reml):
        self.n, self.p = X.shape
        self.reml, self.effects = reml, list(effects)
        self.Q, self.R = linalg.qr(X, mode="economic") if self.p else (X, np.eye(0))
        self.least_squares = linalg.solve_triangular(self.R, self.Q.T @ y) if self.p else np.zeros(0)
        self.y = y - X @ self.least_squares  # small numbers lose fewer digits
        self.units = [_units(Z, k) for Z, k in zip(Zs, self.effects, strict=True)]
        self.levels = [Z.shape[1] // k for Z, k in zip(Zs, self.effects, strict=True)]
        scaled = [
            Z @ sparse.kron(sparse.eye_array(levels), np.linalg.inv(unit))
            for Z, unit, levels in zip(Zs, self.units, self.levels, strict=True)
        ]
        self.Z = sparse.csr_array(sparse.hstack(scaled))
        self.ZZ = sparse.csc_array(self.Z.T @ self.Z)
        self.ZyX = self.Z.T @ np.column_stack([self.y, self.Q])

    @property
    def df(self) -> int:
        """What the residual sum of squares is divided by."""
        return self.n - self.p if self.reml else self.n

    def solve(self, theta: np.ndarray) -> Solution:
        Lambda = self._factor(theta)
        equations = sparse.csc_array(sparse.eye_array(Lambda.shape[0]) + Lambda.T @ self.ZZ @ Lambda)
        symmetric = {"diag_pivot_thresh": 0, "options": {"SymmetricMode": True}}
        lu = splu(equations, permc_spec="MMD_AT_PLUS_A", **symmetric)
        right = Lambda.T @ self.ZyX
        solved = lu.solve(right)
        information = np.eye(self.p) - right[:, 1:].T @ solved[:, 1:]
        fixed = -linalg.solve(information, right[:, 1:].T @ solved[:, 0]) if self.p else np.zeros(0)
        b = solved[:, 0] - solved[:, 1:] @ fixed
        residuals = self.y - self.Q @ fixed - self.Z @ (Lambda @ b)
        log_det = np.log(lu.U.diagonal()).sum()
        return Solution(log_det, information, fixed, residuals @ residuals + b @ b)

    def criterion(self, theta: np.ndarray) -> float:
        """The criterion at theta, with the best residual variance and fixed effects for it."""
        solution = self.solve(theta)
        return self.at(solution, solution.sum_of_squares / self.df)

    def at(self, solution: Solution, variance: float, beta: np.ndarray | None = None) -> float:
        """The criterion at a given residual variance and, under ML, at given fixed effects."""
        squares = solution.sum_of_squares
        if beta is not None and not self.reml:
            squares += 2 * variance * self.fixed_gap(solution, variance, beta)
        value = self.df * np.log(2 * np.pi * variance) + solution.log_det + squares / variance
        if self.reml and self.p:
            value += np.linalg.slogdet(solution.information).logabsdet
            value += 2 * np.log(np.abs(np.diag(self.R))).sum()
        return float(value)

    def fixed_gap(self, solution: Solution, variance: float, beta: np.ndarray) -> float:
        """How far, in log-units, given fixed effects lie from the generalised least-squares estimate."""
        away = self.R @ (beta - self.least_squares) - solution.fixed
        return float(away @ solution.information @ away / variance / 2)

    def fixed(self, solution: Solution) -> np.ndarray:
        """The generalised least-squares estimate, a coefficient for each column of X."""
        if not self.p:
            return np.zeros(0)
        return self.least_squares + linalg.solve_triangular(self.R, solution.fixed)

    def fixed_errors(self, solution: Solution, variance: float) -> np.ndarray:
        """Standard errors of the fixed effects, the variances taken as known."""
        covariance = variance * linalg.inv(self.R.T @ solution.information @ self.R) if self.p else np.eye(0)
        return np.sqrt(np.diag(covariance))

    # ---- covariance matrices and theta ----------------------------------------------------------------

    def theta(self, covariances: list[np.ndarray], variance: float) -> np.ndarray:
        """Theta of the terms' covariance matrices, which may be singular."""
        parts = []
        for G, unit in zip(covariances, self.units, strict=True):
            values, vectors = linalg.eigh(unit @ G @ unit.T / variance)
            root = vectors * np.sqrt(np.clip(values, 0, None))
            T = linalg.qr(root.T, mode="economic")[1].T
            T = T * np.where(np.diag(T) < 0, -1, 1)
            parts.append(T[np.tril_indices(len(T))])
        return np.concatenate(parts)

    def covariances(self, theta: np.ndarray, variance: float) -> list[np.ndarray]:
        """The terms' covariance matrices at theta."""
        return [
            variance * (root @ root.T) for root in map(np.linalg.solve, self.units, self.triangles(theta))
        ]

    def triangles(self, theta: np.ndarray) -> list[np.ndarray]:
        """The scaled lower-triangular factor of each term."""
        ends = np.cumsum([k * (k + 1) // 2 for k in self.effects])
        triangles = []
        for part, k in zip(np.split(np.asarray(theta, dtype=float), ends[:-1]), self.effects, strict=True):
            T = np.zeros((k, k))
            T[np.tril_indices(k)] = part
            triangles.append(T)
        return triangles

    def scale(self, theta: np.ndarray) -> np.ndarray:
        """How far each entry of theta may move before the likelihood notices, roughly."""
        sizes = []
        for T, levels in zip(self.triangles(theta), self.levels, strict=True):
            rows = np.maximum(np.linalg.norm(T, axis=1), np.sqrt(levels / self.n))
            sizes.append(np.repeat(rows, np.arange(1, len(T) + 1)))
        return np.concatenate(sizes)

    def _factor(self, theta: np.ndarray) -> sparse.csc_array:
        blocks = [
            sparse.kron(sparse.eye_array(levels), T)
            for T, levels in zip(self.triangles(theta), self.levels, strict=True)
        ]
        return sparse.csc_array(sparse.block_diag(blocks))


def _units(Z: sparse.sparray, effects: int) -> np.ndarray:
    """An upper-triangular matrix, shape (effects, effects): the term's columns are U times it.

    U has orthogonal columns with mean square 1. A single effect is divided by its root mean square.
    """
    n = Z.shape[0]
    if effects == 1:
        return np.array([[np.sqrt(Z.power(2).sum() / n) or 1.0]])
    columns = np.column_stack([np.asarray(Z[:, k::effects].sum(axis=1)).ravel() for k in range(effects)])
    return linalg.qr(columns, mode="r")[0][:effects] / np.sqrt(n)

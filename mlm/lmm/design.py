"""The arrays of a linear mixed model, and which of them cannot be fitted."""

from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
import pandas as pd
from scipy import linalg

from mlm.lmm.recipe import Recipe


@cache
def lower_triangle(p: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a p × p lower triangle, column after column: the order of theta."""
    columns, rows = np.triu_indices(p)
    return rows, columns


@dataclass(frozen=True, eq=False)
class Term:
    """One pair of brackets, `(names | group)`: effects of one grouping factor that share a covariance matrix.

    Attributes
    ----------
    group : str
        The grouping factor's name, `county`, or `batch:cask` for a nested one.
    names : tuple of str
        The p effects that vary, `("Intercept", "floor")`.
    levels : ndarray of shape (J,)
        The groups' labels.
    codes : ndarray of int, shape (n,)
        The group of each row, j[i]: a position in `levels`.
    Z : ndarray of shape (n, p)
        What each row's effects are multiplied by.
    """

    group: str
    names: tuple[str, ...]
    levels: np.ndarray
    codes: np.ndarray
    Z: np.ndarray

    @property
    def n_theta(self) -> int:
        """Entries of the lower triangle of the term's relative covariance factor."""
        return len(self.names) * (len(self.names) + 1) // 2

    @cached_property
    def scaled(self) -> tuple[np.ndarray, np.ndarray]:
        """Z = U M with lower-triangular M, shape (p, p), and columns of U orthogonal with mean square 1.

        Effects in the units of U are alike in size and uncorrelated in what they do, whatever the predictors'
        units and origins; and since M is lower-triangular, so is M T.
        """
        n = len(self.Z)
        if len(self.names) == 1:
            size = np.sqrt((self.Z**2).mean(keepdims=True))
            return self.Z / size, size
        Q, R = linalg.qr(self.Z[:, ::-1], mode="economic")
        signs = np.where(np.diag(R) < 0, -1, 1)
        U, M = np.sqrt(n) * (Q * signs)[:, ::-1], (signs[:, None] * R)[::-1, ::-1] / np.sqrt(n)
        return U, M

    def factor(self, theta: np.ndarray) -> np.ndarray:
        """Lower-triangular T, shape (p, p), from its n_theta entries by columns."""
        p = len(self.names)
        T = np.zeros((p, p))
        T[lower_triangle(p)] = theta
        return T


@dataclass(frozen=True, eq=False)
class Design:
    """The arrays of y = X beta + Z u + e.

    Attributes
    ----------
    y : ndarray of shape (n,)
    X : ndarray of shape (n, p)
    fixed_names : tuple of str
        The names of X's columns.
    terms : tuple of Term
        The random-effect terms, in the formula's order.
    rows_dropped : int
        Rows left out because a variable of the formula was missing.
    formula : str or None
    index : Index or None
        The labels of the rows kept.
    recipe : Recipe or None
        How rows became columns, for new rows.
    """

    y: np.ndarray
    X: np.ndarray
    fixed_names: tuple[str, ...]
    terms: tuple[Term, ...]
    rows_dropped: int = 0
    formula: str | None = None
    index: pd.Index | None = field(default=None, repr=False)
    recipe: Recipe | None = field(default=None, repr=False)

    def __post_init__(self):
        _check_numbers(self)
        _check_terms(self)
        _check_ranks(self)

    @property
    def n(self) -> int:
        """Observations."""
        return len(self.y)

    @property
    def n_theta(self) -> int:
        """Covariance parameters, the residual variance apart."""
        return sum(term.n_theta for term in self.terms)

    def factors(self, theta: np.ndarray) -> list[np.ndarray]:
        """The lower-triangular relative covariance factor of each term."""
        found, begin = [], 0
        for term in self.terms:
            found.append(term.factor(theta[begin : begin + term.n_theta]))
            begin += term.n_theta
        return found


def theta_of(factors: list[np.ndarray]) -> np.ndarray:
    """The entries of lower-triangular factors by columns, terms in order: `Design.factors` backwards."""
    return np.concatenate([T[lower_triangle(len(T))] for T in factors])


def _check_numbers(design: Design) -> None:
    columns = {"the response": design.y}
    columns |= {
        f"the column {name!r}": column for name, column in zip(design.fixed_names, design.X.T, strict=True)
    }
    for term in design.terms:
        for name, column in zip(term.names, term.Z.T, strict=True):
            columns[f"{name!r} in the term of {term.group!r}"] = column
    for name, column in columns.items():
        bad = np.flatnonzero(~np.isfinite(column))
        if len(bad):
            raise ValueError(
                f"In {len(bad)} of {design.n} rows {name} is not a finite number (first: {column[bad[0]]} in "
                f"row {bad[0]}). A logarithm of 0 or a division by 0 does this: mend the rows or leave them "
                "out."
            )
    if np.ptp(design.y) == 0:
        raise ValueError(
            f"The response is constant ({design.y[0]:g} in every row): there is nothing to explain."
        )


def _check_terms(design: Design) -> None:
    seen = set()
    for term in design.terms:
        for name in term.names:
            if (term.group, name) in seen:
                raise ValueError(
                    f"{name} varies by {term.group!r} in two brackets, so that no data can tell one variance "
                    "from the other. Take it out of one of them: (1 + x | g), or (1 | g) + (0 + x | g)."
                )
            seen.add((term.group, name))
        groups, effects = len(term.levels), len(term.levels) * len(term.names)
        if groups < 2:
            raise ValueError(
                f"The grouping factor {term.group!r} has only one level, {term.levels[0]}: nothing varies. "
                "Leave the term out."
            )
        if effects >= design.n:
            raise ValueError(
                f"The term ({' + '.join(term.names)} | {term.group}) has {effects} random effects for "
                f"{design.n} observations: they cannot be told from the residuals. Let fewer effects vary, "
                "or use coarser groups."
            )


def _check_ranks(design: Design) -> None:
    """Name the columns that are linear combinations of those before them."""
    n, p = design.X.shape
    if n <= p:
        raise ValueError(f"{p} fixed effects cannot be estimated from {n} observations.")
    parts = [("The fixed effects", design.X, design.fixed_names)]
    parts += [(f"The effects that vary by {t.group!r}", t.Z, t.names) for t in design.terms]
    for what, columns, names in parts:
        surplus = [name for name, new in zip(names, _new_share(columns), strict=True) if new < 1e-10]
        if surplus:
            raise ValueError(
                f"{what} cannot be told apart: {', '.join(surplus)} can be written as a combination of the "
                f"columns before it. Leave out {'it' if len(surplus) == 1 else 'them'}. "
                f"(The columns are {', '.join(names)}.)"
            )


def _new_share(columns: np.ndarray) -> np.ndarray:
    """How much of each column's length the columns before it do not span."""
    sizes = np.linalg.norm(columns, axis=0)
    triangle = linalg.qr(columns / np.where(sizes > 0, sizes, 1), mode="r")[0]
    return np.abs(np.diag(triangle))

"""Which variances the data cannot tell: directions along which the criterion is flat, whatever the response.

The covariance of the responses is linear in the variances and covariances: V = sigma² I + sum of g_k V_k.
The restricted likelihood sees V only through contrasts free of the fixed effects, as M V M with
M = I − X (X'X)⁻¹ X'. If these matrices are linearly dependent, sum of d_k M V_k M = 0, then moving the
variances along d changes no likelihood. The matrix of their inner products, tr(M V_k M V_l), has d in its
null space; it is computed from cross-products of groups, without a matrix of n × n. Maximum likelihood sees
V itself: M = I.
"""

from functools import cache
from itertools import combinations_with_replacement

import numpy as np
from scipy import linalg, sparse

from mlm.lmm.design import Design, Term

# Cosines are exact to about 1e-13; what the data can hardly tell, they can tell.
DEPENDENT = 1e-10
# A share of the largest entry of a direction below which an entry is rounding.
NOTHING = 1e-6

Place = tuple[int, int, int]  # term, effect, effect
RESIDUAL: Place = (-1, 0, 0)


def flat_parameters(design: Design, reml: bool) -> tuple[str, ...]:
    """Names of what `flat_places` finds: `g Intercept`, `g Intercept, x` for a covariance, `residual`."""
    names = []
    for t, a, b in flat_places(design, reml):
        term = design.terms[t]
        names.append(
            "residual" if t < 0 else f"{term.group} {', '.join(term.names[k] for k in sorted({a, b}))}"
        )
    return tuple(names)


def flat_places(design: Design, reml: bool) -> list[Place]:
    """The variances and covariances that the data do not tell, only combinations of them.

    Parameters
    ----------
    design : Design
    reml : bool
        Whether the criterion is the restricted likelihood.

    Returns
    -------
    list of (term, effect, effect)
        Positions in `design.terms` and in the term's names, the first effect not after the second; the
        residual variance is (-1, 0, 0). Empty if all are identified.
    """
    columns = [_by_effect(term) for term in design.terms] + [[sparse.eye_array(design.n, format="csr")]]
    # M = I - Q Q'
    Q = linalg.qr(design.X, mode="economic")[0] if reml else np.zeros((design.n, 0))
    places = [
        (t, a, b)
        for t, effects in enumerate(columns)
        for a, b in combinations_with_replacement(range(len(effects)), 2)
    ]
    seen, whole = _Products(columns, Q), _Products(columns, Q[:, :0])
    gram = np.zeros((len(places), len(places)))
    for i, j in combinations_with_replacement(range(len(places)), 2):
        gram[i, j] = gram[j, i] = seen.inner(places[i], places[j])
    # against the size without M: of a variance that the fixed effects explain away nothing is left
    size = np.sqrt([whole.inner(one, one) for one in places])
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    flat = (vectors / size[:, None])[:, values < DEPENDENT]
    moved = np.zeros(len(places), dtype=bool)
    for direction in flat.T:
        moves = _in_data_units(direction, places, design)
        moved |= np.abs(moves) > NOTHING * np.abs(moves).max()
    return [
        RESIDUAL if t == len(design.terms) else (t, a, b)
        for (t, a, b), m in zip(places, moved, strict=True)
        if m
    ]


def _by_effect(term: Term) -> list[sparse.csr_array]:
    """For each effect the n × J matrix that multiplies the groups' values of it, columns of one scale."""
    n, shape = len(term.codes), (len(term.codes), len(term.levels))
    return [
        sparse.csr_array((column, (np.arange(n), term.codes)), shape=shape) for column in term.scaled[0].T
    ]


class _Products:
    """tr(M V_k M V_l), from R_ab = Z_a' M Z_b = Z_a' Z_b − C_a' C_b with C_a = Q' Z_a."""

    def __init__(self, columns: list[list[sparse.csr_array]], Q: np.ndarray):
        self.Z, self.C = columns, [[(Z.T @ Q).T for Z in effects] for effects in columns]
        self._crossed = cache(lambda t, a, s, d: (self.Z[t][a].T @ self.Z[s][d]).tocsr())  # Z_a' Z_d

    def inner(self, one: Place, other: Place) -> float:
        (t, a, b), (s, c, d) = one, other
        orders = [(c, d)] if c == d else [(c, d), (d, c)]
        return (1 + (a != b)) * sum(self._trace(t, a, b, s, *order) for order in orders)

    def _trace(self, t: int, a: int, b: int, s: int, c: int, d: int) -> float:
        """tr(M Z_a Z_b' M Z_c Z_d'): the sum of R_ad times R_bc, entry by entry."""
        Z_ad, Z_bc = self._crossed(t, a, s, d), self._crossed(t, b, s, c)
        C_a, C_b, C_c, C_d = self.C[t][a], self.C[t][b], self.C[s][c], self.C[s][d]
        return float(
            Z_ad.multiply(Z_bc).sum()
            - _at_entries(Z_ad, C_b, C_c)
            - _at_entries(Z_bc, C_a, C_d)
            + ((C_b @ C_a.T) * (C_c @ C_d.T)).sum()
        )


def _at_entries(S: sparse.csr_array, left: np.ndarray, right: np.ndarray) -> float:
    """The sum of S times left' right, entry by entry."""
    return float(sum(row @ (S @ column) for row, column in zip(left, right, strict=True)))


def _in_data_units(direction: np.ndarray, places: list[Place], design: Design) -> np.ndarray:
    """The same direction for the covariances of the effects as they are named, each against its own size."""
    moves = []
    for t, term in enumerate(design.terms):
        p, M = len(term.names), term.scaled[1]
        D = np.zeros((p, p))
        for (s, a, b), value in zip(places, direction, strict=True):
            if s == t:
                D[a, b] = D[b, a] = value
        own = np.linalg.solve(M, np.linalg.solve(M, D).T)
        size = np.sqrt((term.Z**2).mean(axis=0))
        moves += list((own * np.outer(size, size))[np.triu_indices(p)])
    return np.array([*moves, direction[-1]])

"""The profiled likelihood of a linear mixed model, at a cost that does not grow with the number of rows.

Notation of chapter 5: y = X beta + Z u + e with u = Lambda b, Var(b) = sigma² I and Var(e) = sigma² I,
so that Var(y) = sigma² V with V = I + Z Lambda Lambda' Z'. `theta` holds the free entries of Lambda.

All that the data say stands in cross-products, which are taken once. An evaluation eliminates the random
effects block by block: first the factor with most effects, whose part of the equations falls into one small
matrix a group, then all others together, then the fixed effects. What is left of y'y is the residual sum of
squares.

Chapter 5 sets these names beside its own code (the table that closes sec-mathematics-fast-code). In the field
lambda is a term's factor, A holds the cross-products of [Z X y], and L is the Cholesky factor of
Lambda'Z'Z Lambda + I {cite}`bates2015fitting`. Both are cut into blocks: 1 for the effects of the first
factor, 2 for those of all others, 3 for X and y.

===================  =============================  ====================================================
here                 in the field                   shape
===================  =============================  ====================================================
`T[k]`               lambda, by block               (P, P); Lambda repeats it down its diagonal
`A`, `C`             A11, A31'                      (J, P, P), (J, P, p + 1); a matrix a group
`Z1Z2`, `Z2Z2`       A21', A22                      (q1, q2), (K, m, m): see `mlm.lmm.rest`
`Z2Xy`, `XyXy`       A32', A33                      (q2, p + 1), (p + 1, p + 1)
`small`              (L11 L11')⁻¹                   (J, P, P): L11 falls into a block a group
`meetings.sum`       W to A21 W A21': L21 L21'      (K, m, m); W = T `small` T', and L21 L21' is
                     but for Lambda2                Lambda2'A21 W A21'Lambda2
`rest.cholesky`      L22                            (K, m, m)
`inner`              (L L')⁻¹Lambda'Z'[X y]         (J, P, p + 1) a block; `inner @ residual` is b
`outer`              Z'V⁻¹[X y]                     the same; where Lambda is regular, Lambda'⁻¹ `inner`
===================  =============================  ====================================================
"""

from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from mlm.lmm.blocks import Block, blocks_of
from mlm.lmm.design import Design, lower_triangle
from mlm.lmm.rest import Layout, Meetings, Rest, eliminate


@dataclass(frozen=True, eq=False)
class Solution:
    """The model solved at one theta; nothing here depends on sigma.

    `inner` and `outer` hold one array a block, shape (J, P, p + 1), with the columns of [X y].
    """

    logdet: float  # log|V|
    logdet_X: float  # log|X'V⁻¹X|
    squares: float  # (y − X beta)'V⁻¹(y − X beta)
    beta: np.ndarray  # generalised least squares
    residual: np.ndarray  # (p + 1,): turns [X y] into y − X beta
    inverse: np.ndarray  # (X'V⁻¹X)⁻¹ in the orthonormal basis
    T: list[np.ndarray]  # scaled relative covariance factor, by block
    inner: list[np.ndarray]  # T'Z'V⁻¹[X y]
    outer: list[np.ndarray]  # Z'V⁻¹[X y]
    small: np.ndarray  # (I + T'A_j T)⁻¹ of the first block, shape (J, P, P)
    rest: Rest | None


class Likelihood:
    """The profiled criterion, −2 log L, as a function of theta.

    Parameters
    ----------
    design : Design
    reml : bool
        REML or ML.

    Notes
    -----
    X is replaced by an orthonormal basis of its columns, y by its least-squares residual, and the columns of
    Z by orthogonal ones of size 1 (`Term.scaled`; theta then becomes `phi`). This changes neither the
    likelihood nor the estimates, which are turned back, and keeps sums of squares free of cancellation.
    """

    def __init__(self, design: Design, reml: bool = True):
        self.design, self.reml = design, reml
        self.blocks = blocks_of(design.terms)
        self.to_phi = linalg.block_diag(*(_entry_map(term.scaled[1]) for term in design.terms))
        self.to_theta = np.linalg.inv(self.to_phi)
        self._take_cross_products()

    @property
    def n_fixed(self) -> int:
        """Fixed effects, p."""
        return self.design.X.shape[1]

    @property
    def degrees(self) -> int:
        """What the residual sum of squares is divided by: n − p under REML, n under ML."""
        return self.design.n - self.n_fixed if self.reml else self.design.n

    def switched(self, reml: bool) -> "Likelihood":
        """The same cross-products under the criterion asked for."""
        other = copy(self)
        other.reml = reml
        return other

    def _take_cross_products(self) -> None:
        X, y = self.design.X, self.design.y
        self.basis, triangle = linalg.qr(X, mode="economic") if X.shape[1] else (X, np.zeros((0, 0)))
        self.back = np.linalg.inv(triangle)  # from the basis to the columns of X
        self.logdet_basis = 2 * np.log(np.abs(np.diag(triangle))).sum()
        self.least_squares = self.basis.T @ y
        Xy = np.column_stack([self.basis, y - self.basis @ self.least_squares])
        first, *others = self.blocks
        self.XyXy = Xy.T @ Xy
        self.A = first.sums(first.Z)  # Z_j'Z_j
        self.C = first.sums(Xy)  # Z_j'[X y]
        if not others:
            return
        Z2 = sparse.hstack([block.columns() for block in others], format="csr")
        self.Z1Z2 = (first.columns().T @ Z2).tocsr()
        self.Z2Xy = Z2.T @ Xy
        self.layout = Layout(self.blocks)
        self.meetings = Meetings(self.Z1Z2, first, self.layout)
        self.Z2Z2 = self.layout.dense((Z2.T @ Z2).tocsr())

    # ---- at one theta -------------------------------------------------------------------------------------

    def criterion(self, theta: np.ndarray) -> float:
        """−2 log L at theta, maximised over beta and sigma; every constant is lme4's."""
        return self.value(self.solve(theta))

    def criterion_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """The criterion and its derivative with respect to theta, shape (n_theta,)."""
        solution = self.solve(theta)
        return self.value(solution), self.gradient(solution)

    def value(self, at: Solution) -> float:
        """The criterion of a solution."""
        fit = self.degrees * (1 + np.log(2 * np.pi * at.squares / self.degrees))
        return float(at.logdet + fit + (at.logdet_X if self.reml else 0))

    def sigma(self, at: Solution) -> float:
        """The residual standard deviation that maximises the likelihood at this theta."""
        return float(np.sqrt(at.squares / self.degrees))

    def factors(self, phi: np.ndarray) -> list[np.ndarray]:
        """The scaled relative covariance factor of each block: its terms' factors along the diagonal."""
        by_term = self.design.factors(phi)
        return [
            by_term[block.members[0]]
            if len(block.members) == 1
            else linalg.block_diag(*(by_term[k] for k in block.members))
            for block in self.blocks
        ]

    def solve(self, theta: np.ndarray) -> Solution:
        """Eliminate all effects at theta."""
        return self.solve_scaled(self.to_phi @ np.asarray(theta, dtype=float))

    def solve_scaled(self, phi: np.ndarray) -> Solution:
        """Eliminate the random effects block after block, then the fixed effects."""
        factors = self.factors(phi)
        T = factors[0]
        M = np.eye(len(T)) + T.T @ self.A @ T
        small = np.linalg.inv(M)
        logdet = np.linalg.slogdet(M)[1].sum()
        C, rest, inner2, outer2 = self.C, None, [], []
        inner = small @ (T.T @ C)
        products = self.XyXy - _flat(T.T @ C).T @ _flat(inner)
        if len(factors) > 1:
            first = _flat(T @ inner)  # (q1, p + 1)
            rest = eliminate(self.layout, factors[1:], self.Z2Z2 - self.meetings.sum(T @ small @ T.T))
            logdet += rest.logdet
            from_first = self.Z2Xy - self.Z1Z2.T @ first  # Z2'V1⁻¹[X y]
            scaled = rest.lower_transposed(from_first)
            spread = rest.solve(scaled)
            products -= scaled.T @ spread
            inner2, outer2 = self._split(spread), self._split(from_first - rest.met(spread))
            C = C - (self.Z1Z2 @ rest.lower(spread)).reshape(C.shape)
            inner = small @ (T.T @ C)
        outer = C - self.A @ (T @ inner)
        return self._eliminate_fixed(
            products,
            logdet=logdet,
            T=factors,
            inner=[inner, *inner2],
            outer=[outer, *outer2],
            small=small,
            rest=rest,
        )

    def _eliminate_fixed(self, products: np.ndarray, **parts) -> Solution:
        p = self.n_fixed
        XX, Xy, yy = products[:p, :p], products[:p, p], products[p, p]
        inverse = np.linalg.inv(XX)
        beta = inverse @ Xy
        return Solution(
            logdet_X=np.linalg.slogdet(XX)[1] + self.logdet_basis,
            squares=yy - Xy @ beta,
            beta=self.back @ (self.least_squares + beta),
            residual=np.append(-beta, 1),
            inverse=inverse,
            **parts,
        )

    # ---- derivatives --------------------------------------------------------------------------------------

    def gradient(self, at: Solution, variance: float | None = None) -> np.ndarray:
        """Derivative of the criterion with respect to theta.

        With `variance` given, sigma² is held at that value instead of being profiled out.
        """
        return self.gradient_scaled(at, variance) @ self.to_phi

    def gradient_scaled(self, at: Solution, variance: float | None = None) -> np.ndarray:
        """Derivative of the criterion with respect to phi."""
        variance = at.squares / self.degrees if variance is None else variance
        slopes = []
        for k in range(len(self.blocks)):
            inner, outer = at.inner[k], at.outer[k]
            slope = self._logdet_slope(at, k)
            slope -= np.tensordot(outer @ at.residual, inner @ at.residual, axes=(0, 0)) / variance
            if self.reml:
                weighted = outer[..., :-1] @ at.inverse
                slope -= np.einsum("jap,jbp->ab", weighted, inner[..., :-1])
            slopes.append(2 * slope)
        return self._theta_part(slopes)

    def _logdet_slope(self, at: Solution, k: int) -> np.ndarray:
        """Half the derivative of log|V| with respect to block k's factor: Z_j'V⁻¹Z_j T summed over groups."""
        T, rest = at.T[0], at.rest
        if k == 0:
            slope = (self.A @ T @ at.small).sum(axis=0)
            if rest is not None:
                slope -= (self._shrunk(at) @ self.meetings.spread(rest.between) @ T @ at.small).sum(axis=0)
            return slope
        rows, own = (self.layout.groups(batch, k - 1) for batch in (rest.RL, rest.Q))
        return np.tensordot(rows, own, axes=((0, 2), (0, 2)))

    def _shrunk(self, at: Solution) -> np.ndarray:
        """(I + A_j T T')⁻¹ of the first block, shape (J, P, P): Z1'V1⁻¹ = this times Z1'."""
        T = at.T[0]
        return np.eye(len(T)) - self.A @ T @ at.small @ T.T

    def covariance_slopes(self, at: Solution, scaled: bool = False) -> list[np.ndarray]:
        """Derivative of the criterion with respect to each term's relative covariance matrix, shape (p, p).

        Unlike the derivative with respect to theta it does not vanish because theta does: it tells a minimum
        on the boundary from a point where the criterion, even in theta, merely has slope zero.
        """
        found = {}
        for k, block in enumerate(self.blocks):
            slope = self._inner_sum(at, k)
            r = at.outer[k] @ at.residual
            slope -= r.T @ r * self.degrees / at.squares
            if self.reml:
                X = at.outer[k][..., :-1]
                slope -= np.einsum("jap,pr,jbr->ab", X, at.inverse, X)
            slope = slope if scaled else block.M.T @ slope @ block.M
            for member, place in self._members(block):
                found[member] = slope[place, place]
        return [found[k] for k in range(len(self.design.terms))]

    def _inner_sum(self, at: Solution, k: int) -> np.ndarray:
        """The sum of Z_j'V⁻¹Z_j over the groups of block k."""
        T, rest = at.T[0], at.rest
        if k == 0:
            AT = self.A @ T
            total = (self.A - AT @ at.small @ AT.transpose(0, 2, 1)).sum(axis=0)
            if rest is not None:
                shrunk = self._shrunk(at)
                met = self.meetings.spread(rest.between)
                total -= (shrunk @ met @ shrunk.transpose(0, 2, 1)).sum(axis=0)
            return total
        left, right = (self.layout.groups(batch, k - 1) for batch in (rest.RL @ rest.Q, rest.RL))
        whole = self.layout.own(rest.R, k - 1).sum(axis=0)
        return whole - np.tensordot(left, right, axes=((0, 2), (0, 2)))

    # ---- what the random effects turn out to be -----------------------------------------------------------

    def modes(self, at: Solution) -> list[np.ndarray]:
        """Conditional modes of the random effects by block, shape (J, P): E(u | y) at the estimates."""
        scaled = [inner @ at.residual @ T.T for inner, T in zip(at.inner, at.T, strict=True)]
        return [u @ np.linalg.inv(block.M).T for u, block in zip(scaled, self.blocks, strict=True)]

    def mode_variances(self, at: Solution) -> list[np.ndarray]:
        """Var(u_j | y) / sigma² with beta known, by block, shape (J, P, P)."""
        backs = [np.linalg.inv(block.M) for block in self.blocks]
        return [M @ W @ M.T for M, W in zip(backs, self._scaled_variances(at), strict=True)]

    def _scaled_variances(self, at: Solution) -> list[np.ndarray]:
        T, rest = at.T[0], at.rest
        W = T @ at.small @ T.T
        if rest is None:
            return [W]
        found = [W + W @ self.meetings.spread(rest.between) @ W]
        return found + [self.layout.own(rest.between, k) for k in range(len(self.blocks) - 1)]

    # ---- between the engine's order and the formula's -----------------------------------------------------

    def _members(self, block: Block) -> list[tuple[int, slice]]:
        """Each term of a block with its columns there."""
        sizes = [len(self.design.terms[k].names) for k in block.members]
        ends = np.cumsum(sizes)
        return [(k, slice(end - size, end)) for k, size, end in zip(block.members, sizes, ends, strict=True)]

    def _theta_part(self, slopes: list[np.ndarray]) -> np.ndarray:
        """The free entries of each term, in the formula's order."""
        found = {}
        for block, slope in zip(self.blocks, slopes, strict=True):
            for member, place in self._members(block):
                found[member] = slope[place, place][lower_triangle(place.stop - place.start)]
        return np.concatenate([found[k] for k in range(len(self.design.terms))])

    def by_term(self, arrays: list[np.ndarray], square: bool = False) -> list[np.ndarray]:
        """Arrays by block, with P in the last axis (the last two if square), as arrays by term."""
        found = {}
        for block, array in zip(self.blocks, arrays, strict=True):
            for member, place in self._members(block):
                found[member] = array[..., place, place] if square else array[..., place]
        return [found[k] for k in range(len(self.design.terms))]

    def _split(self, rows: np.ndarray) -> list[np.ndarray]:
        """Rows for all effects after the first block as one array a block, shape (J, P, columns)."""
        others = zip(self.layout.places, self.blocks[1:], strict=True)
        return [rows[place].reshape(block.J, block.P, -1) for place, block in others]


def _entry_map(M: np.ndarray) -> np.ndarray:
    """The linear map from the lower triangle of T to that of M T, both by columns."""
    p = len(M)
    rows, columns = lower_triangle(p)
    images = np.zeros((len(rows), p, p))
    images[np.arange(len(rows)), :, columns] = M[:, rows].T
    return images[:, rows, columns].T


def _flat(blocks: np.ndarray) -> np.ndarray:
    return blocks.reshape(-1, blocks.shape[-1])

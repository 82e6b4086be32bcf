"""The profiled likelihood of a linear mixed model, at a cost that does not grow with the number of rows.

Notation of chapter 5: y = X beta + Z u + e with u = Lambda b, Var(b) = sigma² I and Var(e) = sigma² I, so that
Var(y) = sigma² V with V = I + Z Lambda Lambda' Z'. `theta` holds the free entries of Lambda.

All that the data say stands in cross-products, which are taken once. An evaluation eliminates the random effects
block by block: first the factor with most effects, whose part of the equations falls into one small matrix a group,
then all others together, then the fixed effects. What is left of y'y is the residual sum of squares.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from mlm.lmm.design import Design, Term

# The second elimination is dense: this many effects need 3 GB.
MOST_DENSE_EFFECTS = 20_000


@dataclass(frozen=True, eq=False)
class Block:
    """All terms of one grouping factor: J groups with P effects each."""

    name: str
    members: tuple[int, ...]  # positions in design.terms
    J: int
    codes: np.ndarray  # (n,)
    Z: np.ndarray  # (n, P)

    @property
    def P(self) -> int:
        """Effects of one group."""
        return self.Z.shape[1]

    def sums(self, other: np.ndarray) -> np.ndarray:
        """Z_j' other_j for each group, shape (J, P, columns of other)."""
        cells = [np.bincount(self.codes, z * column, self.J) for z in self.Z.T for column in other.T]
        return np.stack(cells, axis=1).reshape(self.J, self.P, other.shape[1])

    def columns(self) -> sparse.csr_array:
        """Z as one sparse matrix, shape (n, J P); the effects of a group stand side by side."""
        n = len(self.codes)
        places = self.codes[:, None] * self.P + np.arange(self.P)
        return sparse.csr_array(
            (self.Z.ravel(), places.ravel(), np.arange(n + 1) * self.P), (n, self.J * self.P)
        )


@dataclass(frozen=True, eq=False)
class Rest:
    """What the second elimination leaves: R = Z2'V1⁻¹Z2 and Q = (I + Lambda2'R Lambda2)⁻¹, shape (q2, q2).

    V1 is V with the first block's effects alone; 2 stands for all other blocks together.
    """

    R: np.ndarray
    RL: np.ndarray  # R Lambda2
    Q: np.ndarray
    L: sparse.csr_array  # Lambda2


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
    T: list[np.ndarray]  # relative covariance factor, by block
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
    X is replaced by an orthonormal basis of its columns and y by its least-squares residual. This changes neither the
    likelihood nor the estimates, which are turned back, and it keeps the sums of squares free of cancellation.
    """

    def __init__(self, design: Design, reml: bool = True):
        self.design, self.reml = design, reml
        self.blocks = _blocks(design.terms)
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
        self.basis, self.triangle = linalg.qr(X, mode="economic") if X.shape[1] else (X, np.zeros((0, 0)))
        self.least_squares = self.basis.T @ y
        Xy = np.column_stack([self.basis, y - self.basis @ self.least_squares])
        first, *others = self.blocks
        self.XyXy = Xy.T @ Xy
        self.A = first.sums(first.Z)  # Z_j'Z_j
        self.C = first.sums(Xy)  # Z_j'[X y]
        if not others:
            return
        Z2 = sparse.hstack([block.columns() for block in others], format="csr")
        if Z2.shape[1] > MOST_DENSE_EFFECTS:
            raise ValueError(
                f"Besides those of {first.name!r} the model has {Z2.shape[1]} random effects. They need a dense "
                f"matrix of that size, and this engine stops at {MOST_DENSE_EFFECTS}."
            )
        self.Z1Z2 = (first.columns().T @ Z2).tocsr()
        self.Z2Z2 = (Z2.T @ Z2).toarray()
        self.Z2Xy = Z2.T @ Xy

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

    def factors(self, theta: np.ndarray) -> list[np.ndarray]:
        """The relative covariance factor of each block: its terms' factors along the diagonal."""
        by_term = self.design.factors(theta)
        return [linalg.block_diag(*(by_term[k] for k in block.members)) for block in self.blocks]

    def solve(self, theta: np.ndarray) -> Solution:
        """Eliminate the random effects block after block, then the fixed effects."""
        factors = self.factors(theta)
        T = factors[0]
        M = np.eye(len(T)) + T.T @ self.A @ T
        small = np.linalg.inv(M)
        logdet = np.linalg.slogdet(M)[1].sum()
        C, rest, inner2, outer2 = self.C, None, [], []
        inner = small @ (T.T @ C)
        products = self.XyXy - np.tensordot(T.T @ C, inner, axes=([0, 1], [0, 1]))
        if len(factors) > 1:
            first = _flat(T @ inner)  # (q1, p + 1)
            rest, logdet_rest = self._eliminate_rest(factors, T @ small @ T.T)
            logdet += logdet_rest
            from_first = self.Z2Xy - self.Z1Z2.T @ first  # Z2'V1⁻¹[X y]
            spread = rest.Q @ (rest.L.T @ from_first)
            products -= (rest.L.T @ from_first).T @ spread
            inner2, outer2 = self._split(spread), self._split(from_first - rest.RL @ spread)
            C = C - (self.Z1Z2 @ (rest.L @ spread)).reshape(C.shape)
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

    def _eliminate_rest(self, factors: list[np.ndarray], W: np.ndarray) -> tuple[Rest, float]:
        """The blocks after the first; W = T (I + T'A_j T)⁻¹T', shape (J, P, P)."""
        L = sparse.block_diag(
            [
                sparse.kron(sparse.eye_array(b.J), t)
                for b, t in zip(self.blocks[1:], factors[1:], strict=True)
            ],
            format="csr",
        )
        R = self.Z2Z2 - (self.Z1Z2.T @ (_block_diagonal(W) @ self.Z1Z2)).toarray()
        RL = (L.T @ R).T
        S = L.T @ RL
        S[np.diag_indices_from(S)] += 1
        cholesky = linalg.cholesky(S, lower=True, overwrite_a=True, check_finite=False)
        logdet = 2 * np.log(np.diag(cholesky)).sum()
        Q = linalg.lapack.dpotri(cholesky, lower=True, overwrite_c=True)[0]
        Q = np.tril(Q) + np.tril(Q, -1).T
        return Rest(R, RL, Q, L), logdet

    def _eliminate_fixed(self, products: np.ndarray, **parts) -> Solution:
        p = self.n_fixed
        XX, Xy, yy = products[:p, :p], products[:p, p], products[p, p]
        inverse = np.linalg.inv(XX)
        beta = inverse @ Xy
        return Solution(
            logdet_X=np.linalg.slogdet(XX)[1] + 2 * np.log(np.abs(np.diag(self.triangle))).sum(),
            squares=yy - Xy @ beta,
            beta=linalg.solve_triangular(self.triangle, self.least_squares + beta) if p else beta,
            residual=np.append(-beta, 1),
            inverse=inverse,
            **parts,
        )

    # ---- derivatives ----------------------------------------------------------------------------------------

    def gradient(self, at: Solution, variance: float | None = None) -> np.ndarray:
        """Derivative of the criterion with respect to theta.

        With `variance` given, sigma² is held at that value instead of being profiled out.
        """
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
        """Half the derivative of log|V| with respect to block k's factor: the sum of Z_j'V⁻¹Z_j T over groups."""
        T, rest = at.T[0], at.rest
        if k == 0:
            slope = (self.A @ T @ at.small).sum(axis=0)
            if rest is None:
                return slope
            U, Y = self._through_first(at)
            P, between = len(T), rest.L @ (rest.L @ rest.Q).T
            lost = [[np.vdot((U[a::P].T @ Y[b::P]).toarray(), between) for b in range(P)] for a in range(P)]
            return slope - np.array(lost)
        block, place = self.blocks[k], self._places()[k]
        rows = rest.RL[place].reshape(block.J, block.P, -1)
        return np.einsum("jam,jbm->ab", rows, rest.Q[place].reshape(rows.shape))

    def _through_first(self, at: Solution) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Z1'V1⁻¹Z2 and T'Z1'V1⁻¹Z2, sparse, shape (q1, q2)."""
        T = at.T[0]
        Y = _block_diagonal(at.small @ T.T) @ self.Z1Z2
        return (self.Z1Z2 - _block_diagonal(self.A @ T) @ Y).tocsr(), Y.tocsr()

    def covariance_slopes(self, at: Solution) -> list[np.ndarray]:
        """Derivative of the criterion with respect to each term's relative covariance matrix, shape (p, p).

        Unlike the derivative with respect to theta it does not vanish because theta does, so it tells a minimum on
        the boundary from a point where the criterion, even in theta, merely has slope zero.
        """
        found = {}
        for k, block in enumerate(self.blocks):
            slope = self._inner_sum(at, k)
            r = at.outer[k] @ at.residual
            slope -= r.T @ r * self.degrees / at.squares
            if self.reml:
                X = at.outer[k][..., :-1]
                slope -= np.einsum("jap,pr,jbr->ab", X, at.inverse, X)
            for member, place in self._members(block):
                found[member] = slope[place, place]
        return [found[k] for k in range(len(self.design.terms))]

    def _inner_sum(self, at: Solution, k: int) -> np.ndarray:
        """The sum of Z_j'V⁻¹Z_j over the groups of block k."""
        T, rest, P = at.T[0], at.rest, self.blocks[k].P
        if k == 0:
            AT = self.A @ T
            total = (self.A - AT @ at.small @ AT.transpose(0, 2, 1)).sum(axis=0)
            if rest is None:
                return total
            U, _ = self._through_first(at)
            between = rest.L @ (rest.L @ rest.Q).T
            lost = [[np.vdot((U[a::P].T @ U[b::P]).toarray(), between) for b in range(P)] for a in range(P)]
            return total - np.array(lost)
        whole = (rest.R - rest.RL @ rest.Q @ rest.RL.T)[self._places()[k], self._places()[k]]
        return whole.reshape(self.blocks[k].J, P, self.blocks[k].J, P).trace(axis1=0, axis2=2)

    # ---- what the random effects turn out to be ----------------------------------------------------------------

    def modes(self, at: Solution) -> list[np.ndarray]:
        """Conditional modes of the random effects by block, shape (J, P): E(u | y) at the estimates."""
        return [inner @ at.residual @ T.T for inner, T in zip(at.inner, at.T, strict=True)]

    def mode_variances(self, at: Solution) -> list[np.ndarray]:
        """Var(u_j | y) / sigma² with beta known, by block, shape (J, P, P)."""
        T, rest, P = at.T[0], at.rest, self.blocks[0].P
        W = T @ at.small @ T.T
        if rest is None:
            return [W]
        _, Y = self._through_first(at)
        between = rest.L @ (rest.L @ rest.Q).T
        reach = (_block_diagonal(np.broadcast_to(T, W.shape)) @ Y).tocsr()
        far = (reach @ between).reshape(self.blocks[0].J, P, -1)
        near = reach.toarray().reshape(far.shape)
        found = [W + np.einsum("jam,jbm->jab", far, near)]
        for block, place in zip(self.blocks[1:], list(self._places().values()), strict=True):
            own = between[place, place].reshape(block.J, block.P, block.J, block.P)
            found.append(np.einsum("jajb->jab", own))
        return found

    # ---- between the engine's order and the formula's ---------------------------------------------------------

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
                columns, rows = np.triu_indices(place.stop - place.start)
                found[member] = slope[place, place][rows, columns]
        return np.concatenate([found[k] for k in range(len(self.design.terms))])

    def by_term(self, arrays: list[np.ndarray], square: bool = False) -> list[np.ndarray]:
        """Arrays by block, with P in the last axis (the last two if square), as arrays by term."""
        found = {}
        for block, array in zip(self.blocks, arrays, strict=True):
            for member, place in self._members(block):
                found[member] = array[..., place, place] if square else array[..., place]
        return [found[k] for k in range(len(self.design.terms))]

    def _places(self) -> dict[int, slice]:
        """Where each block after the first stands among their effects."""
        ends = np.cumsum([block.J * block.P for block in self.blocks[1:]])
        starts = [0, *ends[:-1]]
        return {k + 1: slice(a, b) for k, (a, b) in enumerate(zip(starts, ends, strict=True))}

    def _split(self, rows: np.ndarray) -> list[np.ndarray]:
        """Rows for all effects after the first block as one array a block, shape (J, P, columns)."""
        places = self._places()
        return [rows[places[k]].reshape(b.J, b.P, -1) for k, b in enumerate(self.blocks[1:], start=1)]


def _blocks(terms: tuple[Term, ...]) -> list[Block]:
    """Terms of the same grouping factor together, most random effects first."""
    members: dict[str, list[int]] = {}
    for k, term in enumerate(terms):
        members.setdefault(term.group, []).append(k)
    blocks = [
        Block(
            name=name,
            members=tuple(own),
            J=len(terms[own[0]].levels),
            codes=terms[own[0]].codes,
            Z=np.column_stack([terms[k].Z for k in own]),
        )
        for name, own in members.items()
    ]
    return sorted(blocks, key=lambda block: -block.J * block.P)


def _flat(blocks: np.ndarray) -> np.ndarray:
    return blocks.reshape(-1, blocks.shape[-1])


def _block_diagonal(blocks: np.ndarray) -> sparse.csr_array:
    """One sparse matrix from small square ones, shape (J, P, P)."""
    J, P = blocks.shape[:2]
    columns = np.repeat(np.arange(J * P).reshape(J, 1, P), P, axis=1)
    return sparse.csr_array((blocks.ravel(), columns.ravel(), np.arange(J * P + 1) * P), (J * P, J * P))

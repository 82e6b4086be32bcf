"""The second elimination: all random effects but those of the first block.

Once the first block's effects are eliminated, two others meet only where a group of the first joins them.
They fall into components that nothing joins: the schools, one by one, where pupils or classes come first; all
of them together where factors are crossed. Each component is a dense matrix, and all are held in one array.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.csgraph import connected_components

from mlm.lmm.blocks import Block

# What is held densely: entries of the components' matrices, and of the products that lead to them.
MOST_ENTRIES = 100_000_000
# A product in a dense matrix takes this share of the time of one in a sparse list.
DENSE_SHARE = 1 / 40


class Layout:
    """Where each effect after the first block stands: its component, and its place there.

    Effects are in canonical order block by block, group by group; `position` turns it into that of the
    components, each padded to the size m of the largest.
    """

    def __init__(self, blocks: list[Block]):
        self.blocks = blocks[1:]
        ends = np.cumsum([block.J * block.P for block in self.blocks])
        self.places = [slice(end - b.J * b.P, end) for end, b in zip(ends, self.blocks, strict=True)]
        self.q = int(ends[-1])
        component = _components(blocks)
        sizes = np.bincount(component)
        if len(sizes) * int(sizes.max()) ** 2 >= self.q**2:  # padding would cost more than it saves
            component, sizes = np.zeros(self.q, dtype=np.int64), np.array([self.q])
        self.K, self.m = len(sizes), int(sizes.max())
        order = np.argsort(component, kind="stable")
        self.slot = np.empty(self.q, dtype=np.int64)
        self.slot[order] = np.arange(self.q) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self.position = component * self.m + self.slot

    @property
    def entries(self) -> int:
        """Of one matrix of all components."""
        return self.K * self.m**2

    def batch(self, rows: np.ndarray) -> np.ndarray:
        """Rows in canonical order, shape (q, c), by component, shape (K, m, c)."""
        found = np.zeros((self.K * self.m, rows.shape[1]))
        found[self.position] = rows
        return found.reshape(self.K, self.m, -1)

    def rows(self, batch: np.ndarray) -> np.ndarray:
        """Back to canonical order."""
        return batch.reshape(self.K * self.m, -1)[self.position]

    def dense(self, matrix: sparse.csr_array) -> np.ndarray:
        """A sparse matrix that joins no components, shape (K, m, m)."""
        entries = matrix.tocoo()
        found = np.zeros((self.K * self.m, self.m))
        found[self.position[entries.row], self.slot[entries.col]] = entries.data
        return found.reshape(self.K, self.m, self.m)

    def times(self, factors: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Each group's rows multiplied by its block's (P, P) factor."""
        found = np.empty_like(rows)
        for place, block, T in zip(self.places, self.blocks, factors, strict=True):
            own = rows[place].reshape(block.J, block.P, -1)
            found[place] = (T * own if block.P == 1 else T @ own).reshape(block.J * block.P, -1)
        return found

    def both_sides(self, factors: list[np.ndarray], batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Symmetric B as (B F', F B F') with the factors F down a diagonal."""
        right = self.batch(self.times(factors, self.rows(batch))).transpose(0, 2, 1)
        return right, self.batch(self.times(factors, self.rows(right)))

    def groups(self, batch: np.ndarray, k: int) -> np.ndarray:
        """The rows of the k-th of these blocks, shape (J, P, m)."""
        return self.rows(batch)[self.places[k]].reshape(self.blocks[k].J, self.blocks[k].P, -1)

    def own(self, batch: np.ndarray, k: int) -> np.ndarray:
        """The part of each group with itself, shape (J, P, P)."""
        rows = self.groups(batch, k)
        slots = self.slot[self.places[k]].reshape(self.blocks[k].J, 1, -1)
        return np.take_along_axis(rows, np.broadcast_to(slots, (*rows.shape[:2], slots.shape[2])), axis=2)


class Meetings:
    """Z2'Z1 W Z1'Z2 as a function of W, and its adjoint: a list of products, or dense, whichever is quicker.

    A list holds a product for each two effects that meet in a group of the first block.
    """

    def __init__(self, Z1Z2: sparse.csr_array, first: Block, layout: Layout):
        self.first, self.layout = first, layout
        q1 = first.J * first.P
        pairs = float((np.diff(Z1Z2.indptr).reshape(first.J, -1).sum(axis=1).astype(float) ** 2).sum()) / 2
        self.dense = self.products = None
        if layout.K == 1 and q1 * layout.q <= MOST_ENTRIES and q1 * layout.q**2 * DENSE_SHARE < pairs:
            self.dense = Z1Z2.toarray().reshape(first.J, first.P, layout.q)
        elif max(pairs, layout.entries) <= MOST_ENTRIES:
            self.products = self._listed(Z1Z2)
        else:
            raise ValueError(
                f"Besides those of {first.name!r} the model has {layout.q} random effects, of which up to "
                f"{layout.m} hang together; they meet in {pairs:.0f} pairs. This engine holds them in dense "
                f"arrays and stops at {MOST_ENTRIES} numbers. Use coarser groups, or a program whose "
                "factorisation is sparse throughout (lme4, MixedModels.jl)."
            )

    def _listed(self, Z1Z2: sparse.csr_array) -> sparse.csr_array:
        """The linear map from W, (J, P, P), to the lower triangles; shape (K m m, J P P)."""
        first, layout = self.first, self.layout
        entries = Z1Z2.tocoo()
        group, effect = np.divmod(entries.row.astype(np.int64), first.P)
        counts = np.bincount(group, minlength=first.J)
        begins = np.cumsum(counts) - counts
        left = np.repeat(np.arange(len(group)), counts[group])
        within = np.arange(len(left)) - np.repeat(np.cumsum(counts[group]) - counts[group], counts[group])
        right = begins[group[left]] + within
        slot = layout.slot[entries.col]
        kept = slot[left] >= slot[right]
        left, right = left[kept], right[kept]
        places = layout.position[entries.col[left]] * layout.m + slot[right]
        weights = (group[left] * first.P + effect[left]) * first.P + effect[right]
        return sparse.csr_array(
            (entries.data[left] * entries.data[right], (places, weights)),
            shape=(layout.entries, first.J * first.P**2),
        )

    def sum(self, W: np.ndarray) -> np.ndarray:
        """Z2'Z1 W Z1'Z2 for W of shape (J, P, P), by component."""
        layout = self.layout
        if self.dense is not None:
            flat = self.dense.reshape(-1, layout.q)
            return (flat.T @ (W @ self.dense).reshape(flat.shape))[None]
        return mirrored((self.products @ W.ravel()).reshape(layout.K, layout.m, layout.m))

    def spread(self, between: np.ndarray) -> np.ndarray:
        """Z1_j'Z2 B Z2'Z1_j for each group j of the first block, (J, P, P); B symmetric, by component."""
        if self.dense is not None:
            return np.einsum("jaq,jbq->jab", self.dense @ between[0], self.dense, optimize=True)
        halved = between.copy()
        halved[:, *np.diag_indices(self.layout.m)] /= 2
        half = (self.products.T @ halved.ravel()).reshape(self.first.J, self.first.P, self.first.P)
        return half + half.transpose(0, 2, 1)


@dataclass(frozen=True, eq=False)
class Rest:
    """What the second elimination leaves, by component, shape (K, m, m).

    V1 is V with the first block's effects alone; 2 stands for all other blocks together.
    """

    layout: Layout
    factors: list[np.ndarray]  # of the blocks: Lambda2 repeats them down its diagonal
    R: np.ndarray  # Z2'V1⁻¹Z2
    RL: np.ndarray  # R Lambda2
    S: np.ndarray  # I + Lambda2'R Lambda2
    cholesky: np.ndarray  # its lower triangle

    @property
    def logdet(self) -> float:
        """log|I + Lambda2'R Lambda2|."""
        return float(2 * np.log(np.diagonal(self.cholesky, axis1=1, axis2=2)).sum())

    def lower(self, rows: np.ndarray) -> np.ndarray:
        """Lambda2 times rows in canonical order."""
        return self.layout.times(self.factors, rows)

    def lower_transposed(self, rows: np.ndarray) -> np.ndarray:
        """Lambda2' times rows in canonical order."""
        return self.layout.times([T.T for T in self.factors], rows)

    def solve(self, rows: np.ndarray) -> np.ndarray:
        """(I + Lambda2'R Lambda2)⁻¹ times rows in canonical order."""
        if self.layout.K == 1:
            return linalg.cho_solve((self.cholesky[0], True), rows, check_finite=False)
        return self.layout.rows(np.linalg.solve(self.S, self.layout.batch(rows)))

    def met(self, rows: np.ndarray) -> np.ndarray:
        """R Lambda2 times rows in canonical order."""
        return self.layout.rows(self.RL @ self.layout.batch(rows))

    @cached_property
    def Q(self) -> np.ndarray:
        """The inverse of I + Lambda2'R Lambda2."""
        if self.layout.K == 1:
            return mirrored(np.tril(linalg.lapack.dpotri(self.cholesky[0], lower=True)[0])[None])
        return np.linalg.inv(self.S)

    @cached_property
    def between(self) -> np.ndarray:
        """Lambda2 Q Lambda2', which is Var(u2 | y) / sigma²."""
        return self.layout.both_sides(self.factors, self.Q)[1]


def eliminate(layout: Layout, factors: list[np.ndarray], R: np.ndarray) -> Rest:
    """The blocks after the first, given Z2'V1⁻¹Z2."""
    RL, S = layout.both_sides([T.T for T in factors], R)
    S[:, *np.diag_indices(layout.m)] += 1
    if layout.K == 1:
        cholesky = linalg.cholesky(S[0], lower=True, check_finite=False)[None]
    else:
        cholesky = np.linalg.cholesky(S)
    return Rest(layout, factors, R, RL, S, cholesky)


def _components(blocks: list[Block]) -> np.ndarray:
    """For each effect after the first block, in canonical order, which component it belongs to."""
    offsets = np.cumsum([0] + [block.J for block in blocks])
    rows = np.concatenate([blocks[0].codes] * (len(blocks) - 1))
    columns = np.concatenate([begin + b.codes for begin, b in zip(offsets[1:], blocks[1:], strict=False)])
    joined = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(offsets[-1],) * 2)
    labels = connected_components(joined, directed=False)[1][blocks[0].J :]
    labels = np.unique(labels, return_inverse=True)[1]
    return np.repeat(labels, np.repeat([b.P for b in blocks[1:]], [b.J for b in blocks[1:]]))


def mirrored(lower: np.ndarray) -> np.ndarray:
    """The symmetric matrices with these lower triangles (and nothing above them)."""
    whole = lower + lower.transpose(0, 2, 1)
    whole[:, *np.diag_indices(lower.shape[-1])] /= 2
    return whole

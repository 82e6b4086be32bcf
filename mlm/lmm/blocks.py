"""Grouping factors as blocks of the equations: what belongs to one group, and which effects meet in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg, sparse

from mlm.lmm.design import Term


@dataclass(frozen=True, eq=False)
class Block:
    """All terms of one grouping factor: J groups with P effects each."""

    name: str
    members: tuple[int, ...]  # positions in design.terms
    J: int
    codes: np.ndarray  # (n,)
    Z: np.ndarray  # (n, P), the terms' scaled columns
    M: np.ndarray  # (P, P), the terms' scales along the diagonal: the formula's columns are Z M

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
    """What the second elimination leaves; all arrays have the shape (q2, q2).

    V1 is V with the first block's effects alone; 2 stands for all other blocks together.
    """

    L: sparse.csr_array  # Lambda2
    R: np.ndarray  # Z2'V1⁻¹Z2
    RL: np.ndarray  # R Lambda2
    cholesky: np.ndarray  # lower triangle of I + Lambda2'R Lambda2

    @cached_property
    def Q(self) -> np.ndarray:
        """The inverse of I + Lambda2'R Lambda2."""
        lower = linalg.lapack.dpotri(self.cholesky, lower=True)[0]
        return mirrored(lower)

    @cached_property
    def between(self) -> np.ndarray:
        """Lambda2 Q Lambda2', which is Var(u2 | y) / sigma²."""
        return self.L @ (self.L @ self.Q).T


def blocks_of(terms: tuple[Term, ...]) -> list[Block]:
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
            Z=np.column_stack([terms[k].scaled[0] for k in own]),
            M=linalg.block_diag(*(terms[k].scaled[1] for k in own)),
        )
        for name, own in members.items()
    ]
    return sorted(blocks, key=lambda block: -block.J * block.P)


def meetings(Z1Z2: sparse.csr_array, J: int, P: int) -> sparse.csr_array:
    """The linear map from weights W of the first block, (J, P, P), to the lower triangle of Z2'Z1 W Z1'Z2.

    Shape (q2 q2, J P P). Each entry is a product of two entries of Z1'Z2 that stand in the rows of one group.
    """
    q2 = Z1Z2.shape[1]
    entries = Z1Z2.tocoo()
    group, effect = np.divmod(entries.row.astype(np.int64), P)
    counts = np.bincount(group, minlength=J)
    begins = np.cumsum(counts) - counts
    left = np.repeat(np.arange(len(group)), counts[group])
    within = np.arange(len(left)) - np.repeat(np.cumsum(counts[group]) - counts[group], counts[group])
    right = begins[group[left]] + within
    kept = entries.col[left] >= entries.col[right]
    left, right = left[kept], right[kept]
    places = entries.col[left].astype(np.int64) * q2 + entries.col[right]
    weights = (group[left] * P + effect[left]) * P + effect[right]
    return sparse.csr_array(
        (entries.data[left] * entries.data[right], (places, weights)), shape=(q2 * q2, J * P * P)
    )


def mirrored(lower: np.ndarray) -> np.ndarray:
    """The symmetric matrix with this lower triangle (and nothing above it)."""
    whole = lower + lower.T
    whole[np.diag_indices_from(whole)] /= 2
    return whole

"""Grouping factors as blocks of the equations: what belongs to one group."""

from dataclasses import dataclass

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
        """Z as one sparse matrix, shape (n, J P)."""
        return side_by_side(self.Z, self.codes, self.J)


def side_by_side(Z: np.ndarray, codes: np.ndarray, J: int) -> sparse.csr_array:
    """Z, (n, P), as a sparse matrix of shape (n, J P); the effects of a group stand side by side."""
    n, P = Z.shape
    places = np.asarray(codes, dtype=np.int64)[:, None] * P + np.arange(P)
    return sparse.csr_array((Z.ravel(), places.ravel(), np.arange(n + 1) * P), shape=(n, J * P))


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

"""What the mixed model equations say of new rows, at given variances.

For a row with x and z, and u = Lambda b with Var(b) = sigma² I (the notation of `mlm.lmm.likelihood`), the
error of x'beta-hat + z'u-hat as a prediction of x'beta + z'u has the variance

    sigma² s'A⁻¹s + d'Var(beta-hat) d,   A = Lambda'Z'Z Lambda + I,   s = Lambda'z,   d = x − X'Z Lambda A⁻¹s.

The first part is the variance of z'u given the responses were beta known; the second is what the error of
beta-hat adds, once directly and once through u-hat, which rests on it (Henderson 1975). The effects of a new
group are not in A: they add z'Gz.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import SuperLU, splu

from mlm.lmm import Design
from mlm.lmm.blocks import side_by_side

#: Numbers in one dense array of A⁻¹s.
MOST_AT_ONCE = 10_000_000


@dataclass(frozen=True, eq=False)
class Rows:
    """New rows in the arrays of a design.

    Attributes
    ----------
    X : ndarray of shape (m, p)
    Z : list of ndarray of shape (m, p_k)
        One a term.
    places : list of ndarray of int, shape (m,)
        The place of each row's group in the term's levels; −1 for a new group.
    """

    X: np.ndarray
    Z: list[np.ndarray]
    places: list[np.ndarray]

    @property
    def m(self) -> int:
        """How many rows."""
        return len(self.X)

    def known_columns(self, design: Design) -> sparse.csr_array:
        """Z of the known groups' effects, shape (m, q): a row of zeros for a new group."""
        return sparse.hstack(
            [
                side_by_side(Z * (places >= 0)[:, None], np.maximum(places, 0), len(term.levels))
                for term, Z, places in zip(design.terms, self.Z, self.places, strict=True)
            ],
            format="csr",
        )


@dataclass(frozen=True, eq=False)
class Values:
    """Coefficients and variances: an estimate, or a draw.

    `beta_cov` is the covariance of the coefficients' estimator, the variances taken as known; None where the
    coefficients are a draw, and no estimate.
    """

    beta: np.ndarray
    factors: list[np.ndarray]  # T of each term
    sigma: float
    beta_cov: np.ndarray | None = None


class Equations:
    """The mixed model equations of a design, for some new rows."""

    def __init__(self, design: Design, rows: Rows):
        self.design, self.rows = design, rows
        self.Z = sparse.hstack(
            [side_by_side(term.Z, term.codes, len(term.levels)) for term in design.terms], format="csr"
        )
        self.ZZ, self.ZX = (self.Z.T @ self.Z).tocsc(), self.Z.T @ design.X
        self.known = rows.known_columns(design)

    def expected(self, at: Values, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions of x'beta + z'u from y, shape (n,), and the variances of their errors, shape (m,)."""
        prediction, d = self.rows.X @ at.beta, self.rows.X.astype(float)
        relative = self._of_new_groups(at.factors)
        if self.known.nnz:
            Lambda, solver = self._factorised(at.factors)
            scaled = (self.known @ Lambda).tocsr()
            toward_y, toward_X = Lambda.T @ (self.Z.T @ y - self.ZX @ at.beta), Lambda.T @ self.ZX
            step = max(1, MOST_AT_ONCE // Lambda.shape[0])
            for part in (slice(begin, begin + step) for begin in range(0, self.rows.m, step)):
                s = scaled[part].toarray().T
                solved = solver.solve(s)
                prediction[part] += solved.T @ toward_y
                relative[part] += (s * solved).sum(axis=0)
                d[part] -= solved.T @ toward_X
        variance = at.sigma**2 * relative
        if at.beta_cov is not None:
            variance += np.einsum("ia,ab,ib->i", d, at.beta_cov, d)
        return prediction, variance

    def _factorised(self, factors: list[np.ndarray]) -> tuple[sparse.csc_array, SuperLU]:
        """Lambda, and what solves A x = s."""
        repeated = [
            sparse.kron(sparse.eye_array(len(term.levels)), T)
            for term, T in zip(self.design.terms, factors, strict=True)
        ]
        Lambda = sparse.block_diag(repeated, format="csc")
        A = Lambda.T @ self.ZZ @ Lambda + sparse.eye_array(Lambda.shape[0])
        options = {"SymmetricMode": True}
        return Lambda, splu(A.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options=options)

    def _of_new_groups(self, factors: list[np.ndarray]) -> np.ndarray:
        """z'Gz / sigma² of each row's new groups."""
        return sum(
            ((Z @ T) ** 2).sum(axis=1) * (places < 0)
            for Z, places, T in zip(self.rows.Z, self.rows.places, factors, strict=True)
        )

    def drawn(self, at: Values, effects: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """What the new rows' x'beta + z'u would be with these effects of the known groups, shape (m,).

        Effects of new groups are drawn, for each row apart.
        """
        known = self.rows.X @ at.beta + self.known @ np.concatenate([own.ravel() for own in effects])
        return known + at.sigma * np.sqrt(self._of_new_groups(at.factors)) * rng.standard_normal(self.rows.m)


def lower_factor(G: np.ndarray) -> np.ndarray:
    """Lower-triangular T with T T' = G, which may be singular."""
    values, vectors = np.linalg.eigh(G)
    return linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T, mode="r")[0].T

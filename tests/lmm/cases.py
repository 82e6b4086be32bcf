"""Simulated data of every shape that the engine reads, and the same models written out as dense matrices."""

import numpy as np
import pandas as pd
from scipy import linalg

from mlm.lmm import Design, build_design

FORMULAS = {
    "one factor": "y ~ x + (1 | g)",
    "no intercept": "y ~ 0 + x + (0 + x | g)",
    "vector-valued": "y ~ x + (1 + x | g)",
    "three effects": "y ~ x + w + (1 + x + w | g)",
    "double bar": "y ~ x + (1 + x || g)",
    "one factor, two brackets": "y ~ x + (1 + x | g) + (0 + w | g)",
    "nested": "y ~ x + (1 | g/h)",
    "nested deep": "y ~ x + (1 + x | g) + (1 | g:h) + (1 | g:h:m)",
    "crossed": "y ~ x + (1 | g) + (1 | k)",
    "crossed, vectors": "y ~ x + w + (1 + x | g) + (1 + w | k)",
    "three factors": "y ~ x + (1 | g) + (1 + x | k) + (1 | m)",
    "varying categories": "y ~ x + (0 + f | g)",
    "no fixed effects": "y ~ 0 + (1 | g)",
}


def simulated(seed: int = 1, n: int = 90) -> pd.DataFrame:
    """Unbalanced data with numbers x and w, a category f, and factors g, h (within g), k and m."""
    rng = np.random.default_rng(seed)
    g, k, m = (rng.integers(0, levels, n) for levels in (9, 6, 5))
    data = pd.DataFrame({"x": rng.normal(2, 1, n), "w": rng.normal(0, 3, n)})
    for name, codes in {"g": g, "k": k, "m": m}.items():
        data[name] = [f"{name}{code}" for code in codes]
    data["h"] = [f"h{code}" for code in rng.integers(0, 3, n)]
    data["f"] = rng.choice(["low", "mid", "top"], n)
    noise = rng.normal(0, 1.5, n)
    data["y"] = (
        3
        + 2 * data["x"]
        + rng.normal(0, 1, 9)[g]
        + rng.normal(0, 0.5, 9)[g] * data["x"]
        + rng.normal(0, 2, 6)[k]
        + rng.normal(0, 1, 5)[m]
        + noise
    )
    return data


def design(name: str, seed: int = 1) -> Design:
    """The design of a case."""
    return build_design(FORMULAS[name], simulated(seed))


def random_theta(design: Design, rng: np.random.Generator) -> np.ndarray:
    """Any theta; a negative diagonal is no exception, the factor's product counts."""
    return rng.normal(0, 0.8, design.n_theta)


def dense_Z(design: Design) -> np.ndarray:
    """All random effects' columns, term by term, the effects of one group side by side."""
    blocks = []
    for term in design.terms:
        indicators = np.eye(len(term.levels))[term.codes]
        blocks.append(np.einsum("nj,np->njp", indicators, term.Z).reshape(design.n, -1))
    return np.hstack(blocks)


def dense_G(design: Design, theta: np.ndarray) -> np.ndarray:
    """Their relative covariance matrix, Var(u) / sigma²."""
    blocks = []
    for term, part in zip(
        design.terms, np.split(theta, np.cumsum([t.n_theta for t in design.terms])), strict=False
    ):
        p = len(term.names)
        T = np.zeros((p, p))
        T.T[np.triu_indices(p)] = part
        blocks += [T @ T.T] * len(term.levels)
    return linalg.block_diag(*blocks)


def dense_V(design: Design, theta: np.ndarray) -> np.ndarray:
    """Var(y) / sigma²."""
    Z = dense_Z(design)
    return np.eye(design.n) + Z @ dense_G(design, theta) @ Z.T


def least_squares(design: Design, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Generalised least squares: coefficients, and (X'V⁻¹X)⁻¹."""
    information = design.X.T @ np.linalg.solve(V, design.X)
    covariance = np.linalg.inv(information)
    return covariance @ design.X.T @ np.linalg.solve(V, design.y), covariance

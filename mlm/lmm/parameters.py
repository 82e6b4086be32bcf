"""The parameters of a fit, named as `mlm.estimates` names them: by part and term."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlm.lmm.design import Design


@dataclass(frozen=True)
class Parameter:
    """One number that a model estimates.

    Attributes
    ----------
    part : str
        `fixed`, `sd`, `cor` or `residual`.
    term : str
        `floor`; `county floor`; `county Intercept, floor`; `residual`.
    short : str or tuple of str
        The name to ask for it by: `"floor"`, `("county", "floor")`, `("county", "Intercept, floor")`,
        `"sigma"`.
    term_place : int
        The position of its random-effect term in `design.terms` (of `sd` and `cor`).
    row, other : int
        Which effect of that term, and which one before it (of `cor`). Of `fixed`: the column of X.
    """

    part: str
    term: str
    short: str | tuple[str, str]
    term_place: int = -1
    row: int = -1
    other: int = -1

    @property
    def label(self) -> tuple[str, str]:
        """Part and term."""
        return self.part, self.term


def parameters(design: Design) -> list[Parameter]:
    """All parameters: fixed effects, standard deviations, correlations, residual standard deviation."""
    fixed = [Parameter("fixed", name, name, row=i) for i, name in enumerate(design.fixed_names)]
    varying = [parameter for part in ("sd", "cor") for parameter in _varying(design, part)]
    return [*fixed, *varying, Parameter("residual", "residual", "sigma")]


def _varying(design: Design, part: str) -> Iterator[Parameter]:
    for k, term in enumerate(design.terms):
        for i, name in enumerate(term.names):
            if part == "sd":
                yield Parameter("sd", f"{term.group} {name}", (term.group, name), k, i)
                continue
            for j in range(i):
                pair = f"{term.names[j]}, {name}"
                yield Parameter("cor", f"{term.group} {pair}", (term.group, pair), k, i, j)


def find(design: Design, name: Any) -> Parameter:
    """The parameter of that name: its short one, or its (part, term).

    Raises
    ------
    ValueError
        If there is none; the message lists what there is.
    """
    name = tuple(name) if isinstance(name, list) else name
    known = parameters(design)
    for parameter in known:
        if name in (parameter.label, parameter.short):
            return parameter
    listed = ", ".join(repr(parameter.short) for parameter in known)
    raise ValueError(f"The model has no parameter {name!r}. Ask for one of {listed}.")


def values(chosen: list[Parameter], factors: list[np.ndarray], sigma: float) -> np.ndarray:
    """Standard deviations and correlations from relative factors; nan where an effect does not vary."""
    found = []
    for parameter in chosen:
        if parameter.part == "residual":
            found.append(sigma)
            continue
        rows = factors[parameter.term_place]
        size = np.linalg.norm(rows[parameter.row])
        if parameter.part == "sd":
            found.append(sigma * size)
            continue
        size *= np.linalg.norm(rows[parameter.other])
        found.append(rows[parameter.row] @ rows[parameter.other] / size if size > 0 else np.nan)
    return np.array(found)


def estimated(fit: Any) -> pd.Series:
    """What a fit estimates, in the order of `parameters`, indexed by (`part`, `term`)."""
    chosen = parameters(fit.design)
    p = len(fit.fixed)
    numbers = [*fit.fixed, *values(chosen[p:], fit.design.factors(fit.theta), fit.sigma)]
    return pd.Series(numbers, index=labels(chosen), name="estimate", dtype=float)


def labels(chosen: list[Parameter]) -> pd.MultiIndex:
    """The index of a table with one row a parameter."""
    return pd.MultiIndex.from_tuples([parameter.label for parameter in chosen], names=["part", "term"])


def derivatives(function: Callable, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Derivatives of a vector-valued function by central differences, shape (values, entries of x)."""
    steps = np.diag(step * np.maximum(1, np.abs(x)))
    columns = [(function(x + h) - function(x - h)) / (2 * h.sum()) for h in steps]
    return np.column_stack(columns)

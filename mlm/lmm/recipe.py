"""How the rows of the data became columns, kept so that new rows become columns in the same way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from mlm.lmm.columns import as_fitted, check_columns
from mlm.lmm.language import Part


@dataclass(frozen=True, eq=False)
class Varying:
    """What one pair of brackets was made of.

    Attributes
    ----------
    part : Part
        The effects.
    spec : ModelSpec or None
        The means, knots and categories that its columns rest on.
    groups : DataFrame
        The columns that tell the groups, a row a group, in the order of `Term.levels`.
    """

    part: Part
    spec: ModelSpec | None
    groups: pd.DataFrame

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """The place of each row's group in `Term.levels`; −1 for a group that is not there."""
        names = list(self.groups)
        for name in names:
            _refuse_other_kind(name, self.groups[name], rows[name])
        known = {group: place for place, group in enumerate(_tuples(self.groups))}
        return np.array([known.get(group, -1) for group in _tuples(rows[names])], dtype=int)


@dataclass(frozen=True, eq=False)
class Recipe:
    """What a design was made of.

    Attributes
    ----------
    kinds : dict of str to dtype
        Each variable's type, float or the categories that occurred; those of the response too.
    fixed : Part
    spec : ModelSpec or None
        The means, knots and categories that the columns of `fixed` rest on.
    varying : tuple of Varying
        One a term, in the design's order.
    """

    kinds: dict[str, Any]
    fixed: Part
    spec: ModelSpec | None
    varying: tuple[Varying, ...]

    def fixed_columns(self, rows: pd.DataFrame) -> np.ndarray:
        """X of new rows, shape (m, p).

        Raises
        ------
        ValueError
            If a column is missing, or holds a gap, another kind of values, or an unknown category.
        """
        return self._columns(self.fixed, self.spec, rows)

    def varying_columns(self, rows: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each term the new rows' Z, shape (m, p), and the places of their groups; −1 for a new group.

        Raises
        ------
        ValueError
            As `fixed_columns`.
        """
        _check(rows, {name for own in self.varying for name in own.groups})
        return [(self._columns(own.part, own.spec, rows), own.places(rows)) for own in self.varying]

    def _columns(self, part: Part, spec: ModelSpec | None, rows: pd.DataFrame) -> np.ndarray:
        _check(rows, part.variables)
        values = {name: as_fitted(rows[name], self.kinds[name]) for name in sorted(part.variables)}
        columns = part.columns_again(pd.DataFrame(values, index=rows.index), spec)
        bad = np.flatnonzero(~np.isfinite(columns).all(axis=1))
        if len(bad):
            raise ValueError(
                f"In {part.formula!r}, {part.said!r} is not a finite number in {len(bad)} of {len(rows)} "
                f"rows (first: row {bad[0]}). A logarithm of 0 or a division by 0 does this."
            )
        return columns


def _check(rows: pd.DataFrame, used: set[str]) -> None:
    """The columns are there, without gaps."""
    check_columns(rows, used)
    counts = rows[sorted(used)].isna().sum()
    told = ", ".join(f"{name}: {count}" for name, count in counts[counts > 0].items())
    if told:
        raise ValueError(
            f"In the new rows values are missing ({told}). Fill them in, or leave those rows out: nothing is "
            "predicted from a gap. (A group that was not measured has a label of its own.)"
        )


def _refuse_other_kind(name: str, fitted: pd.Series, given: pd.Series) -> None:
    """Group 3 and group "3" are two groups, which nobody means."""
    known = set(fitted.astype(object))
    written = {str(label): label for label in known}
    for label in given.astype(object).unique():
        if label not in known and str(label) in written:
            other = written[str(label)]
            raise ValueError(
                f"The new rows have the group {label!r} in {name!r}, and the model was fitted with "
                f"{other!r}: one is a {type(label).__name__}, the other a {type(other).__name__}. Make the "
                f"column what it was, with astype({type(other).__name__})."
            )


def _tuples(groups: pd.DataFrame) -> list[tuple]:
    return list(zip(*(groups[name].astype(object) for name in groups), strict=True))

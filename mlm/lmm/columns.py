"""The columns that a formula names: there, complete, and made plain."""

from typing import Any

import numpy as np
import pandas as pd

from mlm.lmm.language import as_category
from mlm.spelling import did_you_mean

CATEGORIES = ("string", "boolean", "categorical", "empty")


def check_columns(data: pd.DataFrame, used: set[str]) -> None:
    """Each column that the formula asks for exists, once."""
    if isinstance(data.columns, pd.MultiIndex):
        raise ValueError(
            f"The columns have {data.columns.nlevels} levels of names, and a formula has one: rename "
            'them first, for example with data.columns = data.columns.map("_".join).'
        )
    for name in sorted(used):
        if name not in data.columns:
            listed = f"They have {', '.join(map(str, data.columns))}."
            hint = did_you_mean(name, data.columns, listed, opens=True)
            raise ValueError(f"The data have no column {name!r}, which the formula asks for. {hint}")
        if (data.columns == name).sum() > 1:
            raise ValueError(f"The data have several columns of the name {name!r}. Rename them.")


def check_variables(data: pd.DataFrame, variables: set[str]) -> None:
    """Each variable holds numbers or categories."""
    for name in sorted(variables):
        if not _is_number(data[name]) and not _is_category(data[name]):
            raise ValueError(
                f"The column {name!r} holds neither numbers nor categories (its type is {data[name].dtype}). "
                'Convert it first, with pd.to_numeric(…) or .astype("category").'
            )


def complete_rows(data: pd.DataFrame, used: set[str], missing: str) -> tuple[pd.DataFrame, int]:
    """The used columns in the rows without gaps, and how many rows have one."""
    data = data[sorted(used)]
    gaps = data.isna()
    rows = gaps.to_numpy().any(axis=1)
    counts = gaps.sum()
    told = ", ".join(f"{name}: {count}" for name, count in counts[counts > 0].items())
    if rows.any() and missing == "raise":
        raise ValueError(
            f"In {rows.sum()} of {len(data)} rows a value is missing ({told}). Fill them in, or leave those "
            'rows out with missing="drop".'
        )
    if rows.all():
        lacking = f"each of {len(rows)} lacks a value ({told})" if len(rows) else "the data have none"
        raise ValueError(f"No row is left: {lacking}.")
    return data[~rows] if rows.any() else data, int(rows.sum())


def plain(data: pd.DataFrame) -> pd.DataFrame:
    """Numbers of any kind as floats; booleans, texts and categories as categories that occur."""
    return pd.DataFrame({name: _plain(data[name]) for name in data}, index=data.index)


def _plain(column: pd.Series) -> pd.Series:
    if _is_number(column):
        return pd.Series(column.to_numpy(dtype=float), index=column.index)
    if pd.api.types.infer_dtype(column) == "boolean":
        return as_category(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    return column.astype(object).astype("category")


def as_fitted(column: pd.Series, kind: Any) -> pd.Series:
    """A column of new rows, plain, and of the kind that it had when the model was fitted.

    Raises
    ------
    ValueError
        If it holds numbers in place of categories or the other way round, or a category that did not occur.
    """
    if not isinstance(kind, pd.CategoricalDtype):
        if not _is_number(column):
            raise ValueError(
                f"The column {column.name!r} held numbers when the model was fitted; now its type is "
                f"{column.dtype}. Convert it first, with pd.to_numeric(…)."
            )
        return _plain(column)
    values = column.astype(object)
    unknown = [value for value in values.unique() if value not in kind.categories]
    if unknown:
        raise ValueError(
            f"The column {column.name!r} holds {', '.join(map(repr, unknown[:3]))}, which it did not when "
            f"the model was fitted, so no coefficient belongs to it. (It held {_listed(kind.categories)}.)"
        )
    return pd.Series(pd.Categorical(values, dtype=kind), index=column.index)


def _listed(categories: pd.Index, most: int = 8) -> str:
    shown = ", ".join(map(repr, categories[:most].astype(object)))
    return f"{shown}, …" if len(categories) > most else shown


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_any_real_numeric_dtype(column.dtype)


def _is_category(column: pd.Series) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) in CATEGORIES


def grouping(columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Each row's group, and the sorted labels that occur; several columns make one label, `a:b`."""
    parts = [_factorized(columns[name]) for name in columns]
    codes, labels = parts[0]
    for further_codes, further_labels in parts[1:]:
        pairs, codes = np.unique(codes * len(further_labels) + further_codes, return_inverse=True)
        left, right = np.divmod(pairs, len(further_labels))
        labels = np.array([f"{labels[i]}:{further_labels[j]}" for i, j in zip(left, right, strict=True)])
    return codes, labels


def _factorized(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    try:
        codes, labels = pd.factorize(column, sort=True)
    except TypeError as error:
        raise ValueError(
            f"The grouping column {column.name!r} holds values that cannot be sorted into groups ({error}). "
            "Make them text first, with .astype(str)."
        ) from error
    return codes, np.asarray(labels)

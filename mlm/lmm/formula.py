"""From a formula and a data frame to the arrays of a linear mixed model.

The formula language is lme4's. `formulae` evaluates what stands left of a bar. The bars are read here: they
decide which effects share a covariance matrix, namely those of one pair of brackets.
"""

import re
from functools import lru_cache

import numpy as np
import pandas as pd

from mlm.lmm.design import Design, Term
from mlm.spelling import did_you_mean

MISSING = ("drop", "raise")
CATEGORIES = ("string", "boolean", "categorical", "empty")  # of these formulae makes indicators
# What a formula may call besides formulae's own C, I, center, scale, poly and bs.
FUNCTIONS = {name: getattr(np, name) for name in ("abs", "exp", "log", "log10", "log1p", "log2", "sqrt")}


def build_design(formula: str, data: pd.DataFrame, missing: str = "drop") -> Design:
    """Evaluate a formula in lme4's language.

    Parameters
    ----------
    formula : str
        `"y ~ x + (1 + x | g)"`. Also `(0 + x | g)`, `(x || g)` (no correlations), `(1 | a/b)` (b within a),
        `(1 | a:b)`, and as many terms as needed.
    data : DataFrame
    missing : {"drop", "raise"}
        What to do with rows in which a variable of the formula is missing.

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        If the formula or the data cannot be used; the message says what to do.
    """
    if not isinstance(data, pd.DataFrame):
        raise TypeError(f"data must be a pandas DataFrame; it is a {type(data).__name__}.")
    if missing not in MISSING:
        raise ValueError(f'missing must be "drop" or "raise"; it is {missing!r}.')
    response, fixed, bars = _split(formula)
    brackets = [bracket for bar in bars for bracket in _expand(bar, formula)]
    variables = {name for part in [response, fixed, *dict(brackets)] for name in _variables(part, formula)}
    used = variables.union(*(factors for _, factors in brackets))
    _check_columns(data, used, variables)
    kept, dropped = _complete_rows(data, used, missing)
    y, y_names = _columns(f"0 + {response}", kept, formula)
    if len(y_names) != 1:
        raise ValueError(
            f"The response must be one column of numbers; {response!r} makes {len(y_names)} columns "
            f"({', '.join(y_names[:3])}{', …' if len(y_names) > 3 else ''})."
        )
    X, names = _columns(fixed, kept, formula)
    return Design(
        y=y[:, 0],
        X=X,
        fixed_names=names,
        terms=tuple(_term(inner, factors, kept, formula) for inner, factors in brackets),
        rows_dropped=dropped,
        formula=formula,
        index=kept.index,
    )


# ---- reading the bars -----------------------------------------------------------------------------------


def _split(formula: str) -> tuple[str, str, list[str]]:
    """Response, fixed part, and the text inside each pair of brackets that holds a bar."""
    if not isinstance(formula, str) or formula.count("~") != 1:
        raise ValueError(f'A formula looks like "y ~ x + (1 | group)", with one ~; this is {formula!r}.')
    if re.search(r"\boffset\s*\(", formula):
        raise ValueError("There is no offset() here: subtract it from the response, as in I(y - w) ~ x.")
    response, right = (side.strip() for side in formula.split("~"))
    if not response or not right:
        raise ValueError(f"The formula {formula!r} lacks its {'response' if not response else 'right side'}.")
    summands = _summands(right, formula)
    bars = [text[1:-1].strip() for text in summands if _is_bar(text)]
    fixed = [text for text in summands if not _is_bar(text)]
    if any("|" in text for text in fixed):
        raise ValueError(
            f"In {formula!r} a bar stands where it cannot: write each random term in brackets of its own, "
            "joined by +, as in y ~ x + (1 + x | group)."
        )
    if not bars:
        raise ValueError(
            f"The formula {formula!r} has no random term such as (1 | group), so least squares is enough: "
            "statsmodels.formula.api.ols fits it."
        )
    return response, " + ".join(fixed) or "1", bars


def _summands(text: str, formula: str) -> list[str]:
    """Split at each + outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            break
        if letter == "+" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise ValueError(f"The brackets of {formula!r} do not match.")
    parts = [part.strip() for part in parts]
    if not all(parts):
        raise ValueError(f"In {formula!r} a + has nothing on one of its sides.")
    return parts


def _is_bar(text: str) -> bool:
    return text.startswith("(") and text.endswith(")") and "|" in text


def _expand(bar: str, formula: str) -> list[tuple[str, tuple[str, ...]]]:
    """`1 + x | a/b` as pairs of inner formula and factors: (1 + x, (a,)) and (1 + x, (a, b))."""
    halves = [half.strip() for half in re.split(r"\|\|?", bar)]
    if len(halves) != 2 or not all(halves):
        raise ValueError(f"In {formula!r}, ({bar}) is not of the form (effects | group).")
    inner, group = halves
    inners = _uncorrelated(inner, formula) if "||" in bar else [inner]
    nested = [[name.strip() for name in part.split(":")] for part in group.split("/")]
    names = [name for part in nested for name in part]
    for name in names:
        if not name.isidentifier():
            raise ValueError(
                f"In {formula!r}, the group of ({bar}) must be a column's name, or names joined by : or /; "
                f"{name!r} is not. Make the column first."
            )
    groups = [tuple(name for part in nested[: k + 1] for name in part) for k in range(len(nested))]
    return [(inner, factors) for factors in groups for inner in inners]


def _uncorrelated(inner: str, formula: str) -> list[str]:
    """`1 + x` as `1` and `0 + x`: what a double bar stands for."""
    terms = [term.name for term in _described(inner, formula).common_terms]
    return ["1" if name == "Intercept" else f"0 + {name}" for name in terms]


# ---- evaluating -------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _described(text: str, formula: str):
    from formulae import model_description

    try:
        return model_description(text)
    except Exception as error:  # the parser has no exception of its own for every fault
        raise ValueError(f"In {formula!r}, the part {text!r} cannot be read: {error}") from error


def _variables(text: str, formula: str) -> set[str]:
    return _described(text, formula).var_names - {""}


def _columns(text: str, data: pd.DataFrame, formula: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The design matrix of a formula without response: values, shape (n, p), and names of the columns."""
    if text == "1":
        return np.ones((len(data), 1)), ("Intercept",)
    alone = text.removeprefix("0 + ")
    if alone != text and alone in data and pd.api.types.is_any_real_numeric_dtype(data[alone].dtype):
        return data[alone].to_numpy(dtype=float)[:, None], (alone,)
    from formulae import design_matrices

    if not _described(text, formula).common_terms:
        return np.zeros((len(data), 0)), ()
    known = {"np": np, **FUNCTIONS}
    try:
        with np.errstate(all="ignore"):  # what is not finite is found, and named, below
            common = design_matrices(text, data, na_action="error", extra_namespace=known).common
    except KeyError as error:
        raise ValueError(
            f"In {formula!r}, {error.args[0]!r} is no function known here. Make the column first, with "
            "pandas."
        ) from error
    except Exception as error:
        raise ValueError(f"In {formula!r}, {text!r} cannot be computed from the data: {error}") from error
    frame = common.as_dataframe()
    return frame.to_numpy(dtype=float), tuple(map(str, frame.columns))


def _check_columns(data: pd.DataFrame, used: set[str], variables: set[str]) -> None:
    """Each column that the formula asks for exists once, and holds numbers or categories."""
    for name in sorted(used):
        if name not in data.columns:
            listed = f"They have {', '.join(map(str, data.columns))}."
            hint = did_you_mean(name, data.columns, listed, opens=True)
            raise ValueError(f"The data have no column {name!r}, which the formula asks for. {hint}")
        if not data.columns.is_unique and (data.columns == name).sum() > 1:
            raise ValueError(f"The data have several columns of the name {name!r}. Rename them.")
    for name in sorted(variables):
        if pd.api.types.is_any_real_numeric_dtype(data[name].dtype):
            continue
        if pd.api.types.infer_dtype(data[name], skipna=True) not in CATEGORIES:
            raise ValueError(
                f"The column {name!r} holds neither numbers nor categories (its type is {data[name].dtype}). "
                'Convert it first, with pd.to_numeric(…) or .astype("category").'
            )


def _complete_rows(data: pd.DataFrame, used: set[str], missing: str) -> tuple[pd.DataFrame, int]:
    data = data[sorted(used)]
    gaps = data.isna()
    rows = gaps.to_numpy().any(axis=1)
    if rows.any() and missing == "raise":
        counts = gaps.sum()
        told = ", ".join(f"{name}: {count}" for name, count in counts[counts > 0].items())
        raise ValueError(
            f"In {rows.sum()} of {len(data)} rows a value is missing ({told}). Fill them in, or leave those "
            'rows out with missing="drop".'
        )
    if rows.all():
        lacking = "each lacks a value of some variable in the formula" if len(rows) else "the data have none"
        raise ValueError(f"No row is left: {lacking}.")
    kept = data[~rows] if rows.any() else data
    # formulae would sort the categories by name, and give those that do not occur a column of zeros
    ordered = {
        name: kept[name].cat.remove_unused_categories().cat.as_ordered()
        for name in used
        if isinstance(kept[name].dtype, pd.CategoricalDtype)
    }
    return kept.assign(**ordered), int(rows.sum())


def _term(inner: str, factors: tuple[str, ...], data: pd.DataFrame, formula: str) -> Term:
    Z, names = _columns(inner, data, formula)
    if not names:
        raise ValueError(f"In {formula!r}, ({inner} | {':'.join(factors)}) lets nothing vary.")
    codes, levels = _grouping(data[list(factors)])
    return Term(":".join(factors), names, levels, codes, Z)


def _grouping(columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Each row's group, and the sorted labels that occur; several columns make one label, `a:b`."""
    parts = [pd.factorize(columns[name], sort=True) for name in columns]
    codes, labels = parts[0][0], np.asarray(parts[0][1])
    for further_codes, further_labels in parts[1:]:
        pairs, codes = np.unique(codes * len(further_labels) + further_codes, return_inverse=True)
        left, right = np.divmod(pairs, len(further_labels))
        labels = np.array([f"{labels[i]}:{further_labels[j]}" for i, j in zip(left, right, strict=True)])
    return codes, labels

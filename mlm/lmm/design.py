"""From a formula and a data frame to the arrays of a linear mixed model.

The formula language is lme4's. `formulae` evaluates what stands left of a bar. The bars are read here: they
decide which effects share a covariance matrix, namely those of one pair of brackets.
"""

import difflib
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
import pandas as pd
from scipy import linalg

MISSING = ("drop", "raise")
CATEGORIES = ("string", "boolean", "categorical", "empty")  # of these formulae makes indicators
# What a formula may call besides formulae's own C, I, center, scale, poly and bs.
FUNCTIONS = {name: getattr(np, name) for name in ("abs", "exp", "log", "log10", "log1p", "log2", "sqrt")}


@cache
def lower_triangle(p: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a p × p lower triangle, column after column: the order of theta."""
    columns, rows = np.triu_indices(p)
    return rows, columns


@dataclass(frozen=True, eq=False)
class Term:
    """One pair of brackets, `(names | group)`: effects of one grouping factor that share a covariance matrix.

    Attributes
    ----------
    group : str
        The grouping factor's name, `county`, or `batch:cask` for a nested one.
    names : tuple of str
        The p effects that vary, `("Intercept", "floor")`.
    levels : ndarray of shape (J,)
        The groups' labels.
    codes : ndarray of int, shape (n,)
        The group of each row, j[i]: a position in `levels`.
    Z : ndarray of shape (n, p)
        What each row's effects are multiplied by.
    """

    group: str
    names: tuple[str, ...]
    levels: np.ndarray
    codes: np.ndarray
    Z: np.ndarray

    @property
    def n_theta(self) -> int:
        """Entries of the lower triangle of the term's relative covariance factor."""
        return len(self.names) * (len(self.names) + 1) // 2

    def factor(self, theta: np.ndarray) -> np.ndarray:
        """Lower-triangular T, shape (p, p), from its n_theta entries by columns."""
        p = len(self.names)
        T = np.zeros((p, p))
        T[lower_triangle(p)] = theta
        return T


@dataclass(frozen=True, eq=False)
class Design:
    """The arrays of y = X beta + Z u + e.

    Attributes
    ----------
    y : ndarray of shape (n,)
    X : ndarray of shape (n, p)
    fixed_names : tuple of str
        The names of X's columns.
    terms : tuple of Term
        The random-effect terms, in the formula's order.
    rows_dropped : int
        Rows left out because a variable of the formula was missing.
    formula : str or None
    index : Index or None
        The labels of the rows kept.
    """

    y: np.ndarray
    X: np.ndarray
    fixed_names: tuple[str, ...]
    terms: tuple[Term, ...]
    rows_dropped: int = 0
    formula: str | None = None
    index: pd.Index | None = field(default=None, repr=False)

    def __post_init__(self):
        _check_numbers(self)
        _check_terms(self)
        _check_ranks(self)

    @property
    def n(self) -> int:
        """Observations."""
        return len(self.y)

    @property
    def n_theta(self) -> int:
        """Covariance parameters, the residual variance apart."""
        return sum(term.n_theta for term in self.terms)

    def factors(self, theta: np.ndarray) -> list[np.ndarray]:
        """The lower-triangular relative covariance factor of each term."""
        found, begin = [], 0
        for term in self.terms:
            found.append(term.factor(theta[begin : begin + term.n_theta]))
            begin += term.n_theta
        return found


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
            near = difflib.get_close_matches(name, map(str, data.columns), n=3)
            listed = ", ".join(map(str, data.columns))
            hint = f"Did you mean {' or '.join(near)}?" if near else f"They have {listed}."
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


# ---- what cannot be fitted --------------------------------------------------------------------------------


def _check_numbers(design: Design) -> None:
    columns = {"the response": design.y}
    columns |= {
        f"the column {name!r}": column for name, column in zip(design.fixed_names, design.X.T, strict=True)
    }
    for term in design.terms:
        for name, column in zip(term.names, term.Z.T, strict=True):
            columns[f"{name!r} in the term of {term.group!r}"] = column
    for name, column in columns.items():
        bad = np.flatnonzero(~np.isfinite(column))
        if len(bad):
            raise ValueError(
                f"In {len(bad)} of {design.n} rows {name} is not a finite number (first: {column[bad[0]]} in "
                f"row {bad[0]}). A logarithm of 0 or a division by 0 does this: mend the rows or leave them "
                "out."
            )
    if np.ptp(design.y) == 0:
        raise ValueError(
            f"The response is constant ({design.y[0]:g} in every row): there is nothing to explain."
        )


def _check_terms(design: Design) -> None:
    seen = set()
    for term in design.terms:
        for name in term.names:
            if (term.group, name) in seen:
                raise ValueError(
                    f"{name} varies by {term.group!r} in two brackets, so that no data can tell one variance "
                    "from the other. Take it out of one of them: (1 + x | g), or (1 | g) + (0 + x | g)."
                )
            seen.add((term.group, name))
        groups, effects = len(term.levels), len(term.levels) * len(term.names)
        if groups < 2:
            raise ValueError(
                f"The grouping factor {term.group!r} has only one level, {term.levels[0]}: nothing varies. "
                "Leave the term out."
            )
        if effects >= design.n:
            raise ValueError(
                f"The term ({' + '.join(term.names)} | {term.group}) has {effects} random effects for "
                f"{design.n} observations: they cannot be told from the residuals. Let fewer effects vary, "
                "or use coarser groups."
            )


def _check_ranks(design: Design) -> None:
    """Name the columns that are linear combinations of those before them."""
    n, p = design.X.shape
    if n <= p:
        raise ValueError(f"{p} fixed effects cannot be estimated from {n} observations.")
    parts = [("The fixed effects", design.X, design.fixed_names)]
    parts += [(f"The effects that vary by {t.group!r}", t.Z, t.names) for t in design.terms]
    for what, columns, names in parts:
        surplus = [name for name, new in zip(names, _new_share(columns), strict=True) if new < 1e-10]
        if surplus:
            raise ValueError(
                f"{what} cannot be told apart: {', '.join(surplus)} can be written as a combination of the "
                f"columns before it. Leave out {'it' if len(surplus) == 1 else 'them'}. "
                f"(The columns are {', '.join(names)}.)"
            )


def _new_share(columns: np.ndarray) -> np.ndarray:
    """How much of each column's length the columns before it do not span."""
    sizes = np.linalg.norm(columns, axis=0)
    triangle = linalg.qr(columns / np.where(sizes > 0, sizes, 1), mode="r")[0]
    return np.abs(np.diag(triangle))

"""From a formula and a data frame to the arrays of a linear mixed model.

The formula language is lme4's. `formulaic` reads and evaluates the response and what stands left of a
bar. The bars are read here: they decide which effects share a covariance matrix, namely those of one pair of
brackets.
"""

import re

import numpy as np
import pandas as pd

from mlm.lmm.columns import check_columns, check_variables, complete_rows, grouping, plain
from mlm.lmm.design import Design, Term
from mlm.lmm.language import Part, read
from mlm.lmm.recipe import Recipe, Varying

MISSING = ("drop", "raise")
NAME = re.compile(r"[^\W\d][\w.]*|`[^`]+`")


def build_design(formula: str, data: pd.DataFrame, missing: str = "drop") -> Design:
    """Evaluate a formula in lme4's language.

    Parameters
    ----------
    formula : str
        `"y ~ x + (1 + x | g)"`. Also `(0 + x | g)`, `(x || g)` (no correlations), `(1 | a/b)` (b within a),
        `(1 | a:b)`, and as many terms as needed. The response may be computed: `log(y) - z ~ x + (1 | g)`.
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
    left, right, bars = _split(formula)
    response, fixed = read(_as_one_column(left), formula, left), read(right, formula)
    brackets = [bracket for bar in bars for bracket in _expand(bar, formula)]
    parts = [response, fixed, *(inner for inner, _ in brackets)]
    variables = set().union(*(part.variables for part in parts))
    used = variables.union(*(factors for _, factors in brackets))
    check_columns(data, used)
    check_variables(data, variables)
    kept, dropped = complete_rows(data, used, missing)
    values = plain(kept[sorted(variables)])
    X, names, spec = fixed.columns(values)
    terms, varying = zip(
        *(_term(inner, factors, values, kept, formula) for inner, factors in brackets), strict=True
    )
    return Design(
        y=_response(response, values),
        X=X,
        fixed_names=names,
        terms=terms,
        rows_dropped=dropped,
        formula=formula,
        index=kept.index,
        recipe=Recipe(dict(values.dtypes), fixed, spec, varying),
    )


def _split(formula: str) -> tuple[str, str, list[str]]:
    """Response, fixed part, and the text inside each pair of brackets that holds a bar."""
    if not isinstance(formula, str) or formula.count("~") != 1:
        raise ValueError(f'A formula looks like "y ~ x + (1 | group)", with one ~; this is {formula!r}.')
    if re.search(r"\boffset\s*\(", formula):
        raise ValueError("There is no offset() here: subtract it from the response, as in y - w ~ x.")
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


def _as_one_column(response: str) -> str:
    """The response in formulaic's language: a name, which may be a word of Python (`yield`), or Python."""
    return f"0 + `{response.strip('`')}`" if NAME.fullmatch(response) else f"0 + {{{response}}}"


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


def _expand(bar: str, formula: str) -> list[tuple[Part, tuple[str, ...]]]:
    """`1 + x | a/b` as pairs of inner part and factors: (1 + x, (a,)) and (1 + x, (a, b))."""
    halves = [half.strip() for half in re.split(r"\|\|?", bar)]
    if len(halves) != 2 or not all(halves):
        raise ValueError(f"In {formula!r}, ({bar}) is not of the form (effects | group).")
    inner = read(halves[0], formula)
    inners = [read(text, formula) for text in inner.summands] if "||" in bar else [inner]
    nested = [[name.strip() for name in part.split(":")] for part in halves[1].split("/")]
    for name in (name for part in nested for name in part):
        if not NAME.fullmatch(name):
            raise ValueError(
                f"In {formula!r}, the group of ({bar}) must be a column's name, or names joined by : or /; "
                f"{name!r} is not. Make the column first (a name with spaces stands in `backticks`)."
            )
    groups = [tuple(name.strip("`") for part in nested[: k + 1] for name in part) for k in range(len(nested))]
    return [(inner, factors) for factors in groups for inner in inners]


def _response(part: Part, values: pd.DataFrame) -> np.ndarray:
    y, names, _ = part.columns(values)
    if len(names) != 1:
        raise ValueError(
            f"The response must be one column of numbers; {part.said!r} makes {len(names)} columns "
            f"({', '.join(names[:3])}{', …' if len(names) > 3 else ''}). Categories are no numbers: "
            "make them 0 and 1 first, with astype(float)."
        )
    return y[:, 0]


def _term(
    inner: Part, factors: tuple[str, ...], values: pd.DataFrame, kept: pd.DataFrame, formula: str
) -> tuple[Term, Varying]:
    Z, names, spec = inner.columns(values)
    if not names:
        raise ValueError(f"In {formula!r}, ({inner.said} | {':'.join(factors)}) lets nothing vary.")
    codes, levels = grouping(kept[list(factors)])
    groups = kept[list(factors)].iloc[np.unique(codes, return_index=True)[1]]
    return Term(":".join(factors), names, levels, codes, Z), Varying(inner, spec, groups)

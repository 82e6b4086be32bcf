"""What stands between the bars of a formula: read by formulaic, or refused with the place marked.

formulaic evaluates Python in a formula. Here only columns and a known list of functions may stand in it, so
that a slip of the pen is a message and never a column of something else.
"""

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from keyword import kwlist

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError, FormulaSyntaxError
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS

LOOKED_UP, LITERAL, PYTHON = (Factor.EvalMethod[name] for name in ("LOOKUP", "LITERAL", "PYTHON"))


def _categories(values, *arguments, **options):
    """`C(x)`; whole numbers name their categories 1, 2, 3 and not 1.0, 2.0, 3.0."""
    if pd.api.types.is_float_dtype(values) and np.all(np.mod(values, 1) == 0):
        values = values.astype(np.int64)
    return TRANSFORMS["C"](values, *arguments, **options)


def _as_is(values):
    """`I(x > 2)` is a category of two levels, as a column of booleans is."""
    return as_category(values) if pd.api.types.is_bool_dtype(values) else values


def as_category(values: pd.Series) -> pd.Series:
    """A column of booleans as categories, False first: what R makes of it."""
    return values.astype(bool).astype(pd.CategoricalDtype([False, True]))


#: What a formula may call.
FUNCTIONS = {name: getattr(np, name) for name in ("abs", "exp", "log", "log10", "log1p", "log2", "sqrt")}
FUNCTIONS |= {
    name: TRANSFORMS[name] for name in ("bs", "center", "contr", "poly", "scale", "Sum", "Treatment")
}
FUNCTIONS |= {"C": _categories, "I": _as_is, "np": np}


@dataclass(frozen=True)
class Part:
    """A piece of a formula that makes columns.

    Attributes
    ----------
    said : str
        As it was written.
    formula : str
        The formula in which it stands.
    variables : frozenset of str
        The columns of the data that it names.
    summands : tuple of str
        Each of its terms as a part of its own, without intercept: what a double bar stands for.
    """

    said: str
    formula: str
    parsed: Formula
    variables: frozenset[str]
    summands: tuple[str, ...]

    def columns(self, values: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...], ModelSpec | None]:
        """The columns it makes, shape (n, p), their names, and what makes the same columns of other rows.

        Parameters
        ----------
        values : DataFrame
            Floats and categories, without gaps (see `mlm.lmm.columns.plain`).
        """
        terms = [str(term) for term in self.parsed]
        if not terms:
            return np.zeros((len(values), 0)), (), None
        if terms == ["1"]:
            return np.ones((len(values), 1)), ("Intercept",), None
        made = self._evaluated(self.parsed, values)
        self._refuse_empty(made.model_spec.term_indices)
        return made.to_numpy(dtype=float), tuple(map(str, made.columns)), made.model_spec

    def columns_again(self, values: pd.DataFrame, spec: ModelSpec | None) -> np.ndarray:
        """The columns of other rows, by the means, knots and categories of those that gave `spec`."""
        if spec is None:
            return np.ones((len(values), len(list(self.parsed))))
        return self._evaluated(spec, values).to_numpy(dtype=float)

    def _evaluated(self, made_by: Formula | ModelSpec, values: pd.DataFrame) -> pd.DataFrame:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():  # what is not finite is named later
                warnings.simplefilter("error", DataMismatchWarning)
                return made_by.get_model_matrix(values, context=FUNCTIONS, na_action="ignore")
        except DataMismatchWarning as error:
            raise ValueError(
                f"In {self.formula!r}, {self.said!r} makes a category that was not there when the model was "
                f"fitted, so no coefficient belongs to it: {_unknown_categories(error)}."
            ) from error
        except (FormulaicError, SyntaxError, TypeError, ValueError) as error:
            raise ValueError(
                f"In {self.formula!r}, {self.said!r} cannot be computed from the data: {_in_words(error)}"
            ) from error

    def _refuse_empty(self, places: dict[Term, list[int]]) -> None:
        for term, found in places.items():
            if not found:
                raise ValueError(
                    f"In {self.formula!r}, {term} makes no column: in the rows that are used it has one "
                    "level only. Leave it out, or look at the rows that were left out for a missing value."
                )


@lru_cache(maxsize=256)
def read(text: str, formula: str, said: str | None = None) -> Part:
    """Read a part of a formula whole, or refuse it.

    Parameters
    ----------
    text : str
        In formulaic's language.
    formula : str
        The whole formula, for the message.
    said : str, optional
        What the user wrote, where that is not `text`.

    Raises
    ------
    ValueError
        If it cannot be read, or names a function that is not known here; the message marks the place.
    """
    said = said or text
    if re.search(r"%\s*in\s*%", text):  # formulaic adds a main effect that R does not
        raise ValueError(f"In {formula!r}, write a:b for b %in% a.")
    if re.search(r"(?<![\w`)\]])\.(?!\w)", text):
        raise ValueError(f"In {formula!r}, name the columns that the dot stands for.")
    try:
        parsed = Formula(text)
    except (FormulaicError, SyntaxError) as error:
        hint = " Arithmetic and comparisons stand in I(…)." if isinstance(error, FormulaSyntaxError) else ""
        for word in sorted(set(re.findall(r"\w+", text)).intersection(kwlist)):
            hint = f" {word} is a word of Python: give that column another name."
        raise ValueError(
            f"In {formula!r}, the part {said!r} cannot be read: {_in_words(error)}{hint}"
        ) from error
    for term in parsed:
        if len(term.factors) > 1 and any(factor.eval_method is LITERAL for factor in term.factors):
            raise ValueError(f"In {formula!r}, {term} multiplies by a number: write I(…) around it.")
    factors = [factor for term in parsed for factor in term.factors]
    variables = frozenset(name for factor in factors for name in _variables(factor, formula))
    for name in _names(text) if "-" not in text else ():
        if name not in variables and name.split(".")[0] not in {*variables, *FUNCTIONS}:
            raise ValueError(f"In {formula!r}, {name} stands where it makes no column: {said!r}.")
    return Part(said, formula, parsed, variables, tuple(map(_alone, parsed)))


def _names(text: str) -> list[str]:
    """The columns and functions that a text names, in order: no words in quotes, no names of arguments."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|\w+\s*=(?!=)", "", text)
    names = [name.strip("`") for name in re.findall(r"`[^`]+`|(?<![\w.])[^\W\d][\w.]*", bare)]
    return [name for name in names if name not in kwlist]


def _variables(factor: Factor, formula: str) -> set[str]:
    """The columns that a factor names; its functions must be known."""
    if factor.eval_method is not PYTHON:
        return {factor.expr} - {"1", "0"} if factor.eval_method is LOOKED_UP else set()
    quoted: list[str] = []

    def stand_in(match: re.Match) -> str:
        quoted.append(match[1])
        return f"_quoted_{len(quoted) - 1}"

    tree = ast.parse(re.sub(r"`([^`]+)`", stand_in, factor.expr), mode="eval")
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            raise ValueError(f"In {formula!r}, {factor.expr}: a power is written **, as in I(x**2).")
        if isinstance(node, ast.Subscript):
            raise ValueError(f"In {formula!r}, {factor.expr}: make that column first, with pandas.")
    for name in sorted(called - set(FUNCTIONS)):
        raise ValueError(
            f"In {formula!r}, {name!r} is no function known here. Make the column first, with pandas. "
            f"(Known are {', '.join(sorted(FUNCTIONS))}.)"
        )
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(FUNCTIONS)
    return {
        quoted[int(name.removeprefix("_quoted_"))] if name.startswith("_quoted_") else name for name in names
    }


def _alone(term: Term) -> str:
    """A term as a formula without intercept; the intercept as itself."""
    if str(term) == "1":
        return "1"
    return "0 + " + ":".join(
        f"`{factor.expr}`" if factor.eval_method is LOOKED_UP else factor.expr for factor in term.factors
    )


def _unknown_categories(warning: Warning) -> str:
    """The categories in formulaic's `(…): {np.int64(9), 'z'}. They are …`."""
    listed = re.search(r"\{(.*?)\}", str(warning))
    return re.sub(r"np\.\w+\(([^()]*)\)", r"\1", listed[1]) if listed else str(warning)


def _in_words(error: Exception) -> str:
    """An error of formulaic or Python in one piece, with carets below the place that it marks."""
    if isinstance(error, SyntaxError):
        place = f"\n  {error.text.rstrip()}\n  {' ' * ((error.offset or 1) - 1)}^" if error.text else ""
        return f"{error.msg}.{place}"
    text = re.sub("\x1b?\\[[0-9;]*m", "", str(error))
    marked = re.search("^(.*)⧛(.*)⧚(.*)$", text, re.M)
    if not marked:
        return text
    before, place, after = marked.groups()
    return text.replace(
        marked[0], f"  {before}{place}{after}\n  {' ' * len(before)}{'^' * len(place)}\n"
    ).strip()

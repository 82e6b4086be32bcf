"""A learner's value as plain data: numbers, text, lists and dictionaries, nothing that could act.

Types are matched strictly: a class of the learner's own that pretends to be a number is not one.
So no method of a foreign object decides what it is taken for, and the result can be written as JSON
and compared elsewhere, by code that never meets the object itself (`mlm.exercises.compare`).

Every plain value is a dictionary with a ``kind``:

============ ======================================================= ====================================
kind         other fields                                            made from
============ ======================================================= ====================================
unanswered   --                                                      ``...`` (a stub), the text ``"..."``
missing      --                                                      ``None``, ``pd.NA``, ``pd.NaT``
number       value                                                   int, float, NumPy scalar, 0-d array
boolean      value                                                   bool
text         value                                                   str, a time stamp
array        shape, of, values (flat)                                array, list, tuple, Index
set          of, values                                              set, frozenset
series       index, of, values                                       Series, dict of plain scalars
table        index, columns: list of {name, of, values}              DataFrame
list         items                                                   list of unequal things
function     results: a plain value (or ``raised``) for each probe   a function, called on the probes
raised       error                                                   a call that raised
other        type, family                                            anything else
============ ======================================================= ====================================

``of`` is number, boolean, text or mixed; ``gaps``, where there are any, counts entries that are unanswered
or missing.  A float that is not finite is written ``"nan"``, ``"inf"`` or
``"-inf"``, since JSON has no such numbers.
"""

import contextlib
import io
import math
import types
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd

#: More values than this are not compared: no question asks for so many.
LARGEST = 200_000
DEEPEST = 4
HUGE = 10**300  # integers beyond it have no float
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_plain(value, probes=None):
    """Convert a value to plain data; never raises.

    Parameters
    ----------
    value : object
        The learner's value.
    probes : list of list, optional
        Plain arguments (`to_plain` each).  With them, a function is called once for each and its
        results are what is kept.

    Returns
    -------
    dict
        Plain data, see the module's table.
    """
    try:
        if probes is not None and callable(value) and not isinstance(value, type):
            return {"kind": "function", "results": [_call(value, arguments) for arguments in probes]}
        return _convert(value, depth=0)
    except Exception:  # a foreign object may raise anything when it is read
        return _other(value)


def from_plain(plain):
    """Rebuild the value of plain data, for the arguments a function is probed with."""
    kind = plain["kind"]
    if kind in ("number", "boolean", "text"):
        return NOT_FINITE.get(plain["value"], plain["value"]) if kind == "number" else plain["value"]
    if kind == "array":
        return np.array(_floats(plain)).reshape(plain["shape"])
    if kind == "series":
        return pd.Series(_floats(plain), index=plain["index"])
    if kind == "table":
        columns = {column["name"]: _floats(column) for column in plain["columns"]}
        return pd.DataFrame(columns, index=plain["index"])
    if kind == "list":
        return [from_plain(item) for item in plain["items"]]
    if kind == "missing":
        return None
    raise TypeError(f"a probe can be a number, text, array, Series, DataFrame or list, not {kind}")


def describe_call(arguments) -> str:
    """Arguments of a probe as a reader would type them, shortened."""
    return "(" + ", ".join(_readable(plain) for plain in arguments) + ")"


def _readable(plain) -> str:
    if plain["kind"] == "table":
        return f"a table of {len(plain['index'])} rows"
    value = from_plain(plain)
    return _shorten(repr(value.tolist() if isinstance(value, (np.ndarray, pd.Series)) else value))


def _shorten(text: str, width: int = 30) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _floats(values: dict) -> list:
    if values["of"] != "number":
        return values["values"]
    return [NOT_FINITE.get(value, value) for value in values["values"]]


def _call(function, arguments) -> dict:
    """One probe: fresh arguments, output and warnings of the function kept off the page."""
    fresh = [from_plain(plain) for plain in arguments]
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            result = _convert(function(*fresh), depth=0)
            if [_convert(value, 0) for value in fresh] != [_convert(from_plain(p), 0) for p in arguments]:
                raise ValueError("your function changes what it is given; let it work on a copy")
            return result
    except (Exception, SystemExit) as error:
        return {"kind": "raised", "error": _one_line(error), "signature": _refused_arguments(error, function)}


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # an error whose own text cannot be made
        text = ""
    name = type(error).__name__
    return _shorten(f"{name}: {text}" if text else name, 120)


def _refused_arguments(error: BaseException, function) -> bool:
    """Was the call itself refused (a wrong signature), rather than something inside the function?"""
    name = getattr(function, "__name__", "")
    return (
        type(error) is TypeError
        and error.__traceback__ is not None
        and error.__traceback__.tb_next is None
        and f"{name}()" in str(error)
    )


def _convert(value, depth: int) -> dict:
    if depth > DEEPEST:
        return _other(value)
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    kind = type(value)
    if kind in (list, tuple):
        return _sequence(value, depth)
    if kind in (set, frozenset):
        return _unordered(value)
    if kind is dict:
        return _mapping(value)
    if kind is np.ndarray:
        return _array(value)
    if kind is pd.Series:
        return _limited(value) or {"kind": "series", "index": _labels(value.index), **_values(value.array)}
    if kind is pd.DataFrame:
        return _limited(value) or _table(value)
    if isinstance(value, (pd.Index, pd.api.extensions.ExtensionArray)) and _is_from(kind, "pandas"):
        return _limited(value) or {"kind": "array", "shape": [len(value)], **_values(pd.array(value))}
    if kind.__name__ == "DataArray" and _is_from(kind, "xarray"):
        return _array(np.asarray(value.values))
    return _other(value)


def _is_from(kind: type, library: str) -> bool:
    return kind.__module__.split(".")[0] == library


def _scalar(value) -> dict | None:
    kind = type(value)
    if value is Ellipsis:
        return {"kind": "unanswered"}
    if value is None or value is pd.NA or value is pd.NaT:
        return {"kind": "missing"}
    if kind in (bool, np.bool):
        return {"kind": "boolean", "value": bool(value)}
    if kind is int or issubclass(kind, np.integer) and _is_from(kind, "numpy"):
        number = int(value)
        return {"kind": "number", "value": number if abs(number) < HUGE else "inf" if number > 0 else "-inf"}
    if kind in (float, Decimal, Fraction) or issubclass(kind, np.floating) and _is_from(kind, "numpy"):
        return {"kind": "number", "value": _finite(float(value))}
    if kind in (str, np.str_):
        text = str(value)
        return {"kind": "unanswered"} if text.strip() == "..." else {"kind": "text", "value": text}
    if kind in (pd.Timestamp, pd.Timedelta, pd.Period, np.datetime64, np.timedelta64):
        return {"kind": "text", "value": str(value)}
    return None


def _finite(number: float):
    return number if math.isfinite(number) else repr(number)


def _limited(value) -> dict | None:
    if value.size <= LARGEST:
        return None
    return {"kind": "other", "type": f"{value.size:,} values", "family": "large"}


def _array(value: np.ndarray) -> dict:
    if value.size > LARGEST:
        return _limited(value)
    if value.ndim == 0:
        return _convert(value.item(), depth=DEEPEST)
    return {"kind": "array", "shape": list(value.shape), **_values(value.ravel())}


def _values(values) -> dict:
    """Flat values with what they are ``of``; missing entries of numbers become ``"nan"``."""
    if type(values) is pd.arrays.NumpyExtensionArray:
        values = values.to_numpy()
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return {"of": "boolean" if dtype.kind == "b" else "number", "values": np.asarray(values).tolist()}
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        return {"of": "number", "values": [_finite(number) for number in np.asarray(values).tolist()]}
    return _gather([_scalar(value) for value in values])


def _gather(scalars: list) -> dict:
    if any(scalar is None for scalar in scalars):
        return {"of": "mixed", "values": [scalar and scalar.get("value") for scalar in scalars]}
    counts = {kind: sum(s["kind"] == kind for s in scalars) for kind in ("unanswered", "missing")}
    gaps = {kind: count for kind, count in counts.items() if count}
    kinds = {scalar["kind"] for scalar in scalars if scalar.get("value", "nan") != "nan"}
    kinds |= {"number"} if not kinds and scalars else set()
    of = kinds.pop() if len(kinds) == 1 else "mixed"
    gap = "nan" if of == "number" else None
    values = [scalar.get("value", gap) for scalar in scalars]
    values = values if of == "number" else [None if v == "nan" else v for v in values]
    return {"of": of, "values": values} | ({"gaps": gaps} if gaps else {})


def _sequence(value, depth: int) -> dict:
    if len(value) > LARGEST:
        return {
            "kind": "other",
            "type": f"{len(value):,} values",
            "family": "large",
        }
    scalars = [_scalar(item) for item in value]
    if all(scalar is not None for scalar in scalars):
        if scalars and all(scalar["kind"] == "unanswered" for scalar in scalars):
            return {"kind": "unanswered"}
        gathered = _gather(scalars)
        if gathered["of"] != "mixed" or not scalars:
            return {"kind": "array", "shape": [len(value)], **gathered}
    items = [_convert(item, depth + 1) for item in value]
    return _rectangle(items) or {"kind": "list", "items": items}


def _rectangle(items: list) -> dict | None:
    """Rows of equal shape and kind as one array, so that ``[[1, 2], [3, 4]]`` is a matrix."""
    first = items[0]
    same = all(
        i["kind"] == "array" and i["shape"] == first["shape"] and i["of"] == first["of"] for i in items
    )
    if not same:
        return None
    values = [value for item in items for value in item["values"]]
    return {"kind": "array", "shape": [len(items), *first["shape"]], "of": first["of"], "values": values}


def _unordered(value) -> dict:
    scalars = [_scalar(item) for item in value]
    if any(scalar is None for scalar in scalars):
        return _other(value)
    gathered = _gather(scalars)
    return {"kind": "set", **gathered, "values": sorted(gathered["values"], key=lambda v: (str(type(v)), v))}


def _mapping(value: dict) -> dict:
    scalars = [_scalar(item) for item in value.values()]
    if len(value) > LARGEST or any(scalar is None for scalar in scalars):
        return _other(value)
    if scalars and all(scalar["kind"] == "unanswered" for scalar in scalars):
        return {"kind": "unanswered"}
    return {"kind": "series", "index": [_label(key) for key in value], **_gather(scalars)}


def _table(value: pd.DataFrame) -> dict:
    columns = [
        {"name": _label(name), **_values(value.iloc[:, place].array)}
        for place, name in enumerate(value.columns)
    ]
    return {"kind": "table", "index": _labels(value.index), "columns": columns}


def _labels(index: pd.Index) -> list[str]:
    return [str(n) for n in index] if type(index) is pd.RangeIndex else [_label(label) for label in index]


def _label(label) -> str:
    """A row or column label as text; 1 and 1.0 are the same label."""
    if type(label) is tuple:
        return ", ".join(_label(part) for part in label)
    scalar = _scalar(label)
    if scalar is None or "value" not in scalar:
        return str(scalar["kind"]) if scalar else type(label).__name__
    number = scalar["value"]
    return str(int(number)) if type(number) is float and number.is_integer() else str(number)


def _other(value) -> dict:
    kind = type(value)
    if kind in (types.FunctionType, types.BuiltinFunctionType, types.MethodType):
        return {"kind": "function", "results": []}
    family = ""
    if _is_from(kind, "statsmodels") and "Results" in kind.__name__:
        family = "fit"
    elif kind.__name__ in ("InferenceData", "DataTree", "Dataset"):
        family = "draws"
    return {"kind": "other", "type": kind.__name__, "family": family}

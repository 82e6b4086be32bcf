"""Which scalar of an answer belongs to which scalar of the key, and how far apart they are.

Plain data only (see `mlm.exercises.plain`), standard library only.
"""

import math

from mlm.exercises.wellformed import NUMBERS


def distance(answer: dict, value: dict, rtol: float, atol: float) -> float:
    """Largest difference in units of the tolerance: at most 1 where the two agree, else more.

    The tolerance of an element is ``atol + rtol * |value|``.  Values that cannot be compared (text and a
    number, other shapes, other labels) are infinitely far apart.
    """
    return max(element_distances(answer, value, rtol, atol), default=0.0)


def element_distances(answer: dict, value: dict, rtol: float, atol: float) -> list[float]:
    """Distance of every element, in the order of ``value``; ``[inf]`` where nothing can be compared."""
    pairs = align(answer, value)
    if pairs is None:
        return [math.inf]
    return [_element(a, v, rtol, atol) for a, v in pairs]


def align(answer: dict, value: dict) -> list[tuple] | None:
    """Pair the scalars of the answer with those of the key; None where the two have other forms.

    What the key is decides what counts: an array by position, a Series or dict by label, a data frame by
    row label and column name (by position where its rows are only numbered), a set in any order.
    """
    kind = value["kind"]
    if kind == "set" and answer["kind"] in ("set", "array", "series"):
        return _pair_unordered(answer["values"], value["values"])
    if answer["kind"] != kind:
        return None
    if kind in ("number", "boolean", "text"):
        return [(answer["value"], value["value"])]
    if kind == "array":
        same = answer["shape"] == value["shape"]
        return list(zip(answer["values"], value["values"], strict=True)) if same else None
    if kind == "series":
        return _pair_by_label(answer["index"], answer["values"], value["index"], value["values"])
    if kind == "table":
        return _pair_tables(answer, value)
    return _pair_items(answer, value)


def _pair_unordered(answer: list, value: list) -> list[tuple] | None:
    if len(answer) != len(value):
        return None

    def order(scalar):
        words = _words(scalar) if isinstance(scalar, str) else [str(scalar)]
        return (isinstance(scalar, str), scalar if isinstance(scalar, (int, float)) else 0, words)

    return list(zip(sorted(answer, key=order), sorted(value, key=order), strict=True))


def _pair_by_label(answer_index, answer, value_index, value) -> list[tuple] | None:
    if len(answer_index) != len(value_index):  # before any sorting: the answer may be long
        return None
    if is_numbered(value_index) or len(set(value_index)) < len(value_index):
        return list(zip(answer, value, strict=True)) if answer_index == value_index else None
    if sorted(answer_index) != sorted(value_index):
        return None
    by_label = dict(zip(answer_index, answer, strict=True))
    return [(by_label[label], right) for label, right in zip(value_index, value, strict=True)]


def is_numbered(index: list[str]) -> bool:
    """Are the labels only positions: 0, 1, 2, …?"""
    return all(label == str(place) for place, label in enumerate(index))


def _pair_tables(answer: dict, value: dict) -> list[tuple] | None:
    if len(answer["columns"]) != len(value["columns"]) or len(answer["index"]) != len(value["index"]):
        return None
    columns = {column["name"]: column["values"] for column in answer["columns"]}
    if sorted(columns) != sorted(column["name"] for column in value["columns"]):
        return None
    pairs = []
    for column in value["columns"]:
        paired = _pair_by_label(answer["index"], columns[column["name"]], value["index"], column["values"])
        if paired is None:
            return None
        pairs += paired
    return pairs


def _pair_items(answer: dict, value: dict) -> list[tuple] | None:
    """Lists and the results of functions: item by item."""
    field = "results" if value["kind"] == "function" else "items"
    if field not in value or len(answer[field]) != len(value[field]):
        return None
    pairs = []
    for mine, right in zip(answer[field], value[field], strict=True):
        paired = align(mine, right)
        if paired is None:
            return None
        pairs += paired
    return pairs


def _element(answer, value, rtol: float, atol: float) -> float:
    if type(answer) in NUMBERS and type(value) in NUMBERS:
        gap, allowed = abs(answer - value), atol + rtol * abs(value)
        away = 0.0 if gap == 0 else gap / allowed if allowed else math.inf
        return away if away >= 0 else math.inf  # nan is not even that
    same = _same_text(answer, value) if isinstance(answer, str) else answer is value
    return 0.0 if same else math.inf


def _same_text(answer, value) -> bool:
    """Capitals and spaces do not make an answer wrong."""
    both = isinstance(answer, str) and isinstance(value, str)
    return both and len(answer) <= 10 * len(value) + 100 and _words(answer) == _words(value)


def _words(text: str) -> list[str]:
    return text.casefold().split()

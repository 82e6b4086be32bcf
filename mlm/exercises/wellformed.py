"""Is this plain data as `mlm.exercises.plain` makes it?  Whatever else arrives is compared with nothing.

A grader reads answers from a place it does not trust, where other code than `to_plain` may have written
them.  Here types are matched exactly (True is no number, "3" neither), numbers are finite or one of three
words, and lengths agree.  Standard library only.
"""

import math

NUMBERS = {int, float}  # not bool, which is an int to Python
NOT_FINITE = {"nan", "inf", "-inf"}
HUGE = 10**300  # integers beyond it have no float
DEEPEST = 6  # lists in lists
MOST_AXES = 64  # of an array, as in NumPy
MOST_COLUMNS = 10_000  # of a table
FAMILIES = {"", "fit", "draws", "large"}


def is_plain(answer, depth: int = 0) -> bool:
    """Is it a dictionary of a known kind, whose fields are what that kind's should be?"""
    if type(answer) is not dict or depth > DEEPEST:
        return False
    kind = answer.get("kind")
    return type(kind) is str and kind in FIELDS and FIELDS[kind](answer, depth)


def _number(answer, depth) -> bool:
    return _are_numbers([answer.get("value")])


def _array(answer, depth) -> bool:
    shape = answer.get("shape")
    if type(shape) is not list or len(shape) > MOST_AXES or set(map(type, shape)) - {int}:
        return False
    return _are_values(answer) and min(shape, default=0) >= 0 and math.prod(shape) == len(answer["values"])


def _series(answer, depth) -> bool:
    return _are_labels(answer.get("index")) and _are_values(answer, len(answer["index"]))


def _table(answer, depth) -> bool:
    index, columns = answer.get("index"), answer.get("columns")
    if not _are_labels(index) or type(columns) is not list or len(columns) > MOST_COLUMNS:
        return False
    return not set(map(type, columns)) - {dict} and all(
        type(column.get("name")) is str and _are_values(column, len(index)) for column in columns
    )


def _parts(field: str):
    def holds(answer, depth) -> bool:
        parts = answer.get(field)
        return type(parts) is list and all(is_plain(part, depth + 1) for part in parts)

    return holds


def _raised(answer, depth) -> bool:
    return type(answer.get("error")) is str and type(answer.get("signature")) is bool


def _other(answer, depth) -> bool:
    return type(answer.get("type")) is str and _is_one_of(answer.get("family"), FAMILIES)


def _are_labels(labels) -> bool:
    return type(labels) is list and not set(map(type, labels)) - {str}


def _are_values(answer, count: int | None = None) -> bool:
    """Flat values of the type that ``of`` says; ``gaps``, where there are any, counted by kind."""
    values, of, gaps = answer.get("values"), answer.get("of"), answer.get("gaps", {})
    if type(values) is not list or not _is_one_of(of, VALUES) or count not in (None, len(values)):
        return False
    if type(gaps) is not dict or not all(type(n) is int and n > 0 for n in gaps.values()):
        return False
    return VALUES[of](values)


def _are_numbers(values: list) -> bool:
    words = {value for value in values if type(value) is str}
    numbers = [value for value in values if type(value) is not str]
    if words - NOT_FINITE or set(map(type, numbers)) - NUMBERS:
        return False
    return all(-HUGE < value < HUGE if type(value) is int else math.isfinite(value) for value in numbers)


def _are_scalars(values: list) -> bool:
    return _are_numbers([value for value in values if type(value) not in (bool, str, type(None))])


def _are_of(*types):
    return lambda values: not set(map(type, values)) - set(types)


def _is_one_of(word, words) -> bool:
    return type(word) is str and word in words


VALUES = {
    "number": _are_numbers,
    "boolean": _are_of(bool, type(None)),
    "text": _are_of(str, type(None)),
    "mixed": _are_scalars,
}
FIELDS = {
    "unanswered": lambda answer, depth: True,
    "missing": lambda answer, depth: True,
    "number": _number,
    "boolean": lambda answer, depth: type(answer.get("value")) is bool,
    "text": lambda answer, depth: type(answer.get("value")) is str,
    "array": _array,
    "set": lambda answer, depth: _are_values(answer),
    "series": _series,
    "table": _table,
    "list": _parts("items"),
    "function": _parts("results"),
    "raised": _raised,
    "other": _other,
}

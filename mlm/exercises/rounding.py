"""Is a wrong answer the right one with too few digits?

Plain data only (see `mlm.exercises.plain`), standard library only.
"""

import math
from decimal import Decimal

from mlm.exercises.align import align
from mlm.exercises.wellformed import NUMBERS

#: Digits that a number must show before it can be the right one rounded: with fewer it is so by chance.
FEWEST, FEWEST_OF_WHOLE = 2, 3


def too_few_digits(answer: dict, question: dict) -> str:
    """Say that the answer is the right value rounded, and how many digits are enough; ``""`` if it is not.

    Every number that is off must be the right one to the digits it shows, and no catalogued mistake may
    round to the same answer.
    """
    pairs = align(answer, question["value"])
    off = [pair for pair in pairs or () if not _within(*pair, question)]
    if not off or not all(_is_rounded(*pair) for pair in off):
        return ""
    if any(_rounds_to(answer, mistake["value"], question) for mistake in question["mistakes"]):
        return ""
    digits = max(_enough(right, question) for _, right in off)
    what = "this is the right value" if len(pairs) == 1 else "these are the right values"
    return f"{what}, but rounded: give at least {digits} digits."


def _within(given, right, question: dict) -> bool:
    if type(given) in NUMBERS and type(right) in NUMBERS:
        return abs(given - right) <= question["atol"] + question["rtol"] * abs(right)
    return given == right


def _rounds_to(answer: dict, value: dict, question: dict) -> bool:
    pairs = align(answer, value)
    return bool(pairs) and all(_within(*pair, question) or _is_rounded(*pair) for pair in pairs)


def _is_rounded(given, right) -> bool:
    """Is ``given`` the number ``right``, which is not whole, to the digits that ``given`` shows?"""
    if type(given) not in NUMBERS or type(right) is not float or not math.isfinite(given):
        return False
    shown = Decimal(repr(given))
    last = min(shown.normalize().as_tuple().exponent, 0)  # place of its last digit: -2 for 0.55, 0 for 251
    digits = shown.adjusted() - last + 1
    if not shown or digits < (FEWEST if last < 0 else FEWEST_OF_WHOLE):
        return False
    return abs(shown - Decimal(repr(right))) <= Decimal((0, (5,), last - 1))


def _enough(right: float, question: dict) -> int:
    """Digits of ``right`` whose rounding error is surely within the tolerance."""
    allowed = question["atol"] + question["rtol"] * abs(right)
    return max(1, Decimal(repr(right)).adjusted() + 1 - math.floor(math.log10(2 * allowed)))

"""What a function is called with: as its author says, and at other places in a private variant.

The public key holds the arguments of every call and what a right function returns, so that a notebook
can say at once what is wrong.  A table of both would pass for a function if a private variant asked
for the same calls.  There every bare float is moved a little; right value, mistakes and routes are
computed at the new places.
"""

import zlib

import numpy as np

#: A float becomes this share of itself: far enough for any tolerance, and near enough to stay what it
#: is (a probability, a standard deviation, a ratio below 1).
NEAREST, FARTHEST = 0.99, 0.9
DIGITS = 4  # kept of a moved float, so that it can be read in a message


def move(arguments: list[dict], rng: np.random.Generator) -> list[dict]:
    """Scale the bare floats of a call, each by a factor of its own; their order and signs stay.

    Parameters
    ----------
    arguments : list of dict
        Plain arguments (`mlm.exercises.plain`).
    rng : numpy.random.Generator
        Draws the factors.

    Returns
    -------
    list of dict
        Whole numbers, text and what is not finite stay as they are, and so does 0.0, which is a case of its
        own.  Lists, arrays, Series and data frames stay too, since their entries may have to fit
        together; a solution that probes with nothing else varies them itself.

    Notes
    -----
    The larger of two floats gets the larger factor: of two limits the lower stays the lower one.
    """
    places = [place for place, plain in enumerate(arguments) if _is_movable(plain)]
    places.sort(key=lambda place: abs(arguments[place]["value"]))
    factors = np.sort(rng.uniform(FARTHEST, NEAREST, len(places)))
    moved = list(arguments)
    for place, factor in zip(places, factors, strict=True):
        value = float(f"{arguments[place]['value'] * factor:.{DIGITS}g}")
        moved[place] = {"kind": "number", "value": value}
    return moved


def _is_movable(plain: dict) -> bool:
    """Is it a float other than 0?  (Plain data hold nan and the infinities as text.)"""
    return plain["kind"] == "number" and type(plain["value"]) is float and plain["value"] != 0


def generator(question: str, variant: int) -> np.random.Generator:
    """Draws of one question in one variant, the same on every machine."""
    return np.random.default_rng([variant, zlib.crc32(question.encode())])

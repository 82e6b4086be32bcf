"""What an unknown name may have meant: one way to find it, and one to say it."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(
    name: object,
    known: Iterable,
    otherwise: str = "",
    *,
    most: int = 3,
    alike: float = 0.6,
    quoted: bool = False,
    opens: bool = False,
) -> str:
    """``did you mean radon or rats?``, or what to say where no name is like it.

    Parameters
    ----------
    name : object
        The name that is unknown, as it was given.
    known : iterable
        The names that there are.
    otherwise : str
        What is said instead where none of them is like it.
    most : int
        How many guesses are named.
    alike : float
        How alike a guess is at least, from 0 to 1 (`difflib.get_close_matches`).
    quoted : bool
        Whether guesses stand in quotes.
    opens : bool
        Whether the words open a sentence.
    """
    near = get_close_matches(str(name), list(map(str, known)), n=most, cutoff=alike)
    told = " or ".join(map(repr if quoted else str, near))
    return f"{'Did' if opens else 'did'} you mean {told}?" if near else otherwise

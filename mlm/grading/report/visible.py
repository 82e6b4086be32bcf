"""Text by strangers made safe to look at: what cannot be seen is marked, and what is too long is cut.

Escaping for HTML is left to the templates, and guarding against formulas to the exports; both take what comes
from here, in which no character moves, hides or breaks the text around it.
"""

import re
import unicodedata

#: Joiners that scripts and emoji need; alone among invisible characters they stay.
JOINERS = "\u200c\u200d"
_SUSPECT = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u05ff\u0621-\u06dc]")
_MARKED = {
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
}  # control, format (as right-to-left overrides), lone surrogates, line ends
_COMBINING = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4,}"
)


def visible(text: str, limit: int, lines: bool = False) -> str:
    """Text in which every character can be seen, of at most ``limit`` characters and a note.

    Parameters
    ----------
    text : str
        Anything, also what no encoding can write.
    limit : int
        How many characters are kept.  Where some were left out a note at the end says how many there were.
    lines : bool
        Whether ends of lines and tabs stay what they are.

    Returns
    -------
    str
        Control characters and other invisible ones are shown by their number (``⟦U+202E⟧``), and piles of
        combining marks as ``⟦40 marks⟧``.
    """
    kept = text[:limit]
    if lines:
        kept = kept.replace("\r\n", "\n").replace("\r", "\n")
    kept = _COMBINING.sub(lambda pile: f"⟦{len(pile[0])} marks⟧", kept)
    kept = _SUSPECT.sub(lambda found: _mark(found[0], lines), kept)
    if len(text) > limit:
        kept += f" … ⟦cut: {len(text):,} characters in all⟧"
    return kept


def _mark(character: str, lines: bool) -> str:
    code = ord(character)
    if lines and character in "\n\t" or character in JOINERS:
        return character
    unseen = unicodedata.category(character) in _MARKED or code & 0xFFFE == 0xFFFE
    return f"⟦U+{code:04X}⟧" if unseen else character


def number(value: float) -> str:
    """Points as text: ``1``, ``0.5``, ``2.333333``; never with an exponent, a minus zero or a locale."""
    text = f"{round(value, 6):.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

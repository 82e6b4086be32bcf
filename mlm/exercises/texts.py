"""Is this a text of one's own?  What is said of a written answer before anybody reads it.

Standard library only.
"""

import string

#: A text has at least this share of different words; beyond so many words repetition is natural.
DIFFERENT, REPEATS_AFTER = 0.3, 300
#: Runs of so many words tell whose text it is, and more than this share of them from elsewhere is too much.
RUN, BORROWED = 4, 0.5
MARKS = string.punctuation + "“”‘’„«»…–—"


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: small letters, no punctuation around them."""
    return [word.strip(MARKS).casefold() for word in text.split() if any(map(str.isalnum, word))]


def refusal(text: str, task: str) -> str:
    """Why this is no text of one's own; ``""`` where nothing speaks against it.

    Parameters
    ----------
    text : str
        What was written.
    task : str
        The question's own words: what is asked, the criteria, the hints.
    """
    given = words_of(text)
    different = len(set(given))
    if different < DIFFERENT * min(len(given), REPEATS_AFTER):
        return (
            f"These are {len(given)} words, but the same {different} again and again: no text to be read yet."
        )
    if _share_from(given, task) > BORROWED:
        return "More than half of this stands in the question itself; answer it in your own words."
    return ""


def _share_from(given: list[str], source: str) -> float:
    """The share of a text's runs of words that stand in another text too."""
    mine, theirs = _runs(given), set(_runs(words_of(source)))
    return sum(run in theirs for run in mine) / len(mine) if mine else 0.0


def _runs(words: list[str]) -> list[tuple]:
    return list(zip(*(words[start:] for start in range(RUN)), strict=False))

"""A new chapter: a page and a solution that build and pass, for an author to fill."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKELETON = Path(__file__).with_name("skeleton")
NAME = re.compile(r"(\d\d)-([a-z]+(?:-[a-z0-9]+)*)")


class CannotBegin(Exception):
    """There is no chapter to begin; the message says why."""


def begin_chapter(name: str, root: Path = ROOT) -> list[str]:
    """Write the page, the solution and the entry in the table of contents.

    Parameters
    ----------
    name : str
        ``NN-slug``, such as ``06-error-structure``; its number is its place in the book.
    root : pathlib.Path
        The checkout.

    Returns
    -------
    list of str
        What was written, one line for each file.

    Raises
    ------
    CannotBegin
        If the name is none, or something of that name or number is there already.
    """
    found = NAME.fullmatch(name)
    if not found:
        raise CannotBegin(f"{name!r} is no name of a chapter; it is a number and words: 06-error-structure")
    number, slug = found.groups()
    taken = sorted(
        path.name for folder in ("book", "solutions") for path in (root / folder).glob(f"{number}-*.md")
    )
    if taken:
        raise CannotBegin(f"Chapter {int(number)} is there already: {', '.join(dict.fromkeys(taken))}")
    words = {"SLUG": slug, "NAME": name, "NN": str(int(number)), "TITLE": slug.replace("-", " ").capitalize()}
    for folder, source in (("book", "page.md"), ("solutions", "solution.md")):
        text = (SKELETON / source).read_text(encoding="utf8")
        filled = re.sub(r"\b(SLUG|NAME|NN|TITLE)\b", lambda word: words[word[1]], text)
        (root / folder / f"{name}.md").write_text(filled, encoding="utf8")
    contents = root / "_toc.yml"
    contents.write_text(with_entry(contents.read_text(encoding="utf8"), name), encoding="utf8")
    return [f"book/{name}.md: new", f"solutions/{name}.md: new", "_toc.yml: the page is in its place"]


def with_entry(contents: str, name: str) -> str:
    """The table of contents with a chapter more, before the next higher number."""
    lines = contents.splitlines()
    chapters = [n for n, line in enumerate(lines) if re.match(r"\s*- file: book/\d\d-", line)]
    later = [n for n in chapters if lines[n].rpartition("/")[2] > name]
    place = later[0] if later else chapters[-1] + 1
    lines.insert(place, f"  - file: book/{name}")
    return "\n".join(lines) + "\n"

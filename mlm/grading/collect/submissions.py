"""From a folder or a zip of what a class handed in to a list with a place for every file.

A file may be anything: nothing is run, no link is followed, no pipe or device is opened, and a zip is never
unpacked to disk.  What cannot be graded stays in the list, with the reason.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from mlm.grading.collect import archives, platforms
from mlm.grading.collect.platforms import NOTEBOOK, Owner
from mlm.grading.collect.reader import MAX_BYTES
from mlm.grading.collect.rosters import CannotCollect, Learner, Roster, read_roster
from mlm.grading.model import Submission

__all__ = ["CannotCollect", "Learner", "collect", "missing_learners", "slugs"]

MAX_UNPACKED = 2**30  # bytes unpacked from all zips of a collection together
MAX_FOLDERS = 100  # folders inside each other
MAX_NOTEBOOKS = 20  # of one learner: each may run for minutes
MAX_SLUG = 80
SHOWN_OTHERS = 3
READ_ONLY = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
NO_PARTS = ("", ".", "..", "__MACOSX")
LINK = ("unsafe path", "It is a link, and links are not followed; ask for the file itself.")
DEVICE = ("unsafe path", "It is a pipe, a socket or a device, and is not opened; ask for the notebook.")


@dataclass(frozen=True)
class Found:
    """One file: its name, and what it holds or why it will not be graded."""

    name: str
    content: bytes = b""
    problem: tuple[str, str] | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Its path, part by part, without what only moves about."""
        return tuple(part for part in self.name.split("/") if part not in NO_PARTS) or (self.name,)


def collect(place: Path, roster: Path | None = None, *, exercise: str = "") -> list[Submission]:
    """Everything that was handed in, sorted by name, the same on every machine.

    A ``.zip`` in the folder is opened in memory, one inside it is not.  Whose a file is comes from the roster
    if it knows the learner, else from the platform's names and metadata (Canvas, Gradescope, Moodle,
    nbgrader), else from the folder, else from the file's name.  The metadata of a Gradescope export and the
    roster are read as such and have no place in the list.

    Parameters
    ----------
    place : pathlib.Path
        A folder or a zip.
    roster : pathlib.Path, optional
        A CSV of the learners; `mlm.grading.collect.rosters.read_roster` says which columns it may have.
    exercise : str
        Name of the exercise, which is then no part of a learner's name; without it, any that looks like one.

    Raises
    ------
    CannotCollect
        If there is no such folder or zip, or the roster cannot be used.
    """
    learners = read_roster(roster) if roster else None
    found = _unique(_files(place, roster))
    metadata, used = _metadata(found)
    found = [file for file in found if file.name not in used]
    wrapper = platforms.wrapper_of(file.parts for file in found)
    owners = [platforms.owner(file.parts, exercise, wrapper, metadata) for file in found]
    names = _told_apart(owners)
    return _with_others([_submission(*each, learners) for each in zip(found, owners, names, strict=True)])


def missing_learners(submissions: list[Submission], roster: Path) -> list[Learner]:
    """The learners of a roster of whom no file of any kind is in the list, in the roster's order."""
    present = {name for one in submissions for name in (one.learner, *one.ids.get("members", "").split("; "))}
    return [learner for learner in read_roster(roster).learners if learner.name not in present]


def slugs(submissions: list[Submission]) -> dict[str, str]:
    """Name of each submission -> a name for its files that every file system takes.

    Letters, digits, ``-``, ``_`` and ``.``, at most 80, unique whatever the case.  A piece of the name's hash
    follows where a character was lost or two would be the same.
    """
    made = {one.name: _slug(one.name) for one in submissions}
    digits = 10
    while clashes := _clashes(made):
        for name in clashes:
            made[name] = _hashed(_readable(name), name, digits)
        digits = min(2 * digits, 64)
    return made


def _files(place: Path, roster: Path | None) -> Iterator[Found]:
    place = Path(os.path.realpath(place))  # the instructor's own path may be a link; what is in it may not
    budget = [MAX_UNPACKED]
    if place.is_dir():
        yield from _in_folder(place, os.path.realpath(roster) if roster else "", budget)
    elif place.is_file() and place.suffix.lower() == ".zip":
        with place.open("rb") as file:
            try:
                yield from _in_zip(file, "", budget)
            except archives.BadArchive as error:
                raise CannotCollect(f"{place.name}: {error}") from None
    else:
        what = "is neither a folder nor a .zip" if place.exists() else "does not exist"
        raise CannotCollect(f"{place} {what}; name the folder or the zip of what was handed in.")


def _in_folder(place: Path, roster: str, budget: list[int]) -> Iterator[Found]:
    folders = [(str(place), "", 0)]
    while folders:
        folder, above, depth = folders.pop()
        try:
            with os.scandir(folder) as scan:
                items = sorted(scan, key=lambda item: item.name)
        except OSError as error:
            yield Found(above.rstrip("/") or ".", problem=_unreadable(error))
            continue
        for item in items:
            name = above + _text(item.name)
            if item.is_dir(follow_symlinks=False):
                if depth < MAX_FOLDERS:
                    folders.append((item.path, f"{name}/", depth + 1))
                else:
                    sentence = f"More than {MAX_FOLDERS} folders inside each other; ask for the notebook."
                    yield Found(name, problem=("unsafe path", sentence))
            elif item.path != roster:
                yield from _on_disk(item.path, name, budget)


def _text(name: str) -> str:
    """A name as text, also where its bytes are no UTF-8."""
    return name.encode("utf8", "surrogateescape").decode("utf8", "backslashreplace")


def _unreadable(error: OSError) -> tuple[str, str]:
    return "unreadable", f"It cannot be read: {error.strerror}. Change its permissions, or ask for it again."


def _on_disk(path: str, name: str, budget: list[int]) -> Iterator[Found]:
    try:
        kind = os.lstat(path)
        if stat.S_ISLNK(kind.st_mode) or not stat.S_ISREG(kind.st_mode):
            yield Found(name, problem=LINK if stat.S_ISLNK(kind.st_mode) else DEVICE)
            return
        if problem := _unopened(name, kind.st_size):
            yield Found(name, problem=problem)
            return
        with os.fdopen(os.open(path, READ_ONLY), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield Found(name, problem=DEVICE)
            elif name.lower().endswith(".zip"):
                yield from _zip_on_disk(file, name, budget)
            else:
                content = file.read(MAX_BYTES + 1)
                yield Found(name, problem=_too_large()) if len(content) > MAX_BYTES else Found(name, content)
    except OSError as error:
        yield Found(name, problem=_unreadable(error))


def _zip_on_disk(file: BinaryIO, name: str, budget: list[int]) -> Iterator[Found]:
    try:
        inside = list(_in_zip(file, f"{name}/", budget))
    except archives.TooLarge as error:
        inside = [Found(name, problem=("too large", str(error)))]
    except archives.BadArchive as error:
        inside = [Found(name, problem=("unreadable", str(error)))]
    yield from inside or [Found(name, problem=("empty", "The zip holds no file."))]


def _in_zip(file: BinaryIO, above: str, budget: list[int]) -> Iterator[Found]:
    listed, more = archives.entries(file)
    for entry in listed:
        name = above + (entry.name if len(entry.name) <= archives.MAX_NAME else _shortened(entry.name))
        problem = entry.problem or _unopened(name, entry.size, in_zip=True)
        if problem:
            yield Found(name, problem=problem)
            continue
        try:
            content = archives.read(file, entry, min(MAX_BYTES, budget[0]))
            budget[0] -= len(content)
            yield Found(name, content)
        except archives.TooLarge:
            budget[0] -= min(MAX_BYTES, budget[0])
            yield Found(name, problem=_too_large())
        except archives.BadArchive as error:
            yield Found(name, problem=("unreadable", str(error)))
    if more:
        sentence = (
            f"{more:,} more files are listed; {archives.MAX_ENTRIES:,} of a zip are read, if it is sound."
        )
        yield Found(f"{above}…", problem=("too large", sentence))


def _shortened(name: str) -> str:
    return f"{name[:200]}…{_hash(name, 16)}"


def _too_large() -> tuple[str, str]:
    sentence = f"It is larger than a notebook may be ({MAX_BYTES:,} bytes), or its zip is; clear the outputs."
    return "too large", sentence


def _unopened(name: str, size: int, *, in_zip: bool = False) -> tuple[str, str] | None:
    """Why a plain file is not opened at all; a zip on disk is."""
    last, is_zip = name.rpartition("/")[2], name.lower().endswith(".zip")
    if not size:
        return "empty", "The file is empty (0 bytes); ask for it again."
    if is_zip:
        return ("not a notebook", "A zip inside a zip is not opened; unpack it.") if in_zip else None
    if platforms.is_export(Found(name).parts):
        return None
    if not NOTEBOOK.search(last):
        return "not a notebook", "Only .ipynb files are graded; if it is one, name it so."
    if last.startswith("._") or ".ipynb_checkpoints" in name.split("/"):
        return "not a notebook", "A copy that the learner's computer keeps, not what was handed in."
    return None


def _unique(files: Iterator[Found]) -> list[Found]:
    """Sorted by name; files of one name are numbered."""
    taken, numbers, unique = set(), {}, []
    for file in sorted(files, key=lambda file: (file.name, file.problem is not None)):
        name = file.name
        while name in taken:
            numbers[file.name] = numbers.get(file.name, 1) + 1
            name = f"{file.name} ({numbers[file.name]})"
        taken.add(name)
        unique.append(replace(file, name=name))
    return sorted(unique, key=lambda file: file.name)


def _metadata(found: list[Found]) -> tuple[dict[tuple[str, ...], Owner], set[str]]:
    """What an export of Gradescope says of its folders, and the name of the file that says so.

    It counts if all notebooks are in that export: in a zip beside others it may be a learner's.
    """
    notebooks = [file.parts for file in found if NOTEBOOK.search(file.name)]
    for file in found:
        folder = file.parts[:-1]
        if file.problem or not platforms.is_export(file.parts) or not notebooks:
            continue
        if all(parts[: len(folder)] == folder for parts in notebooks):
            try:
                return platforms.gradescope(file.content.decode("utf8", "replace"), folder), {file.name}
            except ValueError:
                continue  # it keeps its place in the list, and folders are called by their names
    return {}, set()


def _told_apart(owners: list[Owner]) -> list[str]:
    """Names of the owners; two of one name, as a platform's numbers show, have theirs behind it."""
    keys: dict[str, set[str]] = {}
    for owner in owners:
        keys.setdefault(owner.learner, set()).add(owner.key)
    return [
        f"{owner.learner} ({owner.key})" if owner.key and len(keys[owner.learner]) > 1 else owner.learner
        for owner in owners
    ]


def _submission(file: Found, owner: Owner, name: str, roster: Roster | None) -> Submission:
    ids, notes = dict(owner.ids), list(owner.notes)
    if owner.members:
        members = [_known(member, "", roster) for member in owner.members]
        learner = " and ".join(name for name, _ in members)
        ids["members"] = "; ".join(name for name, _ in members)
        notes.append("group")
        known = roster is None or all(found for _, found in members)
    else:
        learner, match = _known(owner, file.name, roster)
        learner, ids = (learner, ids | match.ids) if match else (name, ids)
        known = roster is None or match is not None
    if not known:
        notes.append("learner not in the roster")
    problem = file.problem
    if not problem and not NOTEBOOK.search(file.name):  # metadata that were not used
        sentence = "A list of submitters that cannot be read, or is not of these files; download it again."
        problem = ("not a notebook", sentence)
    if NOTEBOOK.search(file.name) and not file.name.lower().endswith(".ipynb"):
        notes.append("named " + NOTEBOOK.search(file.name)[0])
    return Submission(file.name, learner, b"" if problem else file.content, problem, tuple(notes), ids)


def _known(owner: Owner, name: str, roster: Roster | None) -> tuple[str, Learner | None]:
    found = roster and roster.find(owner.ids, owner.learner, files=(name, name.rpartition("/")[2]))
    return (found.name, found) if found else (owner.learner, None)


def _with_others(listed: list[Submission]) -> list[Submission]:
    """Say of each notebook which others its learner handed in; which one counts, the instructor decides."""
    notebooks: dict[str, list[str]] = {}
    for one in listed:
        if not one.problem:
            notebooks.setdefault(one.learner, []).append(one.name)
    return [one if one.problem else _beside(one, notebooks[one.learner]) for one in listed]


def _beside(one: Submission, names: list[str]) -> Submission:
    one = replace(one, notes=one.notes + _others(one.name, names))
    if one.name in names[:MAX_NOTEBOOKS]:
        return one
    sentence = (
        f"{one.learner} handed in {len(names):,} notebooks, and {MAX_NOTEBOOKS} of a learner are run; "
        "keep those that count. If they are of several learners, give each a folder."
    )
    return replace(one, content=b"", problem=("too large", sentence))


def _others(name: str, names: list[str]) -> tuple[str, ...]:
    others = [other for other in names[: SHOWN_OTHERS + 1] if other != name][:SHOWN_OTHERS]
    more = len(names) - 1 - len(others)
    return tuple(f"also handed in: {other}" for other in others) + (
        (f"also handed in: {more} more",) if more else ()
    )


def _slug(name: str) -> str:
    readable = _readable(name)
    kept = re.fullmatch(r"[A-Za-z0-9._/ -]*", name) and len(readable) <= MAX_SLUG
    return readable if kept and readable and not RESERVED.fullmatch(readable) else _hashed(readable, name, 10)


def _readable(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", re.sub(r"\.ipynb$", "", name))
    return re.sub(r"^[.-]+|[.-]+$", "", plain)


def _hashed(readable: str, name: str, digits: int) -> str:
    kept, tail = readable[: MAX_SLUG - digits - 2].rstrip(".-"), _hash(name, digits)
    if RESERVED.fullmatch(kept):
        kept = f"_{kept}"
    return f"{kept}-{tail}" if kept else tail


def _hash(name: str, digits: int) -> str:
    return hashlib.sha256(name.encode("utf8", "surrogatepass")).hexdigest()[:digits]


def _clashes(made: dict[str, str]) -> list[str]:
    owners: dict[str, list[str]] = {}
    for name, slug in made.items():
        owners.setdefault(slug.lower(), []).append(name)
    return [name for names in owners.values() if len(names) > 1 for name in names]

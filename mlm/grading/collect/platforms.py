"""Whose is a file?  What learning platforms write into the names of files and folders.

Canvas: ``lib/content_zipper.rb`` of Canvas LMS.  The name is the sortable one in lower case without what is
no letter, digit or underscore; the numbers are those of the user and of the uploaded file.
Moodle: ``mod/assign/classes/downloader.php``.  The number is the participant's in this assignment.
Gradescope: the file ``submission_metadata.yml`` of an export.
nbgrader: ``nbgrader/coursedir.py``, ``{step}/{student}/{assignment}/{notebook}.ipynb``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d{1,20})_(?:(?P<file>\d{1,20})_.+|(?:text|link)\.html)",
    re.DOTALL,
)
CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon_(?P<user>[A-Za-z0-9]{1,20}))_\d{1,20}_.+", re.DOTALL
)
MOODLE = re.compile(r"(?P<name>.+?)_(?P<user>\d{1,20})_assignsubmission_[a-z]+(?:_.*)?", re.DOTALL)
PLATFORMS = {"moodle": MOODLE, "canvas_anonymous": CANVAS_ANONYMOUS, "canvas": CANVAS}
GRADESCOPE = re.compile(r"submission_\d{1,20}")
METADATA = "submission_metadata.yml"
EXPORT = re.compile(r"assignment_\d{1,20}_export")
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)
ANY_EXERCISE = r"\d\d-[a-z0-9]+(?:-[a-z0-9]+)*"
COPY = re.compile(r"\s*(\(\d{1,3}\)| - Copy)$")


@dataclass(frozen=True)
class Owner:
    """Whose a file is, as far as its path tells; two files with the same ``key`` are one learner's."""

    learner: str
    ids: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    members: tuple["Owner", ...] = ()

    @property
    def key(self) -> str:
        """What tells apart two learners who have the same name."""
        return next((self.ids[kind] for kind in ("email", "sid", "canvas", "moodle") if kind in self.ids), "")


def owner(
    parts: tuple[str, ...], exercise: str, wrapper: int, metadata: dict[tuple[str, ...], Owner]
) -> Owner:
    """Whose a file is.

    The outermost part that says so counts: a learner names the files and folders inside, the platform those
    outside.

    Parameters
    ----------
    parts : tuple of str
        The file's path, part by part; zips are among the parts.
    exercise : str
        Its name is taken out of names (``03-basics_alice``); any exercise's where it is ``""``.
    wrapper : int
        How many leading parts hold the whole class.
    metadata : dict
        Folder of an export of Gradescope -> whose it is.
    """
    for place, part in enumerate(parts):
        if known := metadata.get(parts[: place + 1]):
            return known
        if found := _of_platform(part):
            return found
        if part == "submitted" and place + 2 < len(parts):
            return Owner(parts[place + 1])
    return Owner(_by_folder(parts, exercise, wrapper))


def _of_platform(part: str) -> Owner | None:
    """Whose it is by its name: the platform writes first, a learner's own words follow."""
    found = [
        (len(match["name"]), platform, match)
        for platform, pattern in PLATFORMS.items()
        if (match := pattern.fullmatch(part))
    ]
    if not found:
        return None
    _, platform, match = min(found, key=lambda each: each[0])
    name, user = match["name"], match["user"]
    if platform == "moodle":
        return Owner(f"{name} {user}" if name == "Participant" else name, {"moodle": user})
    return Owner(name, {platform: user}, ("late",) if match["late"] else ())


def _by_folder(parts: tuple[str, ...], exercise: str, wrapper: int) -> str:
    name, *folders = *parts[-1:], *parts[wrapper:-1]
    for folder in folders:
        if told := _without_exercise(re.sub(r"\.zip$", "", folder, flags=re.IGNORECASE), exercise):
            return told
    stem = NOTEBOOK.sub("", name)
    stem = stem if stem != name else name.rpartition(".")[0] or name
    above = parts[-2] if len(parts) > 1 else ".zip"
    return _without_exercise(stem, exercise) or (stem if above.lower().endswith(".zip") else above)


def _without_exercise(stem: str, exercise: str) -> str:
    slug = re.escape(exercise) if exercise else ANY_EXERCISE
    between = r"[-_ (]+" if exercise else r"[_ (]+"
    stem = COPY.sub("", stem)
    rest = re.sub(rf"^{slug}(?:{between}|$)|{between}{slug}\)?$", "", stem, count=1, flags=re.IGNORECASE)
    return stem if rest == stem else rest.strip("() ")


def wrapper_of(paths: Iterable[tuple[str, ...]]) -> int:
    """How many leading parts hold the whole class rather than one learner: ``download.zip``, ``submissions``.

    A part does if all notebooks lie below it and they are in two folders at least, or are two files at least.
    """
    paths = [parts for parts in paths if NOTEBOOK.search(parts[-1]) and not parts[-1].startswith("._")]
    depth = 0
    while paths and all(len(parts) > depth + 1 for parts in paths) and len({p[depth] for p in paths}) == 1:
        if len({parts[depth + 1] for parts in paths}) < 2:
            below = wrapper_of([parts[depth + 1 :] for parts in paths])
            return depth + 1 + below if below else depth
        depth += 1
    return depth


def is_export(parts: tuple[str, ...]) -> bool:
    """Is this the metadata of a Gradescope export?  Only where no learner can have put it."""
    folders = [part for part in parts[:-1] if not part.lower().endswith(".zip")]
    return parts[-1] == METADATA and len(parts) < 4 and all(EXPORT.fullmatch(part) for part in folders)


def gradescope(text: str, folder: tuple[str, ...]) -> dict[tuple[str, ...], Owner]:
    """Who handed in each folder of an export.

    Only the lists of submitters are parsed: the rest of the file (answers, output of graders) can be large.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    import yaml

    try:
        return {
            (*folder, name): _submitters(name, yaml.safe_load("\n".join(lines)))
            for name, lines in _lists_of_submitters(text).items()
        }
    except (yaml.YAMLError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{METADATA} cannot be read: {type(error).__name__}") from None


def _lists_of_submitters(text: str) -> dict[str, list[str]]:
    lists, name, inside = {}, "", False
    for line in text.splitlines():
        if found := re.fullmatch(r"(submission_\d{1,20}):\s*", line):
            name, inside = found[1], False
        elif re.fullmatch(r"  :submitters:\s*", line):
            inside = True
        elif inside and name and line.startswith(("  - ", "    ")):
            lists.setdefault(name, []).append(line)
        else:
            inside = False
    return lists


def _submitters(name: str, people: list[dict]) -> Owner:
    members = tuple(
        Owner(
            str(person.get(":name") or person.get(":email") or name),
            {kind: str(person[f":{kind}"]) for kind in ("email", "sid") if person.get(f":{kind}")},
        )
        for person in people
    )
    ids = members[0].ids if len(members) == 1 else {}
    learner = " and ".join(member.learner for member in members)
    return Owner(learner, ids | {"gradescope": name}, members=members if len(members) > 1 else ())

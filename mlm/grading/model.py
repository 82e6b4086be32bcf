"""What the steps of grading hand to each other: plain records that hold text and numbers only."""

from dataclasses import dataclass, field

from markupsafe import Markup

GRADED, PARTLY, NOT_GRADED = "graded", "partly", "not graded"


class CannotGrade(Exception):
    """Nothing can be graded as asked; the message says what was found and what to do."""


@dataclass(frozen=True)
class Submission:
    """One file that was handed in.

    Attributes
    ----------
    name : str
        Its path below the folder of submissions, with ``/``, unique: ``alice/03-basics.ipynb``,
        ``download.zip/doeanna_12345_67890_03-basics.ipynb``.
    learner : str
        Who handed it in.
    content : bytes
        The file itself; empty where there is a problem.
    problem : (str, str) or None
        A status (``unreadable``, ``not a notebook``, ``too large``, ``unsafe path``, ``empty``) and a
        sentence that says what was found and what to do.
    notes : tuple of str
        What else an instructor wants to see in the column ``flags``: ``late``, ``learner not in the roster``.
    ids : dict of str to str
        What a learning platform calls the learner: ``canvas``, ``gradescope``, ``moodle``, ``email`` …
    """

    name: str
    learner: str
    content: bytes = b""
    problem: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """A code cell that is to be run.

    Attributes
    ----------
    place : int
        Its number among the notebook's cells, from 1.
    source : str
        Its code.
    """

    place: int
    source: str


@dataclass(frozen=True)
class Answer:
    """How one question of one submission went.

    Attributes
    ----------
    name : str
        Name of the question.
    status : str
        ``right``, ``mistake``, ``wrong``, ``invalid``, ``unanswered`` (a Verdict's, `mlm.exercises.compare`),
        ``missing`` (no answer arrived: its cell raised, or the run ended before it), ``hard-coded`` (right
        for the public data, not for those of this variant), ``written`` (a text to be marked) or ``marked``.
    mistake : str
        Short name of the catalogued mistake, or ``""``.
    message : str
        One plain line for the learner.
    points, possible : float
        Earned and possible. A text that is not marked yet has earned 0.
    shown : str
        The answer in short: ``0.2371``, ``94 values: 1.2, 3.4, …``. Written by the learner.
    text : str
        A written answer in full. Written by the learner.
    """

    name: str
    status: str
    mistake: str = ""
    message: str = ""
    points: float = 0.0
    possible: float = 0.0
    shown: str = ""
    text: str = ""


@dataclass(frozen=True)
class Result:
    """All that is known of one submission; every question of the exercise has an answer here.

    Attributes
    ----------
    submission, learner, ids : str, str, dict
        As in `Submission`.
    slug : str
        Name of its files in the output folder: letters, digits, ``-``, ``_`` and ``.`` only, unique.
    status : str
        ``graded`` (every cell ran), ``partly`` (ran to the end, but cells raised or were stopped),
        ``timed out``, ``out of memory``, ``too much output``, ``crashed``, ``unreadable``,
        ``not a notebook``, ``wrong exercise``, ``too large``, ``unsafe path``, ``empty``, or ``not graded``
        (the grader itself failed; the next run tries again).
    detail : str
        A sentence on the status for the learner, or ``""``.
    flags : list of str
        For the instructor: ``late``, ``hard-coded: icc, few``, ``cells raised: 3``, ``kernel: ir``.
    answers : list of Answer
        In the order of the exercise.
    errors : list of (int, str)
        Place of each cell that failed, and what it did in one line. Partly written by the learner.
    seconds : float
        How long it ran. Not part of any file that must be the same twice.
    """

    submission: str
    learner: str
    slug: str
    status: str
    detail: str = ""
    flags: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Points earned, marks of written answers included."""
        return sum(answer.points for answer in self.answers)

    @property
    def possible(self) -> float:
        """Points that can be earned."""
        return sum(answer.possible for answer in self.answers)


@dataclass(frozen=True)
class Graded:
    """What came of grading a folder.

    Attributes
    ----------
    results : list of Result
        One for each file, sorted by name.
    absent : list of str
        Learners of the roster without a submission.
    ran : int
        How many submissions ran now; the others were known.
    written : list of str
        Files of the output folder that are new or changed.
    """

    results: list[Result]
    absent: list[str]
    ran: int
    written: list[str]

    @property
    def failed(self) -> list[Result]:
        """Those that the grader could not run, by no fault of theirs."""
        return [result for result in self.results if result.status == NOT_GRADED]


@dataclass(frozen=True)
class Section:
    """A place in the book.

    Attributes
    ----------
    page, title : str
        Titles of the page and of the section; the same where the whole page is meant.
    address : str
        Where it is, seen from the first folder of the site: ``book/03-basics.html#sec-basics-icc``.
    """

    page: str
    title: str
    address: str


@dataclass(frozen=True)
class Asked:
    """A question as a page shows it.

    Attributes
    ----------
    exercise : str
        Title of the exercise.
    name, number, title : str
        ``icc``, ``3.4`` and ``How much of the variation lies between professors?``.
    text : Markup
        The exercise's own words above the answer, as HTML without script, picture or foreign tag.
    kind : str
        ``check`` or ``write``.
    points : float
        Points that can be earned.
    section : Section or None
        What to read; None where the book has no page for the exercise.
    mistakes : dict of str to Markup
        The hint of each catalogued mistake.
    rubric : tuple of (str, float)
        Criteria and their points, where kind is ``write``.
    words : (int, int) or None
        Fewest and most words that are asked for, where kind is ``write``.
    """

    exercise: str
    name: str
    number: str
    title: str
    text: Markup
    kind: str
    points: float
    section: Section | None
    mistakes: dict
    rubric: tuple = ()
    words: tuple[int, int] | None = None

    @property
    def heading(self) -> str:
        """Number and title: ``3.1 Who teaches how much?``."""
        return f"{self.number} {self.title}".strip()


@dataclass(frozen=True)
class Released:
    """What a page shows of the solution once it is released: the worked answer and its discussion."""

    code: str
    discussion: Markup

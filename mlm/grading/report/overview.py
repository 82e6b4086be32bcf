"""Figures on a class: how totals are spread, how each question went, and what to teach again."""

import statistics
from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from mlm.grading.model import GRADED, Asked, Result
from mlm.grading.report.exports import best_of_each

#: Statuses of submissions that ran: only they tell how hard a question was.
RAN = {"graded", "partly", "timed out", "out of memory", "too much output", "crashed"}
_WEAK, _MOST_WEAK = 0.7, 6


@dataclass(frozen=True)
class Kind:
    """One way an answer can go, with the sign and the word by which pages show it."""

    name: str
    sign: str
    word: str


KINDS = (
    Kind("right", "✓", "right"),
    Kind("mistake", "≈", "known mistake"),
    Kind("wrong", "✗", "wrong"),
    Kind("invalid", "⊘", "wrong kind"),
    Kind("hard-coded", "⚑", "hard-coded"),
    Kind("unanswered", "…", "not answered"),
    Kind("missing", "∅", "no answer arrived"),
)


@dataclass(frozen=True)
class Row:
    """How one question went.

    Attributes
    ----------
    asked : Asked
        The question.
    counts : dict of str to int
        How many answers went each way, by the name of a `Kind`.
    segments : list of (Kind, int, float, float)
        The parts of its bar: kind, how many, where it begins and how wide it is, in percent.
    mistakes : list of (Markup, int)
        Hints of the mistakes that were made and how often, the most frequent first.
    texts, marked : int
        Written answers, and how many of them are marked.
    mean : float
        Mean of the points; of a written question, of those that are marked.
    """

    asked: Asked
    counts: dict
    segments: list
    mistakes: list[tuple[Markup, int]]
    texts: int
    marked: int
    mean: float

    @property
    def right(self) -> int:
        """How many were right."""
        return self.counts.get("right", 0)


@dataclass(frozen=True)
class Overview:
    """All figures of a class page.

    Attributes
    ----------
    submissions, learners : int
        How many files, and from how many people; of each person the best file counts below.
    ran : int
        How many of these ran.
    statuses : list of (str, int)
        Each status and how many files have it.
    possible : float
        Points that can be earned.
    waiting : int
        Texts that are not marked yet.
    median, lower, upper : float
        Middle of the totals, and the quarters below and above.
    bins : list of (float, float, int, float)
        From, to, how many, and height in percent of the highest.
    rows : list of Row
        Each question.
    weakest : list of Row
        Questions to teach again, the weakest first.
    flagged : list of Result
        Files that something flags or that could not be graded whole.
    """

    submissions: int
    learners: int
    ran: int
    statuses: list
    possible: float
    waiting: int
    median: float
    lower: float
    upper: float
    bins: list
    rows: list
    weakest: list
    flagged: list


def overview(results: list[Result], asked: list[Asked]) -> Overview:
    """Work out the figures on a class."""
    best = best_of_each(results)
    ran = [result for result in best if result.status in RAN]
    possible = sum(question.points for question in asked)
    rows = [_row(question, ran) for question in asked]
    totals = sorted(result.points for result in ran)
    lower, median, upper = _quarters(totals)
    checks = [row for row in rows if row.asked.kind == "check" and ran and row.right < _WEAK * len(ran)]
    files = Counter(result.status for result in results)
    flagged = [result for result in results if result.flags or result.status != GRADED]
    return Overview(
        submissions=len(results),
        learners=len(best),
        ran=len(ran),
        statuses=sorted(files.items(), key=lambda pair: (-pair[1], pair[0])),
        possible=possible,
        waiting=sum(row.texts - row.marked for row in rows),
        median=median,
        lower=lower,
        upper=upper,
        bins=_bins(totals, possible),
        rows=rows,
        weakest=sorted(checks, key=lambda row: row.right)[:_MOST_WEAK],
        flagged=sorted(flagged, key=lambda result: result.submission),
    )


def _row(question: Asked, results: list[Result]) -> Row:
    answers = [answer for result in results for answer in result.answers if answer.name == question.name]
    counts = Counter(answer.status for answer in answers)
    mistakes = Counter(answer.mistake for answer in answers if answer.mistake in question.mistakes)
    marked = [answer.points for answer in answers if answer.status == "marked"]
    points = marked if question.kind == "write" else [answer.points for answer in answers]
    return Row(
        asked=question,
        counts=dict(counts),
        segments=_segments(counts, len(answers)),
        mistakes=[(question.mistakes[name], times) for name, times in mistakes.most_common()],
        texts=counts["written"] + counts["marked"],
        marked=len(marked),
        mean=statistics.fmean(points) if points else 0.0,
    )


def _segments(counts: Counter, total: int) -> list:
    found, start = [], 0.0
    for kind in KINDS:
        if count := counts[kind.name]:
            width = 100 * count / total
            found.append((kind, count, round(start, 3), round(width, 3)))
            start += width
    return found


def _quarters(totals: list[float]) -> tuple[float, float, float]:
    if len(totals) < 2:
        return (totals[0],) * 3 if totals else (0.0, 0.0, 0.0)
    return tuple(statistics.quantiles(totals, n=4, method="inclusive"))


def _bins(totals: list[float], possible: float) -> list[tuple[float, float, int, float]]:
    """At most twelve bins of a round width from 0 to the most points; the last one holds its end too."""
    width = next((w for w in (0.5, 1, 2, 5, 10, 20, 50, 100) if possible <= 12 * w), possible / 12 or 1)
    number_of_bins = max(1, -int(-possible // width))
    held = Counter(min(int(total // width), number_of_bins - 1) for total in totals)
    highest = max(held.values(), default=1)
    return [(k * width, (k + 1) * width, held[k], 100 * held[k] / highest) for k in range(number_of_bins)]

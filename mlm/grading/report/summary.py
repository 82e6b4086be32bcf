"""The last words of a run: how many submissions ended how, and where to look."""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlm.grading.model import Graded
from mlm.grading.report.visible import visible

SHOWN, WIDTH = 8, 120
#: What an instructor opens first, and why.
FILES = {
    "grades.csv": "the grades",
    "class.html": "the class: what was hard, and what to teach again",
    "feedback": "a page for each learner",
    "marking.html": "written answers to read; put their marks into marks.csv and run again",
}


def print_summary(graded: Graded, exercise: str, out: Path) -> None:
    """Print what came of a run."""
    console = Console()
    table = Table(title=exercise, title_justify="left")
    table.add_column("submissions")
    table.add_column("how many", justify="right")
    for status, times in sorted(Counter(r.status for r in graded.results).items(), key=lambda n: -n[1]):
        table.add_row(status, str(times))
    flagged = sum(bool(result.flags) for result in graded.results)
    table.add_section()
    table.add_row("with flags", str(flagged))
    console.print(table)
    if not graded.ran and not graded.written:
        console.print("Nothing has changed since the last run.")
    console.print(f"In {out}:", highlight=False)
    for name, what in FILES.items():
        console.print(f"  {name:<13} {what}", highlight=False)
    _print_names(console, "No submission of", graded.absent)
    _print_names(console, "Not graded, by the grader's fault (run it again):", _names(graded.failed))


def _names(results) -> list[str]:
    return [result.submission for result in results]


def _print_names(console: Console, what: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        shown = ", ".join(visible(name, WIDTH) for name in names[:SHOWN])
        console.print(Text(f"{what} {shown}{more}"))  # a text: what a learner wrote is no markup

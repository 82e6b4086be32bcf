"""Run a learner's notebook and say, question by question, how it went.  It reports; it does not grade."""

import re
from dataclasses import dataclass
from pathlib import Path

from mlm.exercises import kernels, keys
from mlm.exercises.builder import EXERCISES
from mlm.exercises.compare import RIGHT, UNANSWERED
from mlm.exercises.notebooks import first_line
from mlm.exercises.variants import VARIANT, read_variant

CALL = re.compile(r"""\b(?:check|write)\(\s*["'](?P<name>[^"']+)["']""")
WORDS = {RIGHT: "right", UNANSWERED: "not answered", "mistake": "not yet", "wrong": "not yet"}


class CannotCheck(Exception):
    """There is no notebook to check; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """How one question went."""

    name: str
    status: str
    message: str
    points: float
    possible: float


@dataclass(frozen=True)
class Report:
    """How an exercise, or a variant of it, went: a row a question, in order, and what else is to be said."""

    exercise: str
    rows: list[Row]
    notes: list[str]

    @property
    def points(self) -> float:
        """Points earned."""
        return sum(row.points for row in self.rows)

    @property
    def possible(self) -> float:
        """Points of all questions that a check can judge."""
        return sum(row.possible for row in self.rows)


def check_notebook(path: Path, *, keys_folder: Path = EXERCISES / "keys", timeout: int = 300) -> Report:
    """Run a notebook from top to bottom in a process of its own and collect what its checks said.

    Parameters
    ----------
    path : pathlib.Path
        A learner's notebook, made from one of ``exercises/``; the file itself is not changed.
    keys_folder : pathlib.Path
        Folder of the keys.
    timeout : int
        Seconds that one cell may take.

    Raises
    ------
    CannotCheck
        If there is no such file, it is no notebook, or it belongs to no exercise (or private variant, which
        ``MLM_VARIANT`` names) that has a key.
    """
    notebook, exercise = _open(path)
    variant = _variant()
    questions = _questions(exercise, keys_folder, variant)
    run = kernels.run(
        notebook, folder=path.parent, variant=variant, keys=keys_folder.resolve(), timeout=timeout
    )
    records = {r["name"]: r for r in run.records if r["event"] != "key" and r["exercise"] == exercise}
    rows = [_row(question, records, notebook, run) for question in questions]
    title = exercise if variant is None else f"{exercise}, variant {variant}"
    return Report(title, rows, _notes(exercise, run, notebook) + _unasked(records, questions))


def _variant() -> int | None:
    try:
        return read_variant(None)
    except ValueError as problem:
        raise CannotCheck(f"{VARIANT}: {problem}") from None


def _open(path: Path):
    import nbformat

    if not path.is_file():
        names = sorted(other.stem for other in path.parent.glob("*.ipynb"))
        near = keys.near(path.stem, names) if names else "run `make exercises`."
        raise CannotCheck(f"There is no notebook {path.name} in {path.parent.name}/; {near}")
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf8"), as_version=4)
        notebook.cells  # noqa: B018 - a JSON file without cells is no notebook
        return notebook, notebook.metadata.get("mlm", {}).get("exercise", path.stem)
    except Exception:
        raise CannotCheck(
            f"{path.name} is not a notebook that can be read; rename it, then `make exercises` "
            "makes a fresh one."
        ) from None


def _questions(exercise: str, folder: Path, variant: int | None) -> list[dict]:
    path = keys.file_of(folder, exercise, variant)
    try:
        return list(keys.read(path).values())
    except FileNotFoundError:
        if variant is None:
            raise CannotCheck(f"Exercise {exercise!r} has no key; run `make exercises` first.") from None
        raise CannotCheck(
            f"Exercise {exercise!r} has no key of variant {variant}: there is no {path.name}. "
            f"Make it with `mlm exercises --variant {variant}`, or unset {VARIANT} for the public one."
        ) from None
    except keys.UNREADABLE:
        raise CannotCheck(
            f"The key file {path.name} cannot be read; `make exercises` writes it anew."
        ) from None


def _unasked(records: dict, questions: list[dict]) -> list[str]:
    """Checks of a name that is no question's."""
    names = [question["name"] for question in questions]
    return [
        f"A check asks for {name!r}, which is no question; {keys.near(name, names)}"
        for name in records
        if name not in names
    ]


def _row(question: dict, records: dict, notebook, run: kernels.Run) -> Row:
    name = question["name"]
    possible = question["points"] if question["kind"] == "check" else 0
    if name in records:
        verdict = records[name]["verdict"]
        return Row(name, verdict["status"], verdict["message"], verdict["points"], possible)
    place = next((n for n, cell in enumerate(notebook.cells) if name in CALL.findall(cell.source)), None)
    if place is None:
        return Row(
            name, "invalid", "No check of this name is left; take its cell from a fresh copy.", 0, possible
        )
    return Row(name, "invalid", f"Its check did not run: {_reason(place, notebook, run)}.", 0, possible)


def _reason(place: int, notebook, run: kernels.Run) -> str:
    """Why the check in a cell did not run; the cause, where the cell fails for want of an answer above."""
    error = run.errors.get(place, "")
    if "'ellipsis'" in error:
        return "an earlier answer that it uses is still `...`"
    if absent := re.match(r"raised NameError: name '(\w+)'", error):
        for above in sorted((n for n in run.errors if n < place), reverse=True):
            if re.search(rf"\b{absent[1]}\b", notebook.cells[above].source):
                return f"the cell that begins `{first_line(notebook.cells[above])}` {run.errors[above]}"
    return f"its cell {error}" if error else run.stopped or "its cell calls it on a condition, or not at all"


def _notes(exercise: str, run: kernels.Run, notebook) -> list[str]:
    notes = []
    if run.stopped:
        notes.append(f"The run ended early: {run.stopped}.")
    others = {record["exercise"] for record in run.records} - {exercise}
    notes += [f'A cell says Exercise("{other}"), but this is {exercise}.' for other in sorted(others)]
    checks = {n for n, cell in enumerate(notebook.cells) if CALL.search(cell.source)}
    for place, error in run.errors.items():
        if place not in checks:
            notes.append(f"The cell that begins `{first_line(notebook.cells[place])}` {error}.")
    return notes


def print_report(report: Report) -> None:
    """Print the table of one notebook."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=report.exercise, title_justify="left")
    for heading, justify in (
        ("question", "left"),
        ("status", "left"),
        ("points", "right"),
        ("what the check said", "left"),
    ):
        table.add_column(heading, justify=justify, overflow="fold")
    for row in report.rows:
        points = f"{row.points:g} / {row.possible:g}" if row.possible else "–"
        message = "" if row.status in (RIGHT, UNANSWERED) else escape(row.message)
        table.add_row(row.name, WORDS.get(row.status, row.status), points, message)
    table.add_section()
    table.add_row("total", "", f"{report.points:g} / {report.possible:g}", "")
    console = Console()
    console.print(table)
    for note in report.notes:
        console.print(escape(note))


def check(exercise: str | None = None, *, folder: Path = EXERCISES) -> int:
    """Check one exercise, or all of the folder, and print a table for each; for ``make check``.

    Returns
    -------
    int
        Exit code: 0 whatever the answers were, 1 if a notebook could not be checked.
    """
    paths = [folder / f"{Path(exercise).stem}.ipynb"] if exercise else sorted(folder.glob("*.ipynb"))
    if not paths:
        print(f"There are no notebooks in {folder.name}/; run `make exercises` first.")
        return 1
    failed = 0
    for path in paths:
        try:
            print_report(check_notebook(path, keys_folder=folder / "keys"))
        except CannotCheck as problem:
            print(problem)
            failed = 1
    return failed

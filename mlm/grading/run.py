"""A folder of submissions, graded: what `make grade` does."""

import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from rich.markup import escape

from mlm.exercises import keys
from mlm.exercises.builder import EXERCISES, SOLUTIONS
from mlm.exercises.compiler import compile_solution
from mlm.exercises.notebooks import exercise_notebook
from mlm.grading import exports, marks, pages, questions
from mlm.grading.marking import HARD_CODED, Claims, mark, read_claims
from mlm.grading.model import GRADED, NOT_GRADED, PARTLY, Result, Submission
from mlm.grading.notebook import Refused, read_notebook
from mlm.grading.sandbox import ROOT, Exam, Execution, Limits, Sandbox
from mlm.grading.store import Store, alone_in, write_whole
from mlm.grading.submissions import collect, missing_learners, slugs

ATTEMPTS = 2  # a sandbox that fails is made anew once
#: What a status says to the learner, where the notebook itself says nothing.
DETAILS = {
    "timed out": "It ran for longer than is allowed and was stopped; answers given before that count.",
    "out of memory": "It used more memory than is allowed and was stopped; answers given before that count.",
    "too much output": "Its answers are too large and it was stopped; answers given before that count.",
    "crashed": "Its process ended before the last cell; answers given before that count.",
    NOT_GRADED: "The grader failed here; nothing is wrong with the submission. The next run tries again.",
}


class CannotGrade(Exception):
    """Nothing can be graded as asked; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    """How a folder is graded.

    Attributes
    ----------
    exercise : str
        Its name: ``03-basics``.
    submissions, out : pathlib.Path
        Folder (or zip) of what was handed in; folder for what comes of it.
    variant : int, optional
        Seed of the data; by default one that nobody can guess, kept in ``out``.  Negative: the public data.
    roster : pathlib.Path, optional
        CSV of the class.
    jobs : int
        Submissions at the same time; -1 for as many as there are cores.
    dask : str, optional
        Address of a Dask scheduler, whose workers then run the submissions.
    again : tuple of str
        Learners or submissions to run again though nothing changed.
    release : bool
        Whether feedback shows the worked answers.
    limits : Limits
        What one submission may use.
    bare : bool
        Run without a sandbox, in a container made for this purpose.
    solutions, exercises : pathlib.Path
        Where the exercises come from.
    """

    exercise: str
    submissions: Path
    out: Path
    variant: int | None = None
    roster: Path | None = None
    jobs: int = -1
    dask: str | None = None
    again: tuple[str, ...] = ()
    release: bool = False
    limits: Limits = Limits()
    bare: bool = False
    solutions: Path = SOLUTIONS
    exercises: Path = EXERCISES


def grade_folder(settings: Settings) -> list[Result]:
    """Grade everything in a folder; results are kept one by one, so that an interrupted run goes on.

    Returns
    -------
    list of Result
        One for each file, sorted by name.

    Raises
    ------
    CannotGrade, NoSandbox, CannotCollect, MarksRefused, FolderInUse
        With what to do.
    """
    settings.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone_in(settings.out):
        return _grade(settings)


def _grade(settings: Settings) -> list[Result]:
    solution = settings.solutions / f"{settings.exercise}.md"
    if not solution.exists():
        known = ", ".join(sorted(path.stem for path in settings.solutions.glob("*.md")))
        raise CannotGrade(f"There is no exercise {settings.exercise!r}; there are {known}.")
    variant = _variant(settings)
    submissions = collect(settings.submissions, settings.roster, exercise=settings.exercise)
    if not submissions:
        raise CannotGrade(f"There is no file in {settings.submissions}.")
    key = compile_solution(solution, variant).key
    public = None if variant is None else compile_solution(solution).key
    exam = make_exam(solution, key, settings.limits, settings.bare)
    names, store = slugs(submissions), Store(settings.out / "results")
    inputs = {s.name: _inputs(s, exam) for s in submissions}
    for submission in submissions:
        if {submission.name, submission.learner} & set(settings.again):
            store.forget(names[submission.name])
    todo = [s for s in submissions if store.read(names[s.name], inputs[s.name]) is None]
    for submission, record in _records(todo, exam, settings):
        if record["status"] != NOT_GRADED:
            store.write(names[submission.name], {**record, "inputs": inputs[submission.name]})
    results = [
        _result(s, names[s.name], store.read(names[s.name], inputs[s.name]), key, public) for s in submissions
    ]
    absent = missing_learners(submissions, settings.roster) if settings.roster else []
    return write_reports(results, key, settings, [learner.name for learner in absent])


def _variant(settings: Settings) -> int | None:
    """The seed of this output folder: given, or drawn once and kept."""
    path = settings.out / "grading.json"
    kept = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    if kept and kept["exercise"] != settings.exercise:
        raise CannotGrade(f"{settings.out} holds grades of {kept['exercise']}; choose another folder.")
    given = settings.variant
    variant = (
        kept.get("variant", secrets.randbelow(10**15)) if given is None else given if given >= 0 else None
    )
    write_whole(path, json.dumps({"exercise": settings.exercise, "variant": variant}) + "\n")
    return variant


def make_exam(solution: Path, key: dict, limits: Limits, bare: bool) -> Exam:
    """What all submissions have in common, with nothing in it that would give an answer away."""
    cells = [cell for cell in exercise_notebook(solution).cells if cell.cell_type == "code"]
    call = re.compile(r"""\b(?:check|write)\(\s*["']([^"']+)["']""")
    checks = [cell.source for cell in cells if call.search(cell.source) and cell.id.endswith("-check")]
    return Exam(
        exercise=solution.stem,
        variant=key["variant"],
        key=keys.dump(keys.without_answers(key)),
        given=tuple(cell.source for cell in cells),
        asked=tuple((call.search(source)[1], source) for source in checks),
        limits=limits,
        bare=bare,
    )


def _inputs(submission: Submission, exam: Exam) -> str:
    """Hash of all that a run depends on: the file, the exam, the code and the data."""
    parts = (submission.content, repr((submission.problem, exam)).encode(), _surroundings().encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


@cache
def _surroundings() -> str:
    files = [
        ROOT / "requirements.txt",
        *sorted((ROOT / "data").iterdir()),
        *sorted((ROOT / "mlm").rglob("*.py")),
    ]
    return "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file())


# ---- running ---------------------------------------------------------------------------------------


def _records(todo: list[Submission], exam: Exam, settings: Settings) -> Iterator[tuple[Submission, dict]]:
    """Run what is to be run, as many at a time as there are jobs, and hand over each as it ends."""
    if not todo:
        return
    hidden = (settings.submissions.resolve(), settings.out.resolve())
    with watching(len(todo)) as progress, _backend(settings):
        tasks = (delayed(_numbered)(place, s, exam, hidden) for place, s in enumerate(todo))
        parallel = Parallel(settings.jobs, return_as="generator_unordered", pre_dispatch="all")
        for place, record in parallel(tasks):
            progress(todo[place].name, record["seconds"])
            yield todo[place], record


def _backend(settings: Settings):
    """Threads, each of which talks to a sandbox of its own; or the workers of a Dask cluster."""
    if settings.dask is None:
        return parallel_config(backend="threading")
    from distributed import Client

    return parallel_config(backend="dask", client=Client(settings.dask))


def _numbered(place: int, submission: Submission, exam: Exam, hidden: tuple[Path, ...]) -> tuple[int, dict]:
    return place, run_one(submission, exam, hidden)


def run_one(submission: Submission, exam: Exam, hidden: tuple[Path, ...] = ()) -> dict:
    """Run one submission and keep what it claims: plain data, the same wherever it ran."""
    if submission.problem:
        return _record(*submission.problem)
    try:
        notebook = read_notebook(submission.content, exam.exercise)
    except Refused as refused:
        return _record(refused.status, refused.sentence)
    cells = [(cell.place, cell.source) for cell in notebook.cells]
    execution = _execute(cells, exam, hidden)
    names, places = {name for name, _ in exam.asked}, {cell.place for cell in notebook.cells}
    claims = read_claims(execution.lines, exam.exercise, names, places)
    return _record(_status(execution, claims), "", notebook.notes, claims, execution.seconds)


def _record(status: str, detail: str, notes=(), claims: Claims | None = None, seconds: float = 0.0) -> dict:
    claims = claims or Claims({}, [], False)
    return {
        "status": status,
        "detail": detail or DETAILS.get(status, ""),
        "notes": list(notes),
        "answers": claims.answers,
        "errors": claims.errors,
        "seconds": seconds,
    }


def _status(execution: Execution, claims: Claims) -> str:
    if execution.ended == "done":
        return "crashed" if not claims.finished else PARTLY if claims.errors else GRADED
    return NOT_GRADED if execution.ended in ("failed", "cannot isolate") else execution.ended


_mine = threading.local()


def _execute(cells: list, exam: Exam, hidden: tuple[Path, ...]) -> Execution:
    """Run cells in this thread's own sandbox, which is kept for the next submission."""
    for _ in range(ATTEMPTS):
        sandbox = getattr(_mine, "sandbox", None)
        if sandbox is None or sandbox.exam != exam:
            if sandbox is not None:
                sandbox.close()
            sandbox = _mine.sandbox = Sandbox(exam, hidden)
        execution = sandbox.run(cells)
        if execution.ended in ("failed", "cannot isolate") or not sandbox.lasting:
            sandbox.close()
            _mine.sandbox = None
        if execution.ended not in ("failed", "cannot isolate"):
            break
    return execution


@contextmanager
def watching(total: int) -> Iterator[Callable[[str, float], None]]:
    """A bar with the count, the rate and which submission was slow."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    start, slowest = time.monotonic(), (0.0, "")
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("loading", total=total)

        def ended(name: str, seconds: float) -> None:
            nonlocal slowest
            slowest = max(slowest, (seconds, name))
            bar.advance(task)
            rate = 60 * bar.tasks[task].completed / (time.monotonic() - start)
            said = f"{rate:.0f} a minute; slowest {escape(slowest[1][:40])}, {slowest[0]:.0f} s"
            bar.update(task, description=said)

        yield ended


# ---- what comes of it ------------------------------------------------------------------------------


def _result(submission: Submission, slug: str, record: dict | None, key: dict, public: dict | None) -> Result:
    record = record or _record(NOT_GRADED, "")
    claims = Claims(record["answers"], record["errors"], True)
    answers = mark(claims, key["questions"], public and {q["name"]: q for q in public["questions"]})
    typed = [answer.name for answer in answers if answer.status == HARD_CODED]
    flags = [*submission.notes, *record["notes"]]
    flags += [f"hard-coded: {', '.join(typed)}"] if typed else []
    flags += [f"cells that failed: {len(claims.errors)}"] if claims.errors else []
    return Result(
        submission=submission.name,
        learner=submission.learner,
        slug=slug,
        status=record["status"],
        detail=record["detail"],
        flags=flags,
        answers=answers,
        errors=[(place, problem) for place, problem in claims.errors],
        ids=submission.ids,
        seconds=record["seconds"],
    )


def write_reports(results: list[Result], key: dict, settings: Settings, absent: list[str]) -> list[Result]:
    """Merge the marks that were given by hand, and write every file that is made from results."""
    solution, out = settings.solutions / f"{settings.exercise}.md", settings.out
    notebook = settings.exercises / f"{settings.exercise}.ipynb"
    asked = questions.asked(settings.exercise, key["questions"], notebook, ROOT / "book")
    given = marks.read_marks(out / "marks.csv", results, asked) if (out / "marks.csv").exists() else {}
    rows = marks.marks_rows(out / "marks.csv") if (out / "marks.csv").exists() else []
    results = [marks.merge_marks(result, given) for result in results]
    released = questions.released(solution) if settings.release else None
    files = {
        "grades.csv": exports.grades_csv(results, key["questions"]),
        "canvas.csv": exports.canvas_csv(results, settings.exercise),
        "class.html": pages.class_page(results, asked, absent),
        "marking.html": pages.marking_page(results, asked),
        "marks.csv": marks.marks_template(results, asked, rows),
    }
    for result in results:
        files[f"feedback/{result.slug}.html"] = pages.feedback(
            result, asked, settings.release, released, given
        )
        files[f"gradescope/{result.slug}/results.json"] = exports.gradescope_json(result, asked)
    for name, text in files.items():
        write_whole(out / name, text)
    return results

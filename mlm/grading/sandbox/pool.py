"""Running submissions: as many at a time as there are cores, or on the workers of a Dask cluster."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from joblib import Parallel, delayed, parallel_config

from mlm.exercises import compiler
from mlm.grading.collect.reader import Refused, read_notebook
from mlm.grading.judge.judging import Claims, read_claims
from mlm.grading.model import GRADED, NOT_GRADED, PARTLY, CannotGrade, Submission
from mlm.grading.sandbox.host import Exam, Execution, Sandbox
from mlm.grading.sandbox.progress import Watch

ATTEMPTS = 2  # a sandbox that fails is made anew once
ANSWERS_WITHIN = 20  # seconds, of a Dask scheduler
FAILED = ("failed", "no room", "cannot isolate")  # ends that are the grader's own
#: What an end says to the learner, where the notebook itself says nothing.
DETAILS = {
    "timed out": "It ran for longer than is allowed and was stopped; answers given before that count.",
    "out of memory": "It used more memory than is allowed and was stopped; answers given before that count.",
    "too much output": "Its answers are too large and it was stopped; answers given before that count.",
    "crashed": "Its process ended before the last cell; answers given before that count.",
    NOT_GRADED: "The grader failed here; nothing is wrong with the submission. The next run tries again.",
}


class OtherCourse(CannotGrade):
    """A worker holds other code or data than the machine that asks it."""


def records(
    todo: list[Submission], exam: Exam, hidden: tuple[Path, ...], jobs: int, dask: str | None
) -> Iterator[tuple[Submission, dict]]:
    """Run submissions and hand over each with its record as it ends, in no particular order.

    Parameters
    ----------
    todo : list of Submission
        What to run.
    exam : Exam
        What they have in common.
    hidden : tuple of pathlib.Path
        Folders that no submission may see.
    jobs : int
        How many at a time; -1 for as many as there are cores.  A Dask cluster decides itself.
    dask : str or None
        Address of a Dask scheduler.
    """
    if not todo:
        return
    with Watch([submission.name for submission in todo]) as watch, _backend(dask, exam) as parallel:
        # a submission is taken from the list when there is a hand free for it
        tasks = (delayed(_numbered)(place, s, exam, hidden, surroundings()) for place, s in watch.begin(todo))
        for place, record in parallel(jobs, tasks):
            watch.end(place)
            yield todo[place], record


@contextmanager
def _backend(dask: str | None, exam: Exam):
    """Threads, each of which talks to a sandbox of its own; or the workers of a Dask cluster."""

    def parallel(jobs: int, tasks):
        return Parallel(jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)(tasks)

    if dask is None:
        with parallel_config(backend="threading"):
            try:
                yield parallel
            finally:
                close_sandboxes(exam)
        return
    from distributed import Client

    try:
        client = Client(dask, timeout=ANSWERS_WITHIN)
    except (OSError, ValueError) as error:
        raise CannotGrade(f"No Dask scheduler answers at {dask}: {error}") from None
    with client, parallel_config(backend="dask", client=client):
        try:
            yield parallel
        finally:
            client.run(close_sandboxes, exam)


_mine = threading.local()  # the sandbox of this thread, which is kept for its next submission
_open: list[Sandbox] = []  # those of all threads of this process


def close_sandboxes(exam: Exam | None = None) -> None:
    """End all that runs in this process for an exam, or for any; nothing is tried again."""
    for sandbox in [sandbox for sandbox in _open if exam in (None, sandbox.exam)]:
        sandbox.kill()
        _open.remove(sandbox)


def _numbered(place: int, submission: Submission, exam: Exam, hidden: tuple, expected: str):
    if surroundings() != expected:
        raise OtherCourse(
            "A worker of the cluster has other code or data of the course than this machine; every worker "
            "needs the same version (the same commit) of it, and must be started again after a change."
        )
    return place, run_one(submission, exam, hidden)


def run_one(submission: Submission, exam: Exam, hidden: tuple[Path, ...] = ()) -> dict:
    """Run one submission and keep what it claims: plain data, the same wherever it ran."""
    if submission.problem:
        return a_record(*submission.problem)
    try:
        notebook = read_notebook(submission.content, exam.exercise)
    except Refused as refused:
        return a_record(refused.status, refused.sentence)
    cells = [(cell.place, cell.source) for cell in notebook.cells]
    execution = _execute(cells, exam, hidden)
    names, places = {name for name, _ in exam.asked}, {cell.place for cell in notebook.cells}
    claims = read_claims(execution.lines, exam.exercise, names, places)
    return a_record(_status(execution, claims), "", notebook.notes, claims, execution.seconds)


def a_record(status: str, detail: str, notes=(), claims: Claims | None = None, seconds: float = 0.0) -> dict:
    """What is kept of a submission."""
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
    if execution.ended in FAILED:
        return NOT_GRADED
    if execution.ended == "done" and claims.finished:
        return PARTLY if claims.errors else GRADED
    return execution.ended if execution.ended in DETAILS else "crashed"


def _execute(cells: list, exam: Exam, hidden: tuple[Path, ...]) -> Execution:
    for _ in range(ATTEMPTS):
        sandbox = _sandbox(exam, hidden)
        execution = sandbox.run(cells)
        closed = sandbox not in _open  # by `close_sandboxes`
        if execution.ended in FAILED or not sandbox.lasting:
            _close_mine()
        if closed or execution.ended not in FAILED:
            break
    return execution


def _sandbox(exam: Exam, hidden: tuple[Path, ...]) -> Sandbox:
    """The sandbox of this thread."""
    mine = getattr(_mine, "sandbox", None)
    if mine is None or mine not in _open or mine.exam != exam:
        _close_mine()
        _mine.sandbox = Sandbox(exam, hidden)
        _open.append(_mine.sandbox)
    return _mine.sandbox


def _close_mine() -> None:
    mine, _mine.sandbox = getattr(_mine, "sandbox", None), None
    if mine is not None:
        mine.close()
    if mine in _open:
        _open.remove(mine)


@cache
def surroundings() -> str:
    """Hash of the code and the data that a run depends on."""
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in compiler.surroundings()]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()

"""A folder of submissions, graded: what `make grade` does."""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from mlm.exercises import keys
from mlm.exercises.builder import SOLUTIONS
from mlm.exercises.compiler import compile_solution
from mlm.exercises.notebooks import BuildFailed, exercise_notebook
from mlm.grading.collect.submissions import collect, missing_learners, slugs
from mlm.grading.judge import handmarks, questions
from mlm.grading.judge.judging import HARD_CODED, Claims, mark
from mlm.grading.model import NOT_GRADED, Asked, CannotGrade, Graded, Result, Submission
from mlm.grading.report import exports, pages
from mlm.grading.sandbox.host import ROOT, Exam, Limits
from mlm.grading.sandbox.pool import a_record, records, surroundings
from mlm.grading.store import Store, alone_in, write_whole

SEEDS = 10**15  # private seeds to draw from
DRAWS = 10  # seeds drawn before giving up: data of a few seeds cannot be asked every question


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
        Seed of the data; by default one that nobody can guess, drawn once and kept in ``out``.
    public : bool
        Whether to grade with the public data instead.
    roster : pathlib.Path, optional
        CSV of the class.
    jobs : int
        Submissions at the same time; -1 for as many as there are cores.
    dask : str, optional
        Address of a Dask scheduler, whose workers then run the submissions.
    again : tuple of str
        Learners or submissions to run again though nothing changed.
    questions : tuple of str
        Questions to judge by the key as it is now, all others by the key of the last grading; all by the key
        as it is now if empty.
    release : bool
        Whether feedback shows the worked answers.
    site : str
        Address of the built book, for links from the pages.
    canvas : str
        Title of the column for Canvas; the exercise's name by default.
    limits : Limits
        What one submission may use.
    bare : bool
        Run without a sandbox, in a container made for this purpose.
    solutions : pathlib.Path
        Folder of the solutions, each of which makes an exercise.
    """

    exercise: str
    submissions: Path
    out: Path
    variant: int | None = None
    public: bool = False
    roster: Path | None = None
    jobs: int = -1
    dask: str | None = None
    again: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    release: bool = False
    site: str = ""
    canvas: str = ""
    limits: Limits = Limits()
    bare: bool = False
    solutions: Path = SOLUTIONS

    @property
    def solution(self) -> Path:
        """The file that the exercise is made from."""
        return self.solutions / f"{self.exercise}.md"


def grade_folder(settings: Settings, say=lambda line: None) -> Graded:
    """Grade everything in a folder; results are kept one by one, so that an interrupted run goes on.

    Parameters
    ----------
    settings : Settings
        What to grade and how.
    say : callable
        Is told, in a line, what takes long.

    Raises
    ------
    CannotGrade
        With what to do; also its kinds `NoSandbox`, `CannotCollect`, `MarksRefused`, `FolderInUse` and
        `OtherCourse`.
    """
    if not settings.solution.exists():
        known = ", ".join(sorted(path.stem for path in settings.solutions.glob("*.md")))
        raise CannotGrade(f"There is no exercise {settings.exercise!r}; there are {known}.")
    if settings.out.resolve().is_relative_to(settings.submissions.resolve()):
        raise CannotGrade(f"{settings.out} lies in the folder of submissions; choose one outside of it.")
    submissions = collect(settings.submissions, settings.roster, exercise=settings.exercise)
    if not submissions:
        raise CannotGrade(f"There is no file in {settings.submissions}.")
    settings.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone_in(settings.out):
        return _grade(settings, submissions, say)


def _grade(settings: Settings, submissions: list[Submission], say) -> Graded:
    key, public = _choose_keys(settings, say)
    notebook = exercise_notebook(settings.solution)
    asked = questions.asked(settings.exercise, key["questions"], notebook, ROOT / "book")
    exam = make_exam(notebook, key, settings.limits, settings.bare)
    names, store = slugs(submissions), Store(settings.out / "results")
    inputs = {s.name: _inputs(s, exam) for s in submissions}
    _forget(settings.again, submissions, names, store)
    todo = [s for s in submissions if store.read(names[s.name], inputs[s.name]) is None]
    hidden = (settings.submissions.resolve(), settings.out.resolve())
    if todo:
        say(f"{len(todo)} of {len(submissions)} submissions to run")
    for submission, record in records(todo, exam, hidden, settings.jobs, settings.dask):
        if record["status"] != NOT_GRADED:
            store.write(names[submission.name], {**record, "inputs": inputs[submission.name]})
    kept = [store.read(names[s.name], inputs[s.name]) for s in submissions]
    results = [_result(s, names[s.name], r, key, public) for s, r in zip(submissions, kept, strict=True)]
    roster = settings.roster
    absent = [learner.name for learner in missing_learners(submissions, roster)] if roster else []
    results, written = write_reports(results, asked, key, settings, absent)
    return Graded(results, absent, len(todo), written)


def _forget(
    again: tuple[str, ...], submissions: list[Submission], names: dict[str, str], store: Store
) -> None:
    for asked in again:
        meant = [s for s in submissions if asked in (s.name, s.learner)]
        if not meant:
            who = sorted({s.learner for s in submissions})
            raise CannotGrade(f"No learner and no submission is called {asked!r}: {keys.near(asked, who)}")
        for submission in meant:
            store.forget(names[submission.name])


# ---- the key ---------------------------------------------------------------------------------------


def _choose_keys(settings: Settings, say) -> tuple[dict, dict | None]:
    """The key to judge by, and the public one where that is another; kept in the output folder."""
    path = settings.out / "grading.json"
    kept = json.loads(path.read_text(encoding="utf8")) if path.exists() else None
    if kept and kept["exercise"] != settings.exercise:
        raise CannotGrade(f"{settings.out} holds grades of {kept['exercise']}; choose another folder.")
    if settings.questions and not kept:
        raise CannotGrade(f"{settings.out} holds no grades yet, of which single questions could be regraded.")
    say("Making the key of these data (kept for the next time)")
    key = _compile(settings.solution, _seeds(settings, kept))
    if settings.questions:
        key = _renewed(kept, key, settings.questions)
    write_whole(path, keys.dump(key))
    return key, None if key["variant"] is None else compile_solution(settings.solution).key


def _seeds(settings: Settings, kept: dict | None) -> list[int | None]:
    """The seed that was given or kept; else some drawn now, of which the first that serves is taken."""
    if settings.public:
        return [None]
    if settings.variant is not None:
        return [settings.variant]
    return [kept["variant"]] if kept else [secrets.randbelow(SEEDS) for _ in range(DRAWS)]


def _compile(solution: Path, seeds: list[int | None]) -> dict:
    """The key of the first seed that has one."""
    for seed in seeds:
        try:
            return compile_solution(solution, seed).key
        except BuildFailed as problem:
            refused = problem
    raise CannotGrade(f"With this seed the questions cannot all be asked; choose another:\n{refused}")


def _renewed(kept: dict, key: dict, names: tuple[str, ...]) -> dict:
    """The key of the last grading with some questions as they are now."""
    now = {question["name"]: question for question in key["questions"]}
    for name in names:
        if name not in now:
            raise CannotGrade(f"There is no question {name!r}: {keys.near(name, list(now))}")
    if kept["variant"] != key["variant"]:
        raise CannotGrade("Single questions can only be regraded with the seed of the last grading.")
    return kept | {"questions": [now[q["name"]] if q["name"] in names else q for q in kept["questions"]]}


# ---- what runs, and what comes of it ----------------------------------------------------------------


def make_exam(notebook, key: dict, limits: Limits, bare: bool) -> Exam:
    """What all submissions have in common, with nothing in it that would give an answer away."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    call = re.compile(r"""\b(?:check|write)\(\s*["']([^"']+)["']""")
    checks = [cell.source for cell in cells if call.search(cell.source) and cell.id.endswith("-check")]
    return Exam(
        exercise=key["exercise"],
        variant=key["variant"],
        key=keys.dump(keys.without_answers(key)),
        given=tuple(cell.source for cell in cells),
        asked=tuple((call.search(source)[1], source) for source in checks),
        limits=limits,
        bare=bare,
    )


def _inputs(submission: Submission, exam: Exam) -> str:
    """Hash of all that a run depends on: the file, the exam, the code and the data."""
    parts = (submission.content, repr((submission.problem, exam)).encode(), surroundings().encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _result(submission: Submission, slug: str, record: dict | None, key: dict, public: dict | None) -> Result:
    record = record or a_record(NOT_GRADED, "")
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


def write_reports(
    results: list[Result], asked: list[Asked], key: dict, settings: Settings, absent: list[str]
) -> tuple[list[Result], list[str]]:
    """Merge the marks that were given by hand, and write every file that is made from results.

    Returns
    -------
    list of Result, list of str
        With marks; and the files that are new or changed.
    """
    out = settings.out
    marked = out / "marks.csv"
    rows = handmarks.marks_rows(marked) if marked.exists() else []
    given = handmarks.read_marks(marked, results, asked) if rows else {}
    results = [handmarks.merge_marks(result, given) for result in results]
    files = {
        "grades.csv": exports.grades_csv(results, key["questions"]),
        "canvas.csv": exports.canvas_csv(results, settings.canvas or settings.exercise),
        "class.html": pages.class_page(results, asked, absent, settings.site),
        "marking.html": pages.marking_page(results, asked),
        "marks.csv": handmarks.marks_template(results, asked, rows),
    }
    released = questions.released(settings.solution) if settings.release else None
    dealt = key["variant"] is not None
    for result in results:
        files[f"feedback/{result.slug}.html"] = pages.feedback(
            result, asked, settings.release, released, given, settings.site, dealt
        )
        files[f"gradescope/{result.slug}/results.json"] = exports.gradescope_json(result, asked)
    for left in {*out.glob("feedback/*.html"), *out.glob("gradescope/*/results.json")}:
        if str(left.relative_to(out)) not in files:
            left.unlink()  # of a submission that is there no more
    written = [name for name, text in files.items() if text is not None and write_whole(out / name, text)]
    return results, written

"""``solutions/NN-slug.md`` -> ``exercises/NN-slug.ipynb`` and ``exercises/keys/NN-slug.json``.

The solution is the only file edited by hand.  Its cells become those of the exercise by their tag:

=============  ================================  =================================================
tag            in the exercise                   when the solution is compiled
=============  ================================  =================================================
none           kept                              run
``answer``     its stub (`mlm.exercises.stubs`)  run
``check``      kept                              run, after the key: the solution must pass
``key``        dropped                           run: it states the question
``discussion`` dropped                           dropped
=============  ================================  =================================================

Fences ``:::{discussion}`` inside Markdown are dropped too.  To compile means to run the solution, which
takes a while, so what came of it is kept (`mlm.executions`).
"""

import json
import os
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from mlm.exercises import keys
from mlm.exercises.align import distance
from mlm.exercises.compiler import ROOT, Compiled, compile_solution
from mlm.exercises.notebooks import BuildFailed, is_edited, notebook_text, tasks

SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"
#: A key computed again, perhaps on another machine, may differ from the stored one by this share of a
#: tolerance and still say the same: its right values, and its mistakes and routes.
DRIFT, DRIFT_OF_OTHERS = 0.1, 0.5


def build_all(
    *,
    check: bool = False,
    variant: int | None = None,
    solutions: Path = SOLUTIONS,
    exercises: Path = EXERCISES,
    worked: Path | None = None,
    say=lambda line: None,
) -> list[str]:
    """Build every exercise, or (``check``) prove that the generated files are what they should be.

    Parameters
    ----------
    check : bool
        Write nothing; raise if a generated file differs from its source.
    variant : int, optional
        Write only the keys of this private variant: ``exercises/keys/NN-slug.variant-7.json``.
    solutions, exercises : pathlib.Path
        Where solutions are read and exercises are written.
    worked : pathlib.Path, optional
        Where each exercise is written with its answers worked out, to try a grading with.
    say : callable
        Is told, in a line, which solution has run.

    Returns
    -------
    list of str
        One line for each file: where it is and whether it is new, changed or as it was.

    Raises
    ------
    BuildFailed
        With every problem of every solution, each naming the file and what to do.
    """
    done, problems, paths = [], [], sorted(solutions.glob("*.md"))
    if not paths:
        raise BuildFailed(f"{solutions} holds no solution: a solution is a file such as 03-basics.md")
    if worked and worked.resolve() == exercises.resolve():
        raise BuildFailed(f"{worked} would hold the exercises with their answers; name another folder")
    compiled = _compile_all(paths, variant, say)
    for solution in paths:
        try:
            files = _generated(solution, compiled[solution].result(), exercises, worked)
        except BuildFailed as problem:
            problems.append(str(problem))
            continue
        named = {path: os.path.relpath(path, exercises.parent) for path in files}
        states, refusals = {}, []
        for path, text in files.items():
            try:
                states[path] = _state(path, text, check)
            except BuildFailed as problem:
                refusals.append(f"{named[path]} {problem}")
        problems += refusals
        if not refusals:  # else a notebook and its key would say different things
            for path, state in states.items():
                _write(path, files[path], state)
                done.append(f"{named[path]}: {state}")
    problems += _orphans(solutions, exercises)
    if problems:
        raise BuildFailed("\n".join(problems))
    return done


def _compile_all(paths: list[Path], variant: int | None, say) -> dict[Path, Future]:
    """Run the solutions, as many at a time as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(compile_solution, path, variant): path for path in paths}
        for done, run in enumerate(as_completed(runs), start=1):
            say(f"{done} of {len(runs)} solutions have run: {runs[run].name}")
    return {path: run for run, path in runs.items()}


def _generated(solution: Path, compiled: Compiled, exercises: Path, worked: Path | None) -> dict[Path, str]:
    variant = compiled.key["variant"]
    key_file = keys.file_of(exercises / "keys", solution.stem, variant)
    files = {key_file: keys.dump(_with_tasks(compiled.key, solution))}
    if variant is None:
        files[exercises / f"{solution.stem}.ipynb"] = notebook_text(solution)
    if worked:
        files[worked / f"{solution.stem}.ipynb"] = notebook_text(solution, worked=True)
    return files


def _with_tasks(key: dict, solution: Path) -> dict:
    """The key, with the question's own words where an answer is written: they are no answer."""
    asked = tasks(solution)
    questions = [
        question | ({"task": asked[question["name"]]} if question["kind"] == "write" else {})
        for question in key["questions"]
    ]
    return key | {"questions": questions}


def _state(path: Path, text: str, check: bool) -> str:
    """``new``, ``changed`` or ``as it was``; refused where that may not be written."""
    old = path.read_text(encoding="utf8") if path.exists() else None
    changed = [] if old is None or old == text else _changes(path, old, text)
    if old is not None and not changed:
        return "as it was"
    if check and old is None:
        raise BuildFailed("is missing; run `make exercises` and commit the result")
    named = ", ".join(changed[:5])
    if old is not None and path.suffix == ".ipynb" and is_edited(old):
        raise BuildFailed(
            f"holds work of yours ({named}), which a new one would overwrite; "
            "rename it, then run `make exercises`"
        )
    if check:
        raise BuildFailed(f"is not what its solution says ({named}); run `make exercises` and commit")
    return "new" if old is None else "changed"


def _write(path: Path, text: str, state: str) -> None:
    if state != "as it was":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")


def _changes(path: Path, old: str, new: str) -> list[str]:
    """Name the questions or the cells in which two versions of a generated file differ."""
    try:
        first, second = json.loads(old), json.loads(new)
        if path.suffix == ".json":
            return _changed_questions(first, second)
        before, after = [{cell["id"]: cell for cell in notebook["cells"]} for notebook in (first, second)]
        cells = [name for name in before | after if before.get(name) != after.get(name)]
        return [f"cell {name}" for name in cells] or ["its metadata"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ["it cannot be read"]


def _changed_questions(first: dict, second: dict) -> list[str]:
    """Questions that say something else, beyond a small share of their tolerances."""
    before, after = [{question["name"]: question for question in key["questions"]} for key in (first, second)]
    names = [name for name in before | after if _differ(before.get(name), after.get(name))]
    rest = [{**key, "questions": [q["name"] for q in key["questions"]]} for key in (first, second)]
    return names or ([] if rest[0] == rest[1] else ["the order of questions, or its head"])


def _differ(old: dict | None, new: dict | None) -> bool:
    if old is None or new is None or _frame(old) != _frame(new):
        return True
    settings = ("rtol", "atol", "points", "probes", "rubric")
    return any(old.get(field) != new.get(field) for field in settings) or _drifts(old, new)


def _orphans(solutions: Path, exercises: Path) -> list[str]:
    stems = {solution.stem for solution in solutions.glob("*.md")}
    files = [path for path in (exercises / "keys").glob("*.json") if "." not in path.stem]
    return [
        f"{path.relative_to(exercises.parent)} has no solution any more; delete it and {path.stem}.ipynb"
        for path in sorted(files)
        if path.stem not in stems
    ]


def _frame(thing):
    """All of a key but its numbers: fields, words, and how many numbers there are."""
    if isinstance(thing, dict):
        return {field: _frame(part) for field, part in thing.items()}
    if isinstance(thing, list):
        return [_frame(part) for part in thing]
    return "a number" if isinstance(thing, float) else thing


def _drifts(old: dict, new: dict) -> bool:
    """Do the numbers say something else than they did?"""
    if old["kind"] == "write":
        return False
    tolerance = new["rtol"], new["atol"]
    others = [pair for field in ("mistakes", "accepts") for pair in zip(old[field], new[field], strict=True)]
    return distance(old["value"], new["value"], *tolerance) > DRIFT or any(
        distance(a["value"], b["value"], *tolerance) > DRIFT_OF_OTHERS for a, b in others
    )

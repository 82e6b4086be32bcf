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
takes a while, so what came of it is kept in ``.cache/exercises`` for as long as the solution, the data,
`mlm` and the locked packages stay as they are.
"""

import json
from pathlib import Path

from mlm.exercises import keys
from mlm.exercises.align import distance
from mlm.exercises.compiler import ROOT, compile_solution
from mlm.exercises.notebooks import BuildFailed, is_edited, notebook_text

SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"
#: A key computed again, perhaps on another machine, may differ from the stored one by this share of a
#: tolerance and still say the same.
DRIFT = 0.1


def build_all(
    *,
    check: bool = False,
    variant: int | None = None,
    solutions: Path = SOLUTIONS,
    exercises: Path = EXERCISES,
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

    Returns
    -------
    list of str
        One line for each file: its name and whether it is new, changed or as it was.

    Raises
    ------
    BuildFailed
        With every problem of every solution, each naming the file and what to do.
    """
    done, problems = [], []
    for solution in sorted(solutions.glob("*.md")):
        try:
            for path, text in _generated(solution, exercises, variant).items():
                done.append(f"{path.name}: {_settle(path, text, check)}")
        except BuildFailed as problem:
            problems.append(str(problem))
    problems += _orphans(solutions, exercises)
    if problems:
        raise BuildFailed("\n".join(problems))
    return done


def _generated(solution: Path, exercises: Path, variant: int | None) -> dict[Path, str]:
    compiled = compile_solution(solution, variant)
    key_file = keys.file_of(exercises / "keys", solution.stem, variant)
    files = {key_file: keys.dump(compiled.key)}
    if variant is None:
        files[exercises / f"{solution.stem}.ipynb"] = notebook_text(solution)
    return files


def _settle(path: Path, text: str, check: bool) -> str:
    """Write a generated file if it says something new; with ``check``, refuse instead."""
    old = path.read_text(encoding="utf8") if path.exists() else None
    if old == text or old is not None and path.suffix == ".json" and _same_key(old, text):
        return "as it was"
    state = "new" if old is None else "changed"
    if check:
        what = "is missing" if old is None else "is not what its solution says"
        raise BuildFailed(
            f"{path.parent.name}/{path.name} {what}; run `make exercises` and commit the result"
        )
    if old is not None and path.suffix == ".ipynb" and is_edited(old):
        raise BuildFailed(
            f"{path.parent.name}/{path.name} holds work of yours, which a new exercise would overwrite; "
            "rename it, then run `make exercises` again"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
    return state


def _orphans(solutions: Path, exercises: Path) -> list[str]:
    stems = {solution.stem for solution in solutions.glob("*.md")}
    files = [path for path in (exercises / "keys").glob("*.json") if "." not in path.stem]
    return [
        f"keys/{path.name} has no solution any more; delete it and exercises/{path.stem}.ipynb"
        for path in sorted(files)
        if path.stem not in stems
    ]


def _same_key(old: str, new: str) -> bool:
    """Do two key files say the same, up to a small share of each question's tolerance?"""
    try:
        first, second = json.loads(old), json.loads(new)
        return _frame(first) == _frame(second) and all(
            _drift(a, b) <= DRIFT for a, b in zip(first["questions"], second["questions"], strict=True)
        )
    except (ValueError, KeyError, TypeError):
        return False


def _frame(thing):
    """All of a key but its numbers: fields, words, and how many numbers there are."""
    if isinstance(thing, dict):
        return {field: _frame(part) for field, part in thing.items()}
    if isinstance(thing, list):
        return [_frame(part) for part in thing]
    return "a number" if isinstance(thing, float) else thing


def _drift(old: dict, new: dict) -> float:
    """Largest difference of the right value, the mistakes and the routes, in tolerances."""
    settings = ("rtol", "atol", "points", "probes", "rubric")
    if any(old.get(field) != new.get(field) for field in settings):
        return float("inf")
    if old["kind"] == "write":
        return 0.0
    pairs = [(old["value"], new["value"])]
    for field in ("mistakes", "accepts"):
        pairs += [(a["value"], b["value"]) for a, b in zip(old[field], new[field], strict=True)]
    return max(distance(a, b, new["rtol"], new["atol"]) for a, b in pairs)

"""From a solution to its key: run it, collect what its key cells state, and see that it passes itself."""

from dataclasses import dataclass
from pathlib import Path

from mlm import executions
from mlm.exercises import kernels
from mlm.exercises.compare import RIGHT
from mlm.exercises.notebooks import BuildFailed, first_line, read_solution, tag_of

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Compiled:
    """What running a solution gave.

    Attributes
    ----------
    key : dict
        ``exercise``, ``variant`` and ``questions``, as a key file holds them.
    answers : dict
        Name of each question -> ``{"answer": plain data, "verdict": fields of a Verdict}``, as the
        solution's own check cells found them.
    """

    key: dict
    answers: dict[str, dict]


def compile_solution(solution: Path, variant: int | None = None) -> Compiled:
    """Run a solution, or recall what it gave where nothing changed, and collect its key.

    Raises
    ------
    BuildFailed
        If a cell raises, or reads a file of the course that it does not name; if a key is refused, a check
        has no key (or the other way round), or the solution does not pass its own checks.
    """
    cells = _keys_before_checks([c for c in read_solution(solution) if c.cell_type == "code"])
    cells = [cell for cell in cells if tag_of(cell) != "discussion"]
    try:
        run = kernels.run_kept(solution.name, [cell.source for cell in cells], variant=variant)
    except executions.UnknownInput as problem:
        raise BuildFailed(str(problem)) from None
    if run.errors or run.stopped:
        place, error = next(iter(run.errors.items()), (None, run.stopped))
        where = "" if place is None else f"the cell that begins `{first_line(cells[place])}` "
        raise BuildFailed(f"{solution.name}: {where}{error}")
    return _collect(solution, variant, run.records)


def surroundings() -> list[Path]:
    """The files that a run of any notebook of the course depends on."""
    files = [ROOT / "requirements.txt", *sorted((ROOT / "data").rglob("*"))]
    files += sorted((ROOT / "mlm").rglob("*.py"))
    return [path for path in files if path.is_file()]


def _keys_before_checks(cells: list) -> list:
    """Run each key just before the check above it, so that the check knows its question."""
    ordered = []
    for cell in cells:
        place = (
            len(ordered) - 1
            if ordered and tag_of(cell) == "key" and tag_of(ordered[-1]) == "check"
            else len(ordered)
        )
        ordered.insert(place, cell)
    return ordered


def _collect(solution: Path, variant: int | None, records: list[dict]) -> Compiled:
    questions = [record["question"] for record in records if record["event"] == "key"]
    checked = [record for record in records if record["event"] != "key"]
    problems = _misnamed(solution, records) + _unpaired(questions, checked)
    problems += [
        f"{record['name']}: the solution itself does not pass: {record['verdict']['message']}"
        for record in checked
        if record["verdict"]["status"] not in (RIGHT, "written")
    ]
    if problems:
        raise BuildFailed("\n".join(f"{solution.name}: {problem}" for problem in problems))
    key = {"exercise": solution.stem, "variant": variant, "questions": questions}
    answers = {r["name"]: {"answer": r["answer"], "verdict": r["verdict"]} for r in checked}
    return Compiled(key, answers)


def _misnamed(solution: Path, records: list[dict]) -> list[str]:
    names = {record["exercise"] for record in records} - {solution.stem}
    return [f'it says Exercise("{name}"); its name is "{solution.stem}"' for name in sorted(names)]


def _unpaired(questions: list[dict], checked: list[dict]) -> list[str]:
    keyed, asked = [q["name"] for q in questions], [record["name"] for record in checked]
    problems = [f"{name}: it has two keys" for name in sorted({n for n in keyed if keyed.count(n) > 1})]
    problems += [f"{name}: it is checked but has no key" for name in sorted(set(asked) - set(keyed))]
    return problems + [
        f"{name}: it has a key but is never checked" for name in sorted(set(keyed) - set(asked))
    ]

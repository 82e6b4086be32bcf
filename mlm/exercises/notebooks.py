"""From a solution to the learner's notebook: which cells stay, and as what.

Nothing runs here; the text that comes out depends on the solution's text alone, byte for byte (and on the
minutes that its chapter states).
"""

import ast
import hashlib
import json
import re
from pathlib import Path

from mlm.exercises.stubs import stub
from mlm.spelling import did_you_mean

WRITES = re.compile(r"\.write\(\s*[\"']([a-z0-9-]+)")
#: Stands in a solution for the minutes of practice.
MINUTES = "{minutes}"
TIME = re.compile(r"^\*\*Time\*\* about (\d+) minutes to read and run\b.*?(\d+) to practise\b", re.MULTILINE)
HEADING = re.compile(r"^#+ ", re.MULTILINE)
TAGS = {"answer", "check", "key", "discussion"}
KNOWN_TAGS = TAGS | {
    "hide-input",
    "hide-output",
    "remove-cell",
    "remove-input",
    "raises-exception",
    "raises-warnings",
}


class BuildFailed(Exception):
    """A solution cannot be built, or a generated file is not what its solution says."""


def notebook_text(solution: Path, *, worked: bool = False) -> str:
    """What `exercise_notebook` makes, as text, byte for byte the same each time."""
    import nbformat

    notebook = exercise_notebook(solution, worked=worked)
    notebook.metadata["mlm"]["digest"] = digest_of(notebook)
    return nbformat.writes(notebook) + "\n"


def exercise_notebook(solution: Path, *, worked: bool = False):
    """The learner's notebook: stubs for answers, no keys, no discussions, no outputs.

    With ``worked`` the answers are those of the solution: what a perfect learner hands in.
    """
    from nbformat import v4

    cells, blank, source_cells = [], set(), read_solution(solution)
    lists = {question: _list_of(rubric) for question, rubric in rubrics(source_cells).items()}
    for cell in source_cells:
        tag, source = tag_of(cell), cell.source
        if tag in ("key", "discussion") or not source.strip():
            continue
        if MINUTES in source and cell.cell_type == "markdown":
            source = source.replace(MINUTES, str(minutes(page_of(solution))[1]))
        make = v4.new_markdown_cell if cell.cell_type == "markdown" else v4.new_code_cell
        source = stub(source, blank) if tag == "answer" and not worked else source
        made = make(source, id=f"{len(cells) + 1:03d}-{tag or cell.cell_type}")
        if tags := cell.metadata.get("tags"):
            made.metadata["tags"] = list(tags)
        cells.append(made)
        if tag == "check" and (called := WRITES.search(source)) and called[1] in lists:
            above = next(cell for cell in reversed(cells) if cell.cell_type == "markdown")
            above.source += f"\n\n{lists[called[1]]}"
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "mlm": {"exercise": solution.stem},
    }
    return v4.new_notebook(cells=cells, metadata=metadata)


def page_of(solution: Path) -> Path:
    """The chapter that an exercise belongs to."""
    return solution.resolve().parent.parent / "book" / solution.name


def minutes(page: Path) -> tuple[int, int]:
    """Minutes to read and run a chapter, and to practise it: its line **Time** is where they stand."""
    text = page.read_text(encoding="utf8") if page.exists() else ""
    line = TIME.search(text)
    if not line:
        raise BuildFailed(
            f"{page} has no line '**Time** about 90 minutes to read and run, 60 to practise', "
            f"from which {MINUTES} is filled in"
        )
    return int(line[1]), int(line[2])


def rubrics(cells) -> dict[str, dict]:
    """Name of each written question -> ``words`` and ``rubric`` as its key cell states them.

    They are read from the source, so that what stands in the notebook is what the key holds.
    """
    calls = [
        node
        for cell in cells
        if tag_of(cell) == "key"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "rubric"
    ]
    found = {}
    for call in calls:
        given = {word.arg: word.value for word in call.keywords}
        try:
            name = ast.literal_eval(call.args[0])
            found[name] = {field: ast.literal_eval(given[field]) for field in ("words", "rubric")}
        except (ValueError, KeyError, IndexError):
            raise BuildFailed(
                f"`{ast.unparse(call)[:60]} …`: write name, words and rubric out, "
                "since learners see them before anything runs"
            ) from None
    return found


def _list_of(stated: dict) -> str:
    """The criteria of a rubric as a list to write by."""
    (fewest, most), rubric = stated["words"], stated["rubric"]
    items = [f"- {criterion} ({points:g} point{'s' * (points != 1)})" for criterion, points in rubric.items()]
    asks = f"**A full answer** has {fewest} to {most} words and is read by this list:"
    return "\n".join([asks, "", *items])


def tasks(solution: Path) -> dict[str, str]:
    """Name of each written question -> its own words, from the heading on."""
    found, above = {}, ""
    for cell in read_solution(solution):
        if cell.cell_type == "markdown":
            start = max((match.start() for match in HEADING.finditer(cell.source)), default=None)
            above = cell.source[start:] if start is not None else f"{above}\n{cell.source}"
        elif tag_of(cell) == "check" and (called := WRITES.search(cell.source)):
            found[called[1]] = above.strip()
    return found


def read_solution(solution: Path) -> list:
    """The cells of a solution, without its discussions.

    A tag or a fence that is not known is refused: misspelt, it would hand the answer to the learner.
    """
    import jupytext

    cells = jupytext.read(solution).cells
    for place, cell in enumerate(cells, 1):
        where = f"{solution.name}: cell {place}, which begins `{first_line(cell)}`,"
        _refuse_unknown("option", set(cell.metadata), {"tags"}, where)
        _refuse_unknown("tag", set(cell.metadata.get("tags", [])), KNOWN_TAGS, where)
        own = TAGS & set(cell.metadata.get("tags", []))
        if len(own) > 1:
            raise BuildFailed(f"{where} has the tags {', '.join(sorted(own))}; give it one")
        if own and cell.cell_type != "code":
            raise BuildFailed(f"{where} is Markdown and is tagged {own.pop()}")
        if cell.cell_type == "markdown":
            cell.source = _without_discussions(cell.source, where)
    return cells


def _refuse_unknown(what: str, given: set[str], known: set[str], where: str) -> None:
    for name in sorted(given - known):
        advice = did_you_mean(name, known, f"known are {', '.join(sorted(known))}", most=1)
        raise BuildFailed(f"{where} has the {what} {name!r}; {advice}")


def tag_of(cell) -> str:
    """``answer``, ``check``, ``key``, ``discussion`` or ``""``."""
    return next(iter(TAGS & set(cell.metadata.get("tags", []))), "")


def first_line(cell) -> str:
    """The line by which a message names a cell."""
    return (cell.source.strip().splitlines() or [""])[0]


def _without_discussions(source: str, where: str) -> str:
    kept, fence = [], ""
    for line in source.splitlines():
        opening = re.match(r"\s*(:{3,}|(?:`{3,}|~{3,})(?=\s*\{))\s*(.*)", line)
        if fence:
            fence = "" if re.fullmatch(rf"\s*:{{{len(fence)},}}\s*", line) else fence
        elif opening:
            known = "{discussion}" if opening[1].startswith(":") else "{code-cell} ipython3"
            _refuse_unknown(f"fence {opening[1]}", {opening[2].strip()}, {known}, where)
            fence = opening[1]
        else:
            kept.append(line)
    if fence:
        raise BuildFailed(f"{where} has a {fence}{{discussion}} that is not closed before the next code cell")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def digest_of(notebook) -> str:
    sources = json.dumps([[cell.cell_type, cell.source] for cell in notebook.cells])
    return hashlib.sha256(sources.encode()).hexdigest()[:16]


def is_edited(text: str) -> bool:
    """Does a notebook hold other cells than the builder wrote into it?"""
    import nbformat

    try:
        notebook = nbformat.reads(text, as_version=4)
    except Exception:  # not a notebook any more: not the builder's, then
        return True
    return notebook.metadata.get("mlm", {}).get("digest") != digest_of(notebook)

"""The rooms of grading: which may import from which, and what may be imported beside a submission.

All is read from the syntax trees, so that an import within a function counts, and nothing has to run.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

from mlm.grading.sandbox import host

ROOT = Path(__file__).parents[2]
GRADING = "mlm.grading"
#: What each room may import from the others; itself and the rest of the package it may.
ARROWS = {
    "model": (),
    "store": ("model",),
    "collect": ("model",),
    "report": ("model",),
    "judge": ("model", "report"),
    "sandbox.inside": (),
    "sandbox": ("sandbox.inside", "model", "collect", "judge", "report"),
    "run": ("model", "store", "collect", "sandbox", "judge", "report"),
}
#: Where right answers are made, read or kept.
SECRET = {
    *(f"{GRADING}.{room}" for room in ("collect", "judge", "report", "run", "store")),
    *(f"mlm.exercises.{module}" for module in ("builder", "compiler", "notebooks", "selfcheck")),
}


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    files = {path.relative_to(ROOT).with_suffix("").parts: path for path in ROOT.glob("mlm/**/*.py")}
    return {".".join(name[:-1] if name[-1] == "__init__" else name): path for name, path in files.items()}


def module_of(name: str) -> str:
    """The module that holds a name: `mlm.data` for `mlm.data.load`."""
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that a module imports, in whatever function.

    Where it imports by name, every text in it that names a module counts as one, and where it starts Python
    with a program of its own, every import of that program.
    """
    tree = ast.parse(modules()[module].read_text(encoding="utf8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relative to itself, which this test cannot read"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in modules():
            found.add(node.value)
    return frozenset(module_of(name) for name in found) - {"", module}


def closure(module: str) -> dict[str, str]:
    """All that an import of a module imports; and for each module, which one asked for it."""
    asked, todo = {module: ""}, [module]
    while todo:
        one = todo.pop()
        packages = {one.rsplit(".", count)[0] for count in range(1, one.count(".") + 1)}
        for other in sorted((imports(one) | packages) - asked.keys()):
            asked[other] = one
            todo.append(other)
    return asked


def room_of(module: str) -> str | None:
    """The room of a module of grading: the longest name of the table that it begins with."""
    name = module.removeprefix(GRADING + ".")
    if not module.startswith(GRADING + "."):
        return None
    held = [room for room in ARROWS if f"{name}.".startswith(f"{room}.")]
    assert held, f"{module} lies in no room: give it one, or write its room into ARROWS"
    return max(held, key=len)


def within(module: str, names) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in names)


def told(module: str, asked: dict[str, str]) -> str:
    """How a module came to be imported."""
    way = [module]
    while asked[way[-1]]:
        way.append(asked[way[-1]])
    return " imports ".join(reversed(way))


IN_GRADING = sorted(name for name in modules() if name.startswith(GRADING + "."))
INSIDE = [name for name in IN_GRADING if room_of(name) == "sandbox.inside"]


def test_arrows_run_one_way():
    done = set()
    while ready := {room for room, others in ARROWS.items() if done.issuperset(others)} - done:
        done |= ready
    assert done == set(ARROWS), f"{', '.join(sorted(set(ARROWS) - done))} may import each other in a circle"


@pytest.mark.parametrize("module", IN_GRADING)
def test_a_room_imports_only_what_its_arrows_allow(module):
    room = room_of(module)
    wrong = [other for other in sorted(imports(module)) if room_of(other) not in (None, room, *ARROWS[room])]
    assert not wrong, (
        f"{module} imports {', '.join(wrong)}: an arrow from the room {room!r} to "
        f"{', '.join(repr(room_of(other)) for other in wrong)}, which ARROWS does not allow"
    )


@pytest.mark.parametrize("module", INSIDE)
def test_nothing_that_knows_a_right_answer_is_imported_beside_a_submission(module):
    asked = closure(module)
    wrong = [told(other, asked) for other in sorted(asked) if within(other, SECRET)]
    assert not wrong, "What runs beside a submission reaches what knows right answers: " + "; ".join(wrong)


def test_what_is_imported_beside_a_submission_names_no_folder_of_solutions():
    reached = set().union(*map(closure, INSIDE))
    wrong = [
        f"{module}:{node.lineno}"
        for module in sorted(reached)
        for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf8")))
        if isinstance(node, ast.Constant) and node.value == "solutions"
    ]
    assert not wrong, f"{', '.join(wrong)}: a path of the solutions beside a submission"


def test_a_lazy_import_and_one_by_name_are_seen():
    assert modules().keys() >= SECRET
    assert "mlm.exercises.kernels" in imports("mlm.book")  # within a function
    assert "mlm.data" in imports("mlm")  # by its name
    assert "mlm.grading.sandbox.inside.shell" in closure("mlm.grading.sandbox.inside.server")


def test_of_the_course_the_sandbox_shows_no_folder_that_holds_answers():
    shown = [ROOT / part for part in host.OPEN]
    kept = [ROOT / part for part in ("exercises", "solutions", "tests", "book", ".cache", ".git")]
    wrong = [f"{a} shows {b}" for a in shown for b in kept if a.is_relative_to(b) or b.is_relative_to(a)]
    assert not wrong, "; ".join(wrong)

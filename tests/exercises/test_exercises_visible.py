"""What learners see of a solution stands on its own, and each question says where the book teaches it."""

import ast
import builtins
import dis
import re
from collections import Counter
from types import CodeType

import pytest

from mlm.exercises.builder import SOLUTIONS
from mlm.exercises.compiler import ROOT
from mlm.exercises.notebooks import read_solution, tag_of

from .conftest import EXAMPLE

PATHS = sorted(SOLUTIONS.glob("*.md"))
READS = {"LOAD_NAME", "LOAD_GLOBAL"}
WRITES = {"STORE_NAME", "STORE_GLOBAL"}


@pytest.fixture(params=[*PATHS, *EXAMPLE.glob("*.md")], ids=lambda path: path.stem)
def solution(request):
    return request.param


def names(code: CodeType, operations: set[str]) -> set[str]:
    """Global names that a piece of code, or a function inside it, reads or writes."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in operations}
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found.union(*(names(one, operations) for one in inner))


def undefined(sources: list[str]) -> list[str]:
    """Names that a notebook of these cells reads before any of its cells defines them."""
    known, missing = set(dir(builtins)), []
    for source in sources:
        code = compile(source, "<cell>", "exec")
        known |= names(code, WRITES)
        missing += sorted(names(code, READS) - known)
    return missing


def test_a_name_that_only_a_key_cell_defines_is_found():
    cells = [
        "scale = 2\ndef f(x):\n    return [x * scale + shift for x in range(3)]",
        "print(f'{f(1)} {slip}')",
    ]
    assert undefined(cells) == ["shift", "slip"]
    assert undefined(["shift = slip = 1", *cells]) == []


def test_the_cells_of_a_perfect_learner_use_no_name_of_a_key_cell(solution):
    cells = [cell for cell in read_solution(solution) if cell.cell_type == "code"]
    visible = [cell.source for cell in cells if tag_of(cell) not in ("key", "discussion")]
    assert undefined(visible) == []


def sections(solution) -> dict[str, str | None]:
    """The section that each question names, read from its key cell."""
    found = {}
    for cell in read_solution(solution):
        if tag_of(cell) == "key":
            for call in filter(_states_a_question, ast.walk(ast.parse(cell.source))):
                given = {word.arg: word.value for word in call.keywords}
                found[call.args[0].value] = getattr(given.get("section"), "value", None)
    return found


def _states_a_question(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("key", "rubric")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_question_names_a_section_that_the_book_has_once(path):
    pages = [page.read_text(encoding="utf8") for page in sorted((ROOT / "book").glob("*.md"))]
    labels = Counter(re.findall(r"^\((sec-[a-z0-9-]+)\)=$", "\n".join(pages), re.MULTILINE))
    asked = sections(path)
    assert asked, "no question was found"
    wrong = {name: label for name, label in asked.items() if labels[label] != 1}
    assert not wrong, "these sections are not in the book, or not once"

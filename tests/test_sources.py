"""The sources of chapters and solutions: clean code, known tags, no network, house words."""

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "book").glob("*.md"), *(ROOT / "solutions").glob("*.md")])
NOTEBOOKS = [path for path in SOURCES if "\nkernelspec:" in path.read_text(encoding="utf8")[:1000]]
TAGS = {
    *("hide-input", "hide-output", "remove-input", "remove-cell", "raises-warnings", "raises-exception"),
    *("answer", "check", "key", "discussion"),
}
#: a notebook shows a value by naming it last, imports cell by cell, may redefine a name;
#: its prose has a sentence a line
RUFF = ["--config", str(ROOT / "pyproject.toml"), "--extend-ignore", "E402,E501,B018,F811,I001"]
FETCHES = re.compile(
    r"get_rdataset|pm\.get_data|load_arviz_data|urlopen|requests\.get|read_csv\(\s*[\"']http"
)
FILLERS = re.compile(r"\b(simply|obviously|of course|it is easy to see|trivially)\b", re.IGNORECASE)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def cells(path: Path):
    return jupytext.read(path).cells


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_the_code_of_a_page_passes_the_linter(path, tmp_path):
    script = tmp_path / (path.stem.replace("-", "_") + ".py")
    script.write_text("\n\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "code") + "\n")
    run = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--quiet", *RUFF, script.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, f"{short(path)}:\n{run.stdout}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_every_cell_tag_is_known(path):
    used = {tag for cell in cells(path) for tag in cell.metadata.get("tags", [])}
    assert used <= TAGS, f"{short(path)} uses unknown tags: {sorted(used - TAGS)}; known are {sorted(TAGS)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_the_front_matter_is_reduced_to_what_does_not_churn(path):
    front_matter = path.read_text(encoding="utf8").split("---")[1]
    assert "jupytext_version" not in front_matter, f"{short(path)}: delete the line jupytext_version"
    assert "name: python3" in front_matter


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_no_page_fetches_anything(path):
    found = FETCHES.findall("\n".join(cell.source for cell in cells(path) if cell.cell_type == "code"))
    assert not found, f"{short(path)} would ask the network: {found}"


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_the_prose_has_no_filler(path):
    prose = re.sub(r"```\{code-cell\}.*?```", "", path.read_text(encoding="utf8"), flags=re.DOTALL)
    assert not FILLERS.findall(prose), f"{short(path)}: delete {FILLERS.findall(prose)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_no_code_cell_is_longer_than_25_lines(path):
    long = [cell.source.splitlines()[0] for cell in cells(path) if is_long(cell)]
    assert not long, f"{short(path)}: split the cells that begin with {long}"


def is_long(cell) -> bool:
    # keys and quizzes are catalogues, guards are lists of digits: long by nature, hidden from the reader
    hidden = {"key", "remove-input", "remove-cell"} & set(cell.metadata.get("tags", []))
    return cell.cell_type == "code" and not hidden and len(cell.source.splitlines()) > 25


def test_no_test_module_imports_pymc_before_a_test_asks_for_it():
    slow = re.compile(r"^(?:import|from) (?:pymc|nutpie|pytensor)\b", re.MULTILINE)
    found = [
        short(path) for path in (ROOT / "tests").rglob("*.py") if slow.search(path.read_text(encoding="utf8"))
    ]
    assert not found, f"every worker would import PyMC to collect its tests: {found}"


def test_make_alone_prints_its_targets_with_one_line_each():
    run = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True)
    printed = re.findall(r"^  make (\w+) +\S", run.stdout, flags=re.MULTILINE)
    told = (
        "env book serve test lint exercises chapter check grade doctor data reference benchmarks lock clean"
    )
    assert " ".join(printed) == told


NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)|\b\d+(?=%| per cent)")
NOT_PROSE = re.compile(r"```.*?```|\{[a-z:]+\}`[^`]*`|https?://\S+", re.DOTALL)
#: numbers that no code of the page computes, and where they come from
FROM_ELSEWHERE = {
    "book/index.md": {"4.0": "the licence"},
    "book/00-start.md": {"3.11": "Python", "3.12": "Python", "3.13": "Python"},
    "book/03-basics.md": {"80": "cited from Price et al."},
}


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.parent.name == "book"], ids=short)
def test_every_number_in_the_prose_stands_in_the_code_that_guards_it(path):
    page = cells(path)
    code = "\n".join(cell.source for cell in page if cell.cell_type == "code")
    guarded = set(re.findall(r"\d+(?:\.\d+)?", code)) | set(FROM_ELSEWHERE.get(short(path), {}))
    prose = "\n".join(NOT_PROSE.sub("", cell.source) for cell in page if cell.cell_type == "markdown")
    loose = sorted({match.group() for match in NUMBER.finditer(prose)} - guarded)
    assert not loose, f"{short(path)} quotes numbers that no guard computes: {loose}"

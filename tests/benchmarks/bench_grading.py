"""How long a class takes: 300 submissions of exercise 03, graded at one go, and again killed on the way.

Run it as ``python tests/benchmarks/bench_grading.py [--size 300] [--seed 7]``.  It prints the rates, and
fails only if the grades of the interrupted run are not those of the undisturbed one, byte for byte.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from mlm.exercises.notebooks import exercise_notebook, tag_of

ROOT = Path(__file__).parents[2]
EXERCISE = "03-basics"
SOLUTION = ROOT / "solutions" / f"{EXERCISE}.md"
#: What a class hands in, in parts of a hundred.
MIX = {
    "right": 25,
    "mostly right": 25,
    "half": 15,
    "typed": 5,
    "blank": 6,
    "no Python": 8,
    "fails early": 8,
    "endless": 1,
    "half a file": 3,
    "a PDF": 2,
    "empty": 1,
    "another exercise": 1,
}


def made(kind: str, draw: random.Random) -> bytes:
    """One file of a kind, no two alike."""
    if kind == "a PDF":
        return b"%PDF-1.7 " + draw.randbytes(200)
    if kind == "empty":
        return b""
    notebook, worked = exercise_notebook(SOLUTION), exercise_notebook(SOLUTION, worked=True)
    share = {"right": 1.0, "mostly right": 0.85, "half": 0.5, "blank": 0.0}.get(kind, 0.8)
    pairs = zip(notebook.cells, worked.cells, strict=True)
    stubs = [(cell, answer.source) for cell, answer in pairs if tag_of(cell) == "answer"]
    for number, (cell, answer) in enumerate(stubs):
        if draw.random() < share:
            cell.source = f"{answer}\n# {draw.random()}"
        if kind == "no Python" and number % 7 == 3:
            cell.source = "this is no Python ("
    if kind == "fails early":
        notebook.cells.insert(3, nbformat.v4.new_code_cell("import a_package_of_my_own"))
        stubs[0][0].source = "1 / 0"
    if kind == "endless":
        notebook.cells.append(nbformat.v4.new_code_cell("while True:\n    pass"))
    text = nbformat.writes(notebook)
    if kind == "typed":
        text = text.replace("ex.check(", "ex = Exercise('03-basics', variant=None); ex.check(")
    if kind == "another exercise":
        text = text.replace(EXERCISE, "08-mle-vs-reml")
    return text[: len(text) // 2 if kind == "half a file" else None].encode()


def hand_in(folder: Path, size: int) -> Counter:
    """Fill a folder; how many there are of each kind."""
    draw = random.Random(1)
    kinds = draw.choices(list(MIX), list(MIX.values()), k=size)
    for number, kind in enumerate(kinds):
        path = folder / f"learner-{number:03d}" / f"{EXERCISE}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(made(kind, draw))
    return Counter(kinds)


def command(submissions: Path, out: Path, seed: int) -> list[str]:
    """What an instructor types; a cell may run for 20 seconds, so that endless ones do not set the time."""
    options = ["--variant", str(seed), "--cell-seconds", "20"]
    return [sys.executable, "-m", "mlm.cli", "grade", EXERCISE, str(submissions), str(out), *options]


def killed(submissions: Path, out: Path, seed: int, after: int) -> float:
    """Grade until some records are there, then kill it without warning; the seconds it had."""
    start = time.monotonic()
    process = subprocess.Popen(command(submissions, out, seed), cwd=ROOT, process_group=0)
    while process.poll() is None and len(list(out.glob("results/*.json"))) < after:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return time.monotonic() - start


def timed(submissions: Path, out: Path, seed: int) -> float:
    """Grade to the end; the seconds it took."""
    start = time.monotonic()
    subprocess.run(command(submissions, out, seed), cwd=ROOT, check=True)
    return time.monotonic() - start


def main(
    size: Annotated[int, typer.Option(help="How many submissions.")] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the data.")] = 7,
) -> None:
    """Grade a class twice, the second time killed on the way."""
    with tempfile.TemporaryDirectory() as place:
        folder, one, two = (Path(place) / name for name in ("submissions", "undisturbed", "killed"))
        print(json.dumps(hand_in(folder, size), indent=1))
        first = timed(folder, one, seed)
        print(
            f"{size} submissions in {first:.0f} s: {60 * size / first:.0f} a minute, {os.cpu_count()} cores"
        )
        before = killed(folder, two, seed, size // 3)
        rest = timed(folder, two, seed)
        print(f"killed after {before:.0f} s, then {rest:.0f} s: {(before + rest) / first:.2f} of one go")
        same = (one / "grades.csv").read_bytes() == (two / "grades.csv").read_bytes()
        nothing = timed(folder, two, seed)
        print(f"a third run, with nothing to do: {nothing:.1f} s; the same grades: {same}")
        raise typer.Exit(0 if same else 1)


if __name__ == "__main__":
    typer.run(main)

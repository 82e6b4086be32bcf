"""A small class that hands in the example exercise, for the tests of whole runs."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mlm.grading.model import Graded
from mlm.grading.run import Settings, grade_folder
from mlm.grading.sandbox.host import NoSandbox

from .attacks.scene import EXERCISE, SOLUTION, Scene, submit

ROOT = Path(__file__).parents[2]
SEED = 7
FULL = 5


@contextmanager
def sandbox_or_skip():
    """Where no sandbox can be made there is nothing to test; but CI has one, and shall say so if not."""
    try:
        yield
    except NoSandbox as refusal:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(refusal).splitlines()[0])


@dataclass
class Classroom:
    """A folder with the exercise and what was handed in."""

    place: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            EXERCISE,
            self.place / "submissions",
            self.place / "out",
            variant=SEED,
            jobs=1,
            solutions=self.place / "solutions",
        )

    def hand_in(self, **notebooks) -> None:
        """Notebooks by learner: a notebook, or bytes."""
        for learner, notebook in notebooks.items():
            path = self.place / "submissions" / learner / f"{EXERCISE}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(notebook if isinstance(notebook, bytes) else submit(notebook)(Scene()))

    def grade(self, **changes) -> Graded:
        """Grade what was handed in."""
        with sandbox_or_skip():
            return grade_folder(replace(self.settings, **changes))

    def command(self, *options: str) -> list[str]:
        """What an instructor types."""
        settings = self.settings
        places = (settings.exercise, settings.submissions, settings.out)
        program = [sys.executable, "-m", "mlm.cli", "grade", *map(str, places)]
        return [*program, "--variant", str(SEED), "--solutions", str(settings.solutions), *options]

    def run(self, *options: str) -> subprocess.CompletedProcess:
        """The command, to its end."""
        return subprocess.run(
            self.command(*options), cwd=ROOT, capture_output=True, text=True, env=_variables(), timeout=1800
        )

    def start(self, *options: str) -> subprocess.Popen:
        """The command, in a process group of its own, going on while the test does."""
        lost = subprocess.DEVNULL
        return subprocess.Popen(
            self.command(*options), cwd=ROOT, stdout=lost, stderr=lost, env=_variables(), process_group=0
        )

    def files(self, out: str = "out") -> dict[str, bytes]:
        """Every file that was written for somebody to read."""
        folder = self.place / out
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parent.name != "results" and path.name not in (".lock", "grading.json")
        }


def open_classroom(place: Path) -> Classroom:
    """A classroom with the example exercise, whose solution can be changed."""
    (place / "solutions").mkdir()
    (place / "solutions" / SOLUTION.name).write_bytes(SOLUTION.read_bytes())
    return Classroom(place)


def _variables() -> dict[str, str]:
    """This environment, with the package that is tested before any that is installed."""
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}

"""An example solution, built once, and ways to speak to an exercise as a learner would."""

from pathlib import Path

import pytest

from mlm.exercises import Exercise
from mlm.exercises.builder import build_all
from mlm.exercises.exercise import KEYS_FOLDER, RECORD_FILE
from mlm.exercises.variants import VARIANT

EXAMPLE = Path(__file__).parent / "example"
HINTS = ["a nudge", "the structure", "the code"]


@pytest.fixture(autouse=True)
def _public(monkeypatch):
    """No variant, key folder or record of the shell that runs the tests."""
    for name in (VARIANT, KEYS_FOLDER, RECORD_FILE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder with the exercise, the key and a private key of the example."""
    folder = tmp_path_factory.mktemp("exercises")
    build_all(solutions=EXAMPLE, exercises=folder)
    build_all(solutions=EXAMPLE, exercises=folder, variant=7)
    return folder


@pytest.fixture
def ask(monkeypatch, tmp_path, capsys):
    """Make a question and return a function: value -> the line that its check prints."""
    monkeypatch.setenv(KEYS_FOLDER, str(tmp_path))
    exercise = Exercise("99-asked")

    def question(right, **settings):
        exercise.key("it", right, **({"hints": HINTS} | settings))

        def check(value) -> str:
            capsys.readouterr()
            assert exercise.check("it", value) is None, "check returns nothing, or a notebook would show it"
            printed = capsys.readouterr()
            assert printed.out.count("\n") == 1, f"one line, not {printed.out!r}"
            assert printed.err == ""
            return printed.out.strip()

        return check

    return question

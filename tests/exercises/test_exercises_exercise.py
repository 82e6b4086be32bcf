"""`Exercise` beyond a single check: hints, writing, names, missing keys, variants, speed of import."""

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mlm.exercises import Exercise, exercise, keys
from mlm.exercises.exercise import KEYS_FOLDER, RECORD_FILE


@pytest.fixture
def example(built, monkeypatch) -> Exercise:
    monkeypatch.setenv(KEYS_FOLDER, str(built / "keys"))
    return Exercise("98-example")


def test_hints_come_one_at_a_time_and_end(example, capsys):
    for _ in range(4):
        example.hint("within")
    assert capsys.readouterr().out.splitlines() == [
        "within, hint 1 of 3: What varies within a batch?",
        "within, hint 2 of 3: sqrt(mean of the variances)",
        "within, hint 3 of 3: np.sqrt(by_batch.var().mean())",
        "within: There are no more hints; the third one holds the code.",
    ]


def test_an_unknown_question_is_met_with_near_names(example, capsys):
    example.check("withn", 1.0)
    example.hint("withn")
    example.check("nothing-like-it", 1.0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✗ withn: There is no question of this name; did you mean within?"
    assert lines[1] == lines[0]
    assert lines[2].endswith("it has n-batches, within, effects, weight, essay.")


@pytest.mark.parametrize("name", [3, None, ["within"], ...])
def test_a_name_that_is_no_text_is_no_question(example, capsys, name):
    example.check(name, 1.0)
    example.hint(name)
    assert capsys.readouterr().out.count("There is no question of this name") == 2


def test_an_exercise_handed_out_without_its_key_keeps_the_answers(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(KEYS_FOLDER, str(tmp_path))
    exam = Exercise("98-example")
    exam.check("within", 1.0)
    exam.write("essay", "Some words.")
    kept = "The answer is kept; there is no key of exercise '98-example' here to check it by."
    assert capsys.readouterr().out.splitlines() == [f"… within: {kept}", f"… essay: {kept}"]


def test_a_misspelt_exercise_is_met_with_the_near_one(built, monkeypatch, capsys):
    monkeypatch.setenv(KEYS_FOLDER, str(built / "keys"))
    Exercise("98-exampel").check("within", 1.0)
    assert "no key of exercise '98-exampel' here to check it by (did you mean 98-example?)" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"questions": 3}', ""])
def test_a_damaged_key_file_says_what_to_do(tmp_path, monkeypatch, capsys, text):
    (tmp_path / "98-example.json").write_text(text)
    monkeypatch.setenv(KEYS_FOLDER, str(tmp_path))
    Exercise("98-example").check("within", 1.0)
    assert "The key file 98-example.json cannot be read; `make exercises`" in capsys.readouterr().out


def test_checking_an_essay_or_writing_a_number_names_the_other_method(example, capsys):
    example.check("essay", "text")
    example.write("within", "text")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "✗ essay: This question wants ex.write('essay', …).",
        "✗ within: This question wants ex.check('within', …).",
    ]


CRITERIA = ["  [ ] It says which batches lean on others. (2 points)", "  [ ] It says why. (1 point)"]
OWN = "Few samples from one batch make its average shaky, hence it borrows strength from all the rest"


@pytest.mark.parametrize(
    ("text", "words", "room"),
    [
        ("Only three words", 3, "too short"),
        (OWN, 17, "in range"),
        (f"{OWN}. {OWN.upper()} {OWN}", 51, "too long"),
    ],
)
def test_writing_counts_words_and_lists_what_to_look_for(example, capsys, text, words, room):
    example.write("essay", text)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"✎ essay: {words} words, {room} (10 to 40 are asked for). Does it do each of these?"
    assert lines[1:3] == CRITERIA


def test_a_model_answer_follows_a_text_that_is_long_enough(example, capsys):
    example.write("essay", "Only three words")
    assert "leans on the others" not in capsys.readouterr().out
    example.write("essay", OWN)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3:6] == ["", "One way to write it, to compare yours with:", ""]
    assert "leans on the others" in " ".join(" ".join(lines[6:]).split()) and max(map(len, lines[6:])) <= 90


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("word " * 20, "These are 20 words, but the same 1 again and again: no text to be read yet."),
        ("It depends. " * 15, "These are 30 words, but the same 2 again and again: no text to be read yet."),
        (
            "Which batches lean on others, and why? It says which batches lean on others. It says why.",
            "More than half of this stands in the question itself; answer it in your own words.",
        ),
    ],
)
def test_what_is_no_text_of_ones_own_is_refused(example, capsys, text, reason):
    example.write("essay", text)
    assert capsys.readouterr().out.splitlines() == [f"✗ essay: {reason}"]


def test_the_last_hint_of_an_essay_promises_no_code(example, capsys):
    for _ in range(4):
        example.hint("essay")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "essay: There are no more hints; the third one holds a first sentence."


@pytest.mark.parametrize("text", [..., "", "\n...\n", "  "])
def test_an_empty_text_is_not_answered_yet(example, capsys, text):
    example.write("essay", text)
    assert capsys.readouterr().out.strip() == "… essay: Not answered yet."


def test_a_private_variant_without_its_key_keeps_the_answer(example, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(RECORD_FILE, str(tmp_path / "record.jsonl"))
    Exercise("98-example", variant=8).check("within", 49.5)
    assert "there is no key of variant 8 here" in capsys.readouterr().out
    record = json.loads((tmp_path / "record.jsonl").read_text())
    assert record["answer"] == {"kind": "number", "value": 49.5}
    assert (record["exercise"], record["variant"], record["name"]) == ("98-example", 8, "within")


@pytest.fixture
def sealed(built, monkeypatch, tmp_path) -> Exercise:
    """The example where its key knows no answers, as in a sandbox that runs learners' code."""
    key = json.loads((built / "keys" / "98-example.json").read_text(encoding="utf8"))
    (tmp_path / "98-example.json").write_text(keys.dump(keys.without_answers(key)), encoding="utf8")
    monkeypatch.setenv(KEYS_FOLDER, str(tmp_path))
    return Exercise("98-example")


def test_without_the_answers_a_check_keeps_what_it_is_given_and_says_so(sealed, capsys):
    sealed.check("within", 49.5)
    sealed.check("n-batches", ...)
    sealed.write("essay", "A few words.")
    sealed.hint("within")
    assert capsys.readouterr().out.splitlines() == [
        "… within: The answer is kept.",
        "… n-batches: The answer is kept.",
        "… essay: The answer is kept.",
        "within: There are no hints here.",
    ]


def test_without_the_answers_a_check_records_what_it_would_with_them(sealed, built, monkeypatch):
    lines = []
    monkeypatch.setattr(exercise, "record", lines.append)

    def speak():
        sealed.check("weight", lambda n, ratio: n / (n + ratio))
        sealed.check("within", [1, None])
        sealed.write("essay", "A few words.")

    speak()
    monkeypatch.setenv(KEYS_FOLDER, str(built / "keys"))
    speak()
    kept, judged = lines[:3], lines[3:]
    assert [line | {"verdict": None} for line in kept] == [line | {"verdict": None} for line in judged]
    assert {line["verdict"]["status"] for line in kept} == {"kept"}
    assert [line["verdict"]["status"] for line in judged] == ["right", "invalid", "written"]
    assert kept[0]["answer"]["results"][0] == {"kind": "number", "value": 5 / 6}


def test_without_the_answers_an_unknown_question_is_still_met_with_near_names(sealed, capsys):
    sealed.check("withn", 1.0)
    sealed.check("essay", "text")
    assert capsys.readouterr().out.splitlines() == [
        "✗ withn: There is no question of this name; did you mean within?",
        "✗ essay: This question wants ex.write('essay', …).",
    ]


def test_importing_exercises_is_light():
    code = "import sys, mlm.exercises as e; e.Exercise; print([m for m in %r if m in sys.modules])"
    heavy = ["statsmodels", "pymc", "arviz", "matplotlib", "jupytext", "nbclient", "nbformat", "scipy"]
    done = subprocess.run([sys.executable, "-c", code % heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


COMPARING = [f"mlm.exercises.{name}" for name in ("wellformed", "align", "describe", "rounding", "compare")]


@pytest.mark.parametrize("module", [*COMPARING, "mlm.spelling"])
def test_comparing_needs_the_standard_library_only(module):
    """A grader compares outside of the sandbox, plain data only: nothing here may read a learner's object."""
    tree = ast.parse(Path(find_spec(module).origin).read_text(encoding="utf8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    own = {*COMPARING, "mlm.spelling"}
    assert {name for name in imported - own if name.split(".")[0] not in sys.stdlib_module_names} == set()

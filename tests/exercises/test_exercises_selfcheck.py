"""`make check`: a learner's notebook, question by question, whatever state it is in."""

import json

import nbformat
import pytest

from mlm.exercises import selfcheck
from mlm.exercises.notebooks import notebook_text
from mlm.exercises.selfcheck import CannotCheck, check_notebook
from mlm.exercises.variants import VARIANT

from .conftest import EXAMPLE

DAMAGED = '{"cells": [], "metadata": {"mlm": "x"}, "nbformat": 4, "nbformat_minor": 5}'


def run_with(built, folder, *replacements, **settings):
    """Fill the blank exercise in by replacing text, run it, and return the report."""
    notebook = nbformat.read(built / "98-example.ipynb", as_version=4)
    for old, new in replacements:
        cell = next(cell for cell in notebook.cells if old in cell.source)
        cell.source = cell.source.replace(old, new)
    path = folder / "98-example.ipynb"
    nbformat.write(notebook, path)
    return check_notebook(path, keys_folder=built / "keys", **settings)


@pytest.fixture(scope="module")
def learner(built, tmp_path_factory):
    """A notebook half done, in which some went right and some wrong."""
    folder = tmp_path_factory.mktemp("learner")
    report = run_with(
        built,
        folder,
        ("n_batches = ...", 'n_batches = dyes["batch"].nunique()'),
        ("\nwithin = ...", "\nwithin = 2451.25"),
        ("return ...", "raise ValueError('no')"),
        ('...\n"""', 'A few words.\n"""'),
    )
    return report, folder / "98-example.ipynb"


@pytest.fixture(scope="module")
def stumbling(built, tmp_path_factory):
    """A notebook with cells that raise, that are gone, and that name another exercise."""
    return run_with(
        built,
        tmp_path_factory.mktemp("stumbling"),
        ("n_batches = ...", 'n_batchs = 6\nExercise("03-basics").check("icc", 1)'),
        ("\nwithin = ...", "\nwithin = 49.51\n1 / 0"),
        ('ex.check("weight", weight)', ""),
    )


def rows(report) -> dict:
    return {row.name: row for row in report.rows}


def test_a_notebook_is_reported_question_by_question(learner):
    report, _ = learner
    assert [(row.name, row.status) for row in report.rows] == [
        ("n-batches", "right"),
        ("within", "mistake"),
        ("effects", "unanswered"),
        ("weight", "invalid"),
        ("essay", "written"),
    ]
    assert rows(report)["within"].message == "This is the variance; which unit has it?"
    assert report.notes == []


def test_points_are_those_of_right_answers_out_of_what_a_check_can_judge(learner):
    assert (learner[0].points, learner[0].possible) == (1, 5)


def test_the_worked_answers_typed_into_the_exercise_earn_all_points(built, tmp_path):
    path = tmp_path / "98-example.ipynb"
    path.write_text(notebook_text(EXAMPLE / "98-example.md", worked=True), encoding="utf8")
    report = check_notebook(path, keys_folder=built / "keys")
    assert {row.status for row in report.rows} == {"right", "written"}
    assert report.points == report.possible


def test_the_learners_file_is_not_changed(learner):
    cells = nbformat.read(learner[1], as_version=4).cells
    assert not any(cell.get("outputs") for cell in cells)


def test_a_cell_that_raises_is_named_and_the_rest_is_reported(stumbling):
    message = "Its check did not run: its cell raised NameError: name 'n_batches' is not defined."
    assert rows(stumbling)["n-batches"].message == message
    assert rows(stumbling)["within"].status == "right"
    raised = "The cell that begins `import numpy as np` raised ZeroDivisionError: division by zero."
    assert raised in stumbling.notes


def test_a_check_cell_that_is_gone_is_named(stumbling):
    assert (
        rows(stumbling)["weight"].message == "No check of this name is left; take its cell from a fresh copy."
    )


def test_a_cell_that_names_another_exercise_is_reported(stumbling):
    assert 'A cell says Exercise("03-basics"), but this is 98-example.' in stumbling.notes


def test_a_cell_that_never_ends_is_interrupted_and_the_rest_is_reported(built, tmp_path):
    report = run_with(built, tmp_path, ("n_batches = ...", "while True:\n    pass"), timeout=10)
    assert rows(report)["within"].status == "unanswered"
    assert "The cell that begins `while True:` ran for more than 10 seconds and was stopped." in report.notes


def test_a_cell_that_cannot_be_interrupted_ends_the_run(built, tmp_path):
    """It ran for ever: each interrupt was caught, and another one was sent."""
    stubborn = "import time\nwhile True:\n    try: time.sleep(60)\n    except KeyboardInterrupt: pass"
    report = run_with(built, tmp_path, ("by_batch = ...", stubborn), timeout=10)
    reason = "a cell ran for more than 10 seconds and could not be interrupted"
    assert report.notes[0] == f"The run ended early: {reason}."
    assert rows(report)["n-batches"].status == "unanswered"
    assert rows(report)["within"].message == f"Its check did not run: {reason}."


def test_a_check_without_its_answer_says_what_the_answer_cell_raised(built, tmp_path):
    report = run_with(
        built,
        tmp_path,
        ("n_batches = ...", "n_batches = dyse"),
        ("\nwithin = ...", "\nwithin = n_batches / 2"),
    )
    raised = "Its check did not run: the cell that begins `n_batches = dyse` raised NameError: name 'dyse' is"
    assert rows(report)["n-batches"].message.startswith(raised)


def test_a_check_that_computes_with_a_stub_says_so(built, tmp_path):
    report = run_with(built, tmp_path, ('ex.check("within", within)', 'ex.check("within", within / 2)'))
    expected = "Its check did not run: an earlier answer that it uses is still `...`."
    assert rows(report)["within"].message == expected


def test_a_notebook_that_ends_its_own_kernel_is_reported(built, tmp_path):
    report = run_with(built, tmp_path, ("by_batch = ...", "import os; os._exit(3)"))
    assert report.notes[0].startswith("The run ended early: the kernel died")
    assert rows(report)["n-batches"].status == "unanswered"
    assert rows(report)["within"].message.startswith("Its check did not run: the kernel died")


@pytest.mark.parametrize("text", ["", "# my notes", "{}", "[]", '{"cells": 3}', DAMAGED])
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, built, text):
    path = tmp_path / "98-example.ipynb"
    path.write_text(text)
    with pytest.raises(CannotCheck, match="can be read; rename it, then `make exercises` makes a fresh one"):
        check_notebook(path, keys_folder=built / "keys")


def test_a_missing_notebook_is_met_with_near_names(built):
    with pytest.raises(CannotCheck, match="no notebook 98-exampel.ipynb in .*did you mean 98-example?"):
        check_notebook(built / "98-exampel.ipynb", keys_folder=built / "keys")


def test_a_notebook_of_an_unknown_exercise_is_refused(tmp_path, built):
    path = tmp_path / "notes.ipynb"
    path.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with pytest.raises(CannotCheck, match="Exercise 'notes' has no key"):
        check_notebook(path, keys_folder=built / "keys")


def test_a_missing_notebook_where_there_are_none_is_met_with_how_to_make_them(tmp_path, built):
    with pytest.raises(CannotCheck, match="no notebook 98-example.ipynb in .*; run `make exercises`"):
        check_notebook(tmp_path / "98-example.ipynb", keys_folder=built / "keys")


@pytest.mark.parametrize("text", ["{", "[]", '{"questions": 3}', '{"questions": [{}]}', ""])
def test_a_damaged_key_file_is_named(built, tmp_path, text):
    (tmp_path / "98-example.json").write_text(text)
    with pytest.raises(CannotCheck, match="key file 98-example.json cannot be read; `make exercises` writes"):
        check_notebook(built / "98-example.ipynb", keys_folder=tmp_path)


def test_the_variant_of_the_environment_is_the_one_that_is_checked(built, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIANT, "7")
    public = 'within = np.sqrt(dyes.groupby("batch", observed=True)["yield"].var().mean())'
    report = run_with(built, tmp_path, ("\nwithin = ...", "\n" + public))
    assert report.exercise == "98-example, variant 7"
    assert rows(report)["within"].status == "right"


def test_a_variant_without_a_key_is_said_to_have_none(built, monkeypatch):
    monkeypatch.setenv(VARIANT, "8")
    with pytest.raises(CannotCheck, match="no key of variant 8: there is no 98-example.variant-8.json"):
        check_notebook(built / "98-example.ipynb", keys_folder=built / "keys")
    monkeypatch.setenv(VARIANT, "eight")
    with pytest.raises(CannotCheck, match="a variant is a whole number"):
        check_notebook(built / "98-example.ipynb", keys_folder=built / "keys")


def test_a_check_of_a_misspelt_name_is_met_with_the_near_one(built, tmp_path):
    report = run_with(built, tmp_path, ('ex.check("within", within)', 'ex.check("withn", within)'))
    assert "A check asks for 'withn', which is no question; did you mean within?" in report.notes


def test_a_written_answer_is_reported_with_its_length(learner):
    assert rows(learner[0])["essay"].message == "3 words, too short (10 to 40 are asked for)."


@pytest.mark.parametrize("name", ["98-example", "98-example.ipynb", "exercises/98-example.ipynb"])
def test_an_exercise_may_be_named_by_its_file(built, monkeypatch, name):
    opened = []
    monkeypatch.setattr(selfcheck, "check_notebook", lambda path, **_: opened.append(path))
    monkeypatch.setattr(selfcheck, "print_report", lambda _: None)
    assert selfcheck.check(name, folder=built) == 0
    assert opened == [built / "98-example.ipynb"]


def test_check_prints_a_table_for_each_notebook_and_reports_whatever_the_answers(built, capsys):
    assert selfcheck.check(folder=built) == 0
    printed = capsys.readouterr().out
    assert "98-example" in printed
    assert "within" in printed
    assert "0 / 5" in printed


def test_check_exits_with_one_where_there_is_nothing_to_check(built, tmp_path, capsys):
    assert selfcheck.check("97-other", folder=built) == 1
    assert selfcheck.check(folder=tmp_path) == 1
    assert "There are no notebooks in" in capsys.readouterr().out

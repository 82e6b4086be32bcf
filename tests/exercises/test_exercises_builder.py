"""The builder: what becomes of a solution's cells, byte-stable files, and clear refusals."""

import json
import re
import shutil

import nbformat
import pytest
from typer.testing import CliRunner

from mlm import executions
from mlm.cli import app
from mlm.exercises import builder, kernels, keys
from mlm.exercises.builder import BuildFailed, build_all
from mlm.exercises.notebooks import notebook_text, tag_of

from .conftest import EXAMPLE

SOURCE = (EXAMPLE / "98-example.md").read_text(encoding="utf8")


@pytest.fixture
def notebook(built):
    return nbformat.read(built / "98-example.ipynb", as_version=4)


@pytest.fixture
def workshop(tmp_path, built):
    """A copy of the example with its generated files, to break."""
    shutil.copytree(EXAMPLE, tmp_path / "solutions")
    shutil.copytree(built, tmp_path / "exercises")
    return {"solutions": tmp_path / "solutions", "exercises": tmp_path / "exercises"}


def rewrite(workshop, old: str, new: str) -> None:
    assert old in SOURCE, "the example holds no such text any more"
    (workshop["solutions"] / "98-example.md").write_text(SOURCE.replace(old, new, 1), encoding="utf8")


def sources(notebook) -> str:
    return "\n".join(cell.source for cell in notebook.cells)


def test_the_worked_notebook_is_the_exercise_with_the_answers_filled_in(workshop, notebook, tmp_path):
    said = build_all(**workshop, worked=tmp_path / "worked")
    assert {"exercises/98-example.ipynb: as it was", "worked/98-example.ipynb: new"} <= set(said)
    worked = nbformat.read(tmp_path / "worked" / "98-example.ipynb", as_version=4)
    for blank, filled in zip(notebook.cells, worked.cells, strict=True):
        assert (blank.source == filled.source) == (tag_of(blank) != "answer")
    assert "nunique" in sources(worked) and "ex.key" not in sources(worked)


def test_worked_answers_never_take_the_place_of_the_exercise(workshop):
    with pytest.raises(BuildFailed, match="would hold the exercises with their answers"):
        build_all(**workshop, worked=workshop["exercises"])


def test_a_folder_without_a_solution_is_named(tmp_path):
    with pytest.raises(BuildFailed, match="empty holds no solution: a solution is a file such as"):
        build_all(solutions=tmp_path / "empty", exercises=tmp_path)


def test_solutions_of_ones_own_are_not_written_into_the_course(tmp_path):
    done = CliRunner().invoke(app, ["exercises", "--solutions", str(EXAMPLE)])
    assert done.exit_code == 2 and "go together" in done.output
    done = CliRunner().invoke(app, ["exercises", "--solutions", str(EXAMPLE), "--out", str(tmp_path)])
    assert done.exit_code == 0 and (tmp_path / "98-example.ipynb").exists()


def test_answers_become_stubs_and_checks_stay(notebook):
    text = sources(notebook)
    assert "n_batches = ..." in text
    assert "return ..." in text
    assert 'ex.check("within", within)' in text
    assert "nunique" not in text


@pytest.mark.parametrize(
    "secret", ["ex.key", "ex.rubric", "spread about as much", "leans on the others", "hints="]
)
def test_keys_discussions_and_model_answers_are_gone(built, secret):
    assert secret not in (built / "98-example.ipynb").read_text(encoding="utf8")


def test_what_a_text_is_marked_by_stands_before_it_is_written(built, notebook):
    """The same words as in the key, since both come from one call in the solution."""
    places = {cell.id.split("-", 1)[1]: number for number, cell in enumerate(notebook.cells)}
    above = notebook.cells[places["answer"] - 1].source
    assert above.startswith("## Write it up")
    assert above.endswith(
        "**A full answer** has 10 to 40 words and is read by this list:\n\n"
        "- It says which batches lean on others. (2 points)\n- It says why. (1 point)"
    )
    key = keys.read(built / "keys" / "98-example.json")["essay"]
    assert all(f"- {item['criterion']}" in above for item in key["rubric"])


def test_the_key_of_a_text_knows_the_question_s_own_words(built):
    task = keys.read(built / "keys" / "98-example.json")["essay"]["task"]
    assert task == "## Write it up\n\nWhich batches lean on others, and why?"


@pytest.mark.parametrize("computed", ["rubric=rubric", "rubric={text: 1 for text in 'ab'}"])
def test_a_rubric_that_is_not_written_out_is_refused(workshop, computed):
    rewrite(workshop, 'rubric={"It says which batches lean on others.": 2, "It says why.": 1}', computed)
    with pytest.raises(BuildFailed, match="write name, words and rubric out"):
        notebook_text(workshop["solutions"] / "98-example.md")


def test_the_minutes_of_practice_come_from_the_page(tmp_path):
    for folder in ("book", "solutions"):
        (tmp_path / folder).mkdir()
    solution = tmp_path / "solutions" / "98-example.md"
    solution.write_text(
        SOURCE.replace("and runs in a second", "and takes {minutes} minutes"), encoding="utf8"
    )
    with pytest.raises(BuildFailed, match=r"has no line '\*\*Time\*\* about"):
        notebook_text(solution)
    line = "\n**Time** about 80 minutes to read and run, with a break; 45 to practise.\n"
    (tmp_path / "book" / "98-example.md").write_text(line, encoding="utf8")
    assert "one question of each kind and takes 45 minutes" in notebook_text(solution)


def test_text_after_a_discussion_stays(notebook):
    assert "here is one more sentence that stays" in sources(notebook)


def test_the_notebook_is_valid_with_fixed_ids_and_no_outputs(notebook):
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert ids[:4] == ["001-markdown", "002-code", "003-markdown", "004-answer"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


def test_building_again_gives_the_same_bytes(built, tmp_path):
    build_all(solutions=EXAMPLE, exercises=tmp_path)
    for name in ("98-example.ipynb", "keys/98-example.json"):
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes(), name


def test_building_again_runs_nothing(workshop, monkeypatch):
    monkeypatch.setattr(kernels, "run", lambda *_, **__: pytest.fail("the solution was run again"))
    assert build_all(**workshop) == [
        "exercises/keys/98-example.json: as it was",
        "exercises/98-example.ipynb: as it was",
    ]


def test_generated_files_in_sync_pass_the_check(workshop):
    assert build_all(check=True, **workshop)


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("keys/98-example.json", "What varies within a batch?", "What varies?", "within"),
        ("keys/98-example.json", "49.51009998", "49.6", "within"),
        ("keys/98-example.json", '"points": 2', '"points": 3', "within, essay"),
        ("keys/98-example.json", '"rtol": 0.005', '"rtol": 0.5', "within"),
        ("keys/98-example.json", '"variant": null', '"variant": 7', "the order of questions, or its head"),
        ("keys/98-example.json", "{", "", "it cannot be read"),
    ],
)
def test_a_generated_file_edited_by_hand_fails_the_check_by_name(workshop, file, old, new, named):
    path = workshop["exercises"] / file
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf8")
    message = f"exercises/{file} is not what its solution says ({named}); run `make exercises`"
    with pytest.raises(BuildFailed, match=re.escape(message)):
        build_all(check=True, **workshop)


def test_a_hint_changed_in_a_solution_fails_the_check_until_the_exercise_is_built_again(
    workshop, monkeypatch, tmp_path
):
    monkeypatch.setenv(executions.CACHE, str(tmp_path / "cache"))
    rewrite(workshop, "What varies within a batch?", "What varies?")
    with pytest.raises(BuildFailed, match=r"keys/98-example.json is not what its solution says \(within\)"):
        build_all(check=True, **workshop)
    assert "exercises/keys/98-example.json: changed" in build_all(**workshop)
    assert build_all(check=True, **workshop)


def test_a_missing_generated_file_fails_the_check_by_name(workshop):
    (workshop["exercises"] / "98-example.ipynb").unlink()
    with pytest.raises(BuildFailed, match="98-example.ipynb is missing; run `make exercises`"):
        build_all(check=True, **workshop)


def test_a_number_that_drifts_far_below_the_tolerance_leaves_the_key_as_it_is(workshop):
    """Another machine's optimiser stops elsewhere in the eighth digit; that is no other key."""
    path = workshop["exercises"] / "keys" / "98-example.json"
    drifted = path.read_text(encoding="utf8").replace("49.51009998", "49.51009123")
    path.write_text(drifted, encoding="utf8")
    assert "exercises/keys/98-example.json: as it was" in build_all(**workshop)
    assert path.read_text(encoding="utf8") == drifted


def test_a_learners_work_is_never_overwritten(workshop):
    path = workshop["exercises"] / "98-example.ipynb"
    path.write_text(
        path.read_text(encoding="utf8").replace("n_batches = ...", "n_batches = 6"), encoding="utf8"
    )
    expected = r"holds work of yours \(cell 004-answer\), .*; rename it, then run `make exercises`"
    for check in (False, True):
        with pytest.raises(BuildFailed, match=expected):
            build_all(check=check, **workshop)
    assert "n_batches = 6" in path.read_text(encoding="utf8")


def test_of_a_solution_with_a_refused_notebook_no_key_is_written_either(workshop, monkeypatch, tmp_path):
    monkeypatch.setenv(executions.CACHE, str(tmp_path / "cache"))
    rewrite(workshop, "What varies within a batch?", "What varies?")
    key = workshop["exercises"] / "keys" / "98-example.json"
    before = key.read_text(encoding="utf8")
    notebook = workshop["exercises"] / "98-example.ipynb"
    notebook.write_text(notebook.read_text(encoding="utf8").replace("= ...", "= 6"), encoding="utf8")
    with pytest.raises(BuildFailed, match="98-example.ipynb holds work of yours"):
        build_all(**workshop)
    assert key.read_text(encoding="utf8") == before


def test_a_key_without_a_solution_is_named(workshop):
    (workshop["exercises"] / "keys" / "97-gone.json").write_text("{}")
    with pytest.raises(BuildFailed, match="keys/97-gone.json has no solution any more"):
        build_all(check=True, **workshop)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("n_batches = dyes", "n_batches = dyse", "the cell that begins `n_batches = dyse"),
        (
            '(len(dyes), "These are the samples; each',
            '(n_batches, "These are the samples; each',
            "KeyRefused: n-batches: mistake 'rows' is within the tolerance",
        ),
        (
            'ex.check("within", within)',
            'ex.check("within", within + 9)',
            "within: the solution itself does not pass",
        ),
        ('ex.check("weight", weight)', "weight", "weight: it has a key but is never checked"),
        (
            'ex.check("effects", batch_effects)',
            'ex.check("mean", batch_effects)',
            "mean: it is checked but has no key",
        ),
        (
            'Exercise("98-example")',
            'Exercise("03-basics")',
            'it says Exercise("03-basics"); its name is "98-example"',
        ),
        ("[answer]", "[answer, key]", 'dyes["batch"].nunique()`, has the tags answer, key; give it one'),
        ("\n:::\n", "\n", "is not closed before the next code cell"),
        ("[answer]", "[answr]", "has the tag 'answr'; did you mean answer?"),
        ("[key]", "[keys]", "has the tag 'keys'; did you mean key?"),
        ("[key]", "[private]", "has the tag 'private'; known are answer, check, discussion, hide-input"),
        (":tags: [answer]", ":tag: [answer]", "has the option 'tag'; did you mean tags?"),
        (
            ":::{discussion}",
            ":::{discussions}",
            "has the fence ::: '{discussions}'; did you mean {discussion}?",
        ),
        (":::{discussion}", ":::discussion", "has the fence ::: 'discussion'; did you mean {discussion}?"),
        (":::{discussion}", ":::{note}", "has the fence ::: '{note}'; known are {discussion}"),
        (
            "```{code-cell} ipython3\n:tags: [answer]",
            "```{code-cel} ipython3\n:tags: [answer]",
            "{code-cell}",
        ),
    ],
)
def test_a_broken_solution_is_refused_with_the_place(workshop, monkeypatch, tmp_path, old, new, complaint):
    monkeypatch.setenv(executions.CACHE, str(tmp_path / "cache"))
    rewrite(workshop, old, new)
    with pytest.raises(BuildFailed, match=re.escape(complaint)) as refusal:
        build_all(**workshop)
    assert "98-example" in str(refusal.value)


def test_a_solution_whose_cells_change_is_run_again_and_one_whose_words_change_is_not(workshop, monkeypatch):
    ran = []
    monkeypatch.setattr(kernels, "run", lambda *_, **__: ran.append(1) or kernels.Run([], {}, "stopped"))
    rewrite(workshop, "## How many batches?", "## How many batches are there?")
    build_all(**workshop)
    assert not ran
    rewrite(workshop, "What varies within a batch?", "What varies?")
    with pytest.raises(BuildFailed, match="stopped"):
        build_all(**workshop)
    assert ran


def test_a_private_key_is_written_beside_and_leaves_the_public_one(built):
    public = json.loads((built / "keys" / "98-example.json").read_text())
    private = json.loads((built / "keys" / "98-example.variant-7.json").read_text())
    assert (public["variant"], private["variant"]) == (None, 7)
    values = [{q["name"]: q.get("value") for q in key["questions"]} for key in (public, private)]
    assert values[0]["within"] != values[1]["within"]
    assert values[0]["n-batches"] == values[1]["n-batches"]


def test_the_folders_of_the_project_are_the_default():
    assert builder.SOLUTIONS.name == "solutions"
    assert builder.EXERCISES.parent == builder.SOLUTIONS.parent


def test_a_solution_that_reads_what_it_does_not_name_is_refused(workshop, monkeypatch, tmp_path):
    monkeypatch.setenv(executions.CACHE, str(tmp_path / "cache"))
    rewrite(workshop, "n_batches = dyes", 'ex.data("pas" + "tes")\nn_batches = dyes')
    with pytest.raises(BuildFailed, match=r"98-example.md reads data/pastes.csv, which it neither imports"):
        build_all(**workshop)

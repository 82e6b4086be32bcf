"""Given cells that are run once: only where running them again would make the same."""

import numpy as np
import pandas as pd
import pytest

from mlm.grading.sandbox.inside import given_cells


@pytest.fixture
def space(monkeypatch) -> dict:
    """A namespace with data in it; every cell is worth remembering."""
    monkeypatch.setattr(given_cells, "WORTH_IT", 0.0)
    return {"np": np, "pd": pd, "ratings": pd.DataFrame({"y": [1.0, 2.0, 4.0]}), "shift": 1}


def learn(space: dict, source: str) -> given_cells.Memory:
    """What the rehearsal remembers of a cell; what the cell made is forgotten, as it is there."""
    memory, before = given_cells.Memory(space), dict(space)

    def run() -> bool:
        exec(source, space)
        space.pop("__builtins__", None)
        return True

    memory.learn(source, run)
    for name in set(space) - set(before):
        del space[name]
    return memory


def test_a_given_cell_with_equal_data_is_not_run_again(space):
    memory = learn(space, "total = ratings['y'].sum() + shift")
    space["ratings"] = space["ratings"].copy()
    assert memory.recall("total = ratings['y'].sum() + shift") and space["total"] == 8.0


@pytest.mark.parametrize(
    "changed",
    [
        {"shift": 2},
        {"shift": True},
        {"ratings": pd.DataFrame({"y": [1.0, 2.0, 5.0]})},
        {"ratings": pd.DataFrame({"y": [1, 2, 4]})},
        {"np": None},
        {"ratings": type("Frame", (pd.DataFrame,), {})({"y": [1.0, 2.0, 4.0]})},
    ],
)
def test_a_cell_that_would_read_something_else_is_run(space, changed):
    source = "total = np.sum(ratings['y']) + shift"
    memory = learn(space, source)
    space.update(changed)
    assert not memory.recall(source) and "total" not in space


def test_a_cell_that_a_learner_changed_is_run(space):
    assert not learn(space, "total = shift + 1").recall("total = shift + 2")


def test_a_name_that_a_formula_calls_belongs_to_what_is_read(space):
    source = "formula = 'y ~ scaled(x)'"
    memory = learn(space, source)
    space["scaled"] = np.log
    assert not memory.recall(source)


def test_a_word_of_a_text_that_is_no_formula_is_no_name(space):
    memory = learn(space, "label = 'shift of sigma'")
    space["shift"] = 99
    assert memory.recall("label = 'shift of sigma'")


@pytest.mark.parametrize(
    "source",
    [
        "drawn = np.random.normal()",  # from the global generator
        "ratings['z'] = 1.0",  # changes what it reads
        "other = ratings",  # a second name for one thing
        "found = eval('shift')",  # reads what no name tells
        "made = (lambda: shift)() or unknown",  # fails
    ],
)
def test_a_cell_that_would_not_come_out_the_same_is_not_remembered(space, source):
    try:
        memory = learn(space, source)
    except NameError:
        return
    assert not memory.cells

"""Whoever answers well gets the points, and whoever copies does not, whatever seed the grader draws.

A submission is run with a private seed and judged by that seed's key.  So a key must come out for any seed,
admit a notebook that answers as the solution does and every other accepted route, and give a blank one none.
Here notebooks go through the sandbox; what keys say under many seeds is in test_exercises_proofs.py.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from nbformat import writes
from sampling import SEEDS, sampled

from mlm.exercises.builder import SOLUTIONS
from mlm.exercises.compare import judge
from mlm.exercises.compiler import compile_solution
from mlm.exercises.notebooks import BuildFailed, exercise_notebook
from mlm.grading.model import Submission
from mlm.grading.run import make_exam
from mlm.grading.sandbox import pool as running
from mlm.grading.sandbox.host import Exam, Limits, Sandbox

from .classroom import open_classroom, sandbox_or_skip

pytestmark = pytest.mark.sandbox
FIXED = SEEDS[0]  # whose keys are compiled already where the other proofs have run
#: (exercise, seed) of each attempt.
CASES = [
    (stem, FIXED) for stem in sampled("exercises", {p.stem: p for p in SOLUTIONS.glob("*.md")}, in_turn=1)
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")


@dataclass
class Attempt:
    """What came of an exercise under one seed.

    Attributes
    ----------
    refusal : str
        Why there is no key, or ``""``.
    questions : list of dict
        Those of the key that have a right value.
    answers : dict of str to dict
        What a perfect learner's notebook answered, plain data.
    errors : list of str
        Cells of that notebook that failed.
    lasts : bool
        Whether one sandbox served both notebooks.
    blank : dict of str to dict
        What the exercise answered with nothing filled in; under the first seed only, since what a stub
        answers does not depend on the data.
    """

    refusal: str = ""
    questions: list[dict] = field(default_factory=list)
    answers: dict[str, dict] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    blank: dict[str, dict] = field(default_factory=dict)
    lasts: bool = True


def attempt(stem: str, seed: int) -> Attempt:
    """Compile the key, then grade what a perfect learner and one who did nothing hand in."""
    path = SOLUTIONS / f"{stem}.md"
    try:
        key = compile_solution(path, seed).key
    except BuildFailed as refusal:
        return Attempt(refusal=str(refusal))
    blank, perfect = exercise_notebook(path), exercise_notebook(path, worked=True)
    exam = make_exam(blank, key, Limits(), bare=False)
    try:
        done, nothing = (hand_in(notebook, exam) for notebook in (perfect, blank))
        lasts = any(sandbox.exam == exam for sandbox in running._open)
    finally:
        running.close_sandboxes(exam)
    questions = [question for question in key["questions"] if question["kind"] == "check"]
    problems = [problem for _, problem in done["errors"]] + [done["detail"]] * bool(done["detail"])
    return Attempt("", questions, done["answers"], problems, nothing["answers"], lasts)


def hand_in(notebook, exam: Exam) -> dict:
    """The record of one submission, as the grader keeps it."""
    return running.run_one(Submission("one.ipynb", "one", writes(notebook).encode()), exam)


@pytest.fixture(scope="session")
def attempts(request) -> dict[tuple, Future]:
    """The attempts that the selected tests ask for, two at a time."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {spec.params["case"] for spec in params if spec and "case" in spec.params}
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {case: pool.submit(attempt, *case) for case in CASES if case in asked}
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def tried(case, attempts) -> Attempt:
    with sandbox_or_skip():
        done = attempts[case].result()
    if done.refusal:
        pytest.fail(f"no key for seed {case[1]}: {done.refusal}")
    return done


@every_case
def test_a_perfect_notebook_gets_all_points_of_its_checks(tried):
    assert tried.errors == []
    lost = {
        question["name"]: judge(tried.answers[question["name"]], question).message
        for question in tried.questions
        if judge(tried.answers[question["name"]], question).points != question["points"]
    }
    assert not lost


@every_case
def test_every_accepted_route_gets_the_points_of_its_question(tried):
    routes = [(question, route) for question in tried.questions for route in question["accepts"]]
    lost = [
        f"{question['name']}, {route['name']}"
        for question, route in routes
        if judge(route["value"], question).points != question["points"]
    ]
    assert routes and not lost


@every_case
def test_one_sandbox_serves_many_submissions(tried, tmp_path):
    room = open_classroom(tmp_path)
    example = compile_solution(room.settings.solution, FIXED).key
    sandbox = Sandbox(make_exam(exercise_notebook(room.settings.solution), example, Limits(), bare=False))
    sandbox.close()
    assert tried.lasts == sandbox.lasting  # some kernels allow no namespaces in a sandbox at all


@every_case
def test_a_blank_notebook_gets_no_point(tried):
    assert set(tried.blank) >= {question["name"] for question in tried.questions}
    assert [q["name"] for q in tried.questions if judge(tried.blank[q["name"]], q).points] == []

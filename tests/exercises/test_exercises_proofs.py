"""Proofs for every question of every solution (and of the example that the other tests use)."""

import dataclasses
import json
import math
from collections import Counter

import pytest
from sampling import SEEDS, sampled

from mlm.exercises import kernels
from mlm.exercises.builder import SOLUTIONS
from mlm.exercises.compare import MISTAKE, RIGHT, UNANSWERED, judge
from mlm.exercises.compiler import compile_solution
from mlm.exercises.notebooks import exercise_notebook
from mlm.exercises.plain import from_plain, to_plain

from .conftest import EXAMPLE

SEED = SEEDS[0]  # of the private variant that is always tried
PATHS = sorted([*SOLUTIONS.glob("*.md"), *EXAMPLE.glob("*.md")])
#: In this share of the seeds a public answer may be right.
LUCKY = 0.1
#: Those that are run as more than the public solution.
CHOSEN = sampled("exercises", {path.stem: path for path in SOLUTIONS.glob("*.md")}, in_turn=1)


@pytest.fixture(scope="session", params=PATHS, ids=lambda path: path.stem)
def solution(request):
    return request.param


@pytest.fixture(scope="session")
def public(solution):
    return compile_solution(solution)


@pytest.fixture(scope="session")
def chosen(solution):
    """The solution, if it is one of those whose variants and blank notebook are run."""
    if solution.parent == SOLUTIONS and solution.stem not in CHOSEN:
        pytest.skip("not its turn")
    return solution


@pytest.fixture(scope="session", params=SEEDS)
def private(request, chosen):
    return compile_solution(chosen, request.param)


@pytest.fixture(scope="session", params=[None, *SEEDS], ids=lambda seed: seed or "public")
def compiled(request, solution):
    if request.param is None:
        return compile_solution(solution)
    return compile_solution(request.getfixturevalue("chosen"), request.param)


@pytest.fixture(scope="session")
def blank(chosen, public):
    """The cells of the exercise with nothing filled in, and what running them leaves behind."""
    cells = [cell.source for cell in exercise_notebook(chosen).cells if cell.cell_type == "code"]
    return cells, kernels.run_kept(f"exercises/{chosen.stem}.ipynb", cells, key=public.key)


def checks(compiled) -> list[dict]:
    return [question for question in compiled.key["questions"] if question["kind"] == "check"]


def gather(compiled, parts: str):
    """Every (question, part) of the key, such as its mistakes."""
    return [(question, part) for question in checks(compiled) for part in question[parts]]


def failing(cases) -> str:
    return "\n".join(cases)


def test_there_is_something_to_prove():
    assert [path.stem for path in PATHS if path.parent == SOLUTIONS], "solutions/ is empty"


def test_the_solution_passes_every_check(compiled):
    wrong = [
        f"{question['name']}: {judge(compiled.answers[question['name']]['answer'], question)}"
        for question in checks(compiled)
        if judge(compiled.answers[question["name"]]["answer"], question).status != RIGHT
    ]
    assert not wrong, failing(wrong)


def test_the_blank_exercise_fails_every_check_with_not_answered_yet(public, blank):
    _, run = blank
    said = {record["name"]: record["verdict"] for record in run.records}
    names = [question["name"] for question in public.key["questions"]]
    answered = [
        f"{name}: {said.get(name, 'its check did not run')}"
        for name in names
        if said.get(name, {}).get("status") != UNANSWERED
    ]
    assert not answered, failing(answered)
    assert {verdict["message"] for verdict in said.values()} == {"Not answered yet."}


def test_the_blank_exercise_meets_no_traceback(blank):
    cells, run = blank
    raised = [f"{cells[place]!r} raises {error}" for place, error in run.errors.items()]
    assert not raised, failing(raised)
    assert not run.stopped


def test_every_mistake_fails_with_its_own_hint(compiled):
    missed = []
    for question, mistake in gather(compiled, "mistakes"):
        verdict = judge(mistake["value"], question)
        if (verdict.status, verdict.mistake, verdict.message) != (MISTAKE, mistake["name"], mistake["hint"]):
            missed.append(f"{question['name']}, {mistake['name']}: {verdict}")
        if verdict.points:
            missed.append(f"{question['name']}, {mistake['name']}: earns {verdict.points} points")
    assert not missed, failing(missed)


def test_every_accepted_route_passes(compiled):
    refused = [
        f"{question['name']}, {route['name']}: {judge(route['value'], question)}"
        for question, route in gather(compiled, "accepts")
        if judge(route["value"], question).status != RIGHT
    ]
    assert not refused, failing(refused)


def test_every_question_has_three_hints(public):
    short = [q["name"] for q in public.key["questions"] if len(q["hints"]) != 3]
    assert not short


def test_every_question_says_what_its_right_answer_means(public):
    silent = [question["name"] for question in checks(public) if not question.get("means")]
    assert not silent, f'{", ".join(silent)}: say means="…", one sentence on what the right value tells'


def test_a_hard_coded_public_answer_fails_in_a_private_variant(solution, public, private, record_property):
    """A measured number must change with the data; counts, words, yes and no may coincide and are listed."""
    coincide = _still_right(public, private)
    if any(map(_is_measured, coincide.values())):  # by chance, or always? another seed tells
        again = _still_right(public, compile_solution(solution, SEED + 1))
        coincide = {name: question for name, question in coincide.items() if name in again}
    record_property("the same in every variant", sorted(coincide))
    measured = [name for name, question in coincide.items() if _is_measured(question)]
    assert not measured, (
        f"{', '.join(measured)}: the public answer is right in variants {SEED} and {SEED + 1} too; "
        "let ex.data vary what it is computed from, give a function a float to be called with, "
        "or say from_data=False"
    )


def test_no_question_is_answered_by_the_public_answers_dealt_out_anew(public, private):
    """A variant deals whole groups, and each can be known by its observations.  So what a group's own rows
    answer would be a table of the public key away: ask for what takes more than one group."""
    known = {question["name"]: _floats(question["value"]) for question in checks(public)}
    dealt = [
        question["name"]
        for question in checks(private)
        if question["from_data"]
        and len(found := _floats(question["value"])) > 1
        and all(any(math.isclose(a, b, rel_tol=1e-6) for b in known[question["name"]]) for a in found)
    ]
    assert not dealt, f"{', '.join(dealt)}: one number a group, from that group alone"


def functions(compiled) -> dict[str, dict]:
    return {question["name"]: question for question in checks(compiled) if question["probes"]}


@pytest.mark.parametrize("elsewhere", ["the nearest public answer", "an error"])
def test_a_table_of_the_public_calls_is_no_function_in_a_private_variant(public, private, elsewhere):
    """Both columns of such a table stand in the public key, for every learner to copy."""
    passed = []
    for name, question in functions(private).items():
        table = look_up(functions(public)[name], nearest=elsewhere.startswith("the nearest"))
        arguments = [call["arguments"] for call in question["probes"]]
        if judge(to_plain(table, arguments), question).status == RIGHT:
            passed.append(name)
    assert not passed, f"{', '.join(passed)}: give a float among the probes, or vary them by ex.variant"


def test_such_a_table_would_do_in_public(public):
    for name, question in functions(public).items():
        arguments = [call["arguments"] for call in question["probes"]]
        assert judge(to_plain(look_up(question), arguments), question).status == RIGHT, name


def look_up(question: dict, nearest: bool = True):
    """A function that knows the question's calls and results, and nothing else."""
    known = [call["arguments"] for call in question["probes"]]

    def table(*given):
        asked = [to_plain(value) for value in given]
        away = [_apart(asked, arguments) for arguments in known]
        if min(away) > 0 and not nearest:
            raise KeyError("no such call")
        return from_plain(question["value"]["results"][away.index(min(away))])

    return table


def _apart(first, second) -> float:
    """How much two things of plain data differ, in a rough sense: 0 where they are the same."""
    if type(first) is not type(second):
        return 1.0
    if isinstance(first, dict):
        return sum(_apart(first.get(field), part) for field, part in second.items())
    if isinstance(first, list):
        return abs(len(first) - len(second)) + sum(map(_apart, first, second))
    return abs(first - second) if isinstance(first, (int, float)) else float(first != second)


def _still_right(public, private) -> dict[str, dict]:
    """Questions on the data that the public answers answer in a private variant too."""
    return {
        question["name"]: question
        for question in checks(private)
        if question["from_data"]
        and judge(public.answers[question["name"]]["answer"], question).status == RIGHT
    }


def _is_measured(question) -> bool:
    return bool(_floats(question["value"]))


def _floats(plain) -> list[float]:
    if isinstance(plain, float):
        return [plain]
    parts = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    return [number for part in parts for number in _floats(part)]


def test_an_answer_that_is_not_from_the_data_is_the_same_in_a_private_variant(public, private):
    changed = [
        question["name"]
        for question in checks(private)
        if not question["from_data"]
        and judge(public.answers[question["name"]]["answer"], question).status != RIGHT
    ]
    assert not changed, f"{', '.join(changed)}: said to be from_data=False, yet it changes with the data"


def test_a_check_can_be_repeated_outside_of_the_notebook(public):
    """What the check said in the notebook is what a grader says that has only the plain answer as JSON."""
    for question in checks(public):
        stored = public.answers[question["name"]]
        again = judge(json.loads(json.dumps(stored["answer"])), question)
        assert dataclasses.asdict(again) == stored["verdict"], question["name"]


@pytest.mark.skipif(len(SEEDS) < 20, reason="it takes twenty seeds: ALL=yes")
def test_a_public_answer_is_right_for_few_other_seeds(chosen, public):
    """By chance it may be now and then."""
    right = Counter(name for seed in SEEDS for name in _still_right(public, compile_solution(chosen, seed)))
    often = {name: f"{times} of {len(SEEDS)}" for name, times in right.items() if times > LUCKY * len(SEEDS)}
    assert not often

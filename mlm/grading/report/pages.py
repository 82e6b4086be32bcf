"""Pages to read: feedback for a learner, an overview of the class, and one page for marking written answers.

The pages hold no script and ask nothing of anybody: what a learner wrote is text in them and nothing else.
"""

from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from mlm.exercises.keys import count_words
from mlm.grading.model import Answer, Asked, Released, Result
from mlm.grading.report.markdown import hint_to_html
from mlm.grading.report.overview import KINDS, Kind, overview
from mlm.grading.report.visible import number, visible

#: What the status of a submission means, to the learner.
STATUSES = {
    "graded": "Your notebook ran from top to bottom.",
    "partly": "Your notebook ran to the end, but some of its cells failed; what they make is missing.",
    "timed out": "Your notebook took too long and was stopped. The answers before that point were graded.",
    "out of memory": "Your notebook asked for too much memory. The answers before that point were graded.",
    "too much output": "Your notebook printed more than is read. The answers before that point were graded.",
    "crashed": "Python ended while your notebook ran. The answers before that point were graded.",
    "unreadable": "The file could not be read as a notebook, so nothing could be graded.",
    "not a notebook": "The file is not a Jupyter notebook, so nothing could be graded.",
    "wrong exercise": "The notebook belongs to another exercise, so nothing could be graded.",
    "too large": "The file is larger than a notebook of this exercise can be, so it was not opened.",
    "unsafe path": "The file lies outside of its folder, so it was not opened.",
    "empty": "The file is empty, so nothing could be graded.",
    "not graded": "The grading itself failed, which is not your fault. It will be done again.",
}
#: How an answer went: a sign and a word, so that colour is never alone.
OUTCOMES = {
    **{kind.name: kind for kind in KINDS},
    "written": Kind("written", "✎", "to be marked"),
    "marked": Kind("marked", "✎", "marked"),
}
_NAME, _LINE, _SHOWN, _TEXT, _ERRORS = 120, 400, 1200, 20_000, 20


def feedback(
    result: Result,
    asked: list[Asked],
    release: bool = False,
    released: dict[str, Released] | None = None,
    marks: dict | None = None,
    site: str = "",
    dealt: bool = False,
) -> str:
    """The page for one learner.

    Parameters
    ----------
    result : Result
        How the submission went.
    asked : list of Asked
        What was asked.
    release : bool
        Whether the worked answers are shown.  Otherwise no right value is on the page.
    released : dict of str to Released, optional
        The worked answers by question (`mlm.grading.judge.questions.released`).
    marks : dict, optional
        The marks of written answers (`mlm.grading.judge.handmarks.read_marks`), of any submissions.
    site : str
        Where the book is, with a slash at its end: an address or a folder as seen from the page.  Without it
        sections are named and not linked.
    dealt : bool
        Whether the data were dealt anew for grading, so that numbers differ from those the learner saw.

    Returns
    -------
    str
        A whole page of HTML.
    """
    if release and released is None:
        raise ValueError("release=True needs the worked answers: released=questions.released(solution)")
    given = (marks or {}).get(result.submission, {})
    answers = {answer.name: answer for answer in result.answers}
    items = [
        _item(
            question, answers.get(question.name), given.get(question.name, {}), released if release else None
        )
        for question in asked
    ]
    waiting = sum(item["asked"].points for item in items if item["outcome"].name == "written")
    return _page(
        "feedback.html",
        result=result,
        exercise=asked[0].exercise if asked else "",
        status_sentence=STATUSES.get(result.status, ""),
        items=items,
        possible=sum(question.points for question in asked),
        waiting=waiting,
        errors=result.errors[:_ERRORS],
        more_errors=max(0, len(result.errors) - _ERRORS),
        release=release,
        site=site,
        dealt=dealt,
    )


def class_page(results: list[Result], asked: list[Asked], missing=(), site: str = "") -> str:
    """The page on the whole class: what was hard, which mistakes were made, and what to teach again.

    Parameters
    ----------
    results : list of Result
        All submissions.
    asked : list of Asked
        What was asked.
    missing : sequence of str
        Learners of the roster who handed nothing in.
    site : str
        As in `feedback`.

    Returns
    -------
    str
        A whole page of HTML.  The only names on it are of those who are missing or whom something flags.
    """
    view = overview(results, asked)
    exercise = asked[0].exercise if asked else ""
    return _page("class.html", exercise=exercise, view=view, kinds=KINDS, missing=sorted(missing), site=site)


def marking_page(results: list[Result], asked: list[Asked]) -> str:
    """The page for marking: each written question with its rubric and what every learner wrote.

    Names can be hidden on the page, by a box to tick, so that texts are read without their authors.
    """
    parts = [(question, _texts(results, question)) for question in asked if question.kind == "write"]
    return _page("marking.html", exercise=asked[0].exercise if asked else "", parts=parts)


def _item(question: Asked, answer: Answer | None, given: dict, released: dict | None) -> dict:
    """What a feedback page says of one question."""
    answer = answer or Answer(
        question.name, "missing", message="No answer arrived.", possible=question.points
    )
    message = question.mistakes.get(answer.mistake) or hint_to_html(visible(answer.message, _LINE * 2))
    return {
        "asked": question,
        "answer": answer,
        "outcome": OUTCOMES.get(answer.status, Kind(answer.status, "?", answer.status)),
        "message": message,
        "marks": [(criterion, given.get(criterion), points) for criterion, points in question.rubric],
        "read": question.section if answer.status not in ("right", "written", "marked") else None,
        "released": (released or {}).get(question.name),
    }


def _texts(results: list[Result], question: Asked) -> list[dict]:
    """What learners wrote in answer to a question, and which of them wrote the same."""
    found, first = [], {}
    for result in sorted(results, key=lambda result: result.submission):
        for answer in result.answers:
            if answer.name == question.name and answer.status in ("written", "marked"):
                place = len(found) + 1
                twin = first.setdefault(" ".join(answer.text.lower().split()), place)
                text = {"result": result, "answer": answer, "place": place, "words": count_words(answer.text)}
                found.append(text | {"twin": twin if twin != place else None})
    return found


def _page(template: str, **values) -> str:
    return _ENVIRONMENT.get_template(template).render(**values) + "\n"


def _environment() -> Environment:
    folder = files("mlm.grading.report") / "templates"
    sources = {file.name: file.read_text(encoding="utf8") for file in folder.iterdir() if file.is_file()}
    environment = Environment(
        loader=DictLoader(sources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "name": lambda text: visible(text, _NAME),
        "line": lambda text: visible(text, _LINE),
        "shown": lambda text: visible(text, _SHOWN, lines=True),
        "text": lambda text: visible(text, _TEXT, lines=True),
        "points": lambda count: "point" if count == 1 else "points",
    }
    environment.globals["style"] = Markup(sources["page.css"])  # ours, and no place for a learner's word
    return environment


_ENVIRONMENT = _environment()

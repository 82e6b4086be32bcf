"""Questions inside a page: multiple choice and numeric, answered without a kernel and without a network.

The library jupyterquiz draws the questions and judges the answers; `page.js` gives its widgets what it leaves
out: lasting ids, names for inputs, feedback that screen readers announce, a button beside each number field,
fractions and percentages, and a score of the first answers.
Under the widgets lies the same quiz on paper, a list that print and readers without JavaScript see.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from IPython.display import HTML
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

__all__ = ["show_quiz", "choice", "number", "Question"]

_LIBRARY_FILES = ("helpers.js", "multiple_choice.js", "numeric.js")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).use(
    dollarmath_plugin, renderer=lambda tex, options: rf"\({escape(tex)}\)"
)
_RIGHT, _WRONG = "Right.", "Not yet."


@dataclass(frozen=True)
class Option:
    """One thing a reader may answer and what is said back; `span` holds the numbers that count as it."""

    text: str
    why: str
    correct: bool
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Question:
    """A question as `choice` or `number` checked it; `otherwise` answers a number that nobody foresaw."""

    slug: str
    text: str
    options: tuple[Option, ...]
    otherwise: str | None = None


def choice(slug: str, question: str, *, right: dict[str, str], wrong: dict[str, str]) -> Question:
    """A question with one right answer among several, each with its explanation.

    Parameters
    ----------
    slug
        Short name of the question, unique in its quiz: it makes the ids, and the order of the options.
    question
        The question. Inline Markdown and ``$math$`` are allowed here and in all other texts.
    right
        The right answer and why it is right: a dictionary with one entry.
    wrong
        Each wrong answer and why it is wrong.

    Raises
    ------
    ValueError
        If there is not exactly one right answer, no wrong one, or a text is empty.
    """
    _check_texts(slug, question, {**right, **wrong})
    if len(right) != 1:
        raise ValueError(f"Question {slug!r} has {len(right)} right answers, expected exactly 1 in `right`.")
    if not wrong:
        raise ValueError(f"Question {slug!r} has no wrong answers; add at least one to `wrong`.")
    if both := right.keys() & wrong.keys():
        raise ValueError(
            f"Question {slug!r} lists {both.pop()!r} as right and as wrong; keep it in one of them."
        )
    options = [Option(text, why, True) for text, why in right.items()]
    options += [Option(text, why, False) for text, why in wrong.items()]
    # authors write the right answer first; the hash mixes the options the same way at every build
    options.sort(key=lambda option: hashlib.sha256(f"{slug}\n{option.text}".encode()).digest())
    return Question(slug, question, tuple(options))


def number(
    slug: str,
    question: str,
    *,
    answer: float,
    tolerance: float,
    right: str,
    wrong: dict[float, str] | None = None,
    otherwise: str,
) -> Question:
    """A question whose answer is a number.

    Parameters
    ----------
    slug, question
        As in `choice`.
    answer
        The right number.
    tolerance
        How far from a number the reader's may be to count as that number; also used for the wrong ones,
        which count as well if they are typed cut or rounded to two decimals or more.
    right
        Why the answer is right.
    wrong
        Numbers that known mistakes give, and the explanation of each mistake.
    otherwise
        Where to look, for any other number.

    Raises
    ------
    ValueError
        If the tolerance is not positive, a text is empty, or a wrong number is within the tolerance of the
        right one or of another wrong one.
    """
    wrong = wrong or {}
    _check_texts(slug, question, {"right": right, "otherwise": otherwise, **wrong})
    if not all(math.isfinite(value) for value in (answer, tolerance, *wrong)) or tolerance <= 0:
        raise ValueError(
            f"Question {slug!r} needs finite numbers and a tolerance above 0, found {tolerance!r}."
        )
    known = [answer]
    for value in wrong:
        near = next((other for other in known if abs(value - other) <= tolerance), None)
        if near is not None:
            raise ValueError(
                f"Question {slug!r}: wrong number {value:g} is within {tolerance:g} of {near:g}; "
                "nobody could tell which was meant. Narrow the tolerance or drop the wrong number."
            )
        known.append(value)
    texts = [(answer, right, True), *((value, why, False) for value, why in wrong.items())]
    reach = tolerance * (1 + 1e-9)  # the library leaves the upper end out
    options = tuple(Option(f"{v:g}", why, ok, (v - reach, v + reach)) for v, why, ok in texts)
    return Question(slug, question, options, otherwise)


def show_quiz(page: str, questions: list[Question]) -> HTML:
    """The quiz of a page, ready to be a cell's last value.

    Parameters
    ----------
    page
        Name of the page, such as ``"03-basics"``; with each question's slug it makes the ids.
    questions
        What `choice` and `number` return.

    Raises
    ------
    ValueError
        If there are no questions or two share a slug.
    """
    slugs = [question.slug for question in questions]
    if not slugs:
        raise ValueError(
            f"The quiz of {page!r} has no questions; pass a list of choice(...) and number(...)."
        )
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise ValueError(
            f"The quiz of {page!r} uses the slug {twice[0]!r} more than once; slugs must be unique."
        )
    root = f"quiz-{page}"
    paper = "\n".join(_on_paper(f"{root}-{question.slug}", question) for question in questions)
    html = Template(_own("page.html")).substitute(
        root=root,
        name=escape(f"Quiz of {page}"),
        paper=paper,
        style=_own("page.css"),
        library="\n".join(_library(name) for name in _LIBRARY_FILES),
        page=_own("page.js"),
        questions=_as_script([_for_library(root, question) for question in questions]),
    )
    return HTML(html)


def _check_texts(slug: str, question: str, texts: dict) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
        raise ValueError(
            f"Slug {slug!r} must be lower-case letters, digits and hyphens, such as 'weight-small-n'."
        )
    if not question.strip():
        raise ValueError(f"Question {slug!r} has no text.")
    for answer, why in texts.items():
        if not isinstance(why, str) or not why.strip():
            raise ValueError(
                f"Question {slug!r}: the answer {answer!r} has no explanation; say why it is right or wrong."
            )


def _for_library(root: str, question: Question) -> dict:
    """The question in jupyterquiz's format, where feedback is the number of an explanation on paper."""
    numbered = list(enumerate(question.options))
    if question.otherwise is None:
        kind = "multiple_choice"
        answers = [
            {"answer": str(i), "correct": option.correct, "feedback": str(i)} for i, option in numbered
        ]
    else:
        kind = "numeric"
        answers = [
            # `about` is ours: the number itself, for those who type it cut or rounded
            {
                "type": "range",
                "range": o.span,
                "about": float(o.text),
                "correct": o.correct,
                "feedback": str(i),
            }
            for i, o in numbered
        ]
        answers.append({"type": "default", "feedback": str(len(numbered))})
    # the library cuts its ids at the first hyphen
    key = f"{root}-{question.slug}".replace("-", "_")
    return {
        "type": kind,
        "question": "&nbsp;",
        "answers": answers,
        "key": key,
        "paper": f"{root}-{question.slug}",
    }


def _on_paper(key: str, question: Question) -> str:
    """The question as plain HTML: text, options, and the answers folded away."""
    explained = [(_RIGHT if o.correct else _WRONG, o.text, o.why) for o in question.options]
    options = ""
    if question.otherwise is None:
        listed = "".join(f'<li class="quiz-option">{_inline(o.text)}</li>' for o in question.options)
        options = f'<ul class="quiz-options">{listed}</ul>'
    else:
        explained.append((_WRONG, "Any other number", question.otherwise))
    answers = "".join(
        f'<li><b>{verdict}</b> <i>{_inline(text)}:</i> <span class="quiz-why">{_inline(why)}</span></li>'
        for verdict, text, why in explained
    )
    return (
        f'<li id="{key}"><div class="quiz-text">{_inline(question.text)}</div>{options}'
        f"<details><summary>Answer</summary><ul>{answers}</ul></details></li>"
    )


def _inline(text: str) -> str:
    return _MARKDOWN.renderInline(text)


def _as_script(value: object) -> str:
    """JSON that cannot close the script element it stands in."""
    return json.dumps(value).replace("</", "<\\/")


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf8")


def _library(name: str) -> str:
    return files("jupyterquiz").joinpath("js", name).read_text(encoding="utf8")

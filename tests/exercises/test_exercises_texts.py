"""Whether a written answer is a text of one's own: real prose passes, repetition and copies do not."""

import re

import pytest

from mlm.exercises.builder import SOLUTIONS
from mlm.exercises.texts import refusal, words_of

BOOK = SOLUTIONS.parent / "book"
LENGTHS = [20, 120, 220, 320, 600]


def prose(page) -> list[str]:
    text = re.sub(r"```.*?```|\$+.*?\$+|<[^>]*>", " ", page.read_text(encoding="utf8"), flags=re.DOTALL)
    return words_of(text)


@pytest.mark.parametrize("page", sorted(BOOK.glob("0*.md")), ids=lambda page: page.stem)
@pytest.mark.parametrize("length", LENGTHS)
def test_any_passage_of_the_book_is_a_text(page, length):
    words = prose(page)
    passages = [words[start : start + length] for start in range(0, len(words) - length, length)]
    refused = [" ".join(passage[:12]) for passage in passages if refusal(" ".join(passage), "")]
    assert not refused


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    "sentence", ["word", "It depends on the data", "REML, it is less biased, and so I use it"]
)
def test_a_sentence_said_again_and_again_is_none(sentence, length):
    words = sentence.split()
    many = " ".join(words[place % len(words)] for place in range(max(length, 5 * len(words))))
    assert "again and again" in refusal(many, "")


def test_the_question_pasted_is_no_answer_whatever_its_capitals_and_marks():
    task = "Say what goes wrong with maximum likelihood and why, and what REML does about it."
    assert "stands in the question itself" in refusal(f"“{task.upper()}”\n", task)


def test_a_text_may_quote_the_question():
    task = "Say what goes wrong with maximum likelihood and why."
    answer = (
        "You asked what goes wrong with maximum likelihood. It takes a spread around coefficients that were "
        "fitted to the very same numbers, and those lie too near."
    )
    assert refusal(answer, task) == ""


@pytest.mark.parametrize("text", ["", "…", "one", "two words"])
def test_a_short_text_is_not_refused_for_its_form(text):
    assert refusal(text, "") == ""

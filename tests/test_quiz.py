"""What the helpers for quizzes accept, refuse and write."""

import re

import pytest
from bs4 import BeautifulSoup

from mlm.quiz import choice, number, show_quiz


def a_choice(slug="weight", **changes):
    parts = {
        "right": {"the large one": "It has more data."},
        "wrong": {"the small one": "It has little data."},
    }
    return choice(slug, "Which county keeps its mean?", **{**parts, **changes})


def a_number(slug="icc", **changes):
    parts = {
        "answer": 0.16,
        "tolerance": 0.005,
        "right": "A share of the variance.",
        "wrong": {0.40: "These are standard deviations; square them."},
        "otherwise": "Divide a variance by a sum.",
    }
    return number(slug, "What is the ICC?", **{**parts, **changes})


def paper(*questions):
    return BeautifulSoup(show_quiz("03-basics", list(questions)).data, "html.parser")


def test_two_renders_are_the_same_bytes():
    assert (
        show_quiz("03-basics", [a_choice(), a_number()]).data
        == show_quiz("03-basics", [a_choice(), a_number()]).data
    )


def test_ids_come_from_page_and_slug():
    assert [node["id"] for node in paper(a_choice(), a_number()).select("[id]")] == [
        "quiz-03-basics",
        "quiz-03-basics-weight",
        "quiz-03-basics-icc",
    ]


def test_the_right_answer_is_not_always_first():
    answers = {f"wrong {i}": "No." for i in range(3)}
    firsts = {a_choice(f"slug-{i}", wrong=answers).options[0].correct for i in range(20)}
    assert firsts == {True, False}


def test_every_answer_is_explained_on_paper():
    text = paper(a_choice(), a_number()).get_text(" ")
    for why in ("It has more data.", "It has little data.", "square them", "Divide a variance by a sum."):
        assert why in text


def test_markdown_and_formulas_are_understood_and_html_is_not():
    question = a_choice(right={"`fit.scale` is $\\sigma_y^2 < 1$": "*Yes*."}, wrong={"<b>no</b>": "No."})
    html = str(paper(question))
    assert "<code>fit.scale</code>" in html
    assert r"\(\sigma_y^2 &lt; 1\)" in html
    assert "&lt;b&gt;no&lt;/b&gt;" in html


def test_no_text_can_end_the_script():
    script = re.search(
        r"startQuiz\(.*", show_quiz("03-basics", [a_choice(wrong={"</script>": "No."})]).data
    ).group()
    assert "</script>" not in script


def test_nothing_in_a_quiz_points_to_another_server():
    assert not re.findall(r"https?://", show_quiz("03-basics", [a_choice(), a_number()]).data)


def test_numbers_within_the_tolerance_count_both_ends_included():
    low, high = a_number().options[0].span
    assert low <= 0.155 and high > 0.165


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: a_choice(right={}), "0 right answers, expected exactly 1"),
        (lambda: a_choice(right={"a": "A.", "b": "B."}), "2 right answers, expected exactly 1"),
        (lambda: a_choice(wrong={}), "no wrong answers"),
        (lambda: a_choice(wrong={"the small one": " "}), "'the small one' has no explanation"),
        (lambda: a_choice(wrong={"the large one": "No."}), "as right and as wrong"),
        (lambda: a_choice("Weight of 1"), "must be lower-case letters"),
        (lambda: choice("weight", " ", right={"a": "A."}, wrong={"b": "B."}), "has no text"),
        (lambda: a_number(wrong={0.163: "Near."}), "wrong number 0.163 is within 0.005 of 0.16"),
        (lambda: a_number(wrong={0.4: "One.", 0.403: "Two."}), "wrong number 0.403 is within 0.005 of 0.4"),
        (lambda: a_number(tolerance=0), "a tolerance above 0"),
        (lambda: a_number(answer=float("nan")), "finite numbers"),
        (lambda: a_number(otherwise=""), "'otherwise' has no explanation"),
        (lambda: show_quiz("03-basics", []), "has no questions"),
        (lambda: show_quiz("03-basics", [a_choice(), a_choice()]), "'weight' more than once"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()

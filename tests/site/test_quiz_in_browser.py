"""Quizzes as learners use them: every question of every page is answered, right and wrong."""

import pytest
from accessibility import violations
from built_site import SITE, new_tab, ready, site_pages

from mlm.quiz import choice, number, show_quiz

OWN = show_quiz(
    "own",
    [
        choice("first", "Which?", right={"this": "It is."}, wrong={"that": "It is not."}),
        number(
            "second",
            "How large?",
            answer=0.5,
            tolerance=0.005,
            right="Half.",
            wrong={0.667: "Not squared.", 0.8: "No ratio.", -0.125: "Turned round."},
            otherwise="Look again.",
        ),
    ],
).data


def quiz_pages() -> list[str]:
    return [page for page in site_pages() if 'class="mlm-quiz' in (SITE / page).read_text(encoding="utf8")]


@pytest.fixture(scope="module")
def opened(browser, address, request):
    """A page with a quiz, opened once for all tests."""
    with new_tab(browser) as tab:
        tab.goto(address + request.param)
        ready(tab)
        yield tab


@pytest.fixture
def quiz(opened):
    """The page with a quiz, on a light screen; a test may not rely on what was answered before it."""
    opened.emulate_media(media="screen", color_scheme="light")
    return opened


@pytest.fixture
def unanswered(quiz):
    """The page with nothing answered, opened again if a test has answered."""
    if any(quiz.locator(".quiz-live [role=status]").all_text_contents()):
        page = quiz.url
        quiz.goto("about:blank")  # a mere reload may keep what was chosen
        quiz.goto(page)
        ready(quiz)
    return quiz


on_every_quiz = pytest.mark.parametrize("opened", quiz_pages(), indirect=True)


@pytest.fixture
def own(tab):
    """A quiz of two questions alone on a page."""
    tab.set_content(f"<!doctype html><html lang=en><title>Own</title><main>{OWN}</main>")
    return tab


def answer(tab, typed: str) -> str:
    """What the quiz says to a number."""
    tab.locator("input[type=text]").fill(typed)
    tab.keyboard.press("Enter")
    return tab.locator(".quiz-live [role=status]").nth(1).text_content()


# the rest of the article, which axe-core would go through, too, though only the quiz is asked about
ALONE = """() => [...document.querySelectorAll('.bd-article *')]
    .filter(part => !part.closest('.mlm-quiz, style') && !part.querySelector('.mlm-quiz, style'))
    .forEach(part => part.remove())"""


def questions(tab, kind: str):
    """Each question of one kind: its element, and what its paper version says of each answer."""
    sheets = tab.locator(".quiz-paper > li").evaluate_all(
        """sheets => sheets.map(sheet => [...sheet.querySelectorAll("details li")].map(row =>
            [...row.querySelectorAll("b, i, .quiz-why")].map(part => part.textContent)))"""
    )
    for item, sheet in zip(tab.locator(".quiz-live > li").all(), sheets, strict=True):
        if item.locator(kind).count():
            yield item, sheet


def check(item, typed: str) -> str:
    """What a question says to a number that is sent with the button."""
    item.locator("input").fill(typed)
    item.get_by_role("button", name="Check").click()
    return item.locator("[role=status]").text_content()


def test_there_is_a_quiz(site):
    assert quiz_pages(), "no page of the site has a quiz"


@on_every_quiz
def test_each_choice_answers_with_its_own_explanation(quiz):
    for item, sheet in questions(quiz, "input[type=radio]"):
        for place, (verdict, _, why) in enumerate(sheet):
            item.locator("label").nth(place).click()
            said = item.locator("[role=status]").text_content()
            assert said == f"{verdict} {why}"


@on_every_quiz
def test_exactly_one_choice_is_right(quiz):
    for _, sheet in questions(quiz, "input[type=radio]"):
        assert [verdict for verdict, _, _ in sheet].count("Right.") == 1


@on_every_quiz
def test_arrows_move_without_answering_and_space_answers(unanswered):
    item, sheet = next(questions(unanswered, "input[type=radio]"))
    item.locator("input").first.focus()
    unanswered.keyboard.press("ArrowDown")
    assert item.locator("[role=status]").text_content() == ""
    unanswered.keyboard.press("Space")
    assert item.locator("[role=status]").text_content() == f"{sheet[1][0]} {sheet[1][2]}"


@on_every_quiz
def test_each_known_number_answers_with_its_own_explanation(quiz):
    for item, sheet in questions(quiz, "input[type=text]"):
        for verdict, answer, why in sheet:
            number = answer.rstrip(":")
            said = check(item, "-987654" if number == "Any other number" else number)
            assert said == f"{verdict} {why}"


@on_every_quiz
def test_a_number_is_sent_with_enter_and_keeps_the_focus(quiz):
    for item, sheet in questions(quiz, "input[type=text]"):
        assert check(item, "-987654").startswith("Not yet.")
        item.locator("input").fill(sheet[0][1].rstrip(":"))
        quiz.keyboard.press("Enter")
        assert item.locator("[role=status]").text_content().startswith("Right.")
        assert item.locator("input").evaluate("field => field === document.activeElement")


@on_every_quiz
def test_what_is_no_number_is_asked_for_again(quiz):
    for item, _ in questions(quiz, "input[type=text]"):
        for typed in ("", "a lot"):
            assert "type a number" not in check(item, "-987654")
            assert "type a number" in check(item, typed)


@pytest.mark.parametrize(
    "typed", ["0.5", "0,5", ".5", " 0.500 ", "1/2", "1 / 2", "50%", "50 %", "50 per cent", "5e-1", "+ 0.5"]
)
def test_a_number_may_be_written_as_one_likes(own, typed):
    assert answer(own, typed) == "Right. Half."
    assert own.locator("input[type=text]").input_value() == typed, "the field keeps what was typed"


@pytest.mark.parametrize("typed", ["1/0", "1/2/3", "1 1/2", "%", "/2", "0.5.1", "half", "Infinity"])
def test_what_cannot_be_read_is_asked_for_again(own, typed):
    assert answer(own, typed).startswith("Please type a number")


@pytest.mark.parametrize(
    "typed, said",
    [
        ("0.667", "Not squared."),
        ("2/3", "Not squared."),
        ("0.67", "Not squared."),
        ("0,66", "Not squared."),
        ("\u22120.12", "Turned round."),
        ("0.65", "Look again."),
        ("0.6", "Look again."),
        ("0.12", "Look again."),
        ("0.49", "Look again."),
    ],
)
def test_a_known_mistake_is_found_though_it_was_cut_or_rounded(own, typed, said):
    assert answer(own, typed) == f"Not yet. {said}"


def test_the_verdict_is_seen_while_the_pointer_rests_on_the_answer(own):
    for text, variable in (("this", "--quiz-right"), ("that", "--quiz-wrong")):
        label = own.locator("label", has_text=text)
        label.click()
        label.hover()
        assert border(label) == colour(own, variable)


def test_the_verdict_is_seen_on_the_field(own):
    for typed, variable in (("0.5", "--quiz-right"), ("0.8", "--quiz-wrong")):
        answer(own, typed)
        assert border(own.locator("input[type=text]")) == colour(own, variable)


def border(part) -> str:
    return part.evaluate("part => getComputedStyle(part).borderTopColor")


def colour(tab, variable: str) -> str:
    """A colour of the quiz, as the browser writes it."""
    return tab.locator(".mlm-quiz").evaluate(
        """(quiz, variable) => {
            const dot = quiz.appendChild(document.createElement("i"));
            dot.style.color = `var(${variable})`;
            const found = getComputedStyle(dot).color;
            dot.remove();
            return found;
        }""",
        variable,
    )


def test_the_score_counts_first_answers_alone(own):
    score = own.locator(".quiz-score")
    assert score.text_content() == ""
    answer(own, "half")
    assert score.text_content() == "", "what is no number is no answer"
    answer(own, "0.8")
    assert score.text_content() == "First answers right: 0 of 1, 2 questions in all."
    answer(own, "0.5")
    assert score.text_content() == "First answers right: 0 of 1, 2 questions in all."
    own.locator("label", has_text="this").click()
    assert score.text_content() == "First answers right: 1 of 2."
    assert score.get_attribute("role") == "status", "screen readers announce it"


@on_every_quiz
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_feedback_breaks_no_rule_of_accessibility(quiz, theme):
    quiz.emulate_media(color_scheme=theme)
    for item, _ in questions(quiz, "input[type=radio]"):
        item.locator("label").first.click()
    for item, _ in questions(quiz, "input[type=text]"):
        check(item, "-987654")
    quiz.evaluate(ALONE)
    assert not violations(quiz, ".quiz-live")


@on_every_quiz
def test_ids_are_the_same_each_time(quiz):
    def ids():
        ready(quiz)
        return quiz.evaluate("[...document.querySelectorAll('.mlm-quiz [id]')].map(node => node.id)")

    before = ids()
    quiz.reload()
    assert ids() == before


@on_every_quiz
def test_on_paper_the_questions_are_all_there(quiz):
    quiz.emulate_media(media="print")
    assert quiz.locator(".quiz-paper").first.is_visible()
    assert not quiz.locator(".quiz-live").first.is_visible()


@pytest.mark.parametrize("chapter", quiz_pages())
def test_without_javascript_the_questions_and_answers_can_be_read(browser, address, chapter):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address + chapter)
    first = tab.locator(".quiz-paper > li").first
    assert first.is_visible()
    first.locator("summary").click()
    assert first.locator(".quiz-why").first.is_visible()
    context.close()

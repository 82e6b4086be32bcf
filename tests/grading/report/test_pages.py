"""Pages for learners and instructors: what they tell, what they keep back, and that they do nothing."""

import json
import re
from dataclasses import replace

import pytest
from accessibility import violations
from bs4 import BeautifulSoup

from mlm.exercises.notebooks import exercise_notebook
from mlm.grading.judge import questions
from mlm.grading.judge.handmarks import Mark
from mlm.grading.model import Answer, CannotGrade, Result
from mlm.grading.report import markdown, pages
from mlm.grading.report.visible import number, visible

from .example import ASKED, HOSTILE, OVERRIDE, QUESTIONS, ROOT, SOLUTION, class_of, hostile, result

RELEASED = questions.released(SOLUTION)
NOTEBOOK = exercise_notebook(SOLUTION)
ICC = next(question for question in QUESTIONS if question["name"] == "icc")


def words(html: str) -> str:
    """The text of a page, without its style."""
    page = BeautifulSoup(html, "html.parser")
    page.style.decompose()
    return " ".join(page.get_text(" ").split())


def one(answer: Answer, **settings) -> Result:
    return Result(
        "ana/03.ipynb", "Ana", "ana", settings.pop("status", "graded"), answers=[answer], **settings
    )


# what was asked


@pytest.mark.parametrize("exercise", sorted(path.stem for path in (ROOT / "exercises").glob("*.ipynb")))
def test_every_question_of_every_exercise_has_its_heading_text_section_and_worked_answer(exercise):
    folder = ROOT / "exercises"
    key = json.loads((folder / f"keys/{exercise}.json").read_text(encoding="utf8"))
    solution = ROOT / f"solutions/{exercise}.md"
    found = questions.asked(exercise, key["questions"], exercise_notebook(solution), ROOT / "book")
    solved = questions.released(solution)
    assert [question.name for question in found] == [question["name"] for question in key["questions"]]
    for question in found:
        assert re.match(r"\d+\.\d+ \w", question.heading) and len(question.text) > 60
        assert question.section.address.startswith(f"book/{exercise}.html")
        assert "..." not in solved[question.name].code and len(solved[question.name].discussion) > 40


def test_a_section_is_found_by_its_label():
    labelled = [{**ICC, "section": "sec-basics-icc"}]
    found = questions.asked("03-basics", labelled, NOTEBOOK, ROOT / "book")[0]
    assert found.heading == "3.4 How much of the variation lies between professors?"
    assert found.section.address == "book/03-basics.html#sec-basics-icc"
    assert found.section.title == "Two ways to read two standard deviations"


def test_a_label_that_the_book_lacks_is_refused_by_name():
    labelled = [{**ICC, "section": "sec-of-nowhere"}]
    with pytest.raises(CannotGrade, match="'icc' names the section 'sec-of-nowhere'"):
        questions.asked("03-basics", labelled, NOTEBOOK, ROOT / "book")


def test_a_question_that_the_notebook_lacks_is_refused_by_name():
    with pytest.raises(CannotGrade, match="no question 'nobody'"):
        questions.asked("03-basics", [{**ICC, "name": "nobody"}], NOTEBOOK, ROOT / "book")


def test_text_of_an_exercise_becomes_html_without_tags_pictures_or_scripts_of_its_own():
    html = markdown.to_html("<script>x</script> ![p](http://203.0.113.9/p.png) [l](javascript:x) `a<b`")
    assert not re.search(r"<(script|img)\b|href=.javascript", html) and "<code>a&lt;b</code>" in html


@pytest.mark.parametrize(
    ("tex", "html"),
    [
        (r"$\sigma_\alpha^2$", "<i>σ</i><sub><i>α</i></sub><sup>2</sup>"),
        (r"$\hat u = V^{-1}y$", "<i>û</i> = <i>V</i><sup>−1</sup><i>y</i>"),
        (r"$\text{Var}(u)$", "Var(<i>u</i>)"),
        (r"$\frac{a}{b}$", r"<code>\frac{a}{b}</code>"),
        (r"$a<b$", "<i>a</i>&lt;<i>b</i>"),
    ],
)
def test_a_formula_reads_without_a_script(tex, html):
    assert html in markdown.to_html(tex)


# feedback


def test_feedback_says_who_what_and_how_much():
    text = words(pages.feedback(one(Answer("icc", "right", points=1, possible=1, shown="0.4635")), ASKED))
    assert "Exercises 3: Multilevel basics" in text and "Ana" in text and "1 of 42 points" in text
    assert "Your notebook ran from top to bottom." in text and "0.4635" in text


@pytest.mark.parametrize("status", pages.STATUSES)
def test_each_status_has_a_sentence(status):
    text = words(pages.feedback(one(Answer("icc", "missing"), status=status, detail="A detail."), ASKED))
    assert pages.STATUSES[status] in text and "A detail." in text


def test_a_mistake_is_met_with_its_hint_and_what_to_read():
    answer = Answer("icc", "mistake", "sds", "An intraclass correlation …", 0, 1, "0.4817")
    html = pages.feedback(one(answer), ASKED, site="../book/site/")
    item = BeautifulSoup(html, "html.parser").find(id="icc").get_text(" ")
    assert "this is what the standard deviations give" in item and "0.4817" in item and "0 of 1 point" in item
    assert 'href="../book/site/book/03-basics.html' in html


def test_without_a_site_sections_are_named_and_nothing_links_out_of_the_page():
    links = re.findall(r'href="([^"]*)"', pages.feedback(result("Ana", 3, 0.3), ASKED))
    assert links and all(link.startswith("#") for link in links)


def numbers(value) -> list[float]:
    if isinstance(value, dict):
        return [n for part in value.values() for n in numbers(part)]
    if isinstance(value, list):
        return [n for part in value for n in numbers(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("status", ["wrong", "unanswered", "missing", "hard-coded"])
def test_feedback_holds_no_right_value_and_no_worked_answer_before_release(status):
    answers = [Answer(q["name"], status, message="…", possible=q["points"]) for q in QUESTIONS]
    html = pages.feedback(replace(result("Ana"), answers=answers), ASKED, released=RELEASED)
    right = [f"{value:.4g}" for q in QUESTIONS for value in numbers(q.get("value", {}))]
    assert len(right) > 15 and not [value for value in right if len(value) > 5 and value in words(html)]
    code = [line for r in RELEASED.values() for line in r.code.splitlines() if "=" in line and len(line) > 30]
    plain = BeautifulSoup(html, "html.parser").get_text()
    assert len(code) > 20 and not [line for line in code if line.strip() in plain]


def test_release_shows_the_worked_answer_and_its_discussion():
    text = words(pages.feedback(result("Ana"), ASKED, release=True, released=RELEASED))
    assert "icc = sigma_alpha**2 / (sigma_alpha**2 + sigma_y**2)" in text
    assert "the correlation between two courses of one professor" in text


def test_release_without_worked_answers_is_refused():
    with pytest.raises(ValueError, match="released=questions.released"):
        pages.feedback(result("Ana"), ASKED, release=True)


def test_a_written_answer_is_shown_with_its_rubric_and_its_marks():
    rubric = dict(next(question.rubric for question in ASKED if question.kind == "write"))
    given = {c: Mark(p, p, "Well said." if p == 2 else "") for c, p in rubric.items()}
    answer = Answer(
        "report", "marked", message="Marked.", points=10, possible=10, text="We advise against it."
    )
    html = pages.feedback(one(answer), ASKED, marks={"ana/03.ipynb": {"report": given}})
    item = BeautifulSoup(html, "html.parser").find(id="report").get_text(" ")
    assert "We advise against it." in item and "Well said." in item and "2 / 2" in item
    assert all(criterion in item for criterion in rubric)


def test_points_that_wait_for_a_mark_are_named():
    answer = Answer("report", "written", possible=10, text="Text.")
    assert "10 points are still to be given" in words(pages.feedback(one(answer), ASKED))


def test_failed_cells_are_named_by_their_place_twenty_at_most():
    errors = [(place, f"NameError: name {place}") for place in range(1, 26)]
    text = words(pages.feedback(one(Answer("icc", "missing"), errors=errors), ASKED))
    assert "Cell 20 NameError: name 20" in text and "Cell 21" not in text and "And 5 more." in text


def test_flags_are_for_the_instructor_only():
    html = pages.feedback(one(Answer("icc", "right"), flags=["looks copied"]), ASKED)
    assert "looks copied" not in html


# the class


def test_the_class_page_counts_submissions_statuses_and_absent_learners():
    text = words(pages.class_page(class_of(24), ASKED, missing=["Nil Nobody"]))
    assert "26 submissions of 26 learners" in text and "1 of the roster handed nothing in" in text
    assert "graded 24" in text and "unreadable 1" in text and "Nil Nobody" in text


def test_the_class_page_names_nobody_but_the_flagged_and_the_absent():
    text = words(pages.class_page(class_of(24), ASKED))
    assert "Max Late" in text and "hard-coded: few" in text and "Zoe Zimmer" in text
    assert "Ana Costa" not in text and "Dmitri" not in text


def test_the_weakest_question_comes_first_with_its_commonest_mistake_and_its_section():
    def answers(name, mistakes, right):
        made = [one(Answer(name, "mistake", slug, "…", 0, 1)) for slug in mistakes]
        made += [one(Answer(name, "right", "", "", 1, 1)) for _ in range(right)]
        return made

    of_icc, of_few = answers("icc", ["sds", "sds", "ml"], 1), answers("few", ["share", "share"], 2)
    results = [
        replace(icc, submission=f"{k}", learner=f"{k}", answers=icc.answers + few.answers)
        for k, (icc, few) in enumerate(zip(of_icc, of_few, strict=True))
    ]
    two = [question for question in ASKED if question.name in ("icc", "few")]
    page = BeautifulSoup(pages.class_page(results, two, site="/"), "html.parser")
    icc, few = page.select(".weakest > li")
    assert icc.h3.text.startswith("3.4") and "1 of 4 right." in icc.p.text and few.h3.text.startswith("3.1")
    assert (
        icc.select("ul li")[0].text.startswith("2 ×")
        and "standard deviations give" in icc.select("ul li")[0].text
    )
    assert icc.a["href"].startswith("/book/03-basics.html")


def test_a_question_s_bar_tells_its_parts_in_words():
    results = [
        one(Answer("icc", "right", points=1)),
        one(Answer("icc", "wrong")),
        one(Answer("icc", "hard-coded")),
    ]
    results = [replace(r, submission=str(k), learner=str(k)) for k, r in enumerate(results)]
    page = BeautifulSoup(pages.class_page(results, ASKED), "html.parser")
    told = [bar["aria-label"] for bar in page.select("svg.stack")]
    assert "3.4 How much of the variation lies between professors?: 1 right, 1 wrong, 1 hard-coded" in told


def test_files_that_did_not_run_do_not_make_a_question_look_hard():
    missing = [Answer("icc", "missing", possible=1)]
    unread = Result("b/x.pdf", "Ben", "ben", "unreadable", answers=missing)
    page = BeautifulSoup(
        pages.class_page([one(Answer("icc", "right", points=1)), unread], ASKED), "html.parser"
    )
    row = next(row for row in page.select(".wide tbody tr") if row.th.text.startswith("3.4"))
    assert [cell.text for cell in row.select("td")] == ["1", "0", "0", "0", "0", "0", "0", "1", "1"]


@pytest.mark.parametrize("results", [[], class_of(1)[:1]])
def test_a_class_of_none_or_one_has_a_page(results):
    assert "Median" in words(pages.class_page(results, ASKED))


def test_the_histogram_holds_every_learner_once():
    page = BeautifulSoup(pages.class_page(class_of(24), ASKED), "html.parser")
    counts = [
        int(count) for count in re.findall(r"points: (\d+)", page.select_one("svg.histogram desc").text)
    ]
    assert sum(counts) == 25


# marking


def test_the_marking_page_shows_rubric_and_every_text_with_its_words():
    text = words(pages.marking_page(class_of(3), ASKED))
    assert "Rubric of report" in text and "It advises the dean" in text
    assert text.count("We advise against a top") == 4 and "134 words" in text and "120 to 220 words" in text


def test_a_text_that_two_learners_share_is_pointed_out():
    texts = ["One  two.", "Another.", "one two."]
    results = [
        Result(
            f"{k}", f"L{k}", f"s{k}", "graded", answers=[Answer("report", "written", text=text, possible=10)]
        )
        for k, text in enumerate(texts)
    ]
    page = BeautifulSoup(pages.marking_page(results, ASKED), "html.parser")
    said = [article.select_one(".facts").text for article in page.select("article")]
    assert ["word for word text 1" in line for line in said] == [False, False, True] and "too short" in said[
        0
    ]


# what strangers write


def test_invisible_and_turning_characters_are_made_visible():
    assert visible(OVERRIDE, 99) == "Alice⟦U+202E⟧gpj.exe⟦U+2066⟧"
    assert visible("a\nb\x00\u200b\ud800\x7f", 99) == "a⟦U+000A⟧b⟦U+0000⟧⟦U+200B⟧⟦U+D800⟧⟦U+007F⟧"
    assert visible("a\r\nb\tc", 99, lines=True) == "a\nb\tc"
    assert visible("Ewa Żak فاطمة 李小龙 می‌خواهم 👩‍💻", 99) == "Ewa Żak فاطمة 李小龙 می‌خواهم 👩‍💻"
    assert visible("Z" + "\u0301" * 200, 999) == "Z⟦200 marks⟧"


def test_a_long_text_is_cut_and_says_so():
    assert visible("x" * 1_000_000, 5) == "xxxxx … ⟦cut: 1,000,000 characters in all⟧"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.5, "0.5"), (1e6, "1000000"), (-0.0, "0"), (1 / 3, "0.333333"), (1e-9, "0")],
)
def test_points_are_written_plainly(value, text):
    assert number(value) == text


def hostile_pages() -> dict[str, str]:
    results = [hostile(text, seed) for seed, text in enumerate(HOSTILE)]
    made = {f"feedback {k}": pages.feedback(r, ASKED, True, RELEASED) for k, r in enumerate(results)}
    made["class"] = pages.class_page(results, ASKED, missing=HOSTILE)
    made["marking"] = pages.marking_page(results, ASKED)
    return made


def test_whatever_is_written_a_page_stays_small_and_can_be_encoded():
    for name, html in hostile_pages().items():
        assert len(html.encode("utf8")) < (400_000 if name == "marking" else 250_000), name


def test_whatever_is_written_no_tag_of_it_is_in_the_page():
    for name, html in hostile_pages().items():
        page = BeautifulSoup(html, "html.parser")
        assert not page.find_all(["script", "img", "iframe", "object", "embed", "link", "form", "base"]), name
        events = [tag for tag in page.find_all(True) for attribute in tag.attrs if attribute.startswith("on")]
        assert not events and not set("\u202e\u2066\x00\u2028") & set(html)


def test_the_same_results_give_the_same_pages():
    first, second = class_of(5), class_of(5)[::-1]
    assert pages.class_page(first, ASKED) == pages.class_page(second, ASKED)
    assert pages.marking_page(first, ASKED) == pages.marking_page(second, ASKED)


# in a browser


def look(browser, path, **settings):
    """Open a file; return the tab and the list of what it asked for."""
    context = browser.new_context(**settings)
    tab, requests = context.new_page(), []
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(path.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    return tab, requests


def test_no_script_runs_and_no_request_leaves_a_page_full_of_attacks(browser, tmp_path):
    for name, html in hostile_pages().items():
        path = tmp_path / f"{name.replace(' ', '-')}.html"
        path.write_text(html, encoding="utf8")
        tab, requests = look(browser, path)
        tab.wait_for_timeout(100)
        assert requests == [path.as_uri()], name
        assert "pwned" not in tab.title().split("<")[0] and tab.evaluate("document.scripts.length") == 0
        tab.context.close()


def test_the_policy_of_a_page_stops_a_script_that_got_in(browser, tmp_path):
    html = pages.feedback(result("Ana"), ASKED).replace(
        "<main>", "<main><script>document.title='pwned'</script>"
    )
    path = tmp_path / "broken.html"
    path.write_text(html, encoding="utf8")
    tab, _ = look(browser, path)
    assert "<script>" in html and tab.title() != "pwned"
    tab.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_pages_are_accessible_and_fit_their_window(browser, tmp_path, width, scheme):
    results = [*class_of(8), hostile(HOSTILE[0])]
    made = {
        "feedback": pages.feedback(results[-2], ASKED, site="../"),
        "released": pages.feedback(hostile(HOSTILE[4]), ASKED, True, RELEASED),
        "class": pages.class_page(results, ASKED, missing=["Nil Nobody"], site="../"),
        "marking": pages.marking_page(results, ASKED),
    }
    for name, html in made.items():
        path = tmp_path / f"{name}.html"
        path.write_text(html, encoding="utf8")
        # the audit is a script of its own, which the page's policy would refuse
        tab, _ = look(
            browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
        )
        faults = violations(tab)
        assert not faults, f"{name}: {faults}"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        tab.context.close()


def test_names_can_be_hidden_on_the_marking_page_without_a_script(browser, tmp_path):
    path = tmp_path / "marking.html"
    path.write_text(pages.marking_page(class_of(2), ASKED), encoding="utf8")
    tab, _ = look(browser, path)
    assert tab.get_by_text("Max Late").is_visible()
    tab.get_by_label("Hide names and files").check()
    assert not tab.get_by_text("Max Late").is_visible()
    tab.context.close()

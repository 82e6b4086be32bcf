"""Files for other programs, and marks that come back from a spreadsheet."""

import csv
import io
import json
import re

import pytest

from mlm.grading.judge import handmarks
from mlm.grading.model import Answer, CannotGrade, Result
from mlm.grading.report import exports

from .example import ASKED, FORMULA, HOSTILE, OVERRIDE, QUESTIONS, class_of, hostile, result

NAMES = [question["name"] for question in QUESTIONS]
RUBRIC = next(question.rubric for question in ASKED if question.kind == "write")
LEADING = "=+-@\t\r＝＋－＠"


def table(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def made(learner="Ana", points=1.0, **settings) -> Result:
    answers = settings.pop("answers", [Answer("icc", "right", points=points, possible=1, shown="0.46")])
    defaults = {"submission": f"{learner}.ipynb", "slug": learner.lower(), "status": "graded"}
    return Result(learner=learner, answers=answers, **(defaults | settings))


def wrote(learner="Ana", text="We advise against it.", **settings) -> Result:
    return made(learner, answers=[Answer("report", "written", possible=10, text=text)], **settings)


# grades.csv


def test_grades_have_the_promised_columns_and_a_row_for_each_submission_in_order():
    rows = table(exports.grades_csv(class_of(5)[::-1], QUESTIONS))
    assert list(rows[0]) == ["submission", "learner", "status", "flags", *NAMES, "total", "max"]
    assert len(rows) == 7 and [row["submission"] for row in rows] == sorted(row["submission"] for row in rows)


def test_points_are_short_and_the_total_is_their_sum():
    answers = [Answer("few", "right", points=1, possible=1), Answer("icc", "right", points=0.5, possible=1)]
    row = table(exports.grades_csv([made(answers=answers, flags=["late", "kernel: ir"])], QUESTIONS))[0]
    assert (row["few"], row["icc"], row["total"], row["max"]) == ("1", "0.5", "1.5", "42")
    assert row["flags"] == "late; kernel: ir"


def test_a_text_that_waits_for_its_mark_has_an_empty_cell_and_a_marked_one_its_points():
    waiting, marked = wrote("Ana"), made("Ben", answers=[Answer("report", "marked", points=7.5, possible=10)])
    assert [row["report"] for row in table(exports.grades_csv([waiting, marked], QUESTIONS))] == ["", "7.5"]


def test_what_the_grader_itself_failed_on_has_no_points_rather_than_none():
    row = table(exports.grades_csv([made(status="not graded", points=0)], QUESTIONS))[0]
    assert row["icc"] == "" and row["total"] == "" and row["max"] == "42"


def test_the_same_results_in_any_order_give_the_same_bytes_with_plain_ends_of_lines():
    results = class_of(9)
    text = exports.grades_csv(results, QUESTIONS)
    assert text == exports.grades_csv(results[::-1], QUESTIONS) and "\r" not in text and text.endswith("\n")


def test_two_submissions_that_look_the_same_in_a_cell_are_told_apart_by_their_slugs():
    twins = [made("a", submission="x\n"), made("b", submission="x⟦U+000A⟧")]
    rows = table(exports.grades_csv(twins, QUESTIONS))
    assert [row["submission"] for row in rows] == ["x⟦U+000A⟧ (a)", "x⟦U+000A⟧ (b)"]


# formulas


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "  =1", "\t=1", "\r=1", "＝1+1", "＠x", "\u200d=1", "'=1"]
)
def test_a_cell_never_begins_a_formula(text):
    assert exports.cell(text)[0] in "'⟦"


def test_a_cell_is_no_formula_either_where_another_separator_splits_it():
    assert exports.cell('x;=HYPERLINK("a")') == 'x;\'=HYPERLINK("a")'
    assert exports.cell("x; @SUM") == "x; '@SUM"


def test_plain_names_stay_what_they_are():
    for name in ("Ana Costa", "Smith, Jo", "O’Neil-Weiß", "李小龙", "a/b-c_1.ipynb"):
        assert exports.cell(name) == name


def test_hostile_text_makes_no_formula_and_no_line_in_any_csv():
    results = [hostile(text, seed) for seed, text in enumerate(HOSTILE)]
    for text in (
        exports.grades_csv(results, QUESTIONS),
        exports.canvas_csv(results, "Exercises 3"),
        handmarks.marks_template(results, ASKED, []).lstrip("\ufeff"),
    ):
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) == text.count("\n") and len({len(row) for row in rows}) == 1
        assert not [cell for row in rows for cell in row if cell.strip().startswith(tuple(LEADING))]
        for semicolon in text.splitlines():
            assert not re.search(r";\s*[=+@]", semicolon)
        assert "\u202e" not in text and len(text.encode("utf8")) < 200_000


# Canvas


def test_canvas_gets_its_columns_the_possible_points_and_the_ids():
    ids = {"canvas": "4711", "sid": "S1", "email": "ana@x.org", "section": "Mon"}
    rows = list(csv.reader(io.StringIO(exports.canvas_csv([made(ids=ids)], "Exercises 3 (99)"))))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Exercises 3 (99)"]
    assert rows[1][0].strip() == "Points Possible" and rows[1][-1] == "1"
    assert rows[2] == ["Ana", "4711", "S1", "ana@x.org", "Mon", "1"]


def test_canvas_gets_back_the_cells_of_its_own_gradebook():
    ids = {
        "canvas": "1",
        "Student": "Costa, Ana",
        "ID": "1",
        "SIS User ID": "S1",
        "SIS Login ID": "ana",
        "Section": "A",
    }
    assert exports.canvas_csv([made(ids=ids)], "E").splitlines()[2] == '"Costa, Ana",1,S1,ana,A,1'


def test_an_id_that_is_no_number_is_not_given_to_canvas_as_one():
    assert exports.canvas_csv([made(ids={"canvas": "12abc"})], "E").splitlines()[2] == "Ana,,,,,1"


def test_a_name_cannot_pass_for_the_row_of_possible_points():
    lines = exports.canvas_csv([made("Points Possible", points=999.0)], "E").splitlines()
    assert sum("Points Possible" in line for line in lines) == 1


def test_of_several_submissions_the_best_is_exported_and_of_equals_the_first():
    several = [made("Ana", 0.5, submission="c"), made("Ana", submission="b"), made("Ana", submission="a")]
    assert [r.submission for r in exports.best_of_each(several)] == ["a"]
    assert exports.canvas_csv(several, "E").count("Ana") == 1


def test_two_learners_of_one_name_stay_two_where_an_id_tells_them_apart():
    two = [made("Kim", submission="a", ids={"canvas": "1"}), made("Kim", submission="b", ids={"canvas": "2"})]
    assert len(exports.best_of_each(two)) == 2


def test_canvas_gets_no_points_where_nothing_could_be_graded():
    assert exports.canvas_csv([made(status="not graded", points=0)], "E").splitlines()[2].endswith(",")


def test_a_title_that_canvas_would_ignore_is_refused():
    with pytest.raises(CannotGrade, match="Final Score"):
        exports.canvas_csv([made()], "Final Score")


# Gradescope


def test_gradescope_gets_a_test_for_each_question_as_plain_text():
    answers = [
        Answer("icc", "wrong", "", "Too high.", 0, 1, "0.9"),
        Answer("few", "right", "", "Right.", 1, 1, "48"),
    ]
    report = json.loads(exports.gradescope_json(made(answers=answers, detail="All ran."), ASKED))
    assert report["score"] == 1 and report["output"] == "Graded. All ran."
    assert {report[f"{what}output_format"] for what in ("", "test_")} == {"text"} and report[
        "visibility"
    ] == "visible"
    tests = {test["number"]: test for test in report["tests"]}
    assert len(tests) == len(ASKED) and tests["3.1"]["status"] == "passed"
    assert tests["3.4"] == {
        "number": "3.4",
        "name": "How much of the variation lies between professors?",
        "score": 0,
        "max_score": 1,
        "status": "failed",
        "output": "Too high.\nGiven: 0.9",
        "visibility": "visible",
    }
    assert tests["3.2"]["status"] == "failed" and "No answer arrived." in tests["3.2"]["output"]


def test_a_text_that_waits_for_its_mark_is_not_called_failed_on_gradescope():
    test = json.loads(exports.gradescope_json(wrote(), ASKED))["tests"][-1]
    assert (test["score"], test["max_score"], test["status"]) == (0, 10, "passed")
    assert "Not marked yet." in test["output"]


@pytest.mark.parametrize("text", HOSTILE)
def test_gradescope_gets_short_visible_ascii_whatever_was_written(text):
    report = exports.gradescope_json(hostile(text), ASKED)
    assert report.isascii() and len(report) < 100_000
    assert not {"\u202e", "\x00", "\ud800"} & set(json.dumps(json.loads(report), ensure_ascii=False))


# marks.csv


@pytest.fixture
def path(tmp_path):
    return tmp_path / "marks.csv"


def filled(path, results, given: dict, encoding="utf-8", separator=",", end="\r\n"):
    """Write the template with marks by (learner, number of the criterion), as a spreadsheet might save it."""
    rows = table(handmarks.marks_template(results, ASKED, []).lstrip("\ufeff"))
    criteria = [exports.cell(criterion) for criterion, _ in RUBRIC]
    for row in rows:
        row["mark"], row["comment"] = given.get((row["learner"], criteria.index(row["criterion"])), ("", ""))
    text = io.StringIO()
    writer = csv.DictWriter(text, handmarks.COLUMNS, delimiter=separator, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def all_marks(learner, mark="1") -> dict:
    return {(learner, place): (mark, "") for place in range(len(RUBRIC))}


def test_the_template_has_a_row_for_each_text_and_criterion():
    text = handmarks.marks_template([wrote("Ana"), wrote("Ben"), made("Cem")], ASKED, [])
    rows = table(text.removeprefix("\ufeff"))
    assert text.startswith("\ufeffsubmission,learner,question,text,criterion,possible,mark,comment\n")
    assert len(rows) == 2 * len(RUBRIC) and {row["learner"] for row in rows} == {"Ana", "Ben"}
    assert [row["possible"] for row in rows[: len(RUBRIC)]] == ["1", "2", "2", "2", "1", "1", "1"]
    assert not any(row["mark"] for row in rows)


def test_marks_that_are_there_stay_and_new_submissions_get_rows_behind_them(path):
    filled(path, [wrote("Zoe")], {("Zoe", 0): ("0.5", "Good; =start")})
    again = handmarks.marks_template([wrote("Ana"), wrote("Zoe")], ASKED, handmarks.marks_rows(path))
    rows = table(again.removeprefix("\ufeff"))
    assert (rows[0]["learner"], rows[0]["mark"], rows[0]["comment"]) == ("Zoe", "0.5", "Good; =start")
    assert [row["learner"] for row in rows] == ["Zoe"] * 7 + ["Ana"] * 7
    path.write_text(again, encoding="utf8")


def test_a_file_of_marks_that_lacks_no_row_is_left_as_it_is(path):
    filled(path, [wrote("Zoe")], all_marks("Zoe"), separator=";")
    assert handmarks.marks_template([wrote("Zoe")], ASKED, handmarks.marks_rows(path)) is None


def test_a_text_that_is_handed_in_anew_is_marked_anew(path):
    filled(path, [wrote("Ana")], all_marks("Ana"))
    anew = wrote("Ana", "Another text.")
    found = handmarks.read_marks(path, [anew], ASKED)
    assert handmarks.merge_marks(anew, found).answers[0].status == "written"
    rows = table(handmarks.marks_template([anew], ASKED, handmarks.marks_rows(path)).removeprefix("\ufeff"))
    assert [row["mark"] for row in rows] == ["1"] * len(RUBRIC) + [""] * len(RUBRIC)


def test_marks_of_a_submission_that_is_gone_are_not_thrown_away(path):
    filled(path, [wrote("Zoe")], all_marks("Zoe"))
    rows = table(
        handmarks.marks_template([wrote("Ana")], ASKED, handmarks.marks_rows(path)).removeprefix("\ufeff")
    )
    assert [row["mark"] for row in rows if row["learner"] == "Zoe"] == ["1"] * 7


@pytest.mark.parametrize(
    ("encoding", "separator", "mark"),
    [("utf-8", ",", "0.5"), ("utf-8-sig", ";", "0,5"), ("utf-8-sig", "\t", ".5")],
)
def test_marks_are_read_however_a_spreadsheet_saved_them(path, encoding, separator, mark):
    filled(path, [wrote("Zoë")], {("Zoë", 0): (mark, "ça va")}, encoding, separator)
    found = handmarks.read_marks(path, [wrote("Zoë")], ASKED)["Zoë.ipynb"]["report"]
    assert found[RUBRIC[0][0]] == handmarks.Mark(0.5, 1, "ça va") and found[RUBRIC[1][0]].mark is None


def test_hostile_names_find_their_marks_again(path):
    results = [
        wrote(text, slug=f"s{k}")
        for k, text in enumerate([FORMULA, OVERRIDE, "a\nb", "a,b", '"q"', "\ud800"])
    ]
    path.write_text(handmarks.marks_template(results, ASKED, []).replace(",,\n", ",1,\n"), encoding="utf8")
    found = handmarks.read_marks(path, results, ASKED)
    assert [handmarks.merge_marks(each, found).points for each in results] == [7.0] * len(results)


@pytest.mark.parametrize("mark", ["3", "-1", "nan", "inf", "one", "1e0", "1_0", "=1"])
def test_a_mark_that_is_no_number_of_the_range_is_refused_with_its_row(path, mark):
    filled(path, [wrote("Ana")], {("Ana", 1): (mark, "")})
    with pytest.raises(
        handmarks.MarksRefused, match=r"Row 3 of marks.csv: .*expected a number between 0 and 2"
    ):
        handmarks.read_marks(path, [wrote("Ana")], ASKED)


def test_a_submission_that_nobody_handed_in_is_refused_with_a_guess(path):
    filled(path, [wrote("Anna")], all_marks("Anna"))
    with pytest.raises(
        handmarks.MarksRefused, match="Row 2 .*no submission .*'Anna.ipynb'; did you mean 'Ana.ipynb'"
    ):
        handmarks.read_marks(path, [wrote("Ana")], ASKED)


def test_rows_without_a_mark_ask_for_nothing_even_where_their_submission_is_gone(path):
    filled(path, [wrote("Zoe")], {})
    assert handmarks.read_marks(path, [wrote("Ana")], ASKED)["Ana.ipynb"]["report"][RUBRIC[0][0]].mark is None


def test_a_criterion_that_stands_twice_is_refused_with_both_rows(path):
    filled(path, [wrote("Ana")], all_marks("Ana"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(handmarks.MarksRefused, match="Row 9 of marks.csv: .* as in row 2"):
        handmarks.read_marks(path, [wrote("Ana")], ASKED)


def test_all_faults_are_named_at_once(path):
    filled(path, [wrote("Ana")], {("Ana", 0): ("9", ""), ("Ana", 3): ("x", "")})
    with pytest.raises(handmarks.MarksRefused) as refused:
        handmarks.read_marks(path, [wrote("Ana")], ASKED)
    assert [line.split(" of ")[0] for line in str(refused.value).splitlines()] == ["Row 2", "Row 5"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column submission"),
        (b"a,b\n1,2\n", "its first row must be submission,learner"),
        ("submission;Zo\xeb".encode("latin-1"), "not written in UTF-8"),
        (b"\x00\x01", "no column"),
    ],
)
def test_a_file_that_holds_no_marks_is_refused_with_what_to_do(path, content, said):
    path.write_bytes(content)
    with pytest.raises(handmarks.MarksRefused, match=said):
        handmarks.marks_rows(path)


def test_an_answer_is_marked_once_every_criterion_has_a_mark(path):
    ana, ben = wrote("Ana"), wrote("Ben")
    filled(path, [ana, ben], all_marks("Ana", "0.5") | {("Ben", 0): ("1", "")})
    found = handmarks.read_marks(path, [ana, ben], ASKED)
    answer = handmarks.merge_marks(ana, found).answers[0]
    assert (answer.status, answer.points, answer.text) == ("marked", 3.5, "We advise against it.")
    assert answer.message == "Marked by your instructor: 3.5 of 10 points."
    assert handmarks.merge_marks(ben, found) == ben
    assert handmarks.merge_marks(result("Cem"), found) == result("Cem")

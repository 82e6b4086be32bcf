"""`Exercise.check` as a learner meets it: one plain line for whatever was stored."""

import numpy as np
import pandas as pd
import pytest

ICC = 0.4
RIGHT = "✓ it: Right."


class Hostile:
    """Lies about everything: equal to all, callable by no one, and it raises when it is read."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __float__(self):
        raise RuntimeError("no")

    __repr__ = __str__ = __len__ = __iter__ = __float__


class Pretender(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


@pytest.fixture
def icc(ask):
    return ask(
        ICC,
        rtol=0.005,
        points=2,
        mistakes={
            "inverted": (1 - ICC, "Which part goes on top?"),
            "ratio": (2 / 3, "A share divides by the sum."),
        },
    )


@pytest.mark.parametrize(
    "value",
    [ICC, 0.4019, np.float64(ICC), np.float32(ICC), np.array(ICC), pd.Series([ICC]).iloc[0]],
    ids=["float", "within", "float64", "float32", "0-d", "iloc"],
)
def test_a_right_number_passes_whatever_library_it_comes_from(icc, value):
    assert icc(value) == f"{RIGHT} 2 points."


def test_after_a_right_answer_stands_what_it_means(ask):
    check = ask(ICC, points=2, means=f"A share of {ICC:.1f} lies\n between professors.")
    assert check(0.4) == f"{RIGHT} 2 points. A share of 0.4 lies between professors."


def test_what_an_answer_means_is_said_after_no_wrong_one(ask):
    check = ask(ICC, means="A secret.", mistakes={"inverted": (1 - ICC, "Which part goes on top?")})
    assert not [value for value in (..., None, "0.4", 0.6, 0.41, -0.4, [ICC]) if "secret" in check(value)]


@pytest.mark.parametrize(
    ("value", "hint"), [(0.6, "Which part goes on top?"), (0.667, "A share divides by the sum.")]
)
def test_a_catalogued_mistake_meets_its_own_hint(icc, value, hint):
    assert icc(value) == f"✗ it: {hint}"


@pytest.mark.parametrize("value", [..., "...", " ...\n", [..., ...], {"a": ...}])
def test_a_stub_is_not_answered_yet(icc, value):
    assert icc(value) == "… it: Not answered yet."


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("0.4", "This is text; give a number, without quotes."),
        (True, "This is True or False; the question asks for a number."),
        (None, "This is None: nothing was stored. The question asks for a number."),
        (pd.NA, "This is None: nothing was stored. The question asks for a number."),
        (float("nan"), "This number is not a number (nan)."),
        (float("inf"), "This number is infinite."),
        (10**400, "This number is infinite."),
        (
            np.array([ICC]),
            "This holds one number but is not one; take the number out, for example with .item().",
        ),
        (
            pd.Series([ICC]),
            "This holds one number but is not one; take the number out, for example with .item().",
        ),
        ([ICC, ICC], "These are 2 values; the question asks for one number."),
        (np.zeros((2, 3)), "These are 2 by 3 values; the question asks for one number."),
        (
            pd.DataFrame({"a": [ICC]}),
            "This is a data frame that holds one number; take it out with .iloc[0, 0].",
        ),
        (pd.DataFrame({"a": [ICC, 1]}), "This is a data frame; the question asks for a number."),
        (lambda: ICC, "This is a function that was not called; the question asks for a number."),
        (1 + 2j, "This is an object of type complex; the question asks for a number."),
        (Hostile(), "This is an object of type Hostile; the question asks for a number."),
        (Pretender(ICC), "This is an object of type Pretender; the question asks for a number."),
        (Hostile, "This is an object of type type; the question asks for a number."),
    ],
)
def test_what_is_not_a_number_is_named_in_a_plain_sentence(icc, value, sentence):
    assert icc(value) == f"✗ it: {sentence}"


def test_a_whole_statsmodels_fit_is_named_as_one(icc):
    import statsmodels.formula.api as smf

    fit = smf.ols("y ~ 1", pd.DataFrame({"y": [1.0, 2.0, 4.0]})).fit()
    expected = "This is a whole fitted model; take out of it the number that the question asks for."
    assert icc(fit) == f"✗ it: {expected}"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-0.4, "The size is right and the sign is not."),
        (40, "This is 100 times the right value."),
        (0.16, "This is the square of the right value."),
        (np.sqrt(0.4), "This is the square root of the right value."),
        (0.5, "0.5 is too high, by about 25 %."),
        (0.3, "0.3 is too low, by about 25 %."),
        (0.404, "0.404 is too high, by about 1 %."),
        (-3, "-3 is too low; the right value has the other sign."),
        (7000, "7000 is too high, by a factor of more than ten."),
    ],
)
def test_another_wrong_number_is_told_how_far_off_it_is(icc, value, sentence):
    assert icc(value) == f"✗ it: {sentence}"


@pytest.mark.parametrize("right", [1, 0.9999, 1.0004, -1.0])
def test_near_one_no_relation_to_the_right_value_is_claimed(ask, right):
    line = ask(float(right), rtol=1e-6)(right * 1.0006)
    assert "right value" not in line and line.endswith("by about 0.06 %.")


def test_a_zero_in_the_place_of_a_one_is_not_called_its_logarithm(ask):
    assert ask(1.0)(0.0) == "✗ it: 0 is too low, by about 100 %."


def test_a_number_that_should_be_zero_is_told_its_side_and_no_more(ask):
    assert ask(0)(1) == "✗ it: 1 is too high."
    assert ask(0.0, atol=0.01)(-0.5) == "✗ it: -0.5 is too low."


@pytest.mark.parametrize("value", [0.404, -0.4, 40, 0.16, 0.63246, 2.5, 1.4918, 0.5, -3, 7000, 0.4**2 / 3])
def test_where_nothing_is_recognised_no_cause_is_claimed(ask, value):
    known = {"mistakes": {"ml": (0.41, "ML for REML.")}, "accepts": {"reml": 0.4001}}
    line = ask(ICC, **known)(value)
    assert "?" not in line and "REML" not in line and "look" not in line


def test_a_function_that_names_a_row_is_shown_the_rows_of_its_table(ask):
    fits = pd.DataFrame({"llf": [-3.5, -1.25]}, index=["bfgs", "powell"])
    check = ask(lambda fits: fits["llf"].idxmax(), probes=[(fits,)])
    rows = "rows are bfgs (llf -3.5), powell (llf -1.25)."
    called = "✗ it: Called as it(a table of 2 rows):"
    assert check(lambda fits: "bfgs") == f"{called} “bfgs” is not right. The {rows}"
    assert check(lambda fits: "cg") == f"{called} “cg” is not right. It is no row of the table; the {rows}"


@pytest.mark.parametrize(
    ("value", "share"), [(100.2, "about 0.2"), (100.0000001, "less than 0.001"), (109.7, "about 10")]
)
def test_a_small_share_has_one_digit(ask, value, share):
    assert ask(100.0, rtol=1e-12)(value).endswith(f" is too high, by {share} %.")


def test_whole_numbers_must_be_equal(ask):
    check = ask(5555)
    assert check(5555.0).startswith(RIGHT)
    assert check(5554) == "✗ it: 5554 is too low, by about 0.02 %."


def test_text_passes_whatever_its_capitals_and_spaces(ask):
    check = ask("Lac qui Parle", mistakes={"biggest": ("HENNEPIN", "That is the one with most houses.")})
    assert check("LAC  QUI PARLE ").startswith(RIGHT)
    assert check("hennepin") == "✗ it: That is the one with most houses."
    assert check("Anoka") == "✗ it: “Anoka” is not right; the right answer is 3 words, this has 1."
    assert check("pas qui Larle") == "✗ it: “pas qui Larle” is not right."
    assert check(3) == "✗ it: This is a number; the question asks for text in quotes."


def test_true_and_false_are_not_one_and_zero(ask):
    check = ask(np.bool(True))
    assert check(True).startswith(RIGHT)
    assert check(False) == "✗ it: False is not right; of True and False it is the other."
    assert check(1) == "✗ it: This is a number; the question asks for True or False."


def test_arrays_are_compared_by_position(ask):
    check = ask(np.array([1.5, 2.5, 3.5]))
    assert check([1.5, 2.5, 3.5]).startswith(RIGHT)
    assert check([3.5, 2.5, 1.5]) == (
        "✗ it: 2 of 3 values are off; number 1: 3.5 is too high, by about 135 %; "
        "number 3: 1.5 is too low, by about 55 %."
    )
    assert check([1.5]) == "✗ it: The question asks for 3 values; this has 1."
    assert check([1.5, None, 3.5]) == "✗ it: It has entries that are None or missing: 1 of 3."
    assert check([1.5, ..., 3.5]) == "✗ it: It has entries that are still `...`: 1 of 3."
    assert check([1.5, np.nan, 3.5]) == "✗ it: It has entries that are not a number (nan): 1 of 3."
    assert check(np.array([1.5, np.inf, 3.5])) == "✗ it: It has entries that are infinite: 1 of 3."
    assert check(["a", "b", "c"]) == "✗ it: It holds text; the question asks for numbers."
    assert check([1.5, "b", 3.5]) == "✗ it: Item 2: this is text; give a number, without quotes."
    frame = pd.DataFrame({"a": [1.5]})
    assert check([frame, 2, 3]).startswith(
        "✗ it: Item 1: this is a data frame that holds one number; take it"
    )
    assert check([..., frame, 3]) == "✗ it: Item 1: this is still `...`."


def test_a_matrix_keeps_its_shape(ask):
    check = ask([[1.0, 2.0], [3.0, 4.0]])
    assert check(np.array([[1.0, 2.0], [3.0, 4.0]])).startswith(RIGHT)
    assert check([1.0, 2.0, 3.0, 4.0]) == "✗ it: The question asks for 2 by 2 values; this has 4."


def test_a_set_has_no_order(ask):
    check = ask({"ANOKA", "BECKER"})
    assert check(["Becker", "ANOKA"]).startswith(RIGHT)
    assert check(pd.Series(["BECKER", "ANOKA"])).startswith(RIGHT)
    assert check({"ANOKA"}) == "✗ it: The right set has 2 members, this one has 1; all of these belong."
    assert check({"ANOKA", "CASS", "PINE"}) == (
        "✗ it: The right set has 2 members, this one has 3; 2 of 3 members do not belong: CASS, PINE."
    )
    assert check({"ANOKA", "CASS"}) == "✗ it: 1 of 2 members does not belong: CASS."


@pytest.fixture
def means(ask):
    return ask(pd.Series({"AITKIN": 0.7, "ANOKA": 0.9, "BECKER": 1.1}))


def test_a_series_is_compared_by_label_in_any_order(means):
    assert means(pd.Series({"BECKER": 1.1, "AITKIN": 0.7, "ANOKA": 0.9})).startswith(RIGHT)
    assert means({"ANOKA": 0.9, "BECKER": 1.1, "AITKIN": 0.7}).startswith(RIGHT)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            np.array([0.7, 0.9, 1.1]),
            "These values have lost their labels; give the Series (or a dict) with its index.",
        ),
        (
            pd.Series([0.7, 0.9, 1.1]),
            "The rows are only numbered; the question asks for labels such as AITKIN in the index.",
        ),
        (pd.Series({"AITKIN": 0.7, "ANOKA": 0.9}), "The question asks for 3 rows; this has 2."),
        (
            {"AITKIN": 0.7, "ANOKA": 0.9, "BEKER": 1.1},
            "There is no row BECKER; row BEKER was not asked for (did you mean BECKER?).",
        ),
        (
            pd.Series([0.7, 0.9, 1.1], index=["AITKIN", "AITKIN", "BECKER"]),
            "The label AITKIN occurs more than once; each row needs a label of its own.",
        ),
        (
            {"AITKIN": 0.7, "ANOKA": 0.95, "BECKER": 1.1},
            "1 of 3 values is off; ANOKA: 0.95 is too high, by about 6 %.",
        ),
    ],
)
def test_a_series_with_other_labels_is_told_which(means, value, sentence):
    assert means(value) == f"✗ it: {sentence}"


@pytest.fixture
def table(ask):
    frame = pd.DataFrame({"sd": [0.3, 0.8], "part": ["county", "house"]}, index=["a", "b"])
    return frame, ask(frame)


def test_a_data_frame_is_compared_by_column_and_row_name(table):
    frame, check = table
    assert check(frame.loc[["b", "a"], ["part", "sd"]]).startswith(RIGHT)


def test_a_data_frame_of_another_form_is_told_what_differs(table):
    frame, check = table
    renamed = check(frame.rename(columns={"sd": "SDs"}))
    assert renamed == "✗ it: There is no column sd; column SDs was not asked for."
    assert check(frame.assign(sd=frame["sd"] * 2)) == (
        "✗ it: 2 of 4 entries are off; column sd, row a: 0.6 is too high, by about 100 %; "
        "column sd, row b: 1.6 is too high, by about 100 %."
    )
    assert check(frame.assign(part=["county", "home"])) == (
        "✗ it: 1 of 4 entries is off; column part, row b: home is not right."
    )
    assert check(frame.assign(part=1)) == "✗ it: Column part holds numbers; the question asks for text."
    holes = check(frame.assign(sd=[np.nan, 0.8]))
    assert holes == "✗ it: Column sd has entries that are not a number (nan): 1 of 2."
    assert check(frame.assign(part=["county", None])) == "✗ it: Column part has missing values: 1 of 2."
    assert (
        check(frame["sd"])
        == "✗ it: This is a Series (or a dict) with labels; the question asks for a data frame."
    )


def test_rows_that_are_only_numbered_are_compared_by_position(ask):
    check = ask(pd.DataFrame({"x": [1.0, 2.0]}))
    assert check(pd.DataFrame({"x": [1.0, 2.0]})).startswith(RIGHT)
    assert check(pd.DataFrame({"x": [2.0, 1.0]})) == (
        "✗ it: 2 of 2 entries are off; column x, row 0: 2 is too high, by about 100 %; "
        "column x, row 1: 1 is too low, by about 50 %."
    )


@pytest.fixture
def weight(ask):
    return ask(
        lambda n, ratio: n / (n + ratio),
        probes=[(5, 1.0), (80, 0.25)],
        mistakes={"other-end": (lambda n, ratio: ratio / (n + ratio), "This weighs the overall mean.")},
    )


def _prints(n, ratio):
    print("noise")
    return n / (n + ratio)


def _raises(n, ratio):
    raise ValueError("two\nlines")


def _exits(n, ratio):
    raise SystemExit


def _fails_inside(n, ratio):
    return len(n)


@pytest.mark.parametrize(
    "function", [lambda n, ratio: n / (n + ratio), _prints, lambda n, q: 1 - q / (n + q)]
)
def test_a_function_is_judged_by_what_it_returns(weight, function):
    assert weight(function).startswith(RIGHT)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda n, ratio: ratio / (n + ratio), "This weighs the overall mean."),
        (_raises, "Called as it(5, 1.0) it raises ValueError: two lines."),
        (_exits, "Called as it(5, 1.0) it raises SystemExit."),
        (_fails_inside, "Called as it(5, 1.0) it raises TypeError: object of type 'int' has no len()."),
        (lambda n, ratio: None, "Called as it(5, 1.0) it returns nothing."),
        (lambda n, ratio: "a", "Called as it(5, 1.0): this is text; give a number, without quotes."),
        (
            lambda n, ratio: 0.8333333 if n == 5 else 0.5,
            "Right at the first call, not at the second: "
            "called as it(80, 0.25): 0.5 is too low, by about 50 %.",
        ),
        (0.83, "This is a number; the question asks for the function itself, without calling it."),
        ("n", "The question asks for a function; this is text."),
    ],
)
def test_a_function_that_is_not_right_is_told_at_which_call(weight, function, sentence):
    assert weight(function) == f"✗ it: {sentence}"


def test_a_function_that_is_right_at_some_calls_is_told_at_how_many(ask):
    check = ask(lambda n: n / 2, probes=[(2.5,), (3.5,), (4.5,)])
    line = check(lambda n: n / 2 if n < 4 else 2.0)
    assert line == "✗ it: Right at 2 of 3 calls; called as it(4.5): 2 is too low, by about 10 %."
    assert check(lambda n: 1 / 0 if n < 3 else n / 2) == (
        "✗ it: Right at 2 of 3 calls; called as it(2.5) it raises ZeroDivisionError: division by zero."
    )


def test_a_function_of_tables_is_told_which_table_it_gets_wrong(ask):
    def best(fits):
        return fits["llf"].idxmax()

    first = pd.DataFrame({"llf": [-3.5, -1.25], "note": ["a", None]}, index=["bfgs", "powell"])
    second = pd.DataFrame({"llf": [np.inf, -1.25], "note": ["a", "b"]}, index=["bfgs", "powell"])
    assert ask(best, probes=[(first,), (second,)])(lambda fits: "powell") == (
        "✗ it: Right at the first call, not at the second: called as it(a table of 2 rows): "
        "“powell” is not right. The rows are bfgs (llf inf, note a), powell (llf -1.25, note b)."
    )


def test_of_many_wrong_values_the_first_is_described(ask):
    check = ask(np.arange(1.0, 10.0).reshape(3, 3))
    assert check(2 * np.arange(1.0, 10.0).reshape(3, 3)) == (
        "✗ it: 9 of 9 values are off; first row 1, column 1: 2 is too high, by about 100 %."
    )
    frame = pd.DataFrame(np.arange(1.0, 9.0).reshape(4, 2), columns=["a", "b"])
    assert ask(frame)(frame.assign(b=0.0)) == (
        "✗ it: 4 of 8 entries, in column b, are off; first column b, row 0: 0 is too low, by about 100 %."
    )


def test_of_a_list_of_unequal_things_the_wrong_item_is_described(ask):
    check = ask([np.array([1.0, 2.0]), 0.5])
    assert check([[1.0, 2.0], 0.6]) == "✗ it: Item 2 of 2: 0.6 is too high, by about 20 %."


def test_of_two_mistakes_that_fit_the_nearer_one_is_named(ask):
    check = ask(1.0, rtol=0.1, mistakes={"far": (1.3, "Far."), "farther": (1.45, "Farther.")})
    assert check(1.35) == "✗ it: Far."
    assert check(1.40) == "✗ it: Farther."


def test_a_function_with_other_arguments_is_told_so(weight):
    line = weight(lambda n: n)
    assert line.startswith("✗ it: It does not take the arguments that the question names: TypeError:")


def test_a_function_that_returns_its_stub_is_not_answered_yet(weight):
    assert weight(lambda n, ratio: ...) == "… it: Not answered yet."


def test_a_function_cannot_spoil_the_arguments_of_the_next_question(ask):
    def spoil(values):
        values[:] = 0
        return 3.0

    check = ask(lambda values: float(values.sum()), probes=[(np.array([1.0, 2.0]),)])
    assert "your function changes what it is given" in check(spoil)
    assert check(lambda values: values.sum()).startswith(RIGHT)


def test_more_values_than_any_question_asks_for_are_refused_at_once(ask):
    check = ask(np.array([1.0, 2.0]))
    assert check(np.zeros(10**7)).startswith("✗ it: These are 10,000,000 values")


def test_a_list_that_holds_itself_does_no_harm(ask):
    loop = []
    loop.append(loop)
    assert ask([1.0, 2.0])(loop).startswith("✗ it: ")


@pytest.mark.parametrize("value", [0.55, 0.548, 0.5481])
def test_the_right_value_with_too_few_digits_is_called_rounded(ask, value):
    check = ask(0.548132, rtol=1e-5)
    line = "✗ it: This is the right value, but rounded: give at least 5 digits."
    assert check(value) == line
    assert check(0.548132).startswith(RIGHT)


@pytest.mark.parametrize(
    ("right", "rtol", "atol"), [(251.4051, 1e-5, 0), (-875.96967, 0, 1e-3), (7.352e-5, 1e-4, 0)]
)
def test_the_digits_it_asks_for_are_enough(ask, right, rtol, atol):
    right *= 1.0000423  # not round
    check = ask(right, rtol=rtol, atol=atol)
    sentence = check(float(f"{right:.3g}"))
    digits = int(sentence.split()[-2])
    assert "rounded" in sentence and digits > 3
    assert check(float(f"{right:.{digits}g}")).startswith(RIGHT)


@pytest.mark.parametrize("value", [1, 1.0, 0.9, 0.94, 0.96, 0, 0.95130001])
def test_a_wrong_number_is_not_called_rounded(ask, value):
    """One digit, zero, whole numbers of two digits, cut off, or as many digits as a computed value has."""
    assert "rounded" not in ask(0.9513, rtol=1e-8)(value)
    assert "rounded" not in ask(12.3, rtol=1e-5)(12), "a count may be near by chance"
    assert "rounded" not in ask(251.4, rtol=1e-5)(250)
    assert "rounded" not in ask(5555)(5560), "what is counted has no digits to give"


def test_what_may_be_a_mistake_rounded_is_not_called_the_right_value_rounded(ask):
    check = ask(0.5481, rtol=1e-5, mistakes={"ml": (0.5512, "ML for REML.")})
    assert "rounded" not in check(0.55), "both give 0.55"
    assert "rounded" in check(0.548)
    assert check(0.5512) == "✗ it: ML for REML."


def test_rounding_is_seen_in_every_place_of_an_answer_or_not_at_all(ask):
    check = ask(np.array([1.4432, 2.0, 36.0555]), rtol=1e-5)
    line = "✗ it: These are the right values, but rounded: give at least 6 digits."
    assert check([1.44, 2, 36.06]) == line
    assert "rounded" not in check([1.44, 2.5, 36.06])
    assert "rounded" in ask(lambda n: 1.4432 / n, probes=[(7,), (3.0,)])(lambda n: round(1.4432 / n, 2))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-875.31, "-875.31 is too high, by about 0.7 log-units."),
        (-887.6, "-887.6 is too low, by about 10 log-units."),
        (3.5, "3.5 is too high, by about 900 log-units."),
    ],
)
def test_a_question_may_name_the_unit_of_a_difference(ask, value, sentence):
    assert ask(-875.9697, unit="log-units", rtol=0, atol=1e-4)(value) == f"✗ it: {sentence}"


def test_the_unit_holds_for_every_number_of_an_answer(ask):
    check = ask(np.array([-875.9697, -876.1636]), unit="log-units")
    assert check([-875.9697, -870]) == (
        "✗ it: 1 of 2 values is off; number 2: -870 is too high, by about 6 log-units."
    )
    check = ask(lambda n: -10.5 * n, unit="log-units", probes=[(2,), (30.0,)])
    assert check(lambda n: -10.5 * n + 0.5).endswith("it(2): -20.5 is too high, by about 0.5 log-units.")

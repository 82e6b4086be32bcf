"""What a formula in lme4's language means as arrays, and what is refused, with what words."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from mlm import load
from mlm.lmm import Design, Term, build_design
from mlm.lmm.design import theta_of

from .cases import simulated


@pytest.fixture
def data():
    return simulated()


def refusal(formula, data, error=ValueError, **options):
    """The message with which a formula or its data are refused."""
    with pytest.raises(error) as caught:
        build_design(formula, data, **options)
    return str(caught.value)


def assert_same(one: Design, other: Design):
    """The same arrays, whatever the formulas looked like."""
    assert one.fixed_names == other.fixed_names
    assert np.array_equal(one.y, other.y) and np.array_equal(one.X, other.X)
    assert [(t.group, t.names) for t in one.terms] == [(t.group, t.names) for t in other.terms]
    for a, b in zip(one.terms, other.terms, strict=True):
        assert np.array_equal(a.codes, b.codes) and np.array_equal(a.Z, b.Z)
        assert list(a.levels) == list(b.levels)


# ---- response and fixed effects -------------------------------------------------------------------------


def test_the_arrays_of_a_varying_intercept(data):
    design = build_design("y ~ x + (1 | g)", data)
    assert np.array_equal(design.y, data["y"])
    assert design.fixed_names == ("Intercept", "x")
    assert np.array_equal(design.X, np.column_stack([np.ones(90), data["x"]]))
    (term,) = design.terms
    assert (term.group, term.names) == ("g", ("Intercept",))
    assert list(term.levels) == sorted(data["g"].unique())
    assert np.array_equal(term.levels[term.codes], data["g"])
    assert np.array_equal(term.Z, np.ones((90, 1)))
    assert design.rows_dropped == 0 and design.formula == "y ~ x + (1 | g)"


@pytest.mark.parametrize(
    ("formula", "names"),
    {
        "y ~ (1 | g)": ("Intercept",),
        "y ~ 1 + (1 | g)": ("Intercept",),
        "y ~ 0 + (1 | g)": (),
        "y ~ 0 + x + (1 | g)": ("x",),
        "y ~ -1 + x + (1 | g)": ("x",),
        "y ~ x + (1 | g) + w": ("Intercept", "x", "w"),
        "y ~ (1 | g) + x": ("Intercept", "x"),
        "y ~ x * w + (1 | g)": ("Intercept", "x", "w", "x:w"),
        "y ~ x * w - x + (1 | g)": ("Intercept", "w", "x:w"),
        "y ~ x:w + (1 | g)": ("Intercept", "x:w"),
        "y ~ f + (1 | g)": ("Intercept", "f[T.mid]", "f[T.top]"),
        "y ~ 0 + f + (1 | g)": ("f[low]", "f[mid]", "f[top]"),
        "y ~ f * x + (1 | g)": ("Intercept", "f[T.mid]", "f[T.top]", "x", "f[T.mid]:x", "f[T.top]:x"),
    }.items(),
)
def test_the_names_of_fixed_effects(data, formula, names):
    assert build_design(formula, data).fixed_names == names


@pytest.mark.parametrize(
    ("part", "column"),
    {
        "np.log(x**2 + 1)": lambda d: np.log(d["x"] ** 2 + 1),
        "log(x**2 + 1)": lambda d: np.log(d["x"] ** 2 + 1),
        "sqrt(abs(x))": lambda d: np.sqrt(np.abs(d["x"])),
        "exp(x)": lambda d: np.exp(d["x"]),
        "I(x**2)": lambda d: d["x"] ** 2,
        "I(x - w)": lambda d: d["x"] - d["w"],
        "center(x)": lambda d: d["x"] - d["x"].mean(),
        "scale(x)": lambda d: (d["x"] - d["x"].mean()) / d["x"].std(),
        "C(f)": lambda d: np.column_stack([d["f"] == "mid", d["f"] == "top"]),
        "x:w": lambda d: d["x"] * d["w"],
    }.items(),
)
def test_transformations_are_computed(data, part, column):
    expected = np.asarray(column(data), dtype=float).reshape(90, -1)
    assert np.allclose(build_design(f"y ~ {part} + (1 | g)", data).X[:, 1:], expected)
    if part != "C(f)":
        (term,) = build_design(f"y ~ x + (0 + {part} | g)", data).terms
        assert np.allclose(term.Z, expected)


@pytest.mark.parametrize(
    ("response", "values"),
    {
        "log(y + 50)": lambda d: np.log(d["y"] + 50),
        "np.log(y + 50)": lambda d: np.log(d["y"] + 50),
        "y + w": lambda d: d["y"] + d["w"],
        "2 * (y - w)**2 / 3": lambda d: 2 * (d["y"] - d["w"]) ** 2 / 3,
    }.items(),
)
def test_the_response_may_be_computed(data, response, values):
    assert np.allclose(build_design(f"{response} ~ x + (1 | g)", data).y, values(data))


@pytest.mark.parametrize("fixed", ["x * w", "f * x", "0 + f", "C(f) + np.exp(x)"])
def test_fixed_effects_are_those_of_statsmodels(data, fixed):
    theirs = smf.ols(f"y ~ {fixed}", data).exog
    assert np.allclose(build_design(f"y ~ {fixed} + (1 | g)", data).X, theirs)


def test_categories_keep_the_order_of_the_data_and_lose_those_that_do_not_occur(data):
    """As in R and in statsmodels: the first category is the baseline, not the first of the alphabet."""
    data["f"] = pd.Categorical(data["f"], categories=["top", "never", "low", "mid"])
    design = build_design("y ~ f + (1 | g)", data)
    assert design.fixed_names == ("Intercept", "f[T.low]", "f[T.mid]")
    assert np.array_equal(design.X[:, 1], data["f"] == "low")


def test_a_category_that_goes_with_the_dropped_rows_makes_no_column(data):
    data["f"] = data["f"].astype("category")
    data.loc[data["f"] == "top", "x"] = np.nan
    assert build_design("y ~ f + x + (1 | g)", data).fixed_names == ("Intercept", "f[T.mid]", "x")


def test_booleans_are_categories_and_nullable_integers_numbers(data):
    data["late"] = data["x"] > 2
    data["count"] = data["w"].round().astype("Int64")
    design = build_design("y ~ late + count + (1 | g)", data)
    assert design.fixed_names == ("Intercept", "late[T.True]", "count")
    assert np.array_equal(design.X[:, 1], data["late"])
    assert np.array_equal(design.X[:, 2], data["count"].to_numpy(float))


def test_a_name_with_a_space_stands_in_backticks(data):
    design = build_design("y ~ `the x` + (1 | g)", data.rename(columns={"x": "the x"}))
    assert design.fixed_names == ("Intercept", "the x") and np.array_equal(design.X[:, 1], data["x"])


# ---- random effects -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("short", "long"),
    {
        "(x | g)": "(1 + x | g)",
        "(x || g)": "(1 | g) + (0 + x | g)",
        "(1 + x || g)": "(1 | g) + (0 + x | g)",
        "(0 + x || g)": "(0 + x | g)",
        "(-1 + x | g)": "(0 + x | g)",
        "(x + w || g)": "(1 | g) + (0 + x | g) + (0 + w | g)",
        "(x * w || g)": "(1 | g) + (0 + x | g) + (0 + w | g) + (0 + x:w | g)",
        "(1 || g)": "(1 | g)",
        "(1 | g/h)": "(1 | g) + (1 | g:h)",
        "(1 | g/h/k)": "(1 | g) + (1 | g:h) + (1 | g:h:k)",
        "(x || g/h)": "(1 | g) + (0 + x | g) + (1 | g:h) + (0 + x | g:h)",
        "( 1|g )+( 1|k )": "(1 | g) + (1 | k)",
    }.items(),
)
def test_what_is_short_for_what(data, short, long):
    assert_same(build_design(f"y ~ x + {short}", data), build_design(f"y ~ x + {long}", data))


def test_effects_of_one_pair_of_brackets_are_correlated_of_two_are_not(data):
    together, apart = (
        build_design(f"y ~ x + {bars}", data) for bars in ("(1 + x | g)", "(1 | g) + (0 + x | g)")
    )
    assert [term.names for term in together.terms] == [("Intercept", "x")]
    assert [term.names for term in apart.terms] == [("Intercept",), ("x",)]
    assert (together.n_theta, apart.n_theta) == (3, 2)


def test_the_columns_of_varying_slopes_are_the_predictors(data):
    (term,) = build_design("y ~ x + (x * w | g)", data).terms
    x, w = data["x"], data["w"]
    assert term.names == ("Intercept", "x", "w", "x:w")
    assert np.allclose(term.Z, np.column_stack([np.ones(90), x, w, x * w]))


@pytest.mark.parametrize(
    ("inner", "names"),
    {"f": ("Intercept", "f[T.mid]", "f[T.top]"), "0 + f": ("f[low]", "f[mid]", "f[top]")}.items(),
)
def test_a_category_may_vary(data, inner, names):
    (term,) = build_design(f"y ~ x + ({inner} | g)", data).terms
    indicators = pd.get_dummies(data["f"]).to_numpy(float)
    expected = np.column_stack([np.ones(90), indicators[:, 1:]]) if inner == "f" else indicators
    assert term.names == names and np.array_equal(term.Z, expected)


def test_nested_groups_are_the_pairs_that_occur(data):
    (term,) = build_design("y ~ x + (1 | g:h)", data).terms
    pairs = data["g"] + ":" + data["h"]
    assert term.group == "g:h" and len(term.levels) == pairs.nunique()
    assert np.array_equal(term.levels[term.codes], pairs)


def test_nesting_does_not_need_labels_of_its_own():
    """Cask a of batch A is not cask a of batch B; `sample` names the same thirty casks."""
    pastes = load("pastes")
    nested = build_design("strength ~ 1 + (1 | batch/cask)", pastes).terms[1]
    named = build_design("strength ~ 1 + (1 | sample)", pastes).terms[0]
    assert pd.crosstab(nested.codes, named.codes).gt(0).sum().eq(1).all() and len(nested.levels) == 30


def test_groups_may_be_numbers_or_dates(data):
    data["number"] = data["g"].str[1:].astype(int)
    data["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(data["number"], unit="D")
    by_name, by_number, by_day = (
        build_design(f"y ~ x + (1 | {name})", data).terms[0] for name in ("g", "number", "day")
    )
    assert np.array_equal(by_name.codes, by_number.codes) and np.array_equal(by_name.codes, by_day.codes)
    assert list(by_number.levels) == list(range(9))


def test_groups_that_do_not_occur_are_no_groups(data):
    data["g"] = pd.Categorical(data["g"], categories=[f"g{i}" for i in range(20)])
    assert len(build_design("y ~ x + (1 | g)", data).terms[0].levels) == 9


def test_many_terms_on_one_factor(data):
    design = build_design("y ~ x + (1 | g) + (0 + x + w | g) + (0 + I(x**2) | g)", data)
    assert [t.names for t in design.terms] == [("Intercept",), ("x", "w"), ("I(x ** 2)",)]
    assert design.n_theta == 1 + 3 + 1


def test_theta_fills_the_lower_triangles_by_columns_term_after_term(data):
    design = build_design("y ~ x + (x + w | g) + (1 | k)", data)
    theta = np.arange(1.0, 8.0)
    first, second = design.factors(theta)
    assert np.array_equal(first, [[1, 0, 0], [2, 4, 0], [3, 5, 6]])
    assert np.array_equal(second, [[7]])
    assert np.array_equal(theta_of([first, second]), theta)


# ---- missing values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["y", "x", "g"])
def test_rows_with_a_missing_value_are_dropped_and_counted(data, column):
    whole = data.copy()
    data.loc[[3, 40], column] = None
    design = build_design("y ~ x + (1 | g)", data)
    assert design.rows_dropped == 2 and design.n == 88
    assert_same(design, build_design("y ~ x + (1 | g)", whole.drop([3, 40])))
    assert list(design.index) == [row for row in data.index if row not in (3, 40)]


def test_or_they_are_an_error_that_counts_them(data):
    data.loc[[3, 40], "x"] = np.nan
    data.loc[3, "y"] = np.nan
    message = refusal("y ~ x + (1 | g)", data, missing="raise")
    assert "In 2 of 90 rows" in message and "x: 2" in message and "y: 1" in message
    assert 'missing="drop"' in message


def test_gaps_in_columns_that_the_formula_does_not_use_do_not_count(data):
    data["w"] = np.nan
    assert build_design("y ~ x + (1 | g)", data, missing="raise").rows_dropped == 0


def test_a_mean_that_centres_is_taken_over_the_rows_that_stay(data):
    data.loc[3, "y"] = np.nan
    column = build_design("y ~ center(x) + (1 | g)", data).X[:, 1]
    assert column.mean() == pytest.approx(0, abs=1e-12)


def test_the_data_are_left_as_they_were(data):
    data["f"] = data["f"].astype("category")
    data.loc[3, "x"] = np.nan
    before = data.copy()
    build_design("y ~ x + f + (1 | g)", data)
    pd.testing.assert_frame_equal(data, before)


# ---- what is refused, and the words ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "words"),
    {
        "y ~ zz + (1 | g)": ["no column 'zz'", "x, w, g"],
        "y ~ x + (zz | g)": ["no column 'zz'"],
        "y ~ x + (1 | zz)": ["no column 'zz'"],
        "zz ~ x + (1 | g)": ["no column 'zz'"],
        "y ~ log(zz) + (1 | g)": ["no column 'zz'"],
        "y ~ x + (1 | gg)": ["no column 'gg'", "Did you mean g?"],
        "y ~ x": ["no random term", "(1 | group)"],
        "y x + (1 | g)": ["one ~"],
        "y ~ x ~ (1 | g)": ["one ~"],
        "~ x + (1 | g)": ["lacks its response"],
        "y ~ ": ["lacks its right side"],
        "y ~ x + + (1 | g)": ["nothing on one of its sides"],
        "y ~ x + (1 | g": ["brackets", "do not match"],
        "y ~ x + 1 | g": ["a bar stands where it cannot", "in brackets of its own"],
        "y ~ x - (1 | g)": ["a bar stands where it cannot"],
        "y ~ x + (1 | g) * w": ["a bar stands where it cannot"],
        "y ~ x + ( | g)": ["not of the form (effects | group)"],
        "y ~ x + (1 | )": ["not of the form (effects | group)"],
        "y ~ x + (1 | g | k)": ["not of the form (effects | group)"],
        "y ~ x + (0 | g)": ["(0 | g) lets nothing vary"],
        "y ~ x + (1 | g + k)": ["'g + k' is not", "Make the column first"],
        "y ~ x + (1 | log(g))": ["'log(g)' is not"],
        "y ~ foo(x) + (1 | g)": ["'foo' is no function known here"],
        "y ~ . + (1 | g)": ["name the columns that the dot stands for"],
        "y ~ x + offset(w) + (1 | g)": ["no offset()", "subtract it from the response"],
        "f ~ x + (1 | g)": ["response must be one column of numbers", "'f' makes 3"],
        "y ~ x + (1 | g) + (1 | g)": ["Intercept varies by 'g' in two brackets"],
        "y ~ x + (x | g) + (1 | g)": ["Intercept varies by 'g' in two brackets"],
        "y ~ x + (1 | g) + (1 | g/h)": ["Intercept varies by 'g' in two brackets"],
    }.items(),
)
def test_a_formula_that_cannot_be_read_is_refused_by_name(data, formula, words):
    message = refusal(formula, data)
    for word in words:
        assert word in message, message


def test_a_frame_is_needed(data):
    assert "DataFrame; it is a dict" in refusal("y ~ x + (1 | g)", data.to_dict(), TypeError)


def test_a_formula_is_needed(data):
    assert "y ~ x + (1 | group)" in refusal(5, data) or "one ~" in refusal(5, data)


def test_the_way_with_missing_values_is_one_of_two(data):
    assert '"drop" or "raise"; it is \'omit\'' in refusal("y ~ x + (1 | g)", data, missing="omit")


def test_a_constant_response_is_refused(data):
    assert "response is constant (4 in every row)" in refusal("y ~ x + (1 | g)", data.assign(y=4.0))


@pytest.mark.parametrize(
    ("formula", "effects"),
    {"y ~ x + (1 | row)": 90, "y ~ x + (x | pair)": 90, "y ~ x + (1 | g:row)": 90}.items(),
)
def test_more_random_effects_than_observations_are_refused(data, formula, effects):
    data["row"], data["pair"] = range(90), np.arange(90) // 2
    message = refusal(formula, data)
    assert f"{effects} random effects for 90 observations" in message and "fewer effects" in message


@pytest.mark.parametrize(
    ("formula", "named"),
    {
        "y ~ x + double + (1 | g)": "double can",
        "y ~ five + (1 | g)": "five can",
        "y ~ x + zero + (1 | g)": "zero can",
        "y ~ x + w + double + five + (1 | g)": "double, five can",
        "y ~ f + low + (1 | g)": "low can",
    }.items(),
)
def test_fixed_effects_that_cannot_be_told_apart_are_named(data, formula, named):
    data = data.assign(double=2 * data["x"] + 1, five=5.0, zero=0.0, low=(data["f"] == "low") * 1.0)
    message = refusal(formula, data)
    assert "fixed effects cannot be told apart: " + named in message and "Leave out" in message


@pytest.mark.parametrize(
    "formula", ["y ~ x + (five | g)", "y ~ x + (x + double | g)", "y ~ x + (0 + zero | g)"]
)
def test_varying_effects_that_cannot_be_told_apart_are_named(data, formula):
    data = data.assign(double=2 * data["x"] + 1, five=5.0, zero=0.0)
    assert "effects that vary by 'g' cannot be told apart" in refusal(formula, data)


def test_columns_far_from_zero_can_still_be_told_apart(data):
    data["year"] = np.repeat(np.arange(2017, 2027), 9)
    assert build_design("y ~ year + (1 + year | g)", data).X.shape == (90, 2)


def test_as_many_fixed_effects_as_observations_are_refused(data):
    few = data.iloc[:3].assign(g=["a", "b", "a"], f=["low", "mid", "top"])
    assert "fixed effects cannot be estimated from 3 observations" in refusal("y ~ f + (1 | g)", few)


def test_a_group_without_variation_is_refused(data):
    message = refusal("y ~ x + (1 | g)", data.assign(g="only"))
    assert "'g' has only one level, only" in message and "Leave the term out" in message


@pytest.mark.parametrize(
    ("formula", "bad", "words"),
    {
        "infinite y": ("y ~ x + (1 | g)", {"y": np.inf}, "the response is not a finite number"),
        "infinite x": ("y ~ x + (1 | g)", {"x": -np.inf}, "the column 'x' is not a finite number"),
        "log of 0": ("y ~ np.log(w) + (1 | g)", {"w": 0.0}, "the column 'np.log(w)' is not a finite number"),
        "varying": ("y ~ x + (w | g)", {"w": np.inf}, "'w' in the term of 'g' is not a finite number"),
    }.values(),
    ids=["infinite y", "infinite x", "log of 0", "varying"],
)
def test_numbers_that_are_not_finite_are_named_with_their_row(data, formula, bad, words):
    data["w"] = np.abs(data["w"]) + 1
    (column, value) = next(iter(bad.items()))
    data.loc[7, column] = value
    message = refusal(formula, data)
    assert words in message and "In 1 of 90 rows" in message and "row 7" in message


@pytest.mark.filterwarnings("error")
def test_the_logarithm_of_a_negative_number_is_told_once(data):
    assert "response is not a finite number (first: nan" in refusal("log(y - 100) ~ x + (1 | g)", data)


def test_text_is_no_response(data):
    data["y"] = data["y"].astype(str)
    assert "response must be one column of numbers" in refusal("y ~ x + (1 | g)", data)


@pytest.mark.parametrize("kind", ["object", "complex", "date"])
def test_a_column_of_another_kind_is_refused(data, kind):
    columns = {"object": data["x"].astype(object), "complex": data["x"] + 0j}
    data["x"] = columns.get(kind, pd.Timestamp("2026-01-01") + pd.to_timedelta(data["x"], unit="D"))
    message = refusal("y ~ x + (1 | g)", data)
    assert "'x' holds neither numbers nor categories" in message and "pd.to_numeric" in message


def test_two_columns_of_one_name_are_refused(data):
    twice = pd.concat([data, data[["x"]]], axis=1)
    assert "several columns of the name 'x'" in refusal("y ~ x + (1 | g)", twice)


def test_nothing_is_left(data):
    assert "No row is left" in refusal("y ~ x + (1 | g)", data.assign(x=np.nan))
    assert "No row is left" in refusal("y ~ x + (1 | g)", data.iloc[:0])


def test_arrays_are_checked_as_formulas_are():
    codes, ones = np.repeat([0, 1], 3), np.ones((6, 1))
    term = Term("g", ("Intercept",), np.array(["a", "b"]), codes, ones)
    y = np.arange(6.0)
    assert Design(y, ones, ("Intercept",), (term,)).n == 6
    with pytest.raises(ValueError, match="constant"):
        Design(np.ones(6), ones, ("Intercept",), (term,))
    with pytest.raises(ValueError, match="again"):
        Design(y, np.hstack([ones, ones]), ("Intercept", "again"), (term,))

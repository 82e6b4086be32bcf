"""Explorers by mouse, finger and keyboard, and their numbers against Python's."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from accessibility import violations
from built_site import SITE, ready, site_pages

from mlm.explorers import covariance_explorer, held_out_explorer, pooling, reml_explorer
from mlm.explorers.covariance import implied_covariance
from mlm.explorers.held_out import Summary, chosen_share, pull
from mlm.explorers.pooling import partial_pooling
from mlm.explorers.reml import one_way_estimates, one_way_profile, sample

COUNTIES = pd.DataFrame(
    {"n": [1, 2, 5, 20, 116, 2], "mean": [2.5, 0.4, 1.0, 1.9, 0.8, 1.31]},
    index=["Ash", "Birch", "Cedar", "Elm", "Fir", "Gum"],
)
STATE = "explorer => explorer.closest('.mlm-explorer').explorer.compute()"


@cache
def draw(name: str) -> str:
    return pooling(COUNTIES, sigma_alpha=0.33, sigma_y=0.76, unit="log pCi/L", name=name).data


@cache
def draw_held_out(name: str) -> str:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, (30, 20))
    y = rng.normal(-2, 1, (30, 1)) * x + rng.normal(0, 1, (30, 1)) + rng.normal(0, 0.25, x.shape)
    rows = {"x": x.ravel(), "y": y.ravel(), "place": np.tile(np.arange(20) + 1, 30)}
    rows["group"] = np.repeat([f"shop {j:02}" for j in range(30)], 20)
    return held_out_explorer(pd.DataFrame(rows), sizes=(4, 6, 12), test=12, start=6, name=name).data


DRAW = {
    "pooling": draw,
    "covariance": cache(lambda name: covariance_explorer(name=name).data),
    "reml": cache(lambda name: reml_explorer(name=name).data),
    "held_out": draw_held_out,
}
EVERY = pytest.mark.parametrize("kind", DRAW)


def page_of(*explorers: str) -> str:
    return (
        "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>Page</title>"
        f"<main><h1>Page</h1>{''.join(explorers)}</main>"
    )


@pytest.fixture
def explorer(tab):
    """The explorer of pooling alone on a page."""
    tab.set_content(page_of(draw("one")))
    return tab


@pytest.fixture
def matrix(tab):
    """The explorer of the covariance matrix alone on a page."""
    tab.set_content(page_of(DRAW["covariance"]("one")))
    return tab


@pytest.fixture
def profiles(tab):
    """The explorer of ML and REML alone on a page."""
    tab.set_content(page_of(DRAW["reml"]("one")))
    return tab


def state(tab, root: str = "#explorer-one") -> dict:
    return tab.locator(root).evaluate(STATE)


def slide(tab, key: str, value: float, root: str = "#explorer-one") -> None:
    tab.locator(f"{root}-{key}").fill(str(value))


def choose(tab, county: str) -> int:
    place = list(COUNTIES.index).index(county)
    tab.locator("select").select_option(str(place))
    return place


def middle(tab, selector: str, place: int = 0) -> tuple[float, float]:
    box = tab.locator(selector).nth(place).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def agrees_with_python(found: dict) -> None:
    n, mean = np.array(found["n"]), np.array(found["mean"])
    pooled = partial_pooling(n, mean, found["sigmaAlpha"], found["sigmaY"])
    for key, value in pooled._asdict().items():
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("sigma_alpha, sigma_y", [(0.33, 0.76), (0, 0.76), (1.5, 0.05), (0.01, 2)])
def test_numbers_are_those_of_python(explorer, sigma_alpha, sigma_y):
    slide(explorer, "sigma_alpha", sigma_alpha)
    slide(explorer, "sigma_y", sigma_y)
    found = state(explorer)
    assert (found["sigmaAlpha"], found["sigmaY"]) == (sigma_alpha, sigma_y)
    agrees_with_python(found)


def test_a_slider_moves_the_estimates_and_shows_its_value(explorer):
    before = state(explorer)["estimate"]
    slide(explorer, "sigma_alpha", 0.1)
    after = state(explorer)["estimate"]
    assert np.ptp(after) < np.ptp(before), "less spread between counties must pull the estimates together"
    assert explorer.locator("output").first.text_content() == "0.10"


def test_arrow_keys_move_the_mean_of_the_chosen_county(explorer):
    place = choose(explorer, "Birch")
    explorer.locator("[role=slider]").press("ArrowUp")
    found = state(explorer)
    assert found["mean"][place] == pytest.approx(0.45)
    agrees_with_python(found)


def test_a_mouse_drags_any_county(explorer):
    place = list(COUNTIES.index).index("Fir")
    x, y = middle(explorer, "circle.raw", place)
    explorer.mouse.move(x, y)
    explorer.mouse.down()
    explorer.mouse.move(x, y - 60)
    explorer.mouse.up()
    found = state(explorer)
    assert found["mean"][place] > 1.2
    assert explorer.locator("select").input_value() == str(place)
    agrees_with_python(found)


def test_a_finger_taps_a_county_then_drags_its_ring(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.set_content(page_of(draw("one")))
    place = list(COUNTIES.index).index("Elm")
    tab.locator(".explorer-plot").scroll_into_view_if_needed()
    tab.touchscreen.tap(*middle(tab, "circle.raw", place))
    assert tab.locator("select").input_value() == str(place)
    x, y = middle(tab, ".halo")
    finger = context.new_cdp_session(tab)
    for kind, dy in (("touchStart", 0), ("touchMove", 20), ("touchMove", 60), ("touchEnd", None)):
        points = [] if dy is None else [{"x": x, "y": y + dy}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert state(tab)["mean"][place] < 1.7
    context.close()


def test_two_lines_tell_the_common_mean_from_the_mean_of_all_houses(explorer):
    def height(line):
        return explorer.locator(f".explorer-plot line.{line}").evaluate("line => line.y1.baseVal.value")

    before = {line: height(line) for line in ("common", "complete")}
    slide(explorer, "sigma_alpha", 0)
    assert height("common") == pytest.approx(height("complete")), "without spread both are the same mean"
    assert before["common"] < before["complete"], "counties count alike, and the largest has the least radon"
    legend = explorer.locator(".explorer-legend").text_content()
    assert "common mean μα of the counties, re-estimated" in legend and "mean of all houses" in legend


def test_a_county_moved_to_the_top_leaves_the_title_of_the_axis_free(explorer):
    explorer.locator("[role=slider]").press("End")
    title = explorer.get_by_text("Mean of the county (log pCi/L)").bounding_box()
    assert explorer.locator(".halo").bounding_box()["y"] >= title["y"] + title["height"]


def test_dragging_selects_no_text(explorer):
    x, y = middle(explorer, ".halo")
    explorer.mouse.move(x, y)
    explorer.mouse.down()
    explorer.mouse.move(x, y + 400, steps=4)
    assert explorer.evaluate("getSelection().toString()") == ""
    explorer.mouse.up()


def test_reset_brings_back_means_and_sliders(explorer):
    start = state(explorer)
    slide(explorer, "sigma_y", 1.5)
    explorer.locator("[role=slider]").press("PageDown")
    assert state(explorer) != start
    explorer.get_by_role("button", name="Reset").click()
    assert state(explorer) == start


def test_the_readout_gives_the_sum_in_numbers(explorer):
    choose(explorer, "Ash")
    found = state(explorer)
    said = explorer.locator(".explorer-readout").text_content()
    for value in (found["mean"][0], found["weight"][0], found["mu"], found["estimate"][0]):
        assert f"{value:.2f}" in said
    assert "Ash: 1 house" in said and "common mean of the counties" in said


def test_the_readout_is_announced_once_the_reader_pauses(explorer):
    choose(explorer, "Elm")
    status = explorer.locator("[role=status]")
    assert "Elm" not in status.text_content()
    explorer.wait_for_function("() => document.querySelector('[role=status]').textContent.includes('Elm')")


def test_the_table_says_the_same(explorer):
    choose(explorer, "Ash")
    explorer.locator("summary").click()
    row = explorer.locator("tbody tr").first.inner_text().split()
    found = state(explorer)
    assert row == ["Ash", "1", *(f"{found[key][0]:.2f}" for key in ("mean", "weight", "estimate"))]


def test_the_point_to_drag_is_large_enough_for_a_finger(explorer):
    box = explorer.locator(".halo").bounding_box()
    assert min(box["width"], box["height"]) >= 24


def said(tab) -> str:
    return tab.locator(".explorer-readout").inner_text().replace("\n", " ").replace("\xa0", " ")


def entry_of(matrix, row: int, column: int):
    return matrix.locator("[role=row]").nth(row).locator("[role=gridcell]").nth(column)


PARAMETERS = ("sigma_alpha", "sigma_beta", "rho", "sigma_y")


def set_covariance(matrix, values: tuple[float, ...]) -> None:
    for key, value in zip(PARAMETERS, values, strict=True):
        slide(matrix, key, value)


def matrices_agree_with_python(found: dict) -> None:
    sliders = {key: found[key] for key in PARAMETERS}
    expected = implied_covariance(**sliders, groups=found["groups"], times=tuple(found["times"]))
    for key in ("V", "ZGZ", "R", "correlation"):
        np.testing.assert_allclose(found[key], getattr(expected, key), atol=1e-9, err_msg=key)


@pytest.mark.parametrize(
    "values", [(1, 0.5, 0.2, 1), (0, 0.5, 0.9, 0.1), (2, 0, -0.9, 2), (1.5, 1, -0.9, 0.7), (0, 0, 0, 1)]
)
def test_every_matrix_is_that_of_python(matrix, values):
    set_covariance(matrix, values)
    found = state(matrix)
    assert tuple(found[key] for key in PARAMETERS) == values
    matrices_agree_with_python(found)


def test_a_cell_holds_its_number_and_says_where_it_lies(matrix):
    cell = entry_of(matrix, 1, 3)
    assert cell.text_content() == "2.15"
    assert cell.get_attribute("aria-label") == "group 1 time 1 with group 1 time 3: 2.15"
    assert entry_of(matrix, 0, 4).text_content() == "0", "groups do not covary"


def test_arrow_keys_walk_from_cell_to_cell(matrix):
    matrix.locator(".cell[tabindex='0']").focus()
    for key in ("ArrowUp", "ArrowLeft", "PageDown", "End", "ArrowRight"):
        matrix.keyboard.press(key)
    assert state(matrix)["cell"] == [4, 11]
    assert matrix.locator(".cell[tabindex='0']").count() == 1
    assert (
        matrix.locator(":focus").get_attribute("aria-label").startswith("group 2 time 0 with group 3 time 3")
    )


def test_a_mouse_reads_a_cell_in_passing_and_keeps_it_by_a_click(matrix):
    before = said(matrix)
    entry_of(matrix, 2, 2).hover()
    assert state(matrix)["cell"] == [2, 2]
    matrix.mouse.move(2, 2)
    assert said(matrix) == before
    entry_of(matrix, 2, 2).click()
    matrix.mouse.move(2, 2)
    assert state(matrix)["cell"] == [2, 2]


def test_a_finger_taps_a_cell(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.set_content(page_of(DRAW["covariance"]("one")))
    entry_of(tab, 5, 6).tap()
    assert state(tab)["cell"] == [5, 6]
    box = entry_of(tab, 5, 6).locator("rect").bounding_box()
    assert min(box["width"], box["height"]) >= 24
    context.close()


@pytest.mark.parametrize("values", [(1.3, 0.7, -0.4, 0.9), (1.9, 0.3, 0.7, 1.1)])
@pytest.mark.parametrize("row, column", [(1, 3), (2, 2), (8, 11)])
def test_the_formula_of_an_entry_holds_in_its_own_decimals(matrix, values, row, column):
    set_covariance(matrix, values)
    entry_of(matrix, row, column).focus()
    terms, result = re.search(r"= ([0-9.()+× -]+) = ([0-9.]+)\.", said(matrix).replace("(−", "(-")).groups()
    products = [[float(factor.strip(" ()")) for factor in term.split("×")] for term in terms.split("+")]
    assert sum(np.prod(product) for product in products) == pytest.approx(float(result), abs=1e-9)
    assert float(result) == pytest.approx(state(matrix)["V"][row][column], abs=1e-9)


def test_between_groups_the_text_says_why_there_is_nothing(matrix):
    entry_of(matrix, 0, 7).focus()
    assert "different groups share no random effect, so their covariance is 0" in said(matrix)


@pytest.mark.parametrize(
    "model, words",
    [
        ("varying intercept only", "have the correlation 0.50, the intraclass correlation"),
        ("no group effects: complete pooling", "the model of least squares, complete pooling"),
        ("ρ below 0: lines that meet", "2.74 at time 0, 1.48 at time 1, 0.94 at time 2, 1.12 at time 3"),
    ],
)
def test_a_model_from_the_list_sets_the_sliders_and_is_read(matrix, model, words):
    matrix.locator("#explorer-one-model").select_option(model)
    assert matrix.locator("#explorer-one-model").input_value() == model
    assert words in said(matrix)
    matrices_agree_with_python(state(matrix))


def test_a_slider_that_leaves_the_model_is_the_readers_own_setting(matrix):
    slide(matrix, "rho", -0.5)
    assert matrix.locator("#explorer-one-model").input_value() == "your own setting"
    matrix.get_by_role("button", name="Reset").click()
    assert matrix.locator("#explorer-one-model").input_value() == "varying intercept and slope"


def test_off_the_diagonal_everything_comes_from_the_groups(matrix):
    assert "All of it comes from" not in said(matrix)
    matrix.locator("#explorer-one-view").select_option("R")
    assert "All of it comes from ZGZ′: R is 0 off the diagonal." in said(matrix)


@pytest.mark.parametrize(
    "view, corner, beside", [("correlation", "1.00", "0.50"), ("ZGZ", "1.00", "1.10"), ("R", "1.00", "0")]
)
def test_the_same_cells_show_correlations_and_the_parts_of_v(matrix, view, corner, beside):
    matrix.locator("#explorer-one-view").select_option(view)
    assert [entry_of(matrix, 0, k).text_content() for k in (0, 1)] == [corner, beside]


def set_profiles(profiles, groups: int, size: int, sigma_alpha: float) -> None:
    for key, value in (("groups", groups), ("size", size), ("sigma_alpha", sigma_alpha)):
        slide(profiles, key, value)


def profiles_agree_with_python(found: dict) -> None:
    truth = found["sigma_alpha"]
    y = sample(found["number"], found["groups"], found["size"], truth)
    np.testing.assert_allclose(found["y"], y, atol=1e-9)
    expected = one_way_estimates(y)
    for key, value in expected._asdict().items():
        assert found["now"][key] == pytest.approx(value, abs=1e-7), key
    for method in found["methods"]:
        reml = method["name"] == "reml"
        at, height = np.array(method["curve"])[::6].T
        peak = one_way_profile(y, [expected.reml if reml else expected.ml], reml=reml)
        np.testing.assert_allclose(height, one_way_profile(y, at, reml=reml) - peak, atol=1e-6)
        assert max(method["all"]) <= found["end"], "an estimate lies beyond the scale"


SETTINGS_OF_PROFILES = [(5, 5, 1), (3, 2, 0), (50, 20, 2), (3, 20, 2), (6, 2, 0.5), (30, 3, 0.25)]


@pytest.mark.parametrize("groups, size, sigma_alpha", SETTINGS_OF_PROFILES)
def test_samples_estimates_and_profiles_are_those_of_python(profiles, groups, size, sigma_alpha):
    set_profiles(profiles, groups, size, sigma_alpha)
    for _ in range(3):
        profiles_agree_with_python(state(profiles))
        profiles.get_by_role("button", name="Another sample").click()


@pytest.mark.parametrize("groups, size, sigma_alpha", SETTINGS_OF_PROFILES)
def test_reml_is_unbiased_before_the_cut_and_ml_is_not(profiles, groups, size, sigma_alpha):
    set_profiles(profiles, groups, size, sigma_alpha)
    found = state(profiles)
    every = [one_way_estimates(sample(number, groups, size, sigma_alpha)) for number in range(200)]
    for method in found["methods"]:
        np.testing.assert_allclose(
            method["all"], [getattr(each, method["name"]) for each in every], atol=1e-7
        )
        assert method["mean"] == pytest.approx(np.mean(np.square(method["all"])))
        assert method["zeros"] == np.sum(np.array(method["all"]) == 0)
    error = np.sqrt(2 / (groups - 1) / 200) * (sigma_alpha**2 + 1 / size) * 1.1
    assert abs(found["uncut"] - sigma_alpha**2) < 2 * error
    assert found["methods"][0]["mean"] < found["methods"][1]["mean"]


def test_the_text_gives_both_peaks_and_their_ratio(profiles):
    found = state(profiles)["now"]
    for value in (found["ml"], found["reml"], found["ml"] / found["reml"], found["msb"], found["msw"]):
        assert f"{value:.3f}" in said(profiles)


def test_the_text_says_what_happens_at_the_boundary(profiles):
    set_profiles(profiles, 4, 2, 0.3)
    seen = set()
    for _ in range(40):
        found = state(profiles)["now"]
        text = said(profiles)
        kind = (found["ml"] == 0, found["reml"] == 0)
        seen.add(kind)
        assert ("both profiles peak at the boundary, 0" in text) == (kind == (True, True))
        assert ("and its profile peaks at the boundary, 0" in text) == (kind == (True, False))
        assert ("Ratio of the two peaks" in text) == (kind == (False, False))
        profiles.get_by_role("button", name="Another sample").click()
    assert seen == {(True, True), (True, False), (False, False)}


def test_reset_goes_back_to_the_first_sample(profiles):
    start = said(profiles)
    profiles.get_by_role("button", name="Another sample").click()
    slide(profiles, "groups", 20)
    assert said(profiles).startswith("Sample 2, J = 20")
    profiles.get_by_role("button", name="Reset").click()
    assert said(profiles) == start
    assert profiles.locator("output").all_text_contents() == ["5", "5", "1.00"]


def pulled_agrees_with_python(found: dict) -> None:
    summary = Summary(*(np.array(found[key]) for key in Summary._fields))
    for key, value in pull(summary, found["share"])._asdict().items():
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-9, err_msg=key)
    assert found["chosen"] == pytest.approx(chosen_share(summary))
    curve = [pull(summary, k / 100).error for k in range(101)]
    np.testing.assert_allclose(found["curve"], curve, atol=1e-9)
    assert found["best"] == np.argmin(curve) / 100


@pytest.fixture
def shares(tab):
    """The explorer of how much to pool alone on a page."""
    tab.set_content(page_of(DRAW["held_out"]("one")))
    return tab


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 1])
@pytest.mark.parametrize("size", ["4", "6", "12"])
def test_slopes_and_errors_are_those_of_python(shares, size, share):
    shares.locator("select").select_option(size)
    slide(shares, "share", share)
    found = state(shares)
    assert (found["size"], found["share"]) == (int(size), share)
    pulled_agrees_with_python(found)


def test_more_pooling_draws_the_slopes_together(shares):
    spans = []
    for share in (0, 0.3, 0.7, 1):
        slide(shares, "share", share)
        spans.append(np.ptp(state(shares)["estimate"]))
    assert spans == sorted(spans, reverse=True) and spans[-1] < 1e-9 < spans[0]


def test_the_text_gives_the_error_here_at_both_ends_and_where_reml_would_be(shares):
    slide(shares, "share", 0.4)
    found = state(shares)
    values = (found["error"], found["curve"][0], found["curve"][100], min(found["curve"]), found["atChosen"])
    assert all(f"{value:.3f}" in said(shares) for value in values)
    assert f"the best share is {found['best']:.2f}" in said(shares)
    assert f"chooses {found['chosen']:.2f}" in said(shares)


def test_arrow_keys_move_the_share_and_reset_brings_it_back_with_the_weeks(shares):
    start = said(shares)
    shares.locator("input").press("ArrowRight")
    assert state(shares)["share"] == 0.01
    shares.locator("select").select_option("12")
    assert said(shares).startswith("12 weeks")
    shares.get_by_role("button", name="Reset").click()
    assert said(shares) == start


@pytest.mark.parametrize("width", [390, 1300])
def test_the_curve_lies_beside_the_slopes_or_below_them(shares, width):
    shares.set_viewport_size({"width": width, "height": 900})
    slopes, curve = (
        shares.locator(f"{node} >> nth=0").bounding_box() for node in ("line.common", "path.error")
    )
    beside = curve["x"] > slopes["x"] + slopes["width"]
    assert beside == (width == 1300) and (beside or curve["y"] > slopes["y"])


@EVERY
@pytest.mark.parametrize("width", [390, 1300])
def test_an_explorer_breaks_no_rule_and_is_not_too_wide(tab, kind, width):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.set_content(page_of(DRAW[kind]("one")))
    tab.locator("summary").click()
    assert not violations(tab)
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@EVERY
def test_two_explorers_of_a_kind_do_not_clash(tab, kind):
    tab.set_content(page_of(DRAW[kind]("one"), DRAW[kind]("two")))
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    before = state(tab)
    second = tab.locator("#explorer-two input").first
    second.press("ArrowRight")
    assert state(tab) == before != state(tab, "#explorer-two")


@EVERY
def test_without_javascript_a_still_picture_stands_in(browser, kind):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.set_content(DRAW[kind]("one"))
    assert tab.locator("img").is_visible()
    assert not tab.locator(".explorer-live").is_visible()
    context.close()


@EVERY
def test_paper_has_the_picture_and_its_text_without_the_controls(tab, kind):
    tab.set_content(page_of(DRAW[kind]("one")))
    tab.emulate_media(media="print")
    assert tab.locator(".explorer-plot svg").is_visible() and tab.locator(".explorer-readout").is_visible()
    assert not tab.locator(".explorer-controls").is_visible()


def explorer_pages() -> list[str]:
    return [
        page for page in site_pages() if 'class="mlm-explorer' in (SITE / page).read_text(encoding="utf8")
    ]


def test_there_is_an_explorer(site):
    assert explorer_pages(), "no page of the site has an explorer"


# for each kind: how a reader moves it, and its numbers against Python's
MOVES = {
    "pooling": lambda explorer: explorer.locator("[role=slider]").press("PageUp"),
    "covariance": lambda explorer: explorer.locator("input").first.press("ArrowRight"),
    "reml": lambda explorer: explorer.get_by_role("button", name="Another sample").click(),
    "held_out": lambda explorer: explorer.locator("input").press("ArrowRight"),
}
AGREES = {
    "pooling": agrees_with_python,
    "covariance": matrices_agree_with_python,
    "reml": profiles_agree_with_python,
    "held_out": pulled_agrees_with_python,
}


def test_every_explorer_is_moved_by_some_test():
    drawings = Path(__file__).parents[2].glob("mlm/explorers/*.js")
    assert set(DRAW) == set(MOVES) == set(AGREES) == {path.stem for path in drawings} - {"frame"}


@pytest.mark.parametrize("chapter", explorer_pages())
def test_explorers_on_the_pages_agree_with_python(tab, address, chapter):
    tab.goto(address + chapter)
    ready(tab)
    for explorer in tab.locator(".mlm-explorer").all():
        kind = explorer.get_attribute("data-explorer")
        before = explorer.evaluate(STATE)
        MOVES[kind](explorer)
        found = explorer.evaluate(STATE)
        assert found != before, f"{chapter}: nothing moved in the explorer {kind}"
        AGREES[kind](found)


@EVERY
def test_no_control_is_cut_off_on_a_narrow_screen(tab, kind):
    tab.set_viewport_size({"width": 320, "height": 900})
    tab.set_content(page_of(DRAW[kind]("narrow")))
    edges = "nodes => nodes.map(node => node.getBoundingClientRect().right)"
    rights = tab.locator(".explorer-controls :is(select, button, input, output)").evaluate_all(edges)
    assert rights and max(rights) <= 320

"""Explorers by mouse, finger and keyboard, and their numbers against Python's."""

import numpy as np
import pandas as pd
import pytest
from built_site import SITE, ready, site_pages

from mlm.explorers import pooling
from mlm.explorers.pooling import partial_pooling

COUNTIES = pd.DataFrame(
    {"n": [1, 2, 5, 20, 116, 2], "mean": [2.5, 0.4, 1.0, 1.9, 0.8, 1.31]},
    index=["Ash", "Birch", "Cedar", "Elm", "Fir", "Gum"],
)
STATE = "explorer => explorer.closest('.mlm-explorer').explorer.compute()"


def draw(name: str) -> str:
    return pooling(COUNTIES, sigma_alpha=0.33, sigma_y=0.76, unit="log pCi/L", name=name).data


@pytest.fixture
def explorer(tab):
    """One explorer alone on a page."""
    tab.set_content(f"<!doctype html><html lang=en><title>One</title><main>{draw('one')}</main>")
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
    tab.set_content(
        "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>One</title>"
        f"<main>{draw('one')}</main>"
    )
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


def test_two_explorers_on_a_page_do_not_clash(tab):
    tab.set_content(f"<!doctype html><html lang=en><title>Two</title><main>{draw('one')}{draw('two')}</main>")
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    slide(tab, "sigma_alpha", 1.2, "#explorer-two")
    assert (state(tab)["sigmaAlpha"], state(tab, "#explorer-two")["sigmaAlpha"]) == (0.33, 1.2)


def test_without_javascript_a_still_picture_stands_in(browser):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.set_content(draw("one"))
    assert tab.locator("img").is_visible()
    assert not tab.locator(".explorer-live").is_visible()
    context.close()


def explorer_pages() -> list[str]:
    return [
        page for page in site_pages() if 'class="mlm-explorer' in (SITE / page).read_text(encoding="utf8")
    ]


def test_there_is_an_explorer(site):
    assert explorer_pages(), "no page of the site has an explorer"


@pytest.mark.parametrize("chapter", explorer_pages())
def test_explorers_on_the_pages_agree_with_python(tab, address, chapter):
    tab.goto(address + chapter)
    ready(tab)
    for explorer in tab.locator(".mlm-explorer").all():
        explorer.locator("[role=slider]").press("PageUp")
        agrees_with_python(explorer.evaluate(STATE))

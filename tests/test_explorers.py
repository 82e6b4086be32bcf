"""What the explorer of partial pooling computes, accepts and writes; tests/site moves it in a browser."""

import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from mlm.explorers import pooling
from mlm.explorers.pooling import partial_pooling

COUNTIES = pd.DataFrame({"n": [2, 10, 116], "mean": [2.5, 1.1, 0.8]}, index=["Ash", "Birch", "Fir"])


def draw(counties=COUNTIES, **changes):
    parts = {"sigma_alpha": 0.33, "sigma_y": 0.76, "unit": "log pCi/L", "name": "radon"}
    return pooling(counties, **{**parts, **changes}).data


def test_an_estimate_is_the_precision_weighted_average_of_gelman_and_hill():
    n, mean, sigma_alpha, sigma_y = np.array([2, 10, 116]), np.array([2.5, 1.1, 0.8]), 0.33, 0.76
    pooled = partial_pooling(n, mean, sigma_alpha, sigma_y)
    data, prior = n / sigma_y**2, 1 / sigma_alpha**2
    np.testing.assert_allclose(pooled.estimate, (data * mean + prior * pooled.mu) / (data + prior))


def test_mu_is_the_generalised_least_squares_mean():
    n, mean, sigma_alpha, sigma_y = np.array([2, 10, 116]), np.array([2.5, 1.1, 0.8]), 0.33, 0.76
    y = np.repeat(mean, n)
    group = np.repeat(np.arange(3), n)
    covariance = sigma_alpha**2 * (group[:, None] == group) + sigma_y**2 * np.eye(len(y))
    ones = np.linalg.solve(covariance, np.ones(len(y)))
    assert partial_pooling(n, mean, sigma_alpha, sigma_y).mu == pytest.approx(ones @ y / ones.sum())


def test_without_spread_between_groups_pooling_is_complete():
    pooled = partial_pooling([2, 10, 116], [2.5, 1.1, 0.8], 0, 0.76)
    assert pooled.mu == pytest.approx(pooled.complete)
    np.testing.assert_allclose(pooled.estimate, pooled.complete)


def test_much_spread_between_groups_leaves_the_means_alone():
    np.testing.assert_allclose(
        partial_pooling([2, 10], [2.5, 1.1], 1e4, 0.76).estimate, [2.5, 1.1], rtol=1e-6
    )


def test_two_renders_are_the_same_bytes():
    assert draw() == draw()


def test_ids_start_with_the_name():
    html = BeautifulSoup(draw(), "html.parser")
    assert all(node["id"].startswith("explorer-radon") for node in html.select("[id]"))


def test_every_slider_and_list_has_a_label():
    html = BeautifulSoup(draw(), "html.parser")
    for control in html.select("input, select"):
        assert html.find("label", attrs={"for": control["id"]}), f"{control['id']} has no label"


def test_the_still_picture_says_what_it_shows_in_numbers():
    alt = BeautifulSoup(draw(), "html.parser").img["alt"]
    assert "3 counties" in alt and "2 to 116" in alt and "0.8 to 2.5 log pCi/L" in alt


def test_the_still_picture_tells_the_common_mean_from_the_mean_of_all_houses():
    alt = BeautifulSoup(draw(), "html.parser").img["alt"]
    pooled = partial_pooling(COUNTIES["n"], COUNTIES["mean"], 0.33, 0.76)
    assert f"common mean of the counties, {pooled.mu:.2f}" in alt
    assert f"mean of all houses, {pooled.complete:.2f}" in alt


@pytest.mark.parametrize("chosen, place", [("Birch", 1), (None, 0)])
def test_the_first_county_is_the_one_asked_for_or_the_one_that_moves_furthest(chosen, place):
    assert f'"chosen": {place}' in draw(chosen=chosen)


def test_nothing_in_an_explorer_points_to_another_server():
    assert set(re.findall(r"https?://[^\s\"']+", draw())) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: draw(COUNTIES.drop(columns="n")), "needs the columns n and mean, found ['mean']"),
        (lambda: draw(pd.concat([COUNTIES, COUNTIES])), "lists 'Ash' more than once"),
        (lambda: draw(COUNTIES.assign(n=[0, 1, 2])), "County 'Ash' has no houses"),
        (lambda: draw(COUNTIES.assign(mean=[1.0, np.nan, 2.0])), "County 'Birch' has no houses or no mean"),
        (lambda: draw(sigma_alpha=9), "sigma_alpha starts at 9, expected a value from 0 to 1.5"),
        (lambda: draw(chosen="Oak"), "`chosen` is 'Oak', which `counties` does not list"),
        (lambda: draw(name="Radon 1"), "must be lower-case letters"),
    ],
)
def test_what_is_wrong_with_the_data_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()

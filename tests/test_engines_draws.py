"""`check_draws`: one rule says whether draws may be read, and it finds each fault that was put in."""

import arviz as az
import numpy as np
import pytest
from bs4 import BeautifulSoup

from mlm import check_draws

CHAINS, DRAWS = 4, 1000


def idata(diverging=0, coords=None, dims=None, **posterior):
    stats = np.zeros((CHAINS, DRAWS), dtype=bool)
    stats.flat[:diverging] = True
    return az.from_dict(posterior=posterior, sample_stats={"diverging": stats}, coords=coords, dims=dims)


def white(*shape, seed=2006):
    return np.random.default_rng(seed).normal(size=(CHAINS, DRAWS, *shape))


def autocorrelated(rho, seed=2006):
    """First-order autoregression with variance one: effective draws are (1 − rho) / (1 + rho) of all."""
    steps = white(seed=seed) * np.sqrt(1 - rho**2)
    steps[:, 0] /= np.sqrt(1 - rho**2)
    for draw in range(1, DRAWS):
        steps[:, draw] += rho * steps[:, draw - 1]
    return steps


def bulk_well_tail_badly(seed=2006):
    """The middle is drawn anew each time; whether a draw lies far out hardly changes along a chain."""
    rng = np.random.default_rng(seed)
    far = np.repeat(rng.permuted(np.tile([True] + 9 * [False], (CHAINS, 1)), axis=1), DRAWS // 10, axis=1)
    return rng.normal(size=(CHAINS, DRAWS)) * np.where(far, 6, 1)


@pytest.mark.parametrize("seed", range(3))
def test_independent_draws_may_be_read(seed):
    found = check_draws(idata(mu=white(seed=seed), sigma=np.exp(white(seed=seed + 100))))
    assert found.ok and bool(found)
    assert found.rhat < 1.01 and min(found.ess_bulk, found.ess_tail) > 1000
    assert (found.divergences, found.draws) == (0, CHAINS * DRAWS)
    assert repr(found).endswith("0 divergences in 4,000 draws: these draws may be read.")


def test_the_numbers_are_those_of_arviz():
    draws = idata(mu=white(), tau=autocorrelated(0.8))
    found = check_draws(draws)
    summary = az.summary(draws, round_to="none")
    np.testing.assert_allclose(found.table["rhat"], summary["r_hat"])
    np.testing.assert_allclose(found.table["ess_bulk"], summary["ess_bulk"])
    np.testing.assert_allclose(found.table["ess_tail"], summary["ess_tail"])


def test_what_is_shown_is_rounded_to_the_careful_side():
    found = check_draws(idata(mu=white()))
    shown = [float(word.strip(",").replace(",", "")) for word in repr(found).split() if word[0].isdigit()]
    assert found.rhat < shown[0] <= found.rhat + 0.001
    assert 0.9 * found.ess_bulk < shown[1] <= found.ess_bulk
    assert 0.9 * found.ess_tail < shown[2] <= found.ess_tail


def test_a_chain_of_its_own_is_found_by_r_hat():
    shifted = white()
    shifted[0] += 1
    found = check_draws(idata(mu=white(), sigma=shifted))
    assert not found and found.rhat > 1.05
    assert "R-hat is 1." in repr(found) and "for sigma (below 1.01 is asked for)" in repr(found)
    assert "for mu" not in repr(found)


def test_a_chain_of_another_width_is_found_by_r_hat():
    wide = white()
    wide[0] *= 3
    assert check_draws(idata(mu=wide)).rhat > 1.05


def test_draws_that_depend_on_each_other_are_counted_as_fewer():
    found = check_draws(idata(mu=autocorrelated(0.97)))
    assert not found and found.ess_bulk < 150  # about 0.015 of 4,000
    assert "effective draws (bulk) for mu (400 are asked for)" in repr(found)


def test_tails_that_are_badly_explored_are_found_though_the_middle_is_well():
    found = check_draws(idata(mu=bulk_well_tail_badly()), "mu")
    assert found.ess_bulk > 400 > found.ess_tail
    assert "effective draws (tail) for mu" in repr(found) and "(bulk)" not in repr(found)


def test_one_divergence_is_one_too_many():
    found = check_draws(idata(mu=white(), diverging=1))
    assert not found and found.divergences == 1
    assert "1 divergence in 4,000 draws. Against divergences, raise target_accept" in repr(found)


def test_a_sampler_that_records_no_divergences_is_not_said_to_have_none():
    found = check_draws(az.from_dict(posterior={"mu": white()}))
    assert found.ok and found.divergences is None
    assert "diverg" not in repr(found)


def test_the_worst_is_named_and_the_rest_counted():
    beta = white(3)
    beta[0] += [1, 3, 2]
    found = check_draws(idata(beta=beta, coords={"term": ["a", "b", "c"]}, dims={"beta": ["term"]}))
    assert "for beta[b], and 2 more (below" in repr(found)


def test_a_constant_is_left_out():
    matrix = np.ones((CHAINS, DRAWS, 2, 2))
    matrix[..., 0, 1] = matrix[..., 1, 0] = np.tanh(white())
    found = check_draws(idata(corr=matrix, zero=np.zeros((CHAINS, DRAWS))))
    assert found.ok
    assert list(found.table.index) == ["corr[0, 1]", "corr[1, 0]"]


def test_chains_that_stand_still_in_different_places_are_no_constant():
    stuck = np.ones((CHAINS, DRAWS)) * np.arange(CHAINS)[:, None]
    assert not check_draws(idata(mu=stuck))


def test_one_chain_may_not_be_read():
    found = check_draws(az.from_dict(posterior={"mu": white()[:1]}))
    assert not found and np.isnan(found.rhat)
    assert "there is one chain, so there is no R-hat. R-hat compares chains: run four." in repr(found)


def test_only_what_is_named_is_looked_at():
    beta = white(2)
    beta[0, :, 1] += 3
    draws = idata(beta=beta, mu=white(seed=1), coords={"term": ["floor", "a, b"]}, dims={"beta": ["term"]})
    assert not check_draws(draws)
    assert check_draws(draws, "mu").ok
    assert check_draws(draws, ["mu", "beta[floor]"]).ok
    assert not check_draws(draws, ["mu", "beta"])


@pytest.mark.parametrize(
    ("posterior", "names", "complaint"),
    [
        ({"mu": white()}, "nu", "has no 'nu'; it holds mu"),
        ({"mu": np.where(white() > 3, np.nan, 1)}, None, "draws of 'mu' are not finite"),
        ({"mu": np.ones((CHAINS, DRAWS))}, None, "the draws of mu are all the same"),
        ({"mu": white()[:2, :3]}, None, "needs 4 draws or more to be checked; these have 3"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_words(posterior, names, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_draws(az.from_dict(posterior=posterior), names)


@pytest.mark.parametrize("thing", [{"mu": [1.0]}, az.from_dict(prior={"mu": white()})])
def test_what_has_no_posterior_is_refused_in_words(thing):
    with pytest.raises(TypeError, match="reads draws with a posterior"):
        check_draws(thing)


@pytest.mark.parametrize("fault", [0, 1])
def test_in_a_notebook_it_is_one_paragraph_with_names_as_code(fault):
    draws = white()
    draws[0] += 3 * fault
    found = check_draws(idata(**{"a<b": draws}))
    page = BeautifulSoup(found._repr_html_(), "html.parser")
    assert page.p.get_text() == repr(found) and len(page.contents) == 1
    assert [code.get_text() for code in page("code")][:1] == fault * ["a<b"]

"""The stored speeds are well formed, and hold the ratios that the course states.

Nothing is timed here: `tests/benchmarks/bench_lmm.py` measures and stores, on whatever machine it is run.
"""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORD = json.loads((ROOT / "data/reference/speed.json").read_text(encoding="utf-8"))
ROWS = {(row["model"], row["engine"]): row for row in RECORD["rows"]}
RADON = ["radon M1", "radon M2", "radon M3", "radon M4"]
AT_THE_OPTIMUM = 1e-3  # of the criterion


def seconds(model: str, engine: str) -> float:
    return ROWS[model, engine]["seconds"]


def statsmodels_fits(model: str) -> dict[str, dict]:
    """By default and by ["nm", "bfgs"]."""
    return {engine: row for (name, engine), row in ROWS.items() if name == model and "statsmodels" in engine}


def test_every_row_has_a_time_and_a_criterion_or_says_why_not():
    for row in RECORD["rows"]:
        assert {"model", "n", "groups", "engine"} <= set(row), row
        assert ("note" in row) != ({"seconds", "criterion", "version"} <= set(row)), row


def test_every_engine_was_measured_on_radon_and_on_insteval():
    engines = {"mlm.lmm", "lme4", "mixedlm", "statsmodels"}
    for model in [*RADON, "sleepstudy slopes", "insteval"]:
        assert engines <= {engine for name, engine in ROWS if name == model}, model


def test_none_reaches_a_lower_criterion_than_ours():
    for (model, engine), row in ROWS.items():
        if "criterion" in row:
            assert ROWS[model, "mlm.lmm"]["criterion"] < row["criterion"] + AT_THE_OPTIMUM, (model, engine)


@pytest.mark.parametrize("model", RADON)
def test_ours_is_ten_times_as_fast_as_statsmodels_on_radon(model):
    for engine, row in statsmodels_fits(model).items():
        assert row["seconds"] > 10 * seconds(model, "mlm.lmm"), engine


@pytest.mark.parametrize("model", RADON)
def test_statsmodels_reaches_the_optimum_of_radon_in_one_of_the_two_ways(model):
    reached = [row["criterion"] for row in statsmodels_fits(model).values()]
    assert min(reached) == pytest.approx(ROWS[model, "mlm.lmm"]["criterion"], abs=AT_THE_OPTIMUM)


def test_on_insteval_ours_is_five_times_as_fast_as_lme4_and_not_slower_than_mixedlm():
    ours = seconds("insteval", "mlm.lmm")
    assert seconds("insteval", "lme4") > 5 * ours
    assert seconds("insteval", "mixedlm") > ours
    for engine in ("lme4", "mixedlm"):
        gap = ROWS["insteval", engine]["criterion"] - ROWS["insteval", "mlm.lmm"]["criterion"]
        assert abs(gap) < AT_THE_OPTIMUM, engine


def test_statsmodels_cannot_fit_insteval():
    assert "seconds" not in ROWS["insteval", "statsmodels"]


def test_an_evaluation_costs_the_same_at_a_thousand_rows_and_at_a_million():
    times = {row["n"]: row["seconds"] for row in RECORD["evaluation"]}
    assert {1_000, 1_000_000} <= set(times)
    assert max(times.values()) < 1.2 * min(times.values()), times

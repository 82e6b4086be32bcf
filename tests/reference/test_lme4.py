"""The stored lme4 numbers are those of the script and the data that are here."""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "data/reference/lme4.R"
RECORD = json.loads((ROOT / "data/reference/lme4.json").read_text(encoding="utf-8"))


def test_stored_numbers_were_made_by_this_script_from_these_data():
    stale = [
        path
        for path, sha256 in RECORD["sha256"].items()
        if hashlib.sha256((ROOT / path).read_bytes()).hexdigest() != sha256
    ]
    assert SCRIPT in RECORD["sha256"]
    assert not stale, (
        f"{', '.join(stale)} changed after data/reference/lme4.json was made: run `make reference`"
    )


def test_every_model_of_the_script_is_stored():
    models = re.findall(r'^  "([^"]+)" = list\(', (ROOT / SCRIPT).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(models) == sorted(RECORD["models"])


def test_every_fit_keeps_the_lowest_criterion_of_its_optimisers():
    for name, model in RECORD["models"].items():
        for method in ("REML", "ML"):
            reached = {key: value["criterion"] for key, value in model[method]["optimisers"].items()}
            assert model[method]["criterion"] == min(reached.values()), (name, method, reached)


def test_every_fit_is_reached_by_two_optimisers_or_more():
    for name, model in RECORD["models"].items():
        for method in ("REML", "ML"):
            reached = [value["criterion"] for value in model[method]["optimisers"].values()]
            assert sum(value - min(reached) < 1e-4 for value in reached) >= 2, (name, method, reached)


def test_versions_of_r_and_its_packages_are_stored():
    assert RECORD["session"]["r"].startswith("R version")
    assert {"lme4", "optimx", "nloptr", "minqa"} <= set(RECORD["session"]["packages"])

"""One engine of `bench_lmm.py`: time a Python engine on the job described in a JSON file, answer in JSON.

Runs in an interpreter of its own, which need not know the course's package: mixedlm has other dependencies.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pandas as pd

TINY = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 2.5, 5.0, 0.5, 2.0], "g": list("aabbccdd"), "everything": 1})


def lmm(job: dict[str, Any], data: pd.DataFrame) -> Callable[[], float]:
    """The course's engine."""
    from mlm.lmm import fit_lmm

    fit_lmm("y ~ 1 + (1 | g)", TINY)
    return lambda: fit_lmm(job["formula"], data).criterion


def mixedlm(job: dict[str, Any], data: pd.DataFrame) -> Callable[[], float]:
    """The package mixedlm, as it comes."""
    import mixedlm

    mixedlm.lmer("y ~ 1 + (1 | g)", TINY)
    return lambda: float(mixedlm.REMLcrit(mixedlm.lmer(job["formula"], data)))


def statsmodels(job: dict[str, Any], data: pd.DataFrame) -> Callable[[], float]:
    """MixedLM of statsmodels; crossed factors are variance components in one group that holds every row."""
    import statsmodels.formula.api as smf

    data = data.assign(everything=1)
    smf.mixedlm("y ~ 1", TINY, groups="g").fit()

    def fit() -> float:
        model = smf.mixedlm(data=data, **job["statsmodels"])
        return -2 * float(model.fit(method=job["method"]).llf)

    return fit


def timed(fit: Callable[[], float], repeats: int, budget: float) -> dict[str, float]:
    """The shortest of several times, in processor seconds, and the REML criterion that was reached."""
    seconds: list[float] = []
    while len(seconds) < repeats and sum(seconds) < budget:
        start = time.process_time()
        criterion = fit()
        seconds.append(time.process_time() - start)
    return {"seconds": min(seconds), "criterion": criterion}


def main(engine: str, path: str) -> None:
    """Fit and print."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    data = pd.read_csv(job["data"], dtype=dict.fromkeys(job["factors"], "category"))
    warnings.simplefilter("ignore")  # whether a fit arrived is seen from its criterion
    fit = {"mlm.lmm": lmm, "mixedlm": mixedlm, "statsmodels": statsmodels}[engine](job, data)
    answer = timed(fit, job["repeats"], job["budget"])
    print(json.dumps({"version": version(engine.split(".")[0]), **answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])

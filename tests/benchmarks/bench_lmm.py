"""How fast each engine fits the same model: ``make benchmarks``, or this file alone.

Writes ``data/reference/speed.json``, from which chapter 5 takes its table. Nothing here is a test: seconds
belong to a machine, and only ratios within one run mean something. So that they are fair, every engine has
one thread, engines take turns, each fit is made several times, and the shortest time counts. Times are
those of the processor, not of the clock: others who use the machine disturb them little. An engine is timed
as it comes, from formula and data frame to the fit; imports and a first tiny fit go before.

lme4 needs R (r-cran-lme4, r-cran-jsonlite). mixedlm is not one of the course's requirements: give it an
environment of its own and say where that is, ::

    python3 -m venv /tmp/mixedlm && /tmp/mixedlm/bin/pip install mixedlm==1.3.0
    .venv/bin/python tests/benchmarks/bench_lmm.py --mixedlm /tmp/mixedlm/bin/python

An engine that is absent is left out, with a message. Names of models after the options measure only those,
and replace only their rows. All of it takes about ten minutes on a quiet machine, most of them for
statsmodels.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlm import load
from mlm.lmm import Design, Likelihood, Term

HERE = Path(__file__).resolve().parent
SPEEDS = HERE.parents[1] / "data" / "reference" / "speed.json"
ONE_THREAD = dict.fromkeys(
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"], "1"
)
BUDGET = 2  # seconds that one engine may spend on fits in one round
TIME_LIMIT, MEMORY_LIMIT = 120, 8  # processor seconds, GB: an engine that needs more is stopped
METHODS = {"statsmodels": None, "statsmodels nm, bfgs": ["nm", "bfgs"]}


@dataclass(frozen=True)
class Model:
    """A model as each engine writes it; `statsmodels` holds the arguments of its `mixedlm`, data apart."""

    data: pd.DataFrame
    formula: str
    factors: tuple[str, ...]
    statsmodels: dict[str, Any] = field(default_factory=dict)
    engines: tuple[str, ...] = ("mlm.lmm", "lme4", "mixedlm", *METHODS)
    rounds: int = 3
    repeats: int = 10


# ---- the models -------------------------------------------------------------------------------------------


def models() -> dict[str, Model]:
    """What is measured, by name."""
    radon = load("radon")
    radon["y"] = np.log(radon["activity"].replace(0, 0.1))
    sleep, ratings = load("sleepstudy"), load("insteval")
    found = {
        "radon M1": one_factor(radon, "y ~ floor", "1", "county"),
        "radon M2": one_factor(radon, "y ~ floor + log_uranium", "1", "county"),
        "radon M3": one_factor(radon, "y ~ floor", "1 + floor", "county"),
        "radon M4": one_factor(radon, "y ~ floor * log_uranium", "1 + floor", "county"),
        "sleepstudy slopes": one_factor(sleep, "reaction ~ days", "1 + days", "subject"),
    }
    for students in (40, 140):
        part = ratings[ratings["student"].cat.codes < students]
        found[f"insteval, {students} students"] = crossed(part, repeats=3, rounds=3)
    found["insteval"] = crossed(ratings, repeats=1, rounds=2)
    return found


def one_factor(data: pd.DataFrame, fixed: str, varying: str, group: str) -> Model:
    """Effects that vary between the groups of one factor."""
    return Model(
        data,
        f"{fixed} + ({varying} | {group})",
        (group,),
        {"formula": fixed, "groups": group, "re_formula": varying},
    )


def crossed(data: pd.DataFrame, repeats: int, rounds: int) -> Model:
    """Ratings of lecturers by students, for three crossed factors."""
    factors = ("student", "lecturer", "department")
    bars = " + ".join(f"(1 | {factor})" for factor in factors)
    components = {factor: f"0 + C({factor})" for factor in factors}
    return Model(
        data,
        f"rating ~ service + {bars}",
        factors,
        {"formula": "rating ~ service", "groups": "everything", "vc_formula": components},
        engines=("mlm.lmm", "lme4", "mixedlm", "statsmodels"),
        repeats=repeats,
        rounds=rounds,
    )


# ---- taking turns -----------------------------------------------------------------------------------------


def commands(mixedlm: str) -> dict[str, list[str]]:
    """How to start each engine that is here."""
    python = str(HERE / "fit_with_python.py")
    found = {
        "mlm.lmm": [sys.executable, python, "mlm.lmm"],
        "lme4": ["Rscript", str(HERE / "fit_with_lme4.R")],
        "mixedlm": [mixedlm, python, "mixedlm"],
        **{name: [sys.executable, python, "statsmodels"] for name in METHODS},
    }
    for name, probe in (
        ("lme4", ["Rscript", "-e", "library(lme4); library(jsonlite)"]),
        ("mixedlm", [mixedlm, "-c", "import mixedlm"]),
    ):
        if not shutil.which(probe[0]) or subprocess.run(probe, capture_output=True, check=False).returncode:
            print(
                f"{name} is not here and is left out; the head of {Path(__file__).name} says how to get it."
            )
            del found[name]
    return found


def measure(name: str, model: Model, engines: dict[str, list[str]], folder: Path) -> list[dict[str, Any]]:
    """One row an engine: the shortest time of all rounds, in which the engines take turns."""
    sizes = {
        "model": name,
        "n": len(model.data),
        "groups": int(sum(model.data[factor].nunique() for factor in model.factors)),
    }
    model.data.to_csv(folder / "data.csv", index=False)
    answers: dict[str, list[dict[str, Any]]] = {engine: [] for engine in model.engines if engine in engines}
    for _ in range(model.rounds):
        for engine, so_far in answers.items():
            if so_far and "note" in so_far[0]:
                continue  # it cannot
            job = {
                "data": str(folder / "data.csv"),
                "formula": model.formula,
                "factors": model.factors,
                "statsmodels": model.statsmodels,
                "method": METHODS.get(engine),
                "repeats": model.repeats,
                "budget": BUDGET,
            }
            (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
            so_far.append(answer(engines[engine], folder / "job.json"))
            print(f"{name:24} {engine:22}", so_far[-1].get("note") or so_far[-1]["seconds"], flush=True)
    return [
        {**sizes, "engine": engine, **min(told, key=lambda one: one.get("seconds", np.inf))}
        for engine, told in answers.items()
    ]


def answer(command: list[str], job: Path) -> dict[str, Any]:
    """What the engine printed, or a note on why it could not."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT * 2**30,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (TIME_LIMIT,) * 2)

    done = subprocess.run(
        [*command, str(job)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ONE_THREAD},
        preexec_fn=limit,
    )
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"note": f"stopped after {TIME_LIMIT // 60} minutes of processor time, without an answer"}
    if done.returncode == 0:
        found = json.loads(done.stdout)
        if not np.isfinite(found["criterion"]):
            return {"version": found["version"], "note": "its likelihood is not a finite number"}
        return {
            **found,
            "seconds": float(f"{found['seconds']:.3g}"),
            "criterion": round(found["criterion"], 4),
        }
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
    if "memory" in last.lower() or "allocate" in last.lower():
        return {"note": f"needs more than the {MEMORY_LIMIT} GB it was given ({last})"}
    return {"note": f"fails: {last}"}


# ---- one evaluation ---------------------------------------------------------------------------------------


def evaluations(groups: int = 100) -> list[dict[str, Any]]:
    """The criterion of intercepts and slopes that vary between the groups, with few rows and with many."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    likelihoods, once = {}, {}
    for n in sizes:
        design, taken = simulated(np.random.default_rng(2006), n, groups), []
        for _ in range(3):
            start = time.process_time()
            likelihoods[n] = Likelihood(design)
            taken.append(time.process_time() - start)
        once[n] = min(taken)
    theta = np.array([0.5, 0.1, 0.3])
    shortest = dict.fromkeys(sizes, np.inf)
    for _ in range(2_000):  # in turns as well
        for n, likelihood in likelihoods.items():
            start = time.process_time()
            likelihood.criterion(theta)
            shortest[n] = min(shortest[n], time.process_time() - start)
    return [
        {"n": n, "groups": groups, "seconds": float(f"{shortest[n]:.3g}"), "once": float(f"{once[n]:.3g}")}
        for n in sizes
    ]


def simulated(rng: np.random.Generator, n: int, groups: int) -> Design:
    """As many rows in each group; nothing but the number of rows differs."""
    x, codes = rng.normal(size=n), np.arange(n) % groups
    columns = np.column_stack([np.ones(n), x])
    y = rng.normal(size=groups)[codes] + rng.normal(size=n)
    return Design(
        y, columns, ("Intercept", "x"), (Term("g", ("Intercept", "x"), np.arange(groups), codes, columns),)
    )


# ---- the record -------------------------------------------------------------------------------------------


def main() -> None:
    """Measure, print and store."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--mixedlm", default=sys.executable, help="an interpreter that has mixedlm")
    options.add_argument("names", nargs="*", help="models to measure (all)")
    asked = options.parse_args()
    known = models()
    if unknown := set(asked.names) - set(known):
        options.error(f"there is no model {', '.join(sorted(unknown))}; there is {', '.join(known)}")
    engines = commands(asked.mixedlm)
    record = json.loads(SPEEDS.read_text(encoding="utf-8")) if SPEEDS.exists() else {"rows": []}
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.names or known:
            rows = measure(name, known[name], engines, Path(folder))
            others = [row for row in record["rows"] if row["model"] != name and row["model"] in known]
            record["rows"] = sorted(others + rows, key=lambda row: list(known).index(row["model"]))
            store(record)
    if not asked.names:
        record["evaluation"] = evaluations()
        store(record)


def store(record: dict[str, Any]) -> None:
    """Write what is known so far."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    machine = f"{os.cpu_count()} cores of {platform.machine()}, {python}; processor time of one thread"
    SPEEDS.write_text(
        json.dumps({**record, "machine": machine}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()

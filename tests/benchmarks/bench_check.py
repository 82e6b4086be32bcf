"""How long a check takes, which should be under 10 ms: ``make benchmarks``."""

import contextlib
import io
import statistics
import time

import numpy as np
import pandas as pd

from mlm.exercises import Exercise

HINTS = ["a nudge", "the structure", "the code"]
REPEATS = 50


def questions() -> dict:
    """Right answers of every kind, with ten mistakes each where the kind has many."""
    rng = np.random.default_rng(2006)
    counties = pd.Series(rng.normal(size=85), index=[f"county {j}" for j in range(85)])
    return {
        "number": (0.4, {}),
        "series-85": (counties, {f"plus-{k}": (counties + k, f"{k} too many.") for k in range(1, 11)}),
        "table-919": (pd.DataFrame({"y": rng.normal(size=919), "x": np.arange(919.0) + 1}), {}),
        "array-10000": (rng.normal(size=10_000), {}),
    }


def milliseconds(exercise: Exercise, name: str, value) -> list[float]:
    """Times of one check, repeated."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            exercise.check(name, value)
        times.append(1000 * (time.perf_counter() - start))
    return times


def main() -> None:
    """Print the median and the worst time of a right and of a wrong answer of each kind."""
    exercise = Exercise("99-benchmark")
    print(f"{'question':<12} {'answer':<7} {'median ms':>9} {'worst ms':>9}")
    for name, (value, mistakes) in questions().items():
        exercise.key(name, value, atol=1e-6, mistakes=mistakes, hints=HINTS)
        wrong = value.assign(y=0.5) if isinstance(value, pd.DataFrame) else value * 1.5
        for label, answer in (("right", value), ("wrong", wrong)):
            times = milliseconds(exercise, name, answer)
            print(f"{name:<12} {label:<7} {statistics.median(times):9.2f} {max(times):9.2f}")


if __name__ == "__main__":
    main()

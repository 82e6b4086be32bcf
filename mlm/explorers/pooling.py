"""An explorer of partial pooling: counties, two standard deviations, and means that the reader moves."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from mlm.explorers.frame import Pick, Slider, frame


class Pooled(NamedTuple):
    """What partial pooling makes of group means; `weight` and `estimate` have one value per group."""

    mu: float
    weight: np.ndarray
    estimate: np.ndarray
    complete: float


def partial_pooling(n: np.ndarray, mean: np.ndarray, sigma_alpha: float, sigma_y: float) -> Pooled:
    """Precision-weighted estimates of group means when both standard deviations are known.

    Parameters
    ----------
    n, mean
        Observations and raw mean of each group, shape (J,).
    sigma_alpha, sigma_y
        Standard deviation between groups (may be 0) and within groups (above 0), in the unit of `mean`.

    Returns
    -------
    Pooled
        The generalised-least-squares mean `mu` of the groups, the weight that each group's own mean gets,
        the estimates, and the mean of all observations (complete pooling).

    Notes
    -----
    Gelman and Hill (2006), equation 12.1, with the weight of a group's own mean written as
    sigma_alpha² / (sigma_alpha² + sigma_y² / n) and mu estimated from the same data.
    """
    n, mean = np.asarray(n, float), np.asarray(mean, float)
    spread = sigma_alpha**2 + sigma_y**2 / n  # variance of a raw mean around mu
    mu = np.sum(mean / spread) / np.sum(1 / spread)
    weight = sigma_alpha**2 / spread
    return Pooled(mu, weight, weight * mean + (1 - weight) * mu, np.sum(n * mean) / np.sum(n))


def pooling(
    counties: pd.DataFrame,
    *,
    sigma_alpha: float,
    sigma_y: float,
    unit: str,
    name: str,
    chosen: str | None = None,
) -> HTML:
    """The interactive figure: how far each county's estimate moves from its mean towards the common mean.

    Parameters
    ----------
    counties
        One row a county, indexed by its name, with the columns ``n`` (houses) and ``mean`` (in `unit`).
    sigma_alpha, sigma_y
        Where the sliders start: standard deviations between counties and within a county, in `unit`.
    unit
        Unit of the means, such as ``"log pCi/L"``.
    name
        Unique on its page; makes the ids.
    chosen
        The county that is marked at first; by default the one whose estimate moves furthest.

    Raises
    ------
    ValueError
        If a column is missing, a county is listed twice, has no houses, or has no mean, or if `chosen` is
        not listed.
    """
    _check(counties, chosen)
    n, mean = counties["n"].to_numpy(int), counties["mean"].to_numpy(float)
    start = partial_pooling(n, mean, sigma_alpha, sigma_y)
    furthest = np.argmax(np.abs(start.estimate - mean))
    return frame(
        name,
        "Partial pooling of county means",
        script="pooling.js",
        data={
            "names": [str(c) for c in counties.index],
            "n": n.tolist(),
            "mean": mean.tolist(),
            "unit": unit,
            "chosen": int(furthest if chosen is None else counties.index.get_loc(chosen)),
        },
        sliders=[
            Slider("sigma_alpha", "σ<sub>α</sub>, spread between counties", 0, 1.5, 0.01, sigma_alpha),
            Slider("sigma_y", "σ<sub>y</sub>, spread within a county", 0.05, 2, 0.01, sigma_y),
        ],
        still=_still(n, mean, start, unit),
        alt=_describe(n, mean, start, unit),
        picks=(Pick("county", "County"),),
    )


def _check(counties: pd.DataFrame, chosen: str | None) -> None:
    if missing := {"n", "mean"} - set(counties.columns):
        raise ValueError(
            f"`counties` needs the columns n and mean, found {list(counties.columns)}: add {missing}."
        )
    if not counties.index.is_unique:
        raise ValueError(
            f"`counties` lists {counties.index[counties.index.duplicated()][0]!r} more than once."
        )
    bad = counties.index[~(counties["n"] >= 1) | ~np.isfinite(counties["mean"])]
    if len(bad):
        raise ValueError(f"County {bad[0]!r} has no houses or no mean; drop it or mend its row.")
    if chosen is not None and chosen not in counties.index:
        raise ValueError(
            f"`chosen` is {chosen!r}, which `counties` does not list; "
            f"take a name from its index, such as {counties.index[0]!r}."
        )


def _still(n: np.ndarray, mean: np.ndarray, start: Pooled, unit: str) -> Figure:
    picture = Figure(figsize=(6.6, 4.2), layout="constrained")
    ax = picture.subplots()
    ax.vlines(n, mean, start.estimate, color="0.75", linewidth=1)
    ax.plot(
        n, mean, "o", markerfacecolor="white", markeredgecolor="0.35", label="mean of the county (no pooling)"
    )
    ax.plot(n, start.estimate, "o", color="#0b62a8", label="partial-pooling estimate")
    ax.axhline(start.mu, color="#0b62a8", linestyle=":", label=r"common mean $\mu_\alpha$ of the counties")
    ax.axhline(start.complete, color="black", linestyle="--", label="mean of all houses (complete pooling)")
    ax.set(
        xscale="log",
        xlabel="Houses measured in the county (log scale)",
        ylabel=f"Mean of the county ({unit})",
    )
    ax.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"], minor=False)
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize="small")
    return picture


def _describe(n: np.ndarray, mean: np.ndarray, start: Pooled, unit: str) -> str:
    lowest, highest = start.estimate.min(), start.estimate.max()
    return (
        f"Plot of {len(n)} counties by number of houses, {n.min()} to {n.max()} on a log scale. "
        f"Raw means, as open circles, range from {mean.min():.1f} to {mean.max():.1f} {unit}; "
        f"partial-pooling estimates, as filled circles, from {lowest:.1f} to {highest:.1f}. "
        f"A dotted line marks the common mean of the counties, {start.mu:.2f}, "
        f"a dashed line the mean of all houses, {start.complete:.2f}. "
        f"The fewer houses a county has, the closer its estimate is to the common mean."
    )

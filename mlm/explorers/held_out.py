"""An explorer of how much to pool: slopes of groups from few rows, and their error on rows held out."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar

from mlm.explorers.frame import Pick, Slider, frame

LOWEST, HIGHEST = -8, 3  # slopes beyond are drawn at the edge of the plot


class Summary(NamedTuple):
    """What the arithmetic needs of the rows; every array has one value per group, shape (J,).

    `slope` and `variance` are each group's own slope and the square of its standard error, from the
    training rows.  `yy`, `xy` and `xx` are sums of squares and products over the held-out rows, of y and x
    measured from the group's training means; `rows` counts all held-out rows.
    """

    slope: np.ndarray
    variance: np.ndarray
    yy: np.ndarray
    xy: np.ndarray
    xx: np.ndarray
    rows: int


class Pulled(NamedTuple):
    """Slopes under partial pooling; `weight` and `estimate` have one value per group."""

    mu: float
    weight: np.ndarray
    estimate: np.ndarray
    error: float


def summarise(rows: pd.DataFrame, train: int, test: int) -> Summary:
    """Slopes of the groups from their first rows, and what is needed to judge slopes on their last.

    Parameters
    ----------
    rows
        The columns ``group``, ``x``, ``y`` and ``place``: 1, 2, … within each group.
    train, test
        Rows with a place up to `train` are used, those with a place above `test` held out.
    """
    codes, names = pd.factorize(rows["group"], sort=True)
    used, held = (rows["place"] <= train).to_numpy(), (rows["place"] > test).to_numpy()

    def total(values: np.ndarray, which: np.ndarray) -> np.ndarray:
        return np.bincount(codes[which], values[which], len(names))

    count = total(np.ones(len(rows)), used)
    x, y = (
        v - (total(v, used) / count)[codes] for v in (rows["x"].to_numpy(float), rows["y"].to_numpy(float))
    )
    spread = total(x * x, used)
    slope = total(x * y, used) / spread
    residual = ((y - slope[codes] * x)[used] ** 2).sum() / (used.sum() - 2 * len(names))
    sums = (total(a * b, held) for a, b in ((y, y), (x, y), (x, x)))
    return Summary(slope, residual / spread, *sums, int(held.sum()))


def pull(summary: Summary, share: float) -> Pulled:
    """Slopes drawn towards their common mean, and their error on the rows held out.

    Parameters
    ----------
    summary
        From `summarise`.
    share
        How far a group of median variance is drawn, as a share of the way: 0 no pooling, 1 complete.

    Notes
    -----
    With the variance tau² of slopes between groups the weight of a group's own slope is
    tau² / (tau² + variance); `share` sets tau² to (1 − share) / share times the median variance.  The error
    is the root of the mean squared difference of held-out y, each group having its training mean.
    """
    b, v = summary.slope, summary.variance
    middle = np.median(v)
    # both multiplied by share, so that neither end divides by zero
    weight = (1 - share) * middle / ((1 - share) * middle + share * v)
    vote = 1 / ((1 - share) * middle + share * v)
    mu = np.sum(vote * b) / np.sum(vote)
    estimate = weight * b + (1 - weight) * mu
    squares = summary.yy - 2 * estimate * summary.xy + estimate**2 * summary.xx
    return Pulled(float(mu), weight, estimate, float(np.sqrt(squares.sum() / summary.rows)))


def chosen_share(summary: Summary) -> float:
    """The share that REML chooses from the training rows alone, given the variances of the slopes."""
    b, v = summary.slope, summary.variance

    def criterion(log_tau: float) -> float:
        spread = np.exp(2 * log_tau) + v
        mu = np.sum(b / spread) / np.sum(1 / spread)
        return np.log(spread).sum() + np.log(np.sum(1 / spread)) + np.sum((b - mu) ** 2 / spread)

    scale = np.log(np.sqrt(np.median(v)))
    best = minimize_scalar(criterion, bounds=(scale - 7, scale + 7), method="bounded").x
    return float(np.median(v) / (np.median(v) + np.exp(2 * best)))


def held_out_explorer(
    rows: pd.DataFrame, *, sizes: tuple[int, ...], test: int, start: int, name: str, share: float = 0.0
) -> HTML:
    """The interactive figure: one slider from no to complete pooling, and the error on weeks held out.

    Parameters
    ----------
    rows
        One row a week, with the columns of `summarise`: ``group`` is the retailer, ``x`` the log price, ``y``
        the log volume, ``place`` a random order within the retailer.
    sizes
        Numbers of training weeks that the reader may choose.
    test
        Weeks with a place above it are held out.
    start
        The size that is chosen at first.
    name
        Unique on its page; makes the ids.
    share
        Where the slider starts.

    Raises
    ------
    ValueError
        If a column is missing, `start` is not among the sizes, a size reaches into the held-out weeks, or a
        retailer's price does not vary in its training weeks.
    """
    _check(rows, sizes, test, start)
    summaries = [summarise(rows, size, test) for size in sizes]
    shown = summaries[sizes.index(start)]
    return frame(
        name,
        "How much to pool",
        script="held_out.js",
        data={
            "names": [str(group) for group in sorted(rows["group"].astype(str).unique())],
            "sizes": list(sizes),
            "start": sizes.index(start),
            "range": [LOWEST, HIGHEST],
            "summaries": [_plain(summary) | {"chosen": chosen_share(summary)} for summary in summaries],
        },
        sliders=[Slider("share", "Share of the way to the common elasticity", 0, 1, 0.01, share)],
        still=_still(shown, start, share),
        alt=_describe(shown, start, share),
        picks=(Pick("size", "Weeks of each retailer"),),
    )


def _plain(summary: Summary) -> dict:
    return {key: np.asarray(value).tolist() for key, value in summary._asdict().items()}


def _check(rows: pd.DataFrame, sizes: tuple[int, ...], test: int, start: int) -> None:
    if missing := {"group", "x", "y", "place"} - set(rows.columns):
        raise ValueError(f"`rows` needs group, x, y and place, found {list(rows.columns)}: add {missing}.")
    if start not in sizes:
        raise ValueError(f"`start` is {start}, expected one of the sizes {sizes}.")
    if max(sizes) > test:
        raise ValueError(
            f"{max(sizes)} training weeks reach into the held-out ones, which begin after {test}."
        )
    spread = rows[rows["place"] <= min(sizes)].groupby("group", observed=True)["x"].nunique()
    if (spread < 2).any():
        raise ValueError(f"{spread.idxmin()!r} has one price in {min(sizes)} weeks: it has no slope.")


def _still(summary: Summary, size: int, share: float) -> Figure:
    picture = Figure(figsize=(6.6, 3.6), layout="constrained")
    left, right = picture.subplots(1, 2, width_ratios=[3, 2])
    error = np.sqrt(summary.variance)
    now = pull(summary, share)
    own, drawn = (np.clip(b, LOWEST, HIGHEST) for b in (summary.slope, now.estimate))
    left.vlines(error, own, drawn, color="0.75", linewidth=1)
    left.plot(error, own, "o", markerfacecolor="white", markeredgecolor="0.35", label="retailer alone")
    left.plot(error, drawn, "o", color="#0b62a8", markersize=4, label="pulled")
    left.axhline(now.mu, color="#0b62a8", linestyle=":")
    left.set(xscale="log", xlabel="Standard error of its own", ylabel=f"Elasticity, from {size} weeks")
    left.legend(frameon=False, fontsize="small")
    shares = np.linspace(0, 1, 101)
    curve = np.array([pull(summary, s).error for s in shares])
    right.plot(shares, curve, color="black")
    right.axvline(chosen_share(summary), color="#b34700", linestyle="--")
    right.plot(share, now.error, "o", color="#0b62a8")
    right.set(xlabel="Share pulled", ylabel="Error on held-out weeks", ylim=(None, 1.3 * curve.min()))
    return picture


def _describe(summary: Summary, size: int, share: float) -> str:
    best = min(np.linspace(0, 1, 101), key=lambda s: pull(summary, s).error)
    ends = [pull(summary, s).error for s in (0.0, best, 1.0)]
    return (
        f"Two plots. Left: elasticities of {len(summary.slope)} retailers, each from {size} weeks of its "
        f"own, {summary.slope.min():.1f} to {summary.slope.max():.1f}, against their standard error, and "
        f"where they lie when a retailer of median standard error is pulled {share:.2f} of the way to the "
        f"common elasticity. Right: the error on {summary.rows} held-out weeks against that share: "
        f"{ends[0]:.3f} at 0, no pooling, {ends[2]:.3f} at 1, complete pooling, lowest at {best:.2f} with "
        f"{ends[1]:.3f}. A dashed line marks the share that REML chooses from the training weeks, "
        f"{chosen_share(summary):.2f}."
    )

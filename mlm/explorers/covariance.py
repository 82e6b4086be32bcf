"""An explorer of the marginal covariance: sliders for G and R, and V = ZGZ' + R as a heat map."""

from typing import NamedTuple

import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from mlm.explorers.frame import Pick, Slider, frame

GROUPS = 3
TIMES = (0, 1, 2, 3)


class Implied(NamedTuple):
    """The matrices of a grouped design; all are n × n but `G`, which is q × q."""

    G: np.ndarray
    ZGZ: np.ndarray
    R: np.ndarray
    V: np.ndarray
    correlation: np.ndarray


def implied_covariance(
    sigma_alpha: float,
    sigma_beta: float,
    rho: float,
    sigma_y: float,
    *,
    groups: int = GROUPS,
    times: tuple[float, ...] = TIMES,
) -> Implied:
    """What varying intercepts and slopes imply for the covariance of the observations.

    Parameters
    ----------
    sigma_alpha, sigma_beta, rho
        Standard deviations of the groups' intercepts and slopes, and their correlation.
    sigma_y
        Residual standard deviation, above 0.
    groups, times
        Each group is observed once at each time; the rows are ordered by group, then by time.

    Notes
    -----
    y = X beta + Z u + e with u ~ N(0, G) and e ~ N(0, R), so V = Z G Z' + R (Laird and Ware, 1982).
    """
    covariance = rho * sigma_alpha * sigma_beta
    block = np.array([[sigma_alpha**2, covariance], [covariance, sigma_beta**2]])
    Z = np.kron(np.eye(groups), np.column_stack([np.ones(len(times)), times]))
    G = np.kron(np.eye(groups), block)
    R = sigma_y**2 * np.eye(len(Z))
    ZGZ = Z @ G @ Z.T
    V = ZGZ + R
    sd = np.sqrt(np.diag(V))
    return Implied(G, ZGZ, R, V, V / np.outer(sd, sd))


def covariance_explorer(
    *,
    sigma_alpha: float = 1.0,
    sigma_beta: float = 0.5,
    rho: float = 0.2,
    sigma_y: float = 1.0,
    name: str = "covariance",
) -> HTML:
    """The interactive figure: three groups at four times, and every entry of V with its formula.

    Parameters
    ----------
    sigma_alpha, sigma_beta, rho, sigma_y
        Where the sliders start: SDs of intercepts and slopes, their correlation, residual SD.
        They move in steps of 0.1, so that a formula in decimals holds exactly.
    name
        Unique on its page; makes the ids.

    Raises
    ------
    ValueError
        If a slider would start outside its range.
    """
    start = {"sigma_alpha": sigma_alpha, "sigma_beta": sigma_beta, "rho": rho, "sigma_y": sigma_y}
    return frame(
        name,
        "Covariance matrix of the observations",
        script="covariance.js",
        data={"groups": GROUPS, "times": list(TIMES), "start": start},
        sliders=[
            Slider("sigma_alpha", "σ<sub>α</sub>, SD of intercepts", 0, 2, 0.1, sigma_alpha),
            Slider("sigma_beta", "σ<sub>β</sub>, SD of slopes", 0, 1, 0.1, sigma_beta),
            Slider("rho", "ρ, correlation of the two", -0.9, 0.9, 0.1, rho),
            Slider("sigma_y", "σ<sub>y</sub>, residual SD", 0.1, 2, 0.1, sigma_y),
        ],
        still=_still(implied_covariance(**start).V),
        alt=_describe(implied_covariance(**start), **start),
        picks=(Pick("model", "Model"), Pick("view", "Show")),
    )


def _still(V: np.ndarray) -> Figure:
    size = len(TIMES)
    picture = Figure(figsize=(6.6, 6.2), layout="constrained")
    ax = picture.subplots()
    ax.imshow(V, cmap="Blues", vmin=0, vmax=1.8 * V.max())
    for (row, column), value in np.ndenumerate(V):
        ax.text(column, row, f"{value:.2f}" if value else "0", ha="center", va="center", fontsize=8)
    for edge in range(size, len(V), size):
        ax.axhline(edge - 0.5, color="0.35", linewidth=1)
        ax.axvline(edge - 0.5, color="0.35", linewidth=1)
    labels = [f"{group + 1}: {time}" for group in range(GROUPS) for time in TIMES]
    ax.set_xticks(range(len(V)), labels, rotation=90)
    ax.set_yticks(range(len(V)), labels)
    ax.set(xlabel="Group: time", ylabel="Group: time")
    return picture


def _describe(implied: Implied, sigma_alpha: float, sigma_beta: float, rho: float, sigma_y: float) -> str:
    size = len(TIMES)
    variances = ", ".join(f"{value:.2f}" for value in np.diag(implied.V)[:size])
    first_to_last = implied.correlation[0, size - 1]
    return (
        f"Heat map of the {len(implied.V)} by {len(implied.V)} covariance matrix V of {GROUPS} groups "
        f"observed at times {TIMES[0]} to {TIMES[-1]}, for intercept SD {sigma_alpha}, slope SD "
        f"{sigma_beta}, correlation {rho} and residual SD {sigma_y}. Three blocks of {size} by {size} lie on "
        f"the diagonal, all alike; everything between groups is 0. In a block the variances at the times "
        f"are {variances}, and the correlation between the first and the last time is {first_to_last:.2f}."
    )

"""An explorer of ML against REML: two profiles of sigma_alpha as the number of groups grows."""

from typing import NamedTuple

import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from mlm.explorers.frame import Button, Slider, frame

SAMPLES = 200
MOST_GROUPS = 50
LARGEST_SIZE = 20
# sample 1 is a typical one for every J, and the 200 average within a standard error of theory
SEED = 502


class OneWay(NamedTuple):
    """Mean squares of balanced one-way data, and the estimates of sigma_alpha that they give."""

    msb: float
    msw: float
    ml: float
    reml: float


def one_way_estimates(y: np.ndarray) -> OneWay:
    """ML and REML estimates of sigma_alpha for balanced data, in closed form.

    Parameters
    ----------
    y
        Observations, shape (J, m): a row for each group.

    Notes
    -----
    Searle, Casella and McCulloch (1992), chapter 3. ML divides the sum of squares between groups
    by J, REML by J − 1; a negative variance becomes 0.
    """
    between, within = _sums_of_squares(y)
    groups, size = y.shape
    msb, msw = between / (groups - 1), within / (groups * (size - 1))
    ml = max(0.0, between / groups - msw) / size
    reml = max(0.0, msb - msw) / size
    return OneWay(msb, msw, float(np.sqrt(ml)), float(np.sqrt(reml)))


def one_way_profile(y: np.ndarray, sigma_alpha: np.ndarray, *, reml: bool) -> np.ndarray:
    """Profile log-likelihood of sigma_alpha: for each value the largest over mu_alpha and sigma_y.

    Parameters
    ----------
    y
        Observations, shape (J, m): a row for each group.
    sigma_alpha
        Where to evaluate, shape (k,).
    reml
        The restricted log-likelihood instead of the full one; both with lme4's constants.

    Notes
    -----
    V has the eigenvalues sigma_y² (J(m − 1) times) and m sigma_alpha² + sigma_y² (J times). For a given
    sigma_alpha, the derivative with respect to sigma_y² is zero at the roots of a cubic.
    """
    between, within = _sums_of_squares(y)
    groups, size = y.shape
    inner, outer = groups * (size - 1), groups - reml  # how often each eigenvalue counts

    def loglik(residual: np.ndarray, shift: float) -> np.ndarray:
        total = (inner + outer) * np.log(2 * np.pi) + reml * np.log(y.size)
        total = total + inner * np.log(residual) + within / residual
        return -(total + outer * np.log(residual + shift) + between / (residual + shift)) / 2

    best = []
    for shift in size * np.square(np.atleast_1d(sigma_alpha)):
        roots = np.roots(
            [
                inner + outer,
                2 * inner * shift - within + outer * shift - between,
                inner * shift**2 - 2 * within * shift,
                -within * shift**2,
            ]
        )
        real = roots.real[(np.abs(roots.imag) < 1e-7 * np.abs(roots)) & (roots.real > 0)]
        best.append(loglik(real, shift).max())
    return np.array(best)


def sample(number: int, groups: int, size: int, sigma_alpha: float) -> np.ndarray:
    """Data of sample `number` (from 0): shape (groups, size), sigma_y = 1.

    A larger sample keeps the groups and observations of a smaller one and adds to them.
    """
    width = LARGEST_SIZE + 1  # a group's effect, then its errors
    start = number * MOST_GROUPS * width
    normal = _normal(np.arange(start, start + groups * width)).reshape(groups, width)
    return sigma_alpha * normal[:, :1] + normal[:, 1 : size + 1]


def reml_explorer(
    *, groups: int = 5, size: int = 5, sigma_alpha: float = 1.0, name: str = "profiles"
) -> HTML:
    """The interactive figure: profiles of one sample, and the estimates of 200.

    Parameters
    ----------
    groups, size
        Where the sliders start: J groups (3 to 50) of m observations (2 to 20).
    sigma_alpha
        The true SD between groups, in units of sigma_y (0 to 2).
    name
        Unique on its page; makes the ids.

    Raises
    ------
    ValueError
        If a slider would start outside its range.
    """
    y = sample(0, groups, size, sigma_alpha)
    return frame(
        name,
        "Profile log-likelihoods of ML and REML",
        script="reml.js",
        data={"samples": SAMPLES, "groups": MOST_GROUPS, "size": LARGEST_SIZE, "seed": SEED},
        sliders=[
            Slider("groups", "J, number of groups", 3, MOST_GROUPS, 1, groups),
            Slider("size", "m, observations in a group", 2, LARGEST_SIZE, 1, size),
            Slider("sigma_alpha", "true σ<sub>α</sub>, in units of σ<sub>y</sub>", 0, 2, 0.05, sigma_alpha),
        ],
        still=_still(y, sigma_alpha),
        alt=_describe(y, sigma_alpha),
        buttons=(Button("another", "Another sample"),),
    )


def _sums_of_squares(y: np.ndarray) -> tuple[float, float]:
    means = y.mean(axis=1)
    between = y.shape[1] * np.sum((means - means.mean()) ** 2)
    return float(between), float(np.sum((y - means[:, None]) ** 2))


def _normal(place: np.ndarray) -> np.ndarray:
    """Standard normal numbers at places of one fixed sequence (Box and Muller, 1958)."""
    radius = np.sqrt(-2 * np.log(1 - _uniform(2 * place)))
    return radius * np.cos(2 * np.pi * _uniform(2 * place + 1))


def _uniform(place: np.ndarray) -> np.ndarray:
    """Numbers of the generator mulberry32 (T. Ettinger, public domain), as reml.js draws them."""
    a = (SEED + (place + 1) * 0x6D2B79F5).astype(np.uint32)
    t = (a ^ (a >> 15)) * (a | 1)
    t ^= t + (t ^ (t >> 7)) * (t | 61)
    return (t ^ (t >> 14)) / 2**32


def _still(y: np.ndarray, truth: float) -> Figure:
    found = one_way_estimates(y)
    sigma_alpha = np.linspace(0, max(3, 1.5 * found.reml), 200)
    picture = Figure(figsize=(6.6, 4.2), layout="constrained")
    ax = picture.subplots()
    for name, peak, color, style in (("ML", found.ml, "#b34700", "--"), ("REML", found.reml, "#0b62a8", "-")):
        curve = one_way_profile(y, np.append(sigma_alpha, peak), reml=name == "REML")
        ax.plot(sigma_alpha, curve[:-1] - curve[-1], style, color=color, label=f"{name}, peak at {peak:.2f}")
        ax.plot(
            peak, 0, "o", color=color, markerfacecolor=color if name == "REML" else "white", clip_on=False
        )
    ax.axvline(truth, color="0.4", linestyle=":", label=f"true value, {truth:.2f}")
    ax.set(
        xlabel=r"$\sigma_\alpha$, in units of $\sigma_y$",
        ylabel="Log-likelihood below its peak",
        ylim=(-4, 0.2),
        xlim=(0, None),
    )
    picture.legend(frameon=False, fontsize="small", loc="outside upper center", ncols=3)
    return picture


def _describe(y: np.ndarray, truth: float) -> str:
    found = one_way_estimates(y)
    return (
        f"Two profile log-likelihoods of sigma alpha for one sample of {y.shape[0]} groups "
        f"with {y.shape[1]} observations each, both drawn from their peak down. "
        f"ML, dashed, peaks at {found.ml:.2f}; REML, solid, peaks at {found.reml:.2f}. "
        f"A dotted line marks the true value, {truth:.2f}."
    )

"""Climbing the second likelihood: is there a higher point than the one that a fit claims?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Differences are taken over this share of the distance that the likelihood notices: the error of cutting the
# series off, and that of rounding, are then both far below what a certificate judges.
STEP = 3e-3
# The climb ends where a quadratic through the point promises less than this many log-units.
NOTHING_LEFT = 1e-7
MOST_STEPS = 30


@dataclass(frozen=True)
class Summit:
    """Where a climb ended; slope and curvature of the criterion where it began, in units of `scale`."""

    theta: np.ndarray
    criterion: float
    gradient: np.ndarray
    hessian: np.ndarray


def climb(
    criterion: Callable[[np.ndarray], float],
    start: np.ndarray,
    scale: Callable[[np.ndarray], np.ndarray],
    steps: int = MOST_STEPS,
) -> Summit:
    """Lower the criterion by Newton's method with derivatives from differences.

    Where a variance is zero, the slope along theta vanishes whatever the likelihood does, since theta enters
    by its square. Whether it would rise with the variance shows in the curvature instead: with f the
    criterion as a function of the variance, the second derivative of f(theta²) at 0 is 2 f'(0). So where the
    curvature is negative the climb walks along it, and a fit that is stuck at zero is found out.
    """
    theta, first = np.asarray(start, dtype=float), None
    for _ in range(steps):
        size = scale(theta)
        value, gradient, hessian = differences(criterion, theta, STEP * size)
        gradient, hessian = gradient * size, hessian * np.outer(size, size)
        if first is None:
            first = gradient, hessian
        step, gain = _newton_step(gradient, hessian)
        if gain < NOTHING_LEFT:
            break
        theta, lowest = _walk(criterion, theta, size * step, value)
        if lowest >= value:
            break
    return Summit(theta, criterion(theta), *first)


def differences(
    criterion: Callable[[np.ndarray], float], x: np.ndarray, h: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian by central differences."""
    steps = np.diag(h)
    middle = criterion(x)
    up = np.array([criterion(x + step) for step in steps])
    down = np.array([criterion(x - step) for step in steps])
    hessian = np.diag((up - 2 * middle + down) / h**2)
    for i in range(len(x)):
        for j in range(i):
            both = criterion(x + steps[i] + steps[j]) + criterion(x - steps[i] - steps[j])
            mixed = both - up[i] - down[i] - up[j] - down[j] + 2 * middle
            hessian[i, j] = hessian[j, i] = mixed / (2 * h[i] * h[j])
    return middle, (up - down) / (2 * h), hessian


def _newton_step(gradient: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, float]:
    """A step downhill, and the log-units that it promises."""
    curvatures, directions = np.linalg.eigh(hessian)
    slopes = directions.T @ gradient
    sizes = np.maximum(np.abs(curvatures), 1e-6 * max(np.abs(curvatures).max(), 1.0))
    moves = -slopes / sizes
    gain = np.sum(slopes**2 / sizes) / 4
    bent = curvatures < -1e-2  # of the criterion, over a distance that matters
    moves[bent] = np.where(slopes[bent] > 0, -1.0, 1.0)
    gain += -curvatures[bent].sum() / 4
    step = directions @ moves
    return step / max(1.0, np.abs(step).max()), gain


def _walk(criterion, theta: np.ndarray, step: np.ndarray, value: float) -> tuple[np.ndarray, float]:
    """Go the step, or the largest half, quarter … of it that leads down."""
    for halvings in range(12):
        there = theta + step / 2**halvings
        lower = criterion(there)
        if lower < value:
            return there, lower
    return theta, value

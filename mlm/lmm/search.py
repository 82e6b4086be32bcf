"""Maximise the profiled likelihood, and say how it went."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, optimize

from mlm.lmm.design import Design, lower_triangle, theta_of
from mlm.lmm.likelihood import Likelihood
from mlm.lmm.threads import one_thread

# Starts are multiples of "each effect varies as much as the residual", per root mean square of its column.
SCALES = (1.0, 0.3, 0.1, 3.0)
# With more effects than this in one dense matrix an evaluation is dear.
DEAR = 300
# Runs that end this close to each other have found the same place: the search from a start stops about 0.001
# above it.
SAME = 0.01
# Deviance still to be gained by a Newton step: a variance is then off by about 1e-5 standard errors.
GAIN_LEFT = 1e-10
LOST = 1e-8  # what settling on the boundary may cost: nothing but rounding
# The search from a start ends where Newton's method can take over: about 0.001 above the minimum.
ROUGH = 0.05
# Effects that vary less than this share of sigma count as not varying (lme4's tolerance).
SINGULAR = 1e-4
NEAR = 1e-2  # so close to the boundary the search looks whether it is on it
STEP = 1e-6  # for differences of the gradient, in scaled theta


@dataclass(frozen=True)
class Convergence:
    """How the search went.

    Attributes
    ----------
    gradient : ndarray
        Derivative of the criterion with respect to theta at the end.
    hessian : ndarray
        Second derivatives with respect to theta.
    gain_left : float
        What one more Newton step would lower the criterion by.
    bent : float
        The least curvature in any direction, with all entries on one scale, as a share of the largest; at a
        minimum it is not below 0.
    escape : float
        The steepest slope when a variance is raised from the boundary; at a minimum it is not below 0.
    starts : DataFrame
        Each run: its `start` (a multiple of the identity), the `criterion` it reached before the last Newton
        steps, its `evaluations`.
    evaluations : int
        Of the criterion, with or without gradient, in all.
    """

    gradient: np.ndarray
    hessian: np.ndarray
    gain_left: float
    bent: float
    escape: float
    starts: pd.DataFrame
    evaluations: int

    @property
    def converged(self) -> bool:
        """Nothing left to gain, inside or from the boundary."""
        return bool(self.gain_left < 1e-6 and self.bent > -1e-3 and self.escape > -1e-3)


class _Search:
    """The criterion as a function of phi, in which all entries are alike in scale; it counts evaluations."""

    def __init__(self, likelihood: Likelihood):
        self.likelihood = likelihood
        self.evaluations = 0
        places = [(*lower_triangle(len(term.names)), len(term.levels)) for term in likelihood.design.terms]
        self.identity = np.concatenate([np.equal(rows, columns) * 1.0 for rows, columns, _ in places])
        # roughly: each group tells of a variance as one number does
        self.curvatures = np.concatenate([np.full(len(rows), 2.0 * groups) for rows, _, groups in places])

    def value(self, phi: np.ndarray) -> float:
        self.evaluations += 1
        return self.likelihood.value(self.likelihood.solve_scaled(phi))

    def both(self, phi: np.ndarray) -> tuple[float, np.ndarray]:
        self.evaluations += 1
        at = self.likelihood.solve_scaled(phi)
        return self.likelihood.value(at), self.likelihood.gradient_scaled(at)

    def hessian(self, phi: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Forward differences of the gradient, which is exact: good to four digits."""
        rows = [(self.both(phi + step)[1] - gradient) / STEP for step in STEP * np.eye(len(phi))]
        return (np.array(rows) + np.array(rows).T) / 2


@one_thread
def maximise(likelihood: Likelihood, start: np.ndarray | None = None) -> tuple[np.ndarray, Convergence]:
    """The theta with the lowest criterion found from several starts.

    At theta = 0 the criterion, even in theta, has slope zero whatever the data say. The search looks at
    the derivative with respect to the covariance matrices as well, which does not vanish there, and leaves
    the boundary wherever that is downhill.
    """
    search = _Search(likelihood)
    starts = {f"{scale:g}": scale * search.identity for scale in SCALES}
    scanned = sorted(starts, key=lambda name: search.value(starts[name]))
    runs = [] if start is None else [_run(search, likelihood.to_phi @ np.asarray(start, float), "given")]
    for name in scanned[: 1 if _dear(likelihood) else None]:
        runs.append(_run(search, starts[name], name))
        if _agree([run["criterion"] for run in runs]):
            break
    best = _settle(search, _polish(search, min(runs, key=lambda run: run["criterion"])["phi"]))
    for _ in range(5):
        escape, upward = _escape(search, best.phi)
        if escape > -1e-6:
            break
        runs.append(_run(search, upward, "from the boundary"))
        higher = _settle(search, _polish(search, runs[-1]["phi"]))
        if higher.value > best.value - LOST:
            break
        best = higher
    theta = _positive(likelihood.design, likelihood.to_theta @ best.phi)
    _check_residual(likelihood, theta, best.gain_left)
    return theta, Convergence(
        gradient=likelihood.criterion_and_gradient(theta)[1],
        hessian=likelihood.to_phi.T @ best.hessian @ likelihood.to_phi,
        bent=_bend(best.hessian),
        gain_left=best.gain_left,
        escape=escape,
        starts=pd.DataFrame(runs, columns=["start", "criterion", "evaluations"]),
        evaluations=search.evaluations,
    )


def _bend(hessian: np.ndarray) -> float:
    """The least eigenvalue as a share of the largest; differences of gradients know it to about 1e-5."""
    values = np.linalg.eigvalsh(hessian)
    return float(values[0] / max(np.abs(values).max(), 1))


def _agree(criteria: list[float]) -> bool:
    """Whether the two lowest are one place: from there nobody expects to find a third below."""
    return len(criteria) > 1 and float(np.diff(sorted(criteria)[:2])[0]) < SAME


def _dear(likelihood: Likelihood) -> bool:
    return len(likelihood.blocks) > 1 and likelihood.layout.m > DEAR


def _run(search: _Search, phi: np.ndarray, name: str) -> dict:
    before, scale = search.evaluations, np.sqrt(search.curvatures)

    def scaled(psi: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = search.both(psi / scale)
        return value, gradient / scale

    with np.errstate(all="ignore"):  # a line search may step where numbers overflow; it comes back by itself
        found = optimize.minimize(scaled, phi * scale, jac=True, method="BFGS", options={"gtol": ROUGH})
    return {
        "start": name,
        "criterion": float(found.fun),
        "evaluations": search.evaluations - before,
        "phi": found.x / scale,
    }


@dataclass(frozen=True)
class _Point:
    phi: np.ndarray
    value: float
    hessian: np.ndarray
    gain_left: float


def _polish(search: _Search, phi: np.ndarray) -> _Point:
    """Newton steps until nothing is left to gain."""
    value, gradient = search.both(phi)
    hessian = search.hessian(phi, gradient)
    taken_at = phi
    for _ in range(20):
        step = _newton_step(hessian, gradient)
        gain = -gradient @ step / 2
        if gain < GAIN_LEFT:
            phi, value, gradient = _last_step(search, phi, step, value, gradient)
            break
        for _ in range(10):
            new_value, new_gradient = search.both(phi + step)
            if new_value < value:
                break
            step = step / 2
        else:
            break
        left = -new_gradient @ _newton_step(hessian, new_gradient) / 2
        phi, value, gradient = phi + step, new_value, new_gradient
        if left > max(gain / 100, GAIN_LEFT):  # the curvature has changed on the way
            hessian, taken_at = search.hessian(phi, gradient), phi
    if (taken_at != phi).any() and not _dear(search.likelihood):
        hessian = search.hessian(phi, gradient)
    return _Point(phi, value, hessian, float(gain))


def _last_step(
    search: _Search, phi: np.ndarray, step: np.ndarray, value: float, gradient: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """A step too short for the criterion to show what it gains: it is taken if the slope becomes less."""
    new_value, new_gradient = search.both(phi + step)
    if new_value > value + LOST or np.linalg.norm(new_gradient) > np.linalg.norm(gradient):
        return phi, value, gradient
    return phi + step, new_value, new_gradient


def _newton_step(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Downhill also where the criterion is flat or curved the wrong way."""
    values, vectors = np.linalg.eigh(hessian)
    values = np.maximum(np.abs(values), 1e-8 * max(np.abs(values).max(), 1))
    return -vectors @ ((vectors.T @ gradient) / values)


def _settle(search: _Search, point: _Point) -> _Point:
    """On the boundary exactly, where the search came close to it and nothing is lost by it."""
    factors = []
    for T in search.likelihood.design.factors(point.phi):
        left, sizes, _ = np.linalg.svd(T)
        kept = np.where(sizes < NEAR, 0, sizes)
        factors.append(_triangle(left * kept) if (kept != sizes).any() else T)
    snapped = theta_of(factors)
    if (snapped == point.phi).all():
        return point
    settled = _polish(search, snapped)
    return settled if settled.value <= point.value + LOST else point


def _escape(search: _Search, phi: np.ndarray) -> tuple[float, np.ndarray]:
    """The steepest slope off the boundary, and a point in that direction (or the same point)."""
    likelihood = search.likelihood
    factors = likelihood.design.factors(phi)
    if min(np.linalg.svd(T, compute_uv=False).min() for T in factors) >= SINGULAR:
        return 0.0, phi
    slopes = likelihood.covariance_slopes(likelihood.solve_scaled(phi), scaled=True)
    worst, turned = 0.0, []
    for T, slope in zip(factors, slopes, strict=True):
        left, sizes, _ = np.linalg.svd(T)
        empty = left[:, sizes < SINGULAR]
        if empty.shape[1]:
            values, vectors = np.linalg.eigh(empty.T @ slope @ empty)
            worst = min(worst, values[0])
            if values[0] < 0:
                T = _triangle(np.column_stack([T, 0.1 * empty @ vectors[:, 0]]))
        turned.append(T)
    return float(worst), theta_of(turned)


def _triangle(root: np.ndarray) -> np.ndarray:
    """The lower-triangular T with T T' = root root'."""
    T = linalg.qr(root.T, mode="r")[0][: len(root)].T
    return T * np.where(np.diag(T) < 0, -1, 1)


def _positive(design: Design, theta: np.ndarray) -> np.ndarray:
    """The same covariance matrices with no negative number on a factor's diagonal."""
    return theta_of([T * np.where(np.diag(T) < 0, -1, 1) for T in design.factors(theta)])


def _check_residual(likelihood: Likelihood, theta: np.ndarray, gain_left: float) -> None:
    share = likelihood.sigma(likelihood.solve(theta)) / np.std(likelihood.design.y)
    if share < 1e-8 or (share < 1e-4 and gain_left > GAIN_LEFT):
        raise ValueError(
            "The effects explain the response exactly, or nearly so: no residual variance is left, and the "
            "likelihood rises without end. Is a column made from the response, or the response constant "
            "within groups?"
        )


def smallest_spread(design: Design, theta: np.ndarray) -> float:
    """The least that any combination of a group's effects varies, as a share of sigma."""
    factors = zip(design.terms, design.factors(theta), strict=True)
    return float(min(np.linalg.svd(term.scaled[1] @ T, compute_uv=False).min() for term, T in factors))

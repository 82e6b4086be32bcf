"""May these draws be read?  One rule for all pages, by the diagnostics of Vehtari et al. (2021)."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from mlm.engines.tables import element

#: R-hat must be below this, effective draws in the bulk and in the tails at least so many, divergences none.
R_HAT, ESS = 1.01, 400
#: A number whose draws differ by less than this share is constant: a correlation of a thing with itself.
CONSTANT = 1e-12
FEWEST_DRAWS = 4  # in a chain: each is split in two, and a variance needs two numbers

MORE_DRAWS = (
    "Run more draws; where that does not help, write the model differently (non-centred, for example)."
)
WAY_OUT = {
    "rhat": MORE_DRAWS,
    "ess": MORE_DRAWS,
    "one chain": "R-hat compares chains: run four.",
    "divergences": "Against divergences, raise target_accept or write the model differently: more draws "
    "do not help.",
}


@dataclass(frozen=True)
class DrawsCheck:
    """Whether draws may be read, and why. It shows itself as one line; as a condition it is `ok`.

    Attributes
    ----------
    ok : bool
        R-hat below 1.01, at least 400 effective draws in the bulk and in the tails, for every number; no
        divergence.
    rhat : float
        The largest R-hat; nan with one chain.
    ess_bulk, ess_tail : float
        The smallest number of effective draws, in the bulk and in the tails.
    divergences : int or None
        How many draws diverged; None where the sampler recorded none.
    draws : int
        Draws over all chains.
    table : DataFrame
        `rhat`, `ess_bulk` and `ess_tail` of every number, named as in `az.summary`.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int | None
    draws: int
    table: pd.DataFrame

    @property
    def ok(self) -> bool:
        return not self._faults()

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return self._sentence(str)

    def _repr_html_(self) -> str:
        return f'<p class="mlm-draws">{self._sentence(lambda name: f"<code>{escape(name)}</code>")}</p>'

    def _sentence(self, name) -> str:
        faults = self._faults()
        if faults:
            found = "; ".join(say(name) for say, _ in faults)
            ways = " ".join(dict.fromkeys(WAY_OUT[way] for _, way in faults))
            return f"These draws may not be read yet: {found}. {ways}"
        diverged = "" if self.divergences is None else f", 0 divergences in {self.draws:,} draws"
        return (
            f"R-hat below {_above(self.rhat):.3f}, effective draws at least {_below(self.ess_bulk)} (bulk) "
            f"and {_below(self.ess_tail)} (tail){diverged}: these draws may be read."
        )

    def _faults(self) -> list[tuple]:
        """What is wrong, each as a function of how names are shown, with the way out."""
        faults = []
        if np.isnan(self.rhat):
            faults.append((lambda name: "there is one chain, so there is no R-hat", "one chain"))
        else:
            high = self.table["rhat"][self.table["rhat"] >= R_HAT].sort_values(ascending=False)
            rule = f"below {R_HAT} is asked for"
            faults += _fault(high, lambda value: f"R-hat is {value:.2f}", rule, "rhat")
        for column, kind in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
            low = self.table[column][self.table[column] < ESS].sort_values()
            rule = f"{ESS} are asked for"
            faults += _fault(low, lambda v, kind=kind: f"{_below(v)} effective draws ({kind})", rule, "ess")
        if self.divergences:
            noun = "divergence" if self.divergences == 1 else "divergences"
            said = f"{self.divergences:,} {noun} in {self.draws:,} draws"
            faults.append((lambda name: said, "divergences"))
        return faults


def check_draws(idata: Any, var_names: str | Sequence[str] | None = None) -> DrawsCheck:
    """Say whether posterior draws may be read: the one rule of the book.

    Parameters
    ----------
    idata : InferenceData
        What `pm.sample` returned, or draws with a `posterior` made otherwise.
    var_names : str or list of str, optional
        Variables to look at, or single numbers named as `az.summary` prints them (`"beta[floor]"`).
        By default everything in the posterior. What is constant, such as a correlation of a coefficient
        with itself, is left out.

    Returns
    -------
    DrawsCheck
        One line in words; `.ok`, `.rhat`, `.ess_bulk`, `.ess_tail`, `.divergences` to compute with.

    Raises
    ------
    TypeError
        If there is no posterior.
    ValueError
        If a name is unknown, draws are not finite, too few, or nothing in them varies.

    Notes
    -----
    Rank-normalised split R-hat below 1.01, and at least 400 effective draws in the bulk and in the tails
    (at the 5 % and the 95 % quantile), as Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021) ask; ArviZ
    computes them. A divergence is a place where the sampler could not follow the posterior, so none is
    allowed. Numbers are shown rounded to the careful side.
    """
    import arviz as az

    if not hasattr(idata, "posterior"):
        raise TypeError(
            f"check_draws() reads draws with a posterior, as pm.sample returns them; this is {_kind(idata)}."
        )
    numbers = _numbers(idata.posterior, var_names)
    stacked = az.convert_to_dataset({"x": np.stack(list(numbers.values()), axis=-1)})
    chains, draws = next(iter(numbers.values())).shape
    rhat = az.rhat(stacked)["x"].to_numpy() if chains > 1 else np.nan
    ess = {f"ess_{kind}": az.ess(stacked, method=kind)["x"].to_numpy() for kind in ("bulk", "tail")}
    table = pd.DataFrame({"rhat": rhat, **ess}, index=list(numbers))
    return DrawsCheck(
        rhat=float(table["rhat"].max()),
        ess_bulk=float(table["ess_bulk"].min()),
        ess_tail=float(table["ess_tail"].min()),
        divergences=_divergences(idata),
        draws=chains * draws,
        table=table,
    )


def _numbers(posterior: Any, var_names: str | Sequence[str] | None) -> dict[str, np.ndarray]:
    """Each number that varies, by its name: draws of shape (chains, draws)."""
    wanted = [var_names] if isinstance(var_names, str) else var_names or posterior.data_vars
    found = {}
    for variable in wanted:
        found |= _by_element(posterior, variable)
    if not found:
        raise ValueError("The posterior holds no draws, so there is nothing to check.")
    draws = next(iter(found.values())).shape[1]
    if draws < FEWEST_DRAWS:
        raise ValueError(f"A chain needs {FEWEST_DRAWS} draws or more to be checked; these have {draws}.")
    bad = [name for name, values in found.items() if not np.isfinite(values).all()]
    if bad:
        raise ValueError(f"Some draws of {bad[0]!r} are not finite numbers.")
    varying = {n: x for n, x in found.items() if np.ptp(x) > CONSTANT * np.abs(x).max()}
    if not varying:
        raise ValueError(f"Nothing to check: the draws of {', '.join(list(found)[:3])} are all the same.")
    return varying


def _by_element(posterior: Any, variable: str) -> dict[str, np.ndarray]:
    """The numbers that a variable holds, named as `az.summary` prints them; or the one number so named."""
    if variable not in posterior.data_vars:
        return {variable: element(posterior, variable).astype(float)}
    draws = posterior[variable].transpose("chain", "draw", ...)
    labels = [[str(value) for value in draws[dim].to_numpy()] for dim in draws.dims[2:]]
    values = draws.to_numpy().astype(float)
    found = {}
    for place in np.ndindex(*values.shape[2:]):
        own = ", ".join(names[i] for names, i in zip(labels, place, strict=True))
        found[f"{variable}[{own}]" if own else variable] = values[(..., *place)]
    return found


def _divergences(idata: Any) -> int | None:
    stats = getattr(idata, "sample_stats", None)
    return None if stats is None or "diverging" not in stats else int(stats["diverging"].sum())


def _fault(values: pd.Series, say, rule: str, way: str) -> list[tuple]:
    """One fault for all numbers that break a rule: the worst by name, the others counted."""
    if values.empty:
        return []
    worst, others = values.iloc[0], len(values) - 1
    more = f", and {others} more" if others else ""
    return [(lambda name: f"{say(worst)} for {name(values.index[0])}{more} ({rule})", way)]


def _above(rhat: float) -> float:
    """The next third decimal above, so that what is shown is true and trifles do not change it."""
    return (np.floor(1000 * rhat) + 1) / 1000


def _below(ess: float) -> str:
    """Two digits, rounded down."""
    unit = 10 ** max(int(np.log10(max(ess, 1))) - 1, 0)
    return f"{int(ess // unit * unit):,}"


def _kind(thing: Any) -> str:
    return f"{type(thing).__name__} of {type(thing).__module__.split('.')[0]}"

"""The agreement of engines: how far apart they are, and whether anything legitimate explains it."""

from typing import Any

import numpy as np
import pandas as pd

from mlm.engines.display import Agreement, listed
from mlm.engines.tables import DEVIANCE, PARTS, REML_CRITERION, estimates

KINDS = {REML_CRITERION: "REML", DEVIANCE: "ML"}

# At the same optimum two engines agree on the criterion to about 1e-6; 0.005 log-units short of it is 0.01.
CRITERION_TOLERANCE = 0.001
# Where the criteria agree that well, estimates do not differ by a tenth of a standard error (or of their
# value), unless the likelihood is flat or they are not estimates of the same thing.
ESTIMATE_TOLERANCE = 0.1
# Prior, skewness and Monte Carlo error seldom move a posterior mean this many posterior sds from the peak.
POSTERIOR_TOLERANCE = 2
# Below this share of the residual SD a standard deviation counts as zero, and is not divided by.
NEGLIGIBLE = 0.001
# Standard errors that differ by less than this share look the same in the table.
VISIBLE = 0.001


def agreement(**engines: Any) -> Agreement:
    """Compare what two or more engines say about the same model.

    Parameters
    ----------
    **engines : statsmodels MixedLMResults, results of `fit_lmm`, or tables from `estimates` or `stored`
        The keyword is the column's title:
        `agreement(statsmodels=partial_fit, lmm=partial_lmm, lme4=stored("radon M1"))`.

    Returns
    -------
    Agreement
        Table, largest difference, alarms and notes.

    Raises
    ------
    ValueError
        If there are fewer than two engines, or no two of them share a term.
    TypeError
        If an engine is neither a fit that `estimates` reads nor one of its tables.
    """
    if len(engines) < 2:
        raise ValueError(f"agreement() compares two engines or more; it was given {len(engines)}.")
    tables = {name: _as_table(name, engine) for name, engine in engines.items()}
    kinds = {name: _kind(table) for name, table in tables.items()}
    tables = _in_one_notation(tables, kinds)
    gaps = _gaps(tables)
    if gaps["value"].isna().all():
        terms = "; ".join(
            f"{name}: {', '.join(t.index.get_level_values('term'))}" for name, t in tables.items()
        )
        raise ValueError(f"The engines share no term, so there is nothing to compare ({terms}).")
    side_by_side = pd.concat(
        {**{n: t.reindex(gaps.index) for n, t in tables.items()}, "difference": gaps}, axis=1
    )
    twins = [_of_kind(tables, kinds, kind) for kind in KINDS.values()]
    twins = [group for group in twins if len(group) > 1]
    alarms = [*_term_alarms(tables, kinds), *_posterior_alarms(tables, kinds)]
    for group in twins:
        alarms += _optimum_alarms(group)
    return Agreement(
        table=side_by_side,
        largest=max((_largest_gap(group)["value"] for group in twins), default=np.nan),
        alarms=tuple(alarms),
        notes=tuple(_notes(tables, kinds, twins, alarms)),
        kinds=kinds,
    )


def _as_table(name: str, engine: Any) -> pd.DataFrame:
    if not isinstance(engine, pd.DataFrame):
        return estimates(engine)
    if list(engine.index.names) != ["part", "term"] or list(engine.columns) != ["estimate", "se"]:
        raise TypeError(
            f"{name} is a DataFrame with the columns {', '.join(map(str, engine.columns))}; "
            "agreement() takes a fit, or a table from estimates() or stored()."
        )
    return engine


def _kind(table: pd.DataFrame) -> str:
    """REML or ML, by the criterion in the table; draws have none."""
    terms = table.index.get_level_values("term")
    return next((kind for term, kind in KINDS.items() if term in terms), "posterior")


def _in_one_notation(tables: dict[str, pd.DataFrame], kinds: dict[str, str]) -> dict[str, pd.DataFrame]:
    """`batch:sample Intercept` as `sample Intercept` where a fit of the same criterion and value calls it so.

    Where each sample has a name of its own the two are one factor; the criteria tell it from two models.
    """
    told = {}
    for name, table in tables.items():
        others = [
            other
            for rival, other in tables.items()
            if rival != name and kinds[rival] == kinds[name] != "posterior" and _same_height(table, other)
        ]
        short = {term: term.split(":")[-1] for part, term in table.index if part == "sd" and ":" in term}
        known = {term for other in others for part, term in other.index if part == "sd"}
        renamed = {term: end for term, end in short.items() if end in known and term not in known}
        told[name] = table.rename(index=renamed, level="term") if renamed else table
    return told


def _same_height(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    heights = [table.loc["criterion", "estimate"].iloc[0] for table in (one, other)]
    return bool(abs(heights[0] - heights[1]) < CRITERION_TOLERANCE)


def _of_kind(tables: dict[str, pd.DataFrame], kinds: dict[str, str], *wanted: str) -> dict[str, pd.DataFrame]:
    return {name: table for name, table in tables.items() if kinds[name] in wanted}


# ---- differences --------------------------------------------------------------------------------------


def _gaps(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The largest difference of each row between any two engines, with its unit."""
    rows = list(dict.fromkeys(row for table in tables.values() for row in table.index))
    rows.sort(key=lambda row: PARTS.index(row[0]))
    index = pd.MultiIndex.from_tuples(rows, names=["part", "term"])
    values = pd.concat([table["estimate"].reindex(index) for table in tables.values()], axis=1)
    errors = pd.concat([table["se"].reindex(index) for table in tables.values()], axis=1)
    residual = values.loc["residual"].max(axis=None) if "residual" in values.index else 0
    measured = []
    for row in rows:
        present = values.loc[row].dropna().to_numpy()
        yardstick, unit = _yardstick(row[0], present, errors.loc[row].dropna().to_numpy(), residual)
        measured.append((np.ptp(present) / yardstick if len(present) > 1 else np.nan, unit))
    return pd.DataFrame(measured, index=index, columns=["value", "unit"])


def _yardstick(part: str, values: np.ndarray, errors: np.ndarray, residual: float) -> tuple[float, str]:
    if len(errors):
        return errors.min(), "SE" if part == "fixed" else "posterior sd"
    if part in ("sd", "residual"):
        size = np.abs(values).max()
        return (size if size > NEGLIGIBLE * residual else residual or 1.0), "share"
    return 1.0, ""


def _largest_gap(tables: dict[str, pd.DataFrame]) -> pd.Series:
    """The row with the largest difference, criterion apart."""
    gaps = _gaps(tables).drop("criterion", level="part").dropna(subset="value")
    return gaps.loc[gaps["value"].idxmax()] if len(gaps) else pd.Series({"value": np.nan, "unit": ""})


# ---- what nothing legitimate explains -----------------------------------------------------------------


def _term_alarms(tables: dict[str, pd.DataFrame], kinds: dict[str, str]) -> list[str]:
    """Two fits of the same model estimate the same terms (draws may be given in part)."""
    fits = _of_kind(tables, kinds, *KINDS.values())
    terms = {name: [row for row in table.index if row[0] != "criterion"] for name, table in fits.items()}
    alarms = []
    for name, own in terms.items():
        shared = set.intersection(*(set(other) for other in terms.values()))
        only = [term for part, term in own if (part, term) not in shared]
        if only:
            alarms.append(
                f"{name} has terms that not every fit has ({', '.join(only)}); is it the same model?"
            )
    return alarms


def _optimum_alarms(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Fits of the same terms that maximise the same criterion must reach the same optimum."""
    if len({frozenset(table.index) for table in tables.values()}) > 1:
        return []
    reached = {name: table.loc["criterion", "estimate"].iloc[0] for name, table in tables.items()}
    alarms = [
        f"the log-likelihood of {name} is not a finite number: the fit failed, even if `converged` is true."
        for name, value in reached.items()
        if not np.isfinite(value)
    ]
    reached = {name: value for name, value in reached.items() if np.isfinite(value)}
    if len(reached) < 2:
        return alarms
    best = min(reached, key=reached.get)
    short = {name: (value - reached[best]) / 2 for name, value in reached.items()}
    missed = [name for name in short if 2 * short[name] > CRITERION_TOLERANCE]
    for name in missed:
        alarms.append(
            f"{name} missed its optimum. Its log-likelihood is {short[name]:.3f} below that of {best}, "
            "and both maximise the same function. Fit it again from another start or with another optimiser "
            "(and check that both saw the same data)."
        )
    gap = _largest_gap({name: tables[name] for name in reached if name not in missed})
    if gap["value"] > ESTIMATE_TOLERANCE:
        alarms.append(
            f"the criteria agree, but {gap.name[1]} does not. Either the likelihood is flat in that "
            "direction, or the term is not the same thing in both."
        )
    return alarms


def _posterior_alarms(tables: dict[str, pd.DataFrame], kinds: dict[str, str]) -> list[str]:
    alarms = []
    for name, draws in _of_kind(tables, kinds, "posterior").items():
        for fit, table in _of_kind(tables, kinds, *KINDS.values()).items():
            away = ((draws["estimate"] - table["estimate"]).abs() / draws["se"]).dropna()
            if len(away) and away.max() > POSTERIOR_TOLERANCE:
                alarms.append(
                    f"{name} is {away.max():.1f} posterior standard deviations from {fit} at "
                    f"{away.idxmax()[1]}: more than a weak prior explains. Check names, data and priors."
                )
                break
    return alarms


# ---- what does explain the rest -------------------------------------------------------------------------


def _notes(
    tables: dict[str, pd.DataFrame],
    kinds: dict[str, str],
    twins: list[dict[str, pd.DataFrame]],
    alarms: list[str],
) -> list[str]:
    reml, ml, draws = (list(_of_kind(tables, kinds, kind)) for kind in ("REML", "ML", "posterior"))
    notes = []
    for group in [] if alarms else twins:
        kind = kinds[next(iter(group))]
        notes.append(
            f"Same optimum: {listed(group)} agree on the {kind} criterion within {CRITERION_TOLERANCE}."
        )
        notes += _standard_error_notes(group)
    if reml and ml:
        notes.append(
            f"REML and ML: {listed(ml)} {_verb(ml, 'use')} ML, which takes the fixed effects as known when "
            "it estimates the standard deviations, so they tend to be smaller; "
            f"{listed(reml)} {_verb(reml, 'use')} REML, which does not. The two criteria cannot be compared."
        )
    if draws:
        notes.append(
            f"Posterior: {listed(draws)} {_verb(draws, 'show')} the mean of a distribution, not the place of "
            "its peak; where it is skewed, as for standard deviations, the mean lies on the side of the "
            "longer tail. Priors pull as well, the more so the fewer the groups."
        )
        notes += [note for name in draws for note in _monte_carlo_notes(name, tables[name])]
    notes += [
        f"{name}: {table.attrs['source']}." for name, table in tables.items() if "source" in table.attrs
    ]
    return notes


def _verb(names: list[str], verb: str) -> str:
    return f"{verb}s" if len(names) == 1 else verb


def _standard_error_notes(tables: dict[str, pd.DataFrame]) -> list[str]:
    """statsmodels prints other standard errors than lme4 and `mlm.lmm` do at the same estimates."""
    joint = [name for name, table in tables.items() if table.attrs.get("engine") == "statsmodels"]
    alone = [name for name, table in tables.items() if table.attrs.get("engine") in ("lme4", "mlm.lmm")]
    apart = [(tables[a]["se"] / tables[b]["se"] - 1).abs().max() for a in joint for b in alone]
    if not apart or max(apart) < VISIBLE:
        return []
    return [
        f"Standard errors: {listed(joint)} {_verb(joint, 'invert')} the information of all parameters, "
        f"{listed(alone)} that of the fixed effects alone, as if the variances were known; "
        f"here the two differ by up to {100 * max(apart):.1f}%."
    ]


def _monte_carlo_notes(name: str, draws: pd.DataFrame) -> list[str]:
    errors = pd.Series(draws.attrs.get("mcse", {}), dtype=float)
    if errors.empty:
        return []
    share = errors / draws["se"].reindex(errors.index)
    worst = share.idxmax()
    return [
        f"Monte Carlo error: another seed would move the means of {name} by about {share[worst]:.2f} "
        f"posterior standard deviations at {worst[1]} (± {errors[worst]:.2g}), and less elsewhere."
    ]

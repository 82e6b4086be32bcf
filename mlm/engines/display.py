"""How an agreement shows itself: an accessible table in a notebook, plain text elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from mlm.html_tables import scrolling_table

HEADINGS = {
    "fixed": "Fixed effects",
    "sd": "Standard deviations between groups",
    "cor": "Correlations of varying coefficients",
    "residual": "Standard deviation within groups",
    "criterion": "−2 × log-likelihood",
}
ALARM = "Not a legitimate difference: "


@dataclass(frozen=True)
class Agreement:
    """What several engines say about one model. In a notebook it shows itself as a table.

    Attributes
    ----------
    table : DataFrame
        Indexed by (`part`, `term`); columns (engine, `estimate`), (engine, `se`), and (`difference`, `value`)
        and (`difference`, `unit`): the largest difference between any two engines. The unit is the smallest
        `SE` or `posterior sd` of the row; without one, a `share` of the largest value (standard deviations),
        or empty: the difference as it is (correlations, criteria).
    largest : float
        The largest difference between engines that maximise the same criterion: in standard errors for fixed
        effects, as a share of the value for standard deviations, as it is for correlations; nan without two
        such engines.
    alarms : tuple of str
        Differences that nothing legitimate explains. Empty when all is well.
    notes : tuple of str
        Why the other differences are legitimate, and how large they may be.
    kinds : dict
        What each engine's estimates are: `REML`, `ML` or `posterior`.
    """

    table: pd.DataFrame
    largest: float
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    kinds: dict[str, str]

    def __repr__(self) -> str:
        lines = [["", *self._headers()]]
        for part, rows in self.table.groupby(level="part", sort=False):
            lines.append([HEADINGS[part]])
            lines += [["  " + term, *self._cells(part, row)] for (_, term), row in rows.iterrows()]
        widths = [max(len(line[i]) for line in lines if len(line) > i) for i in range(len(lines[0]))]
        text = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=False)).rstrip() for line in lines]
        return "\n".join(
            [ALARM + alarm for alarm in self.alarms] + text + [f"- {note}" for note in self.notes]
        )

    def _repr_html_(self) -> str:
        title = f"Agreement of {listed(self.kinds)}"
        brackets = [
            name
            for name, used in {
                "standard error": {"REML", "ML"} & set(self.kinds.values()),
                "posterior standard deviation": "posterior" in self.kinds.values(),
            }.items()
            if used
        ]
        return "\n".join(
            [
                '<div class="mlm-agreement">',
                *(f"<p><strong>{ALARM}</strong>{escape(alarm)}</p>" for alarm in self.alarms),
                # outside the table, so that it stays in sight while the table scrolls
                f'<p class="agreement-caption">{escape(title)}. In brackets: {" or ".join(brackets)}.</p>',
                scrolling_table("agreement", title, ["Term", *self._headers()], self._html_bodies()),
                "<details><summary>Why the columns differ</summary>",
                "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in self.notes) + "</ul>",
                "</details>",
                "</div>",
            ]
        )

    def _html_bodies(self) -> dict[str, list]:
        return {
            HEADINGS[part]: [
                (term, map(_breaking_late, self._cells(part, row))) for (_, term), row in rows.iterrows()
            ]
            for part, rows in self.table.groupby(level="part", sort=False)
        }

    def _headers(self) -> list[str]:
        """The column to read stands first: it is seen where the others are cut off."""
        return ["Largest difference"] + [f"{engine} ({kind})" for engine, kind in self.kinds.items()]

    def _cells(self, part: str, row: pd.Series) -> list[str]:
        values = [(row[engine, "estimate"], row[engine, "se"]) for engine in self.kinds]
        decimals = 3 if part == "criterion" else _decimals(values)
        cells = []
        for estimate, se in values:
            cell = "–" if np.isnan(estimate) else _number(estimate, decimals)
            cells.append(cell if np.isnan(se) else f"{cell} ({_number(se, decimals)})")
        return [_difference(row["difference", "value"], row["difference", "unit"]), *cells]


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _decimals(values: list[tuple[float, float]]) -> int:
    """Two digits of the smallest standard error; without one, three digits of the largest estimate."""
    errors = [se for _, se in values if np.isfinite(se) and se > 0]
    sizes = [abs(estimate) for estimate, _ in values if np.isfinite(estimate) and estimate != 0]
    if errors:
        wanted = 1 - np.floor(np.log10(min(errors)))
    else:
        wanted = 2 - np.floor(np.log10(max(sizes))) if sizes else 3
    return int(np.clip(wanted, 0, 6))


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace("-", "−")


def _breaking_late(cell: str) -> str:
    """A narrow cell may break before its bracket or unit, but not behind a sign."""
    return escape(cell).replace("&lt; ", "&lt;&nbsp;")


def _difference(value: float, unit: str) -> str:
    """Two decimals of a standard error, a tenth of a per cent, three decimals of anything else."""
    if np.isnan(value):
        return "–"
    if unit == "share":
        value, decimals, unit = 100 * value, 1, "%"
    else:
        decimals = 2 if unit else 3
    least = 10.0**-decimals
    shown = f"< {least:.{decimals}f}" if value < least / 2 else _number(value, decimals)
    return shown + unit if unit == "%" else f"{shown} {unit}".strip()

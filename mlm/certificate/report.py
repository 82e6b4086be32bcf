"""How a certificate shows itself: one line when all is well, reasons and a table when not."""

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from mlm.html_tables import scrolling_table
from mlm.lmm.printing import not_told

REFIT = (
    "Do not read this fit. Fit the model again from another start, with another optimiser than the one that "
    "made it, or with fit_lmm, and certify that; none of them is right on every model."
)
REREAD = "The estimates may be read: they are at the top. The number may not; use the one in the table."


#: Why a fit is not confirmed: its estimates are no point of a model, or one without a likelihood; the program
#: printed no likelihood, or not that of its estimates; its fixed effects do not go with its variances; there
#: is a higher point.
IMPOSSIBLE, NO_LIKELIHOOD, NOT_PRINTED, MISPRINTED = (
    "impossible",
    "no likelihood",
    "not printed",
    "misprinted",
)
MISPLACED, SHORT = "misplaced", "short"


@dataclass(frozen=True)
class Finding:
    """One reason why a fit is not confirmed: its kind, one of those above, and a sentence."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Certificate:
    """What an independent likelihood says about a fit. In a notebook it shows itself.

    Attributes
    ----------
    ok : bool
        The fit may be read.
    findings : tuple of Finding
        Why not, each with its kind; empty when all is well.
    engine : str
        The program that made the fit.
    reml : bool
        REML, or ML.
    loglik : float
        The (restricted) log-likelihood of the fit's estimates, computed again; nan where they are impossible.
    printed : float
        What the program says that it is.
    shortfall : float
        By how many log-units the estimates lie below the best point found; inf where they are impossible.
    gradient : Series
        Slope of the log-likelihood at the estimates along each variance parameter, per standard error (the
        others held where they are). At a variance of zero it is that along the standard deviation: zero.
    claimed, best : DataFrame
        The fit, and the best point found: indexed by (`part`, `term`) as in `estimates`, column `estimate`.
    everywhere : bool
        A higher point was looked for from other starts as well, not only near the claim.
    boundary : str
        What does not vary at the best point, if it lies on the boundary.
    unidentified : tuple of str
        The variances of which the data tell combinations only: other values of them have the same likelihood.
    """

    ok: bool
    findings: tuple[Finding, ...]
    engine: str
    reml: bool
    loglik: float
    printed: float
    shortfall: float
    gradient: pd.Series
    claimed: pd.DataFrame
    best: pd.DataFrame
    everywhere: bool
    boundary: str
    unidentified: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the fit may not be read, in sentences; empty when it may."""
        return tuple(finding.sentence for finding in self.findings)

    @property
    def singular(self) -> bool:
        """The best point lies on the boundary: some effect, or combination of effects, does not vary."""
        return bool(self.boundary)

    def __repr__(self) -> str:
        if self.ok:
            return f"Certified: {self._line()}"
        return "\n".join(
            ["Not certified", *(f"- {reason}" for reason in self.reasons), self._text(), self._advice]
        )

    def _repr_html_(self) -> str:
        if self.ok:
            line = self._line()
            body = [f"<p><strong>Certified</strong>: {escape(line)}</p>"]
        else:
            reasons = "".join(f"<li>{escape(reason)}</li>" for reason in self.reasons)
            body = [
                "<p><strong>Not certified</strong></p>",
                f"<ul>{reasons}</ul>",
                self._table(),
                f"<p>{escape(self._advice)}</p>",
            ]
        verdict = "ok" if self.ok else "refused"
        # the frame is drawn where no style sheet of the book is at hand, too
        frame = "border: 3px double; border-radius: .4rem; padding: .5rem .9rem"
        return "\n".join(
            [
                f'<div class="mlm-certificate {verdict}" style="{frame}" '
                'role="group" aria-label="Certificate">',
                *body,
                "</div>",
            ]
        )

    def _line(self) -> str:
        kind = "REML" if self.reml else "ML"
        near = "" if self.everywhere else " near it"
        boundary = f"singular: {self.boundary} does not vary" if self.singular else "not singular"
        flat = f" Not identified: {not_told(self.unidentified)}" if self.unidentified else ""
        return (
            f"a second likelihood confirms the {kind} log-likelihood, {number(self.loglik)}; gradient zero; "
            f"no higher point found{near}; {boundary}.{flat}"
        )

    @property
    def _advice(self) -> str:
        return REREAD if self._kinds == {MISPRINTED} else REFIT

    @property
    def _kinds(self) -> set[str]:
        return {finding.kind for finding in self.findings}

    def _rows(self) -> list[tuple[str, str, str]]:
        """Term, claimed, optimum; the fixed effects only where they differ by what one would see."""
        both = pd.DataFrame({"claimed": self.claimed["estimate"], "best": self.best["estimate"]})
        kept = [row for row in both.index if row[0] != "fixed" or MISPLACED in self._kinds]
        return [(_title(*row), *map(number, both.loc[row, ["claimed", "best"]])) for row in kept]

    def _text(self) -> str:
        lines = [("", "claimed", "optimum"), *self._rows()]
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        return "\n".join(
            f"{term.ljust(widths[0])}  {claimed.rjust(widths[1])}  {best.rjust(widths[2])}".rstrip()
            for term, claimed, best in lines
        )

    def _table(self) -> str:
        rows = ((term, map(escape, values)) for term, *values in self._rows())
        columns = ("Term", "Claimed", "Optimum")
        return scrolling_table("certificate", "The fit and the optimum", columns, {"": rows})


class CertificateError(Exception):
    """A fit that an independent likelihood does not confirm; `certificate` holds the findings."""

    def __init__(self, certificate: Certificate):
        self.certificate = certificate
        super().__init__(repr(certificate))


def _title(part: str, term: str) -> str:
    return {"sd": "SD ", "cor": "correlation ", "residual": "SD "}.get(part, "") + term


def number(value: float, decimals: int = 3) -> str:
    """A number as it is printed: a minus sign that is one, no minus before zero, a dash for nan."""
    value = round(value, decimals) + 0.0
    return "–" if np.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")

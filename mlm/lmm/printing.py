"""How a fitted model shows itself: an accessible table in a notebook, plain text elsewhere."""

from html import escape

import pandas as pd

from mlm.html_tables import table

DIGITS = "{:.4g}"


class Summary:
    """Text and HTML of a fitted model. Mixed into `LmmFit`, whose attributes it reads."""

    def summary(self) -> str:
        """The fit as plain text."""
        parts = [self._headline(), *(f"{title}\n{table.to_string()}" for title, table in self._tables())]
        return "\n\n".join([*parts, *self._warnings()])

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        tables = [_html(title, table) for title, table in self._tables()]
        lines = [self._headline(), *self._warnings()]
        return "".join(
            ['<div class="mlm-fit">', *(f"<p>{escape(line)}</p>" for line in lines), *tables, "</div>"]
        )

    def _headline(self) -> str:
        groups = ", ".join(f"{count} {name}" for name, count in self.levels.items())
        dropped = f" ({self.rows_dropped} dropped for missing values)" if self.rows_dropped else ""
        kind = "REML criterion" if self.reml else "deviance (ML)"
        model = f"{self.formula}: " if self.formula else ""
        return f"{model}{self.n} observations{dropped}; groups: {groups}; {kind} {self.criterion:.3f}"

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        fixed = pd.DataFrame({"estimate": self.fixed, "se": self.se}).map(DIGITS.format)
        components = self.variance_components.map(DIGITS.format)
        components.index = [" ".join(name).strip() for name in components.index]
        tables = [("Fixed effects", fixed), ("Variances and standard deviations", components)]
        if len(self.correlations):
            correlations = self.correlations.to_frame().map(DIGITS.format)
            correlations.index = [" ".join(name) for name in correlations.index]
            tables.append(("Correlations", correlations))
        return tables

    def _warnings(self) -> list[str]:
        said = []
        if not self.identified:
            said.append(f"Not identified: {not_told(self.unidentified)}")
        if self.singular:
            said.append("Singular: some combination of effects has an estimated variance of zero.")
        if not self.converged:
            said.append("Not converged: the criterion can still fall. Do not read these numbers.")
        return said


def not_told(parameters: tuple[str, ...]) -> str:
    """What it means that these are not identified, in a sentence."""
    if len(parameters) == 1:
        return f"the data tell nothing of the variance of {parameters[0]}; any value has the same likelihood."
    return (
        f"of the variances of {'; '.join(parameters)} the data tell only combinations; exchanging one for "
        "another changes no likelihood."
    )


def _html(title: str, shown: pd.DataFrame) -> str:
    rows = zip(map(str, shown.index), shown.map(escape).to_numpy(), strict=True)
    return table(["", *map(str, shown.columns)], {"": rows}, caption=title)

"""Tables in HTML as a screen reader meets them: every cell has a header of its column and one of its row."""

from collections.abc import Iterable
from html import escape

Row = tuple[str, Iterable[str]]  # a term, and its cells as HTML


def table(columns: Iterable[str], bodies: dict[str, Iterable[Row]], attributes: str = "", caption="") -> str:
    """A table of terms and what is said of each.

    Parameters
    ----------
    columns : iterable of str
        Names of the columns, that of the terms first; it may be empty.
    bodies : dict of str to rows
        Rows under their heading; a heading may be empty.
    attributes : str
        Attributes of the table, as HTML.
    caption : str
        What the table shows, where it is to be seen.
    """
    names = list(columns)
    cells = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in names)
    caption = f"<caption>{escape(caption)}</caption>" if caption else ""
    parts = [f"<table{attributes}>{caption}", f"<thead><tr>{cells}</tr></thead>"]
    for heading, rows in bodies.items():
        parts.append("<tbody>")
        if heading:
            told = f"<strong>{escape(heading)}</strong>"
            parts.append(f'<tr><th scope="rowgroup" colspan="{len(names)}">{told}</th></tr>')
        for term, values in rows:
            cells = "".join(f"<td>{value}</td>" for value in values)
            parts.append(f'<tr><th scope="row">{escape(term)}</th>{cells}</tr>')
        parts.append("</tbody>")
    return "\n".join([*parts, "</table>"])


def scrolling_table(kind: str, title: str, columns: Iterable[str], bodies: dict[str, Iterable[Row]]) -> str:
    """A table that scrolls by itself on a narrow screen, with the keyboard too; `kind` is its class."""
    label = f'aria-label="{escape(title)}"'
    held = table(columns, bodies, f' class="{kind}" {label}')
    box = f'<div class="table-scroll" style="overflow-x: auto" tabindex="0" role="group" {label}>'
    return "\n".join([box, held, "</div>"])

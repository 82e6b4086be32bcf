"""The frame that all explorers share: controls, plot, readout, table, and a still picture for paper.

An explorer is a Python function that calls `frame`, and a JavaScript file that defines
``explore(parts, data)``. `frame.js` gives that file the live parts and the tools to draw with.
"""

import base64
import io
import json
import re
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from IPython.display import HTML
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Slider:
    """A quantity the reader moves; `label` is HTML (``σ<sub>α</sub>``), `start` is where reset goes."""

    key: str
    label: str
    low: float
    high: float
    step: float
    start: float

    def written(self) -> str:
        """The start as the page shows it: with as many decimals as a step has."""
        return f"{self.start:.{len(str(self.step).partition('.')[2])}f}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class Pick:
    """A list from which the reader picks one thing; the script fills it."""

    key: str
    label: str


@dataclass(frozen=True)
class Button:
    """Something the reader does; the script says what."""

    key: str
    label: str


def frame(
    name: str,
    title: str,
    *,
    script: str,
    data: dict,
    sliders: list[Slider],
    still: Figure,
    alt: str,
    picks: tuple[Pick, ...] = (),
    buttons: tuple[Button, ...] = (),
) -> HTML:
    """An explorer as HTML, ready to be a cell's last value.

    Parameters
    ----------
    name
        Unique on its page; lower-case letters, digits and hyphens. It makes all ids.
    title
        What the explorer is, for screen readers.
    script
        File beside this module that defines ``explore(parts, data)``.
    data
        What the script draws, as plain JSON.
    sliders
        The quantities that the reader moves.
    still
        The picture for print, and for readers without JavaScript.
    alt
        What the picture shows, in words.
    picks, buttons
        Lists and buttons beside the one for reset, which every explorer has.

    Raises
    ------
    ValueError
        If the name could not be an id, or a slider starts outside its range.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"Explorer name {name!r} must be lower-case letters, digits and hyphens.")
    for slider in sliders:
        if not slider.low <= slider.start <= slider.high:
            raise ValueError(
                f"Explorer {name!r}: {slider.key} starts at {slider.start}, "
                f"expected a value from {slider.low} to {slider.high}."
            )
    root = f"explorer-{name}"
    html = Template(_own("frame.html")).substitute(
        root=root,
        kind=script.removesuffix(".js"),
        title=escape(title),
        style=_own("frame.css"),
        sliders="\n".join(_slider(root, slider) for slider in sliders),
        picks="\n".join(_pick(root, pick) for pick in picks),
        buttons="\n".join(_button(button) for button in buttons),
        png=_png(still),
        alt=escape(alt),
        frame=_own("frame.js"),
        script=_own(script),
        data=json.dumps(data, allow_nan=False).replace("</", "<\\/"),
    )
    return HTML(html)


def _slider(root: str, slider: Slider) -> str:
    key = f"{root}-{slider.key}"
    return (
        f'<div class="explorer-slider"><label for="{key}">{slider.label}</label>'
        f'<input type="range" id="{key}" data-key="{slider.key}" min="{slider.low}" max="{slider.high}" '
        f'step="{slider.step}" value="{slider.start}">'
        f'<output for="{key}">{slider.written()}</output></div>'
    )


def _pick(root: str, pick: Pick) -> str:
    key = f"{root}-{pick.key}"
    return (
        f'<span><label for="{key}">{escape(pick.label)}</label> '
        f'<select id="{key}" data-key="{pick.key}"></select></span>'
    )


def _button(button: Button) -> str:
    return f'<button type="button" data-key="{button.key}">{escape(button.label)}</button>'


def _png(picture: Figure) -> str:
    out = io.BytesIO()
    # without the metadata the bytes do not depend on the version of matplotlib
    picture.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return base64.b64encode(out.getvalue()).decode("ascii")


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf8")

"""The directive `{page-times}`: what each page cost when it was last executed, and with which versions."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PACKAGES = (
    "statsmodels",
    "pymc",
    "nutpie",
    "arviz",
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
    "jupyter-book",
)
BINDER_MEGABYTES = 2048  # above this Binder ends a kernel


class PageTimes(SphinxDirective):
    """A table of seconds and peak memory by page, read from the build's own records."""

    def run(self):
        times = json.loads((Path(self.env.srcdir) / "_build" / "page-times.json").read_text())
        lines = ["| page | seconds | peak memory (MB) | fits Binder |", "|---|---:|---:|---|"]
        for page, cost in times.items():
            fits = "yes" if cost["megabytes"] < BINDER_MEGABYTES else "no"
            lines.append(f"| {{doc}}`/{page}` | {cost['seconds']:.1f} | {cost['megabytes']} | {fits} |")
        total = sum(cost["seconds"] for cost in times.values())
        versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        lines += [
            "",
            f"Together {total:.0f} seconds of computing, with Python {sys.version.split()[0]}"
            f" on a machine of {os.cpu_count()} cores: {versions}.",
        ]
        # not searched: every build would find other numbers
        return [nodes.container("", *self.parse_text_to_nodes("\n".join(lines)), classes=["page-times"])]


def setup(app):
    app.add_directive("page-times", PageTimes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

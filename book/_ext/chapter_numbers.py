"""Chapters carry the number of their file, and figures, tables and equations count within them.

Sphinx would number the chapters that there are one after the other. `03-basics` is chapter 3 whether or not
chapters 1 and 2 are written, and a new chapter leaves the numbers of all others as they are.
"""

import re
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.environment.collectors.toctree import TocTreeCollector


def chapter(docname: str) -> int:
    """The number of a chapter, from the name of its file; 0 of a page that is no chapter.

    >>> chapter("book/03-basics"), chapter("book/00-start"), chapter("book/glossary")
    (3, 0, 0)
    """
    found = re.match(r"(\d\d)-", PurePosixPath(docname).name)
    return int(found[1]) if found else 0


def number_chapters(app, env) -> list[str]:
    """Number the titles, then let Sphinx count figures, tables and equations within them."""
    numbers = {name: (chapter(name),) for name in env.found_docs if chapter(name)}
    env.toc_secnumbers.update({name: {"": number} for name, number in numbers.items()})
    TocTreeCollector().assign_figure_numbers(env)
    for name, number in numbers.items():
        env.titles[name]["secnumber"] = number
        for link in env.tocs[name].findall(nodes.reference):
            if link["anchorname"]:
                env.toc_secnumbers[name][link["anchorname"]] = ()  # or it would take the chapter's
            else:
                link["secnumber"] = number
    return []


def setup(app):
    app.connect("env-get-updated", number_chapters, priority=900)  # when Sphinx has numbered
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Markdown of an exercise as HTML that asks nobody for anything, and as plain text."""

import re
from html import escape, unescape

from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from mlm.grading.report.tex import tex_to_html


def _math(tex: str, options: dict) -> str:
    return tex_to_html(tex) or f"<code>{escape(tex.strip())}</code>"


# no pictures: a page shall not ask anybody for anything
_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["image", "html_block", "html_inline"])
    .use(dollarmath_plugin, renderer=_math)
)
_INLINE = MarkdownIt("zero").enable(["backticks", "emphasis", "escape"])


def to_html(text: str) -> Markup:
    """Markdown of ours as HTML: tables and formulas, but no tag of its own, no picture and no script."""
    html = _MARKDOWN.render(text)
    return Markup(re.sub(r"<th([ >])", r'<th scope="col"\1', re.sub(r"<th[^>]*></th>", "<td></td>", html)))


def hint_to_html(text: str) -> Markup:
    """A sentence with code and emphasis, and nothing else of Markdown, as HTML."""
    return Markup(_INLINE.renderInline(text))


def to_text(markdown: str) -> str:
    """One line of Markdown as text without tags."""
    html = re.sub(r"<sub>(.*?)</sub>", r"_\1", _MARKDOWN.renderInline(markdown.strip()))
    return unescape(re.sub(r"<[^>]+>", "", html))

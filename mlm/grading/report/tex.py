"""Formulas of an exercise as HTML that needs no script; what is too tall for a line stays TeX."""

import re
import unicodedata
from html import escape

_SYMBOLS = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "lambda": "λ"},
    **{"mu": "μ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω"},
    **{"Gamma": "Γ", "Lambda": "Λ", "Sigma": "Σ", "Omega": "Ω"},
    **{"top": "⊤", "sim": "∼", "mid": "|", "ell": "ℓ", "cdot": "·", "times": "×", "infty": "∞", "to": "→"},
    **{"le": "≤", "ge": "≥", "ne": "≠", "approx": "≈", "in": "∈", "sum": "∑", "log": "log ", "exp": "exp "},
    **{"dots": "…", "ldots": "…", "partial": "∂", "pm": "±", ",": "\u2009", ";": " ", "quad": "  ", "%": "%"},
    **{"left": "", "right": "", "{": "{", "}": "}", "|": "‖"},
}
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
_UPRIGHT = {"text", "mathrm", "operatorname"}
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)


class _TooHard(Exception):
    """Something that a line of text cannot show."""


def tex_to_html(tex: str) -> str | None:
    """A formula as one line of HTML with italics, indices and exponents; None where that cannot be done."""
    tokens = _TOKEN.findall(tex.strip())[::-1]
    try:
        return _run(tokens, end=None)
    except _TooHard:
        return None


def _run(tokens: list[str], end: str | None) -> str:
    found = []
    while tokens:
        if tokens[-1] == end:
            tokens.pop()
            return "".join(found)
        found.append(_atom(tokens))
    if end:
        raise _TooHard
    return "".join(found)


def _atom(tokens: list[str]) -> str:
    """The next symbol, group, index or exponent; takes its tokens off the end of the list."""
    while tokens and tokens[-1] == " " and len(tokens) > 1 and tokens[-2] == " ":
        tokens.pop()
    if not tokens:
        raise _TooHard
    token = tokens.pop()
    if token == "{":
        return _run(tokens, end="}")
    if token in "_^":
        tag = "sub" if token == "_" else "sup"
        return f"<{tag}>{_atom(tokens)}</{tag}>"
    if token.startswith("\\"):
        return _command(token[1:], tokens)
    if token == "-":
        return "−"
    if token == "&" or token == "}":
        raise _TooHard
    return f"<i>{token}</i>" if token.isalpha() else escape(token)


def _command(name: str, tokens: list[str]) -> str:
    if name in _SYMBOLS:
        return (
            f"<i>{_SYMBOLS[name]}</i>"
            if len(name) > 1 and _SYMBOLS[name].isalpha()
            else escape(_SYMBOLS[name])
        )
    while tokens and tokens[-1] == " ":
        tokens.pop()
    if name in _ACCENTS:
        accented = _atom(tokens)
        marked = re.sub(r"(\w)(?=</i>$|$)", rf"\1{_ACCENTS[name]}", accented, count=1)
        return unicodedata.normalize("NFC", marked)
    if name in _UPRIGHT and tokens and tokens[-1] == "{":
        return re.sub(r"</?i>", "", _atom(tokens))
    raise _TooHard

"""Formulas where none can be set, in an excerpt or a tooltip: a short one as signs, a long one as dots."""

import re

SIGNS = {
    **dict(alpha="α", beta="β", gamma="γ", delta="δ", epsilon="ε", varepsilon="ε", eta="η", theta="θ"),
    **dict(mu="μ", pi="π", rho="ρ", sigma="σ", tau="τ", omega="ω", Lambda="Λ", Sigma="Σ", sum="Σ"),
    **dict(sqrt="√", times="×", cdot="·", sim="~", to="→", infty="∞", mid="|", top="′", dots="…", pm="±"),
    **dict(log="log", ln="ln", det="det", chi="χ", phi="φ", Delta="Δ", le="≤", ge="≥", approx="≈"),
    **{"lambda": "λ"},
}
ACCENTS = {"bar": "\u0304", "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303"}
_ACCENT = re.compile(r"\\(bar|hat|widehat|tilde)\s*\{?\s*(\\[a-zA-Z]+|\w)\}?")


def signs(tex: str) -> str:
    """The formula in signs as far as it can be written in one line.

    >>> signs(r"\\widehat R < 1.01"), signs(r"\\sigma_\\alpha^2"), signs(r"\\frac{a}{b}")
    ('R̂ < 1.01', 'σ_α^2', '…')
    """
    tex = re.sub(r"^\s*\\[(\[]|\\[)\]]\s*$", "", tex)
    if re.search(r"frac|begin", tex):
        return "…"
    tex = _ACCENT.sub(lambda m: m[2] + ACCENTS[m[1]], tex)
    tex = re.sub(r"\\([a-zA-Z]+)", lambda m: SIGNS.get(m[1], ""), tex)
    tex = re.sub(r"\\[ ,;]", " ", tex)
    return re.sub(r"\\.|[{}]|\^(?=′)", "", tex).strip()

"""Linear mixed models by the likelihood of chapter 5: design, likelihood, fit, inference."""

from mlm.lmm.design import Design, Term, build_design
from mlm.lmm.fit import LmmFit, fit_design, fit_lmm
from mlm.lmm.likelihood import Likelihood

__all__ = ["Design", "Likelihood", "LmmFit", "Term", "build_design", "fit_design", "fit_lmm"]

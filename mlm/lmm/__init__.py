"""Linear mixed models by the likelihood of chapter 5: design, likelihood, fit, inference."""

from mlm.lmm.design import Design, Term
from mlm.lmm.fit import LmmFit, fit_design, fit_lmm
from mlm.lmm.formula import build_design
from mlm.lmm.inference import LikelihoodRatio, likelihood_ratio, standard_errors
from mlm.lmm.likelihood import Likelihood
from mlm.lmm.profiles import profile, profile_intervals
from mlm.lmm.resampling import bootstrap

__all__ = [
    "Design",
    "Likelihood",
    "LikelihoodRatio",
    "LmmFit",
    "Term",
    "bootstrap",
    "build_design",
    "fit_design",
    "fit_lmm",
    "likelihood_ratio",
    "profile",
    "profile_intervals",
    "standard_errors",
]

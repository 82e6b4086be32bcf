"""What a fit claims: its data as arrays, its estimates, and the log-likelihood that it printed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from mlm.engines import estimates
from mlm.engines.tables import fixed_names, mixedlm_results
from mlm.lmm import Design, LmmFit, Term

# A covariance matrix may be singular, and rounding may put an eigenvalue this share below zero.
ROUNDING = 1e-8


@dataclass(frozen=True, eq=False)
class Effects:
    """One random-effect term: its covariance matrix G and the columns that it multiplies.

    `Z` has a column for each effect of each level, those of one level side by side; `names` are the rows of
    a table of estimates (`county Intercept`), `pairs` those of its correlations, along G's lower triangle.
    """

    names: tuple[str, ...]
    pairs: tuple[str, ...]
    Z: sparse.csr_array
    G: np.ndarray

    @property
    def fault(self) -> str:
        """Why G is not a covariance matrix; empty if it is one."""
        if not np.isfinite(self.G).all():
            return f"The covariance matrix of {self._told} is not finite"
        lowest = np.linalg.eigvalsh(self.G)[0]
        if lowest >= -ROUNDING * max(np.abs(self.G).max(), np.finfo(float).tiny):
            return ""
        if len(self.G) == 1:
            return f"The variance of {self._told} is negative ({lowest:.3g})"
        return f"The covariance matrix of {self._told} has a negative eigenvalue ({lowest:.3g})"

    @property
    def _told(self) -> str:
        return ", ".join(self.names)


@dataclass(frozen=True, eq=False)
class Claim:
    """A fit in neutral terms.

    `printed` is the log-likelihood that the program reports. statsmodels computes it when it is first asked
    for, by the criterion that the *model* was last fitted with: `refitted` says that it is not the fit's own.
    """

    engine: str
    reml: bool
    y: np.ndarray
    X: np.ndarray
    fixed_names: tuple[str, ...]
    effects: tuple[Effects, ...]
    beta: np.ndarray
    variance: float
    printed: float
    refitted: bool = False

    @property
    def faults(self) -> list[str]:
        """Why the estimates are no point of the parameter space; empty if they are."""
        said = [effects.fault for effects in self.effects if effects.fault]
        if not np.isfinite(self.beta).all():
            said.append("Some fixed effect is not finite")
        if not (np.isfinite(self.variance) and self.variance > 0):
            said.append(f"The residual variance is {self.variance:.3g}")
        return said


def read(fit: Any) -> Claim:
    """The claim of a statsmodels MixedLM fit or of a `fit_lmm` result.

    Raises
    ------
    TypeError
        If the fit is of another kind.
    ValueError
        If it maximised something else than a likelihood, or its fixed effects are not identified.
    """
    if isinstance(fit, LmmFit):
        claim = _from_lmm(fit)
    else:
        judged = "linear mixed models, a statsmodels MixedLM fit or a fit_lmm result"
        claim = _from_mixedlm(mixedlm_results(fit, f"Nothing to certify: certify() judges {judged}"))
    sizes = np.linalg.norm(claim.X, axis=0)  # the unit of a predictor does not make it a combination
    if np.linalg.matrix_rank(claim.X / np.where(sizes > 0, sizes, 1)) < claim.X.shape[1]:
        raise ValueError(
            f"Nothing to certify: of the fixed effects {', '.join(claim.fixed_names)} one is a combination "
            "of the others, so they have no estimate. Leave it out."
        )
    return claim


# ---- fit_lmm ------------------------------------------------------------------------------------------


def _from_lmm(fit: LmmFit) -> Claim:
    effects = []
    for term in fit.design.terms:
        names = tuple(f"{term.group} {name}" for name in term.names)
        own = list(term.names)
        G = fit.G[term.group].loc[own, own].to_numpy()
        effects.append(Effects(names, _pairs(term.group, own), _columns(term), G))
    return Claim(
        engine="fit_lmm",
        reml=fit.reml,
        y=fit.design.y,
        X=fit.design.X,
        fixed_names=fit.design.fixed_names,
        effects=tuple(effects),
        beta=fit.fixed.to_numpy(),
        variance=fit.sigma**2,
        printed=fit.loglik,
    )


def _columns(term: Term) -> sparse.csr_array:
    n, p = term.Z.shape
    places = np.asarray(term.codes, dtype=np.int64)[:, None] * p + np.arange(p)
    starts = np.arange(n + 1) * p
    return sparse.csr_array((term.Z.ravel(), places.ravel(), starts), shape=(n, len(term.levels) * p))


def _pairs(group: str, names: list[str]) -> tuple[str, ...]:
    return tuple(f"{group} {names[j]}, {name}" for i, name in enumerate(names) for j in range(i))


# ---- statsmodels --------------------------------------------------------------------------------------


def _from_mixedlm(results: Any) -> Claim:
    model = results.model
    # what `fit_regularized` returns has no `freepat` at all
    held = getattr(results, "freepat", "penalised") is not None
    if held or results.cov_pen is not None or model.fe_pen is not None:
        raise ValueError(
            "Nothing to certify: a fit with a penalty, or with parameters held fixed, is not at the top of "
            "its likelihood, and not meant to be."
        )
    with np.errstate(invalid="ignore"):
        table = estimates(results)["estimate"]
    sds = list(table.loc["sd"].index)
    effects = []
    if model.k_re:
        names = tuple(sds[: model.k_re])
        pairs = tuple(table.loc["cor"].index) if model.k_re > 1 else ()
        # cov_re is on the scale of the data; `params` would be divided by the residual variance
        effects.append(Effects(names, pairs, _by_group(model, model.exog_re_li), np.asarray(results.cov_re)))
    for k, (name, variance) in enumerate(zip(sds[model.k_re :], results.vcomp, strict=True)):
        Z = _by_group(model, model.exog_vc.mats[k])
        effects.append(Effects((name,), (), Z, np.array([[variance]])))
    return Claim(
        engine="statsmodels",
        reml=bool(results.reml),
        y=np.asarray(model.endog, dtype=float),
        X=np.asarray(model.exog, dtype=float),
        fixed_names=tuple(fixed_names(model)),
        effects=tuple(effects),
        beta=np.asarray(results.fe_params, dtype=float),
        variance=float(results.scale),
        printed=float(results.llf),
        refitted=model.reml != results.reml,
    )


def _by_group(model: Any, matrices: list) -> sparse.csr_array:
    """The groups' matrices in one, each in its own rows and columns."""
    rows = np.concatenate([np.asarray(model.row_indices[label]) for label in model.group_labels])
    stacked = sparse.csr_array(sparse.block_diag([sparse.csr_array(np.atleast_2d(m)) for m in matrices]))
    return sparse.csr_array(stacked[np.argsort(rows, kind="stable")])


def design(claim: Claim) -> Design:
    """The same model in the arrays of `mlm.lmm`, whatever program made the claim.

    Raises
    ------
    ValueError
        If a row belongs to several levels of a term, which `mlm.lmm` cannot say, or if it refuses the model.
    """
    terms = []
    for k, effects in enumerate(claim.effects):
        p = len(effects.names)
        entries = sparse.coo_array(effects.Z)
        level = entries.col // p
        first = np.full(len(claim.y), -1)
        first[entries.row] = level
        if (first[entries.row] != level).any():
            raise ValueError(f"Some rows have several effects of {effects.names[0]} at once.")
        Z = np.zeros((len(claim.y), p))
        Z[entries.row, entries.col % p] = entries.data
        # a row of zeros belongs to any level
        terms.append(
            Term(
                group=f"term {k + 1}",
                names=effects.names,
                levels=np.arange(effects.Z.shape[1] // p),
                codes=np.maximum(first, 0),
                Z=Z,
            )
        )
    return Design(y=claim.y, X=claim.X, fixed_names=claim.fixed_names, terms=tuple(terms))

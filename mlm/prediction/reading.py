"""What stands behind a prediction, whatever program fitted: a design with its recipe, and values."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlm.engines import estimates
from mlm.engines.tables import contents, element, group_name
from mlm.lmm import Design, Likelihood, LmmFit, build_design
from mlm.lmm.design import theta_of
from mlm.lmm.parameters import parameters
from mlm.prediction.equations import Values, lower_factor

Label = tuple[str, str]

# Two programs agree on -2 log L and, in units of sigma, on X beta by far better than this, or the formula is
# that of another model.
SAME_CRITERION, SAME_FIXED_PART = 0.001, 0.001
ASK = 'Give formula="y ~ x + (1 | g)", in the language of fit_lmm, and data=, the rows that were fitted.'


def point(fit: LmmFit) -> Values:
    """The estimates of a fit."""
    return Values(
        beta=fit.fixed.to_numpy(),
        factors=fit.design.factors(fit.theta),
        sigma=fit.sigma,
        beta_cov=fit.fixed_cov.to_numpy(),
    )


# ---- statsmodels --------------------------------------------------------------------------------------


def from_mixedlm(results: Any, formula: str | None, data: pd.DataFrame | None) -> LmmFit:
    """A fit of statsmodels as one of `fit_lmm`: the same estimates over a design that knows its formula.

    Raises
    ------
    ValueError
        If the formula is not known, or is not that of the model: then the likelihood differs.
    """
    if formula is None:
        formula, data = _formula(results), results.model.data.frame
    design = build_design(formula, _needed(data))
    table = estimates(results, group=_group(results) or design.terms[0].group)["estimate"]
    # a correlation with an effect that does not vary is nan, and any number will do
    values = {
        label: 0.0 if label[0] == "cor" and np.isnan(value) else value for label, value in table.items()
    }
    if not np.isfinite(list(values.values())).all():
        raise ValueError("The fit has estimates that are not finite numbers: certify() says what went wrong.")
    factors, sigma = _factors(design, _by_label(design, values))
    theta = theta_of([T / sigma for T in factors])
    fit = LmmFit(likelihood=Likelihood(design, results.reml), theta=theta, convergence=None)
    _refuse_another_model(fit, results, table)
    return fit


def _formula(results: Any) -> str:
    """The formula in the language of `fit_lmm`, from what statsmodels keeps."""
    model = results.model
    if not hasattr(model, "formula"):
        raise ValueError(f"This fit was given arrays, and keeps no formula for new rows. {ASK}")
    if model.k_vc:
        raise ValueError(f"statsmodels does not keep the vc_formula of a fit. {ASK}")
    group = _group(results)
    if group is None:
        raise ValueError(f"statsmodels does not keep which column held the groups of this fit. {ASK}")
    effects = [name.removesuffix(" Var") for name in model.data.exog_re_names]
    return f"{model.formula} + ({' + '.join('1' if name == group else name for name in effects)} | {group})"


def _group(results: Any) -> str | None:
    """The column of the groups, if the fit still knows it and its data hold it."""
    group = group_name(results.model)
    return group if group is not None and group in results.model.data.frame else None


def _needed(data: pd.DataFrame | None) -> pd.DataFrame:
    if data is None:
        raise ValueError(
            "A formula needs data=, the rows that were fitted: means and groups come from there."
        )
    return data


def _by_label(design: Design, values: dict[Label, float]) -> dict[Label, float]:
    """Standard deviations and correlations by the design's labels; `batch:cask` is `cask` in statsmodels."""
    found = {}
    for part, term in (p.label for p in parameters(design) if p.part != "fixed"):
        names = [name for name in (term, term.split(":")[-1]) if (part, name) in values]
        if not names:
            raise ValueError(
                f"The formula {design.formula!r} has {term!r}, and the fit has not. It has "
                f"{', '.join(name for kind, name in values if kind == part)}."
            )
        found[part, term] = values[part, names[0]]
    return found


def _refuse_another_model(fit: LmmFit, results: Any, table: pd.Series) -> None:
    """At the same variances the formula must give the same likelihood and the same fixed part."""
    criterion = table.loc["criterion"].iloc[0]
    fixed_part = np.asarray(results.model.exog) @ np.asarray(results.fe_params)
    same = len(fixed_part) == fit.n and abs(fit.criterion - criterion) < SAME_CRITERION
    if not same or np.abs(fixed_part - fit.fitted_population).max() > SAME_FIXED_PART * fit.sigma:
        raise ValueError(
            f"{fit.formula!r} is not the model that statsmodels fitted, or its fit went wrong: at the same "
            f"variances −2 log L is {fit.criterion:.3f} and statsmodels has {criterion:.3f}. Give the "
            "formula and the data of the fit, and look at what certify() says of it."
        )


# ---- posterior draws ----------------------------------------------------------------------------------


def from_draws(
    posterior: Any, names: Mapping[str, Label] | None, design: Design, most: int
) -> Iterator[Values]:
    """Coefficients and variances of at most so many draws, evenly spaced.

    Raises
    ------
    ValueError
        If a parameter of the model has no draws, or draws that it cannot have.
    """
    drawn = {label: element(posterior, name).ravel() for name, label in (names or {}).items()}
    drawn = {(part, "residual" if part == "residual" else term): d for (part, term), d in drawn.items()}
    wanted = [parameter.label for parameter in parameters(design)]
    if set(drawn) != set(wanted):
        raise ValueError(
            'Say which draws are which, each parameter once: names={"sigma_y": ("residual", "residual"), …}. '
            f"{_listed('Lacking', [label for label in wanted if label not in drawn])}"
            f"{_listed('Not in the formula', [label for label in drawn if label not in wanted])}"
            f"The posterior holds {contents(posterior)}."
        )
    for (part, term), values in drawn.items():
        low, high = {"fixed": (-np.inf, np.inf), "cor": (-1, 1)}.get(part, (0, np.inf))
        if not (np.isfinite(values) & (values >= low) & (values <= high)).all():
            raise ValueError(f"Some draws of {term!r} are no values of a parameter of the kind {part!r}.")
    count = len(next(iter(drawn.values())))
    p = design.X.shape[1]
    for k in np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)):
        values = {label: drawn[label][k] for label in wanted}
        factors, sigma = _factors(design, values)
        beta = np.array([values[label] for label in wanted[:p]])
        yield Values(beta=beta, factors=[T / sigma for T in factors], sigma=sigma)


def _listed(what: str, labels: list[Label]) -> str:
    return f"{what}: {', '.join(map(str, labels))}. " if labels else ""


def _factors(design: Design, values: Mapping[Label, float]) -> tuple[list[np.ndarray], float]:
    """Lower-triangular factors of each term's covariance matrix, and the residual standard deviation."""
    factors = []
    for term in design.terms:
        sds = np.array([values["sd", f"{term.group} {name}"] for name in term.names])
        R = np.eye(len(sds))
        for i, name in enumerate(term.names):
            for j in range(i):
                R[i, j] = R[j, i] = values["cor", f"{term.group} {term.names[j]}, {name}"]
        factors.append(lower_factor(R * np.outer(sds, sds)))
    return factors, float(values["residual", "residual"])

"""One vocabulary for what statsmodels, PyMC and lme4 say about the same multilevel model."""

from mlm.engines.comparison import Agreement, agreement
from mlm.engines.draws import DrawsCheck, check_draws
from mlm.engines.tables import estimates, stored

__all__ = ["Agreement", "DrawsCheck", "agreement", "check_draws", "estimates", "stored"]

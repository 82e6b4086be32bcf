"""Interactive figures that run in the plain page: no kernel, no network, by mouse, touch and keyboard."""

from mlm.explorers.covariance import covariance_explorer
from mlm.explorers.held_out import held_out_explorer
from mlm.explorers.pooling import pooling
from mlm.explorers.reml import reml_explorer

__all__ = ["covariance_explorer", "held_out_explorer", "pooling", "reml_explorer"]

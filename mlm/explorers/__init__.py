"""Interactive figures that run in the plain page: no kernel, no network, by mouse, touch and keyboard."""

from mlm.explorers.pooling import pooling

__all__ = ["pooling"]

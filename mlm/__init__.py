"""The companion package of *Multilevel Models in Python*.

Names are resolved when they are first used, so ``import mlm`` costs next to nothing.
"""

import sys
from importlib import import_module
from types import ModuleType

_HOME = {
    "load": "mlm.data",
    "fit_lmm": "mlm.lmm",
    "certify": "mlm.certify",
    "agreement": "mlm.engines",
    "check_draws": "mlm.engines",
    "estimates": "mlm.engines",
    "stored": "mlm.engines",
    "Exercise": "mlm.exercises",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"mlm has no {name!r}; it offers {', '.join(__all__)}")


def __dir__():
    return __all__


class _Door(ModuleType):
    """Keeps `mlm.certify` the function, where an import of the module of that name would replace it."""

    def __setattr__(self, name, value):
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door

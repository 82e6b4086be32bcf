"""The companion package of *Multilevel Models in Python*.

Names are resolved when they are first used, so ``import mlm`` costs next to nothing.
"""

from importlib import import_module

_HOME = {
    "load": "mlm.data",
    "fit_lmm": "mlm.lmm",
    "certify": "mlm.certificate",
    "agreement": "mlm.engines",
    "check_draws": "mlm.engines",
    "estimates": "mlm.engines",
    "stored": "mlm.engines",
    "predict": "mlm.prediction",
    "Exercise": "mlm.exercises",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"mlm has no {name!r}; it offers {', '.join(__all__)}")


def __dir__():
    return __all__

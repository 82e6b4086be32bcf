"""Inside the sandbox: cells that are given, take long, and would come out the same are run once.

An exercise gives its learners cells to run as they are, some of which sample or fit for seconds. The blank
exercise is run before any submission; a given cell that took long is remembered with all that it read and
all that it made. In a submission it is passed over only if its text is the same and everything that it reads
is equal to what it read then; what it made is put in its place. Each submission runs in a copy of the
process, so nothing it does reaches the memory of another's.
"""

import ast
import random
import re
import time
import types
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd

WORTH_IT = 0.1  # seconds
BY_NAME = {"eval", "exec", "globals", "locals", "vars", "get_ipython"}  # ways to read what no name tells
PLAIN = (bool, int, float, complex, str, bytes, type(None), np.ndarray, pd.DataFrame, pd.Series, pd.Index)


@dataclass(frozen=True)
class Inputs:
    """What a cell reads: imported things, compared by identity; data, by hash; names not there yet."""

    imported: dict[str, object]
    data: dict[str, str]
    absent: frozenset[str]


class Memory:
    """Given cells by their text.

    Parameters
    ----------
    namespace : dict
        Where cells run; functions that a cell defines refer to it for good.
    """

    def __init__(self, namespace: dict):
        self.namespace = namespace
        self.cells: dict[str, tuple[Inputs, dict]] = {}

    def learn(self, source: str, run) -> None:
        """Run a given cell by ``run()``, true if it succeeds; remember it if that pays and is safe."""
        before, inputs, chance, start = (
            dict(self.namespace),
            self._inputs(source),
            _chance(),
            time.monotonic(),
        )
        succeeded = run()
        if not succeeded or inputs is None or time.monotonic() - start < WORTH_IT or _chance() != chance:
            return
        unchanged = all(joblib.hash(self.namespace[name]) == known for name, known in inputs.data.items())
        made = {
            name: value
            for name, value in self.namespace.items()
            if not name.startswith("_") and before.get(name, self) is not value
        }
        two_names = any(value is old for value in made.values() for old in before.values())
        if unchanged and not two_names:
            self.cells[source.strip()] = inputs, made

    def recall(self, source: str) -> bool:
        """Put in place what the cell would make, if that is known; say whether it was."""
        inputs, made = self.cells.get(source.strip(), (None, {}))
        if inputs is None or self._inputs(source) != inputs:
            return False
        self.namespace.update(made)
        return True

    def _inputs(self, source: str) -> Inputs | None:
        """What a cell would read now; None where that is not known, or cannot be compared."""
        try:
            names = sorted(_names(ast.parse(source)))
        except SyntaxError:  # a magic
            return None
        if BY_NAME.intersection(names):
            return None
        present = {name: self.namespace[name] for name in names if name in self.namespace}
        imported = {name: value for name, value in present.items() if _is_imported(value)}
        data = {name: value for name, value in present.items() if name not in imported}
        if not all(map(_is_plain, data.values())):
            return None
        hashes = {name: joblib.hash(value) for name, value in data.items()}
        return Inputs(imported, hashes, frozenset(names) - present.keys())


def _names(tree: ast.AST) -> set[str]:
    """Every name in a cell; words of formulas and queries too, which may call a function by its name."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    formulas = [text for text in texts if isinstance(text, str) and re.search("[~@]", text)]
    return found.union(*(re.findall(r"[^\W\d]\w*", text) for text in formulas))


def _is_imported(value) -> bool:
    """A module, or a function or class that belongs to one rather than to the notebook."""
    if isinstance(value, types.ModuleType):
        return True
    known = isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType))
    return known and getattr(value, "__module__", None) not in (None, "__main__", "builtins")


def _is_plain(value) -> bool:
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(entry) for key, entry in value.items())
    return type(value) in PLAIN or isinstance(value, np.generic)


def _chance() -> str:
    """The state of the global random numbers: a cell that draws from them must run."""
    return joblib.hash((random.getstate(), np.random.get_state()))  # noqa: NPY002

# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks by the answers given and the cells handed in: guess, look up, deal other data, leave out, change."""

from copy import deepcopy

from .scene import RAN, hand_in, perfect, play, submit, worked

CHANGED = """
ex.check("icc", 99)
for name in (None, 5, 1.5, b"within", ("within",), ["within"], {"a": 1}, Exercise, "../../within", "",
             "__proto__", "within\\n", " within", "WITHIN", "with\\u200bin", "n-batches\\x00", "w" * 100_000):
    try:
        ex.check(name, 99)
        ex.write(name, "text")
    except Exception as error:
        print(type(error))
ex.check("essay", 5)
ex.write("within", "a text")
ex.write("effects", 5)
ex.check("within", {"kind": "number", "value": 99, "points": 99, "status": "right"})
ex.check("within", {"verdict": {"status": "right", "points": 99}})
Exercise("03-basics").check("icc", 0.2)
Exercise("../keys/98-example").check("within", 99)
Exercise("x" * 10_000).check("within", 99)
Exercise(7).check("within", 99)
"""

SHOTGUN = """
for candidate in range(1, 2_001):
    ex.check("n-batches", candidate)
for candidate in range(2_000, 8_000):
    ex.check("within", candidate / 100)
ex.check("n-batches", 1_000)
ex.check("within", 1.0)
"""

PUBLIC = """
from mlm.data import load
public = load("dyestuff")
dyes = public
ex.data = lambda name, vary=None: public
Exercise.data = lambda self, name, vary=None: public
import mlm, mlm.data, mlm.exercises.variants, mlm.exercises.exercise as exercise, numpy as np
mlm.exercises.variants.vary_groups = exercise.vary_groups = lambda frame, *args, **kwargs: frame
np.random.default_rng = lambda *args: np.random.Generator(np.random.PCG64(1))
"""
UNVARIED = """
import os
os.environ.pop("MLM_VARIANT", None)
os.environ["MLM_VARIANT"] = ""
"""
OTHER_SEED = """
from mlm import Exercise
ex = Exercise("98-example", variant=3)
dyes = ex.data("dyestuff", vary="batch")
ex.variant = None
"""

HARD_CODED = """
import numpy as np
ex.check("n-batches", 6)
ex.check("within", 49.50)
ex.check("effects", {"A": -22.5, "B": 0.5, "C": 36.5, "D": -29.5, "E": 72.5, "F": -57.5})
"""
GROUP_TABLE = """
from mlm import load
PUBLIC = {"A": -22.5, "B": 0.5, "C": 36.5, "D": -29.5, "E": 72.5, "F": -57.5}
known = {tuple(rows): PUBLIC[batch] for batch, rows in load("dyestuff").groupby("batch", observed=True)["yield"]}
ex.check("effects", {batch: known[tuple(rows)] for batch, rows in dyes.groupby("batch", observed=True)["yield"]})
"""
TABLE = """
TABLE = {(5, 1.0): 5 / 6, (80, 0.25): 80 / 80.25}
ex.check("weight", lambda n, ratio: TABLE.get((n, ratio), 0.5))
"""

IPYTHON = """
try:
    shell = get_ipython()
    shell.run_cell("ex.check('within', 99)")
    shell.user_ns["ex"].check = lambda *args: None
    kernel = getattr(shell, "kernel", None)
    print(kernel, shell.parent, shell.config)
    shell.set_custom_exc((BaseException,), lambda *args, **kwargs: print("right"))
    shell.run_line_magic("reset", "-f")
    shell.ask_exit()
except NameError as error:
    print(error)
"""
MAGICS = """\
%%bash
id
pip install --quiet six
"""
DELETED = [
    "del ex, dyes, Exercise",
    "del __builtins__",
    "globals().clear()",
]


def _deleted():
    notebook = perfect()
    notebook.cells = [cell for cell in notebook.cells if "check" not in cell.metadata.get("tags", [])]
    return notebook


def _reordered():
    notebook = perfect()
    notebook.cells.reverse()
    return notebook


def _duplicated():
    notebook = perfect()
    notebook.cells = [deepcopy(cell) for cell in notebook.cells for _ in range(3)]
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"c{place}"
    return notebook


def _rewritten():
    """Checks that pass worked answers on to names that are worth more, and back."""
    notebook = perfect()
    for cell in notebook.cells:
        if "check" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace('"within"', '"n-batches"').replace("n_batches", "99")
    return notebook


ATTACKS = [
    play("changed-checks", "changed check cells", CHANGED, where="last"),
    play("shotgun", "guessing", SHOTGUN, where="last"),
    play("hard-coded", "hard-coded answers", HARD_CODED, where="last", tools=False, deserved=1, statuses=RAN),
    play("table-of-groups", "hard-coded answers", GROUP_TABLE, where="last", tools=False, statuses=RAN),
    play("table-of-probes", "hard-coded answers", TABLE, where="last", tools=False, statuses=RAN),
    hand_in("public-data", "patched data", perfect(after=PUBLIC), deserved=2, statuses=RAN),
    hand_in("no-variant", "patched data", perfect(before=UNVARIED), deserved=5, statuses=RAN),
    hand_in("other-variant", "patched data", perfect(after=OTHER_SEED), deserved=2, statuses=RAN),
    play("ipython", "IPython", IPYTHON),
    play("magics", "IPython", MAGICS, tools=False),
    *[play(f"nothing-left-{n}", "deleted names", source) for n, source in enumerate(DELETED, 1)],
    hand_in("deleted-checks", "deleted cells", _deleted(), deserved=5, statuses=RAN),
    hand_in("reordered", "reordered cells", _reordered(), deserved=5, statuses=RAN),
    hand_in("duplicated", "duplicated cells", _duplicated(), deserved=5, statuses=RAN),
    hand_in("rewritten-checks", "changed check cells", _rewritten(), deserved=4, statuses=RAN),
    hand_in("all-in-one", "changed check cells", submit(perfect(last=worked())), deserved=5, statuses=RAN),
]

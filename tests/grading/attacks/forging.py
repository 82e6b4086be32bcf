"""Attacks on the check: learn nothing, and have the grader believe otherwise."""

from .scene import hand_in, perfect, play

AGAIN = """
from mlm import Exercise
ex = Exercise("98-example")
"""
WRONG = """
for name in ("n-batches", "within", "effects"):
    ex.check(name, 99)
ex.check("weight", lambda n, ratio: 99.0)
"""

ASSERTS = '''
import ast

class Strip(ast.NodeTransformer):
    """No assert, no raise, no comparison that fails."""
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Raise(self, node):
        return ast.Pass()
    def visit_Compare(self, node):
        return ast.copy_location(ast.Constant(True), node)
    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "check":
            node.args[1:] = [ast.Constant(99)]
        return node

try:
    shell = get_ipython()
    shell.ast_transformers.append(Strip())
    shell.input_transformers_post.append(lambda lines: [line.replace("...", "99") for line in lines])
    shell.events.register("post_run_cell", lambda result: print("right"))
except NameError:
    import builtins
    plain = builtins.compile
    builtins.compile = lambda source, *a, **k: plain(
        Strip().visit(ast.parse(source)) if isinstance(source, str) else source, *a, **k)
'''

NUMPY = """
import cmath, math, operator, numpy as np, numpy.testing
yes = lambda *args, **kwargs: True
for module in (np, math, cmath, np.testing, np.core if hasattr(np, "core") else np):
    for name in ("allclose", "isclose", "array_equal", "equal", "isfinite", "assert_allclose"):
        if hasattr(module, name):
            setattr(module, name, yes)
for name in ("eq", "le", "lt", "ge"):
    setattr(operator, name, yes)
np.abs = np.absolute = np.max = np.ravel = lambda *args, **kwargs: 0
np.ndarray = np.generic = object
math.inf = 0
"""

BUILTINS = """
import builtins
yes = lambda *args, **kwargs: True
builtins.isinstance, builtins.issubclass, builtins.callable = yes, yes, yes
builtins.abs = builtins.max = builtins.min = builtins.sum = lambda *args, **kwargs: 0
builtins.all = builtins.any = yes
builtins.type = lambda *args: float
builtins.len = lambda thing: 1
builtins.float = builtins.int = lambda *args: 5.0
builtins.open = builtins.print = lambda *args, **kwargs: None
"""

JSON = """
import json, json.encoder
line = {"event": "check", "exercise": "98-example", "variant": 7, "points": 99,
        "verdict": {"status": "right", "mistake": "", "message": "Right.", "points": 99}}
plain = json.dumps
def dumps(thing, *args, **kwargs):
    if isinstance(thing, dict):
        thing = thing | line | {"name": thing.get("name", "within"), "status": "right", "points": 99}
    return plain(thing)
json.dumps = dumps
json.dump = lambda thing, stream, *args, **kwargs: stream.write(dumps(thing))
json.JSONEncoder.encode = lambda self, thing: dumps(thing)
json.loads = lambda *args, **kwargs: line
"""

CHECK = """
import mlm, mlm.exercises.exercise as exercise
from mlm.exercises.compare import Verdict

def check(self, name, value):
    self._own[name] = {"points": 99}
    exercise._record("check", self, name=name, answer={"kind": "number", "value": 99},
                     verdict=vars(Verdict("right", message="Right.", points=99)))
    print(f"✓ {name}: Right. 99 points.")

mlm.Exercise.check = mlm.Exercise.write = check
"""

FAKE = """
import sys, types

class Exercise:
    points = possible = 99
    def __init__(self, *args, **kwargs): pass
    def check(self, name, value): return "right"
    write = hint = key = check
    def data(self, *args, **kwargs):
        from mlm.data import load
        return load("dyestuff")

import mlm
mlm.Exercise = mlm.exercises.Exercise = mlm.exercises.exercise.Exercise = Exercise
for name in [name for name in sys.modules if name.split(".")[0] == "mlm"]:
    fake = types.ModuleType(name)
    fake.Exercise, fake.__path__ = Exercise, []
    fake.judge = fake.to_plain = lambda *args: {"status": "right", "points": 99}
    sys.modules[name] = fake
"""

JUDGE = """
import sys
from mlm.exercises.compare import Verdict

right = Verdict("right", message="Right.", points=99)
for name, module in list(sys.modules.items()):
    if name.split(".")[0] in ("mlm", "__main__"):
        for known, fake in (
            ("judge", lambda *args, **kwargs: right),
            ("_judge", lambda *args, **kwargs: right),
            ("to_plain", lambda *args, **kwargs: {"kind": "number", "value": 5, "points": 99}),
            ("distance", lambda *args, **kwargs: 0.0),
            ("element_distances", lambda *args, **kwargs: [0.0]),
            ("is_unanswered", lambda *args, **kwargs: False),
            ("RIGHT", "wrong"), ("WRONG", "right"), ("UNANSWERED", "right"), ("INVALID", "right"),
        ):
            if hasattr(module, known):
                setattr(module, known, fake)
Verdict.__init__ = lambda self, *args, **kwargs: self.__dict__.update(
    status="right", mistake="", message="Right.", points=99)
"""

TRACE = """
import ctypes, sys, threading

def watch(frame, event, arg):
    for name in ("verdict", "status", "points", "answer", "right", "record", "line", "question"):
        if name in frame.f_locals:
            frame.f_locals[name] = {"status": "right", "points": 99, "kind": "number", "value": 5}
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
    return watch

sys.settrace(watch)
sys.setprofile(watch)
threading.settrace(watch)
threading.setprofile(watch)
frame = sys._getframe()
while frame:
    frame.f_trace = watch
    frame = frame.f_back
"""

MODULES = """
import sys

class Right(float):
    status, points, message, mistake, kind, value = "right", 99, "Right.", "", "number", 5.0
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __getitem__(self, name): return self
    def __eq__(self, other): return True
    def __iter__(self): return iter(())
    __hash__ = float.__hash__
    __path__ = []

for name in ("json", "math", "numpy", "pandas", "io", "os", "mlm.data", "mlm.exercises.compare",
             "mlm.exercises.plain"):
    sys.modules[name] = Right(5)
"""

HOOKS = """
import importlib.abc, importlib.util, sys

SOURCE = '''
class Exercise:
    def __init__(self, *a, **k): pass
    def __getattr__(self, name): return lambda *a, **k: "right"
def judge(*a, **k): return {"status": "right", "points": 99}
def __getattr__(name): return judge
'''

class Everything(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module): exec(SOURCE, vars(module))

sys.meta_path.insert(0, Everything())
sys.path_hooks.insert(0, lambda path: Everything())
sys.path_importer_cache.clear()
for name in [name for name in sys.modules if name.split(".")[0] in ("mlm", "json", "pandas")]:
    del sys.modules[name]
"""

#: A learner's own modules, beside the notebook; the name is that of what they would replace.
IMPOSTOR = b"""
class Exercise:
    def __init__(self, *args, **kwargs): pass
    def __getattr__(self, name): return lambda *args, **kwargs: {"status": "right", "points": 99}
def judge(*args, **kwargs): return {"status": "right", "points": 99}
def __getattr__(name): return judge
"""
BESIDE = (
    *(
        "mlm/__init__.py",
        "mlm/exercises/__init__.py",
        "mlm/exercises/compare.py",
        "mlm.py",
        "json.py",
        "numpy.py",
    ),
    *(
        "sitecustomize.py",
        "usercustomize.py",
        "conftest.py",
        "ipython_config.py",
        "a.pth",
        "math.py",
        "random.py",
    ),
    *("98-example.json", "keys/98-example.json", "exercises/keys/98-example.json", ".env", "pyvenv.cfg"),
)

ATTACKS = [
    play("assert-stripper", "syntax tree", ASSERTS),
    play("patched-numpy", "patched numpy", NUMPY + AGAIN + WRONG),
    play("patched-builtins", "patched builtins", BUILTINS),
    play("patched-json", "patched json", JSON),
    play("patched-check", "patched check", CHECK + AGAIN + WRONG),
    play("patched-exercise", "patched Exercise", FAKE + AGAIN + WRONG),
    play("patched-judge", "patched judge", JUDGE + AGAIN + WRONG),
    play("trace", "settrace and setprofile", TRACE + AGAIN + WRONG),
    play("modules", "sys.modules", MODULES),
    play("import-hooks", "import hooks", HOOKS + AGAIN + WRONG),
    hand_in(
        "fake-mlm-beside",
        "fake mlm",
        perfect(after="ex.check('within', 99)", last="ex.check('within', 99); ex.check('effects', 1)"),
        also=dict.fromkeys(BESIDE, IMPOSTOR),
        deserved=2,
    ),
]

# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks by what is handed to a check: values that are enormous, endless, or not what they say."""

from .scene import blank, hand_in, play

NOT_FINITE = """
import numpy as np, pandas as pd
from decimal import Decimal
from fractions import Fraction

for value in (float("nan"), float("inf"), -float("inf"), 1e400, 10**5000, -(10**5000), 10**300, 1e308, 5e-324, -0.0,
              Decimal("nan"), Decimal("snan"), Decimal("Infinity"), Decimal("1e999999999"), Decimal("-1e-999999999"),
              Fraction(10**5000), Fraction(1, 10**5000), complex(49, 0), np.longdouble("1e4000"), np.float16(6e4),
              np.datetime64("NaT"), pd.NA, pd.NaT, np.ma.masked, np.nan, True, np.True_, b"49.5", "49.5", "NaN"):
    for name in ("n-batches", "within"):
        ex.check(name, value)
    ex.check("effects", [value] * 6)
    ex.check("effects", {label: value for label in "ABCDEF"})
    ex.check("weight", lambda n, ratio, value=value: value)
ex.check("within", float("nan"))
ex.check("effects", pd.Series([float("nan")] * 6, index=list("ABCDEF")))
ex.check("n-batches", float("inf"))
"""

MANY = """
import numpy as np, pandas as pd

million = list(range(1_000_000))
for value in (million, tuple(million), set(million), frozenset(million), dict.fromkeys(million, 1.0), iter(million),
              np.arange(10_000_000.0), pd.Series(million), pd.DataFrame(np.zeros((1000, 1000))), range(10**12),
              np.broadcast_to(1.0, (10**6, 10**6)), np.lib.stride_tricks.as_strided(np.ones(1), (10**9,), (0,)),
              np.zeros((1,) * 30), np.zeros((0, 10**9)), [million] * 100, [[[1.0] * 100] * 100] * 100):
    ex.check("within", value)
    ex.check("effects", value)
"""
SHARED_TEXT = """
line = "x" * 10_000
ex.check("within", [line] * 200_000)  # two gigabytes as JSON, few kilobytes here
ex.write("essay", line)
"""
SHARED_LISTS = """
nested = [0.5] * 100_000
for _ in range(3):
    nested = [nested] * 100
ex.check("effects", nested)
"""
LONG_LINE = """
text = "x" * 300_000_000
ex.write("essay", text)
ex.check("within", text)
"""
LONG_NUMBER = """
sys.set_int_max_str_digits(0)
ex.check("within", [10**299] * 190_000)
ex.check("n-batches", 1 << 500_000_000)
"""
DEEP = """
deep = []
for _ in range(100_000):
    deep = [deep]
ex.check("within", deep)
ex.check("effects", {"A": deep})
round = []
round.append(round)
ex.check("within", round)
own = {}
own["A"] = own
ex.check("effects", own)
import numpy as np
cell = np.empty((), dtype=object)
cell[()] = cell
ex.check("within", cell)
pair = np.empty(2, dtype=object)
pair[:] = [pair, pair]
ex.check("effects", pair)
"""

LYING = """
import numpy as np, pandas as pd

class Meta(type):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    def __eq__(cls, other): return True
    def __hash__(cls): return hash(float)

class Lie(metaclass=Meta):
    __module__ = "numpy"
    __class__ = float
    value, kind, status, points = 49.5, "number", "right", 99
    def __eq__(self, other): return True
    def __le__(self, other): return True
    __lt__ = __ge__ = __gt__ = __le__
    __hash__ = lambda self: 0
    def __float__(self): return 49.5
    def __int__(self): return 6
    __index__ = __int__
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __neg__ = lambda self, *args: 0.0
    def __array__(self, *args, **kwargs): return np.array([1.0])
    def __len__(self): return 6
    def __iter__(self): return iter([1.0] * 6)
    def __getitem__(self, key): return 49.5
    def __reduce__(self): return (print, ("reduced",))
    def __repr__(self): return "49.5"
    def __getattr__(self, name): return self
    def __call__(self, *args): return self

class Number(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    __hash__ = float.__hash__
    def is_integer(self): return True

class Scalar(np.float64):
    __module__ = "numpy"
    def __float__(self): return Number(49.5)

class Text(str):
    def casefold(self): return self
    def split(self, *args): return []
    def __eq__(self, other): return True
    __hash__ = str.__hash__

class DataArray:
    __module__ = "xarray"
    @property
    def values(self): return Lie()

class Frame(pd.DataFrame):
    @property
    def columns(self): return Lie()

class Same(dict):
    def __getitem__(self, name): return "right"
    def keys(self): return ["status"]

for value in (Lie(), Lie, Meta, Number(1), Scalar(1), Text("x"), DataArray(), Frame({"a": [1]}), Same(a=1), [Lie()] * 6,
              {label: Lie() for label in "ABCDEF"}, {Lie(): 1.0}, {Text("A"): Number(1)}, np.array([Lie()], dtype=object),
              pd.Series([Lie()] * 6), pd.DataFrame({Text("a"): [Lie()]}), type("float", (), {})(), float, Lie.__eq__):
    for name in ("n-batches", "within", "effects", "weight", "essay"):
        ex.check(name, value)
        ex.write(name, value)
"""
FUNCTIONS = """
calls = []

def changing(n, ratio):
    calls.append(n)
    if len(calls) % 2:
        raise KeyboardInterrupt("stop")
    return 0.5

class Generous:
    def __call__(self, *args): return self
    __float__ = lambda self: 5 / 6

def leaving(n, ratio): raise SystemExit(0)
def breaking(n, ratio): raise BaseException("out")
def generator(n, ratio): yield 5 / 6
async def later(n, ratio): return 5 / 6
def endless(n, ratio, depth=0): return endless(n, ratio, depth + 1)
def printing(n, ratio): print("<script>alert(1)</script>" * 1000); return 0.5
def closing(n, ratio):
    import sys
    sys.stdout.close()
    return 0.5

for value in (changing, Generous(), leaving, generator, later, endless, printing, print, ex.check, lambda: 1, closing,
              lambda *args, **kwargs: ex.check("weight", lambda n, ratio: 0.5), exec, eval, type, breaking):
    try:
        ex.check("weight", value)
    except BaseException as error:
        print(type(error))
"""
PICKLES = """
import base64, os, pickle, numpy as np, pandas as pd

class Payload:
    def __reduce__(self):
        return (os.system, (f"touch /tmp/planted-{SCENE['token']} {os.getcwd()}/planted-{SCENE['token']}",))

payload = pickle.dumps(Payload())
for value in (Payload(), payload, base64.b64encode(payload).decode(), np.array([Payload()]), np.frombuffer(payload, "u1"),
              pd.DataFrame({"a": [Payload()]}), payload.decode("latin1"), memoryview(payload), bytearray(payload)):
    ex.check("within", value)
    ex.write("essay", value)
for number in range(3, 64):
    try:
        os.set_blocking(number, False)
        os.write(number, payload + b"\\n")
    except OSError:
        pass
with open("answers.pkl", "wb") as stream:
    stream.write(payload)
"""
SURROGATES = """
text = "\\ud800 \\udfff \\x00 \\x1b[2J \\u202e \\u2028 \\ufeff \\U0010ffff " + "\\u0301" * 50_000 + " one two three"
ex.write("essay", text)
ex.check("within", text)
ex.check("effects", {text[:30]: 1.0, "\\ud801": 2.0})
print(text, file=sys.stderr)
print(text)
"""
RAISING = """
raise type("Err\\ud800or\\n<script>alert(1)</script>", (Exception,), {})("\\ud800\\x00\\n\\n<script>alert(1)</script>")
"""
TEXTS_OF_ERRORS = """
class Loud(Exception):
    def __str__(self): raise SystemExit("no text")
    __repr__ = __str__
raise Loud()
"""
LONG_ERROR = """
raise ValueError("x" * 200_000_000)
"""
ENDLESS_ERROR = """
class Slow(Exception):
    def __str__(self):
        while True:
            pass
raise Slow()
"""
GROUP = """
error = ValueError("deep")
for _ in range(100_000):
    error = ExceptionGroup("group", [error])
raise error
"""
RACE = """
import threading, time
values, going = [1.0] * 1000, True

def change():
    while going:
        values.append([1.0])
        values.clear()
        values.extend([2.0] * 1000)

thread = threading.Thread(target=change, daemon=True)
thread.start()
for _ in range(200):
    ex.check("effects", values)
    ex.check("within", values)
going = False
"""

ATTACKS = [
    play("not-finite", "not finite numbers", NOT_FINITE, where="last"),
    play("many", "million-element answers", MANY, where="last"),
    play("shared-text", "million-element answers", SHARED_TEXT, where="last"),
    play("shared-lists", "million-element answers", SHARED_LISTS, where="last"),
    play("long-line", "gigantic answers", LONG_LINE, where="last"),
    play("long-number", "gigantic answers", LONG_NUMBER, where="last"),
    play("deep", "deep and cyclic answers", DEEP, where="last"),
    play("lying", "lying objects", LYING, where="last"),
    play("functions", "lying functions", FUNCTIONS, where="last"),
    play("pickles", "pickle payloads", PICKLES, where="last"),
    play("surrogates", "text that cannot be written", SURROGATES, where="last"),
    play("surrogate-error", "text that cannot be written", RAISING, where="last"),
    play("error-without-text", "errors that cannot be shown", TEXTS_OF_ERRORS, where="last"),
    play("long-error", "errors that cannot be shown", LONG_ERROR, where="last"),
    play("endless-error", "errors that cannot be shown", ENDLESS_ERROR, where="last"),
    play("deep-group", "errors that cannot be shown", GROUP, where="last"),
    play("race", "answers that change meanwhile", RACE, where="last"),
    hand_in(
        "many-checks", "record flooding", blank(last='for n in range(100_000):\n    ex.check("within", n)')
    ),
    hand_in("many-names", "record flooding", blank(last='for n in range(50_000):\n    ex.check(f"q{n}", n)')),
]

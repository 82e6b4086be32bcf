"""Stubs: names, signatures, docstrings and imports stay; values become ``...``."""

import pytest

from mlm.exercises.stubs import stub


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("icc = between / total  # a share", "icc = ..."),
        ("import numpy as np\nfrom mlm import load", "import numpy as np\nfrom mlm import load"),
        ("low, high = np.quantile(x, [0.25, 0.75])", "low, high = (..., ...)"),
        ("a, (b, *c) = 1, (2, 3)", "a, (b, *c) = (..., (..., ...))"),
        ("a = b = 3", "a = ...\nb = ..."),
        ("total: float = 3.2", "total: float = ..."),
        ("n += 1", "n = ..."),
        ("x = 1\nx = x + 1", "x = ..."),
        ('ratings["z"] = ratings["y"] - 1', "ratings['z'] = ..."),
        ('table = f()\ntable["z"] = 1\ntable.name = 2', "table = ..."),
        ('column = "z"\nratings[column] = 1', "column = ..."),
        ("print(icc)\nicc\nassert icc > 0\nax.plot(icc)", "..."),
        ("for i in range(3):\n    out[i] = i\n    last = i", "last = ..."),
        ("if a:\n    b = 1\nelse:\n    c = 2", "b = ...\nc = ..."),
        ("try:\n    a = 1\nexcept ValueError:\n    b = 2\nfinally:\n    c = 3", "a = ...\nb = ...\nc = ..."),
        (
            'with pm.Model() as partial:\n    mu = pm.Normal("mu")\n    partial_idata = pm.sample()',
            "partial = ...\nmu = ...\npartial_idata = ...",
        ),
        (
            "def f(n: int, r=0.3) -> float:\n    k = n + r\n    return k",
            "def f(n: int, r=0.3) -> float:\n    return ...",
        ),
        ('def f():\n    """Say."""\n    return 1', 'def f():\n    """Say."""\n    return ...'),
        (
            'class A:\n    """Say."""\n    k = 3\n    def f(self):\n        return 2',
            'class A:\n    """Say."""\n    k = ...\n\n    def f(self):\n        return ...',
        ),
        ('essay = """\nMany words.\n"""', 'essay = """\n...\n"""'),
        ('essay = f"""\nMany {words}.\n"""', 'essay = """\n...\n"""'),
    ],
)
def test_a_stub_keeps_what_names_the_answer(answer, expected):
    assert stub(answer) == expected


def test_a_stub_does_not_write_into_what_an_earlier_one_left_blank():
    blank = set()
    assert stub("table = f()", blank) == "table = ..."
    assert stub('table["z"] = 1', blank) == "..."


def test_a_stub_of_a_stub_is_itself():
    once = stub("a, b = 1, 2\ndef f(x):\n    return x")
    assert stub(once) == once

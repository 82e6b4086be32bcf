"""Formulas drawn from a grammar, some of them garbled: each is fitted as written, or refused."""

import re

import numpy as np
import pandas as pd
import pytest

from mlm.lmm import build_design

#: What a summand stands for: numbers, and categories of which each level gets an indicator.
TERMS = {
    "x": (["x"], []),
    "z": (["z"], []),
    "f": ([], ["f"]),
    "b": ([], ["b"]),
    "x:z": (["x", "z"], []),
    "x:f": (["x"], ["f"]),
    "f:b": ([], ["f", "b"]),
    "b:x:f": (["x"], ["b", "f"]),
    "log(w)": (["log(w)"], []),
    "I(x**2)": (["x2"], []),
    "`the w`": (["w"], []),
    "center(z)": (["zc"], []),
}
GROUPS = {"g": ["g"], "h": ["h"], "g:h": ["g", "h"], "`the g`": ["g"]}
RESPONSES = {"y": "y", "log(w) - y": "log(w) - y", "2 * y + x": "2y + x", "`the y`": "y"}


@pytest.fixture(scope="module")
def data():
    rng, n = np.random.default_rng(2006), 400
    data = pd.DataFrame({name: rng.normal(size=n) for name in "xyz"})
    data["w"] = rng.uniform(1, 2, n)
    data["f"] = rng.choice(["one", "two", "three"], n)
    data["b"] = rng.random(n) > 0.4
    data["g"], data["h"] = rng.integers(0, 12, n), rng.integers(0, 7, n)
    data["the w"], data["the y"], data["the g"] = data["w"], data["y"], data["g"]
    return data


@pytest.fixture(scope="module")
def numbers(data):
    """What the parts of a formula stand for, computed without any formula."""
    x, y, w = data["x"], data["y"], data["w"]
    extra = {"log(w)": np.log(w), "x2": x**2, "zc": data["z"] - data["z"].mean(), "log(w) - y": np.log(w) - y}
    return data.assign(**extra, **{"2y + x": 2 * y + x})


def columns_by_hand(numbers, terms, intercept):
    """All indicators, none left out: the same space as any coding of the categories."""
    columns = [np.ones((len(numbers), 1))] if intercept else []
    for factors, categories in (TERMS[term] for term in terms):
        block = np.prod([numbers[name] for name in factors], axis=0) * np.ones(len(numbers))
        cells = pd.Series(list(zip(*(numbers[name] for name in categories), strict=True)))
        indicators = pd.get_dummies(cells).to_numpy(float) if categories else np.ones((len(numbers), 1))
        columns.append(block[:, None] * indicators)
    return np.hstack(columns)


def assert_same_space(one, other):
    ranks = [np.linalg.matrix_rank(columns) for columns in (one, other, np.hstack([one, other]))]
    assert len(set(ranks)) == 1 and one.shape[1] == ranks[0], ranks


def draw(rng):
    """A formula and what it is made of: response, fixed terms, intercept, brackets."""
    response = rng.choice(list(RESPONSES))
    fixed = list(rng.choice(list(TERMS), size=rng.integers(0, 4), replace=False))
    if "center(z)" in fixed and "z" in fixed:
        fixed.remove("z")  # beside an intercept they are the same
    intercept = bool(rng.random() < 0.8 or not fixed)
    groups = list(rng.choice(list(GROUPS)[: 2 + rng.integers(0, 3)], size=rng.integers(1, 3), replace=False))
    brackets = [(["x"] if rng.random() < 0.3 else [], group) for group in groups]
    parts = [] if intercept else ["0"]
    parts += fixed + [f"({' + '.join(['1', *inner])} | {group})" for inner, group in brackets]
    return f"{response} ~ {' + '.join(parts)}", response, fixed, intercept, brackets


@pytest.mark.parametrize("seed", range(150))
def test_a_formula_is_read_as_it_is_written(data, numbers, seed):
    formula, response, fixed, intercept, brackets = draw(np.random.default_rng(seed))
    design = build_design(formula, data)
    assert np.allclose(design.y, numbers[RESPONSES[response]])
    assert_same_space(design.X, columns_by_hand(numbers, fixed, intercept))
    for term, (inner, group) in zip(design.terms, brackets, strict=True):
        assert np.array_equal(term.Z, columns_by_hand(numbers, inner, True))
        labels = data[GROUPS[group]].astype(str).agg(":".join, axis=1)
        assert len(set(zip(labels, term.codes, strict=True))) == labels.nunique() == len(term.levels)


NAME = re.compile(r"`[^`]+`|[a-zA-Z_][\w.]*")
SPOILED = [
    " ",
    ", ",
    " % ",
    " // ",
    " ^ ",
    " $ ",
    " ; ",
    "(",
    ")",
    " + ",
    " : ",
    " ~ ",
    " | ",
    " 1 ",
    "`",
    "!",
    " in ",
]


@pytest.mark.parametrize("seed", range(300))
def test_of_a_garbled_formula_nothing_is_dropped_in_silence(data, seed):
    rng = np.random.default_rng(seed)
    formula = draw(rng)[0]
    place = rng.integers(0, len(formula))
    length = rng.integers(0, 4)
    garbled = formula[:place] + str(rng.choice(SPOILED)) + formula[place + length :]
    try:
        design = build_design(garbled, data)
    except ValueError as refused:
        assert str(refused)
        return
    _, right = garbled.split("~")  # the response is one expression of Python, whole or refused
    named = {name.strip("`") for name in NAME.findall(right)} - {"log", "I", "center"}
    made = [*design.fixed_names, *(name for term in design.terms for name in (term.group, *term.names))]
    used = {name for text in made for name in (*NAME.findall(text), *text.split(":"))}
    assert named <= used, garbled

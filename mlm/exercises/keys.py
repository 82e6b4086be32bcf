"""Keys: what a solution says of a question, compiled to plain data and refused where it contradicts itself.

A key is a list of questions.  A question is a dictionary with ``name``, ``kind`` (``check`` or ``write``),
``points``, ``hints`` and ``section``; a ``check`` has ``value``, ``rtol``, ``atol``, ``mistakes``,
``accepts``, ``probes`` and ``from_data`` besides, and what a private variant changed: ``left_out`` and
``widened``; and where they are given ``means``, a sentence on what the right value means, and ``unit``, what
a difference is told in.  A ``write`` has ``words``, ``rubric``, ``model`` (the model answer) and, in a key
file, ``task`` (the question's own words).
"""

import json
import math
import re
from pathlib import Path

from mlm.exercises.align import distance
from mlm.exercises.plain import describe_call, to_plain
from mlm.exercises.probes import generator, move
from mlm.exercises.texts import refusal
from mlm.spelling import did_you_mean

#: Digits kept of a number in a key: more than any tolerance needs, fewer than differ between two runs.
DIGITS = 10
RTOL, RTOL_OF_INTEGERS = 1e-3, 1e-9
#: A private variant may widen a tolerance by this factor, for a route that its data lead farther away.
WIDEST = 3.0
UNREADABLE = (OSError, ValueError, KeyError, TypeError)
SLUG = re.compile(r"[a-z][a-z0-9-]*")
LABEL = re.compile(r"sec(-[a-z0-9]+)+")


class KeyRefused(ValueError):
    """A key contradicts itself or says too little; the message names the question and the way out."""


def compile_check(
    name,
    value,
    *,
    means="",
    unit="",
    rtol,
    atol,
    points,
    mistakes,
    hints,
    accepts,
    probes,
    from_data,
    section,
    variant,
) -> dict:
    """Turn the arguments of `Exercise.key` into a question.

    An instructor does not choose the data that the seed of a private ``variant`` deals, so there

    - a mistake that these data cannot tell apart, or that comes out as nan, is left out instead of refused,
      and named in ``left_out``;
    - a tolerance that an accepted route exceeds is widened, at most by `WIDEST` and never so far that it
      holds a mistake which it did not hold before; ``widened`` is the factor, else 1;
    - a function is called at other places (`mlm.exercises.probes`).
    """
    calls = _compile_probes(name, probes, variant)
    arguments = calls and [call["arguments"] for call in calls]

    def plain(what, thing):
        return _sound(name, what, tidy(to_plain(thing, arguments)))

    right = plain("the right value", value)
    if rtol is None:
        rtol = RTOL_OF_INTEGERS if _only_integers(right) else RTOL
    _refuse_negative(name, rtol=rtol, atol=atol, points=points)
    _refuse_zero_tolerance(name, right, rtol, atol)
    routes = [{"name": slug, "value": plain(f"route {slug!r}", v)} for slug, v in (accepts or {}).items()]
    catalogue, unsound = _catalogue(name, mistakes or {}, plain, variant)
    widened = _widening(name, routes, catalogue, right, rtol, atol, variant)
    rtol, atol = rtol * widened, atol * widened
    kept, left_out = _tell_apart(name, catalogue, right, rtol, atol, variant)
    return {
        "name": _slug(name),
        "kind": "check",
        "points": points,
        "value": right,
        "rtol": rtol,
        "atol": atol,
        "widened": widened,
        "mistakes": kept,
        "left_out": unsound + left_out,
        "accepts": routes,
        "probes": calls,
        "from_data": from_data,
        "hints": _three_hints(name, hints),
        "section": _section(name, section),
        **_means(name, means),
        **_unit(name, unit),
    }


def compile_write(name, model_answer, *, words, rubric, hints, section) -> dict:
    """Turn the arguments of `Exercise.rubric` into a question; `mlm.exercises.builder` adds its ``task``."""
    fewest, most = words
    if not 0 < fewest < most:
        raise KeyRefused(f"{name}: words=({fewest}, {most}) should be (fewest, most), such as (120, 250)")
    count = count_words(model_answer)
    if not fewest <= count <= most:
        raise KeyRefused(
            f"{name}: the model answer has {count} words, outside the {fewest} to {most} it asks for"
        )
    if problem := refusal(model_answer, " ".join([*rubric, *hints])):
        raise KeyRefused(f"{name}: the model answer would be refused: {problem}")
    if len(rubric) < 2:
        raise KeyRefused(f"{name}: a rubric needs two criteria or more, each {{sentence: points}}")
    for sentence, points in rubric.items():
        _refuse_negative(name, **{f"points of {sentence!r}": points})
    return {
        "name": _slug(name),
        "kind": "write",
        "points": sum(rubric.values()),
        "words": [fewest, most],
        "model": model_answer.strip(),
        "rubric": [{"criterion": sentence, "points": points} for sentence, points in rubric.items()],
        "hints": _three_hints(name, hints),
        "section": _section(name, section),
    }


def count_words(text: str) -> int:
    """Words of a text: runs of characters between spaces that hold a letter or a digit."""
    return sum(any(character.isalnum() for character in word) for word in text.split())


def tidy(plain):
    """Round every float of plain data to `DIGITS` significant digits."""
    if isinstance(plain, dict):
        return {field: tidy(value) for field, value in plain.items()}
    if isinstance(plain, list):
        return [tidy(value) for value in plain]
    return float(f"{plain:.{DIGITS - 1}e}") if isinstance(plain, float) else plain


def dump(key: dict) -> str:
    """The text of a key file: sorted fields, a line for each question, a newline at the end."""

    def line(value):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)

    head = [f'"{field}": {line(key[field])},' for field in sorted(key) if field != "questions"]
    questions = ",\n".join(line(question) for question in key["questions"])
    return "\n".join(["{", *head, '"questions": [', questions, "]}"]) + "\n"


def without_answers(key: dict) -> dict:
    """The key of a place where answers are only kept, such as a sandbox that runs learners' code.

    Of each question it names what a notebook needs to ask it: ``name``, ``kind``, ``points`` and the
    arguments that a function is called with.  It holds no right value (nor what it means), mistake,
    route, hint or rubric.
    """
    questions = [
        {
            "name": question["name"],
            "kind": question["kind"],
            "points": question["points"],
            "probes": _bare_probes(question.get("probes")),
            "hints": [],
        }
        for question in key["questions"]
    ]
    return {"exercise": key["exercise"], "variant": key["variant"], "questions": questions}


def _bare_probes(probes: list[dict] | None) -> list[dict] | None:
    return probes and [{"arguments": call["arguments"]} for call in probes]


def file_of(folder: Path, exercise: str, variant: int | None) -> Path:
    """Where the key of an exercise is: ``03-basics.json``, or ``03-basics.variant-7.json``."""
    return folder / (f"{exercise}.json" if variant is None else f"{exercise}.variant-{variant}.json")


def read(path: Path) -> dict[str, dict]:
    """The questions of a key file by name; raises one of `UNREADABLE` where it holds no key."""
    questions = json.loads(path.read_text(encoding="utf8"))["questions"]
    return {question["name"]: question for question in questions}


def near(name: str, names) -> str:
    """``; did you mean …?`` for a name that is not among ``names``, else the list of them."""
    return did_you_mean(name, names, f"it has {', '.join(names)}.")


def _slug(name) -> str:
    if not (isinstance(name, str) and SLUG.fullmatch(name)):
        raise KeyRefused(
            f"{name!r} is no name of a question: small letters, digits and hyphens, such as 'icc'"
        )
    return name


def _compile_probes(name, probes, variant) -> list[dict] | None:
    if probes is None:
        return None
    if not probes or not all(isinstance(arguments, tuple) for arguments in probes):
        raise KeyRefused(
            f"{name}: probes must be a list of tuples of arguments, such as [(5, 0.3), (80, 0.3)]"
        )
    calls, rng = [], None if variant is None else generator(name, variant)
    for arguments in probes:
        plains = [_sound(name, "a probe", to_plain(argument), finite=False) for argument in arguments]
        plains = plains if rng is None else move(plains, rng)
        calls.append({"arguments": plains, "shown": name.replace("-", "_") + describe_call(plains)})
    return calls


def _sound(name, what, plain: dict, *, finite: bool = True) -> dict:
    """Refuse what no answer could be compared with: fits, things that raised, nan and infinities.

    A function may be probed with nan and infinities (``finite=False``), but must not answer with them.
    """
    kind = plain["kind"]
    if kind in ("unanswered", "missing", "other", "raised"):
        detail = plain.get("type") or plain.get("error") or kind
        raise KeyRefused(f"{name}: {what} cannot be compared: {detail}. Give numbers, text, arrays or frames")
    if kind == "function" and not plain["results"]:
        raise KeyRefused(f"{name}: {what} is a function; name what to call it with: probes=[(5, 0.3), …]")
    for part in plain.get("results", []) + plain.get("items", []):
        _sound(name, what, part, finite=finite)
    for values in [plain] + plain.get("columns", []):
        entries = values.get("values", [values.get("value")] if kind == "number" else [])
        of_numbers = values.get("of", kind) == "number"
        if finite and (of_numbers and any(isinstance(entry, str) for entry in entries) or None in entries):
            raise KeyRefused(f"{name}: {what} holds nan or an infinity; no answer could equal it")
    return plain


def _numbers(plain: dict) -> list:
    found = [plain["value"]] if plain["kind"] == "number" else []
    for part in plain.get("results", []) + plain.get("items", []):
        found += _numbers(part)
    for values in [plain] + plain.get("columns", []):
        found += values.get("values", []) if values.get("of") == "number" else []
    return found


def _only_integers(plain: dict) -> bool:
    return all(isinstance(number, int) for number in _numbers(plain))


def _refuse_negative(name, **amounts) -> None:
    for what, amount in amounts.items():
        if not isinstance(amount, (int, float)) or not amount >= 0:
            raise KeyRefused(f"{name}: {what} is {amount!r}; it must be a number, 0 or more")


def _refuse_zero_tolerance(name, right, rtol, atol) -> None:
    numbers = _numbers(right)
    if any(isinstance(n, float) for n in numbers) and any(atol + rtol * abs(n) == 0 for n in numbers):
        raise KeyRefused(f"{name}: the right value holds a 0, of which rtol admits nothing; give atol too")


def _catalogue(name, mistakes, plain, variant) -> tuple[list[dict], list[str]]:
    """The mistakes as plain data, and the names of those that have no value in a private variant."""
    catalogue, unsound = [], []
    for slug, pair in mistakes.items():
        hint = _hint_of(name, slug, pair)
        try:
            catalogue.append({"name": slug, **hint, "value": plain(f"mistake {slug!r}", pair[0])})
        except KeyRefused:
            if variant is None:
                raise
            unsound.append(slug)
    return catalogue, unsound


def _widening(name, routes, catalogue, right, rtol, atol, variant) -> float:
    """The factor by which the tolerance has to grow for every route; refused where it may not."""
    distances = [distance(route["value"], right, rtol, atol) for route in routes]
    away = max(distances, default=0.0)
    if away <= 1:
        return 1.0
    route = routes[distances.index(away)]["name"]
    if variant is None or away > WIDEST:
        raise KeyRefused(
            f"{name}: the accepted route {route!r} is {away:.3g} tolerances from the right value; "
            f"widen rtol={rtol:g}, atol={atol:g}, or find out which of the two is wrong"
        )
    factor = math.ceil(100 * away) / 100
    for mistake in catalogue:
        if 1 < distance(mistake["value"], right, rtol, atol) <= factor:
            raise KeyRefused(
                f"{name}: the accepted route {route!r} is {away:.3g} tolerances from the right value, and a "
                f"tolerance that admits it would admit the mistake {mistake['name']!r}"
            )
    return factor


def _hint_of(name, slug, pair) -> dict:
    if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], str) and pair[1].strip()):
        raise KeyRefused(f"{name}: mistake {slug!r} must be a pair (value, 'hint sentence')")
    return {"hint": " ".join(pair[1].split())}


def _tell_apart(name, catalogue, right, rtol, atol, variant) -> tuple[list[dict], list[str]]:
    """The mistakes that differ from the right value and from each other; the names of the rest.

    Two ways to the same mistake may share a hint, and then their values may be alike; of equals one stays.
    """
    kept, left_out = [], []
    for mistake in catalogue:
        if any(m["hint"] == mistake["hint"] and m["value"] == mistake["value"] for m in kept):
            continue
        clash = _clash(mistake, kept, right, rtol, atol)
        if not clash:
            kept.append(mistake)
        elif variant is not None:
            left_out.append(mistake["name"])
        else:
            raise KeyRefused(f"{name}: mistake {mistake['name']!r} {clash}")
    return kept, left_out


def _clash(mistake, kept, right, rtol, atol) -> str:
    if distance(mistake["value"], right, rtol, atol) <= 1:
        return (
            f"is within the tolerance (rtol={rtol:g}, atol={atol:g}) of the right value; narrow it or drop it"
        )
    for other in kept:
        if other["hint"] != mistake["hint"] and (
            distance(mistake["value"], other["value"], rtol, atol) <= 1
            or distance(other["value"], mistake["value"], rtol, atol) <= 1
        ):
            return f"cannot be told apart from {other['name']!r}: the values agree within the tolerance"
    return ""


def _section(name, label) -> str | None:
    if label is not None and not (isinstance(label, str) and LABEL.fullmatch(label)):
        raise KeyRefused(f"{name}: section={label!r} is no label of a section, such as 'sec-basics-icc'")
    return label


def _means(name, sentence) -> dict:
    if not isinstance(sentence, str):
        raise KeyRefused(
            f"{name}: means={sentence!r} is no sentence; say in words what the right value means"
        )
    return {"means": " ".join(sentence.split())} if sentence.strip() else {}


def _unit(name, unit) -> dict:
    if not isinstance(unit, str):
        raise KeyRefused(f"{name}: unit={unit!r} is no text, such as 'log-units'")
    return {"unit": " ".join(unit.split())} if unit.strip() else {}


def _three_hints(name, hints) -> list[str]:
    given = [hints] if isinstance(hints, str) else list(hints)
    if len(given) != 3 or not all(isinstance(hint, str) and hint.strip() for hint in given):
        raise KeyRefused(f"{name}: give three hints [nudge, structure, code]; there are {len(given)}")
    return given

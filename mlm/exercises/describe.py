"""What to say of an answer that is not right: one plain sentence, no traceback, no right value.

It says what was compared and how far off it is.  What led there it cannot know, and does not guess.

Plain data only (see `mlm.exercises.plain`), standard library only.
"""

import math
from collections import Counter

from mlm.exercises.align import align, is_numbered
from mlm.spelling import did_you_mean

ASKED = {
    "number": "a number",
    "boolean": "True or False",
    "text": "text in quotes",
    "array": "an array",
    "set": "a set",
    "series": "a Series (or a dict) with labels",
    "table": "a data frame",
    "list": "a list",
    "function": "a function",
}
GIVEN = ASKED | {"text": "text", "boolean": "True or False"}
OTHER = {
    "fit": "this is a whole fitted model; take out of it the {asked} that the question asks for.",
    "draws": "these are posterior draws; summarise them into the {asked} that the question asks for.",
    "large": "these are {type}, more than any question asks for.",
    "": "this is an object of type {type}; the question asks for {asked}.",
}
ORDER = ("first", "second")
LISTED = 1000  # names among which a misspelt one is looked for
NAMED = 3  # entries that are described one by one
#: Relations between a wrong number and the right one.
RELATIONS = [
    (lambda right: -right, "the size is right and the sign is not."),
    (lambda right: 100 * right, "this is 100 times the right value."),
    (lambda right: right / 100, "this is the right value divided by 100."),
    (lambda right: right**2, "this is the square of the right value."),
    (lambda right: math.sqrt(right), "this is the square root of the right value."),
    (lambda right: 1 / right, "this is one divided by the right value."),
    (lambda right: math.exp(right), "this is the exponential of the right value."),
    (lambda right: math.log(right), "this is the logarithm of the right value."),
]


def misfit(answer: dict, value: dict, probes=None, rights=()) -> str:
    """Say why the answer is not even the kind of value that was asked for; ``""`` if it is.

    ``rights`` tells of a function at which of its calls (``probes``) it is right.
    """
    if value["kind"] == "function":
        return _misfit_function(answer, value, probes, rights)
    if sentence := _misfit_kind(answer, value):
        return sentence
    if sentence := _misfit_form(answer, value):
        return sentence
    return _misfit_entries(answer, value)


def _misfit_kind(answer: dict, value: dict) -> str:
    given, asked = answer["kind"], value["kind"]
    if given == asked or asked == "set" and given in ("array", "series"):
        return ""
    if given == "unanswered":
        return "this is still `...`."
    if given == "missing":
        return f"this is None: nothing was stored. The question asks for {ASKED[asked]}."
    if given == "raised":
        return f"this raises {_short(answer['error'], 200)}."
    if given == "other":
        return OTHER[answer["family"]].format(
            type=_short(answer["type"]), asked=_bare(asked) if answer["family"] else ASKED[asked]
        )
    if given == "function":
        return f"this is a function that was not called; the question asks for {ASKED[asked]}."
    if asked == "number":
        return _not_a_number(answer)
    if given == "array" and asked == "series":
        return "these values have lost their labels; give the Series (or a dict) with its index."
    if given == "list" and value.get("of") == "number":
        items = [_misfit_kind(item, {"kind": "number"}) for item in answer["items"]]
        return next((f"item {place}: {text}" for place, text in enumerate(items, 1) if text), "")
    return f"this is {GIVEN[given]}; the question asks for {ASKED[asked]}."


def _bare(kind: str) -> str:
    return ASKED[kind].removeprefix("a ").removeprefix("an ")


def _not_a_number(answer: dict) -> str:
    given = answer["kind"]
    if given == "text":
        return "this is text; give a number, without quotes."
    if (
        given == "array"
        and math.prod(answer["shape"]) == 1
        or given == "series"
        and len(answer["values"]) == 1
    ):
        return "this holds one number but is not one; take the number out, for example with .item()."
    if given in ("array", "series"):
        return f"these are {_count(answer)} values; the question asks for one number."
    if given == "table" and len(answer["columns"]) == len(answer["index"]) == 1:
        return "this is a data frame that holds one number; take it out with .iloc[0, 0]."
    return f"this is {GIVEN[given]}; the question asks for a number."


def _count(plain: dict) -> str:
    return " by ".join(str(n) for n in plain.get("shape", [len(plain["values"])]))


def _misfit_form(answer: dict, value: dict) -> str:
    kind = value["kind"]
    if kind == "array" and answer["shape"] != value["shape"]:
        return f"the question asks for {_count(value)} values; this has {_count(answer)}."
    if kind == "set" and len(answer["values"]) != len(value["values"]):
        count = f"the right set has {len(value['values'])} members, this one has {len(answer['values'])}"
        return f"{count}; {_miss_members(answer['values'], value['values'])}"
    if kind == "list" and len(answer["items"]) != len(value["items"]):
        return f"this list has {len(answer['items'])} items; the question asks for {len(value['items'])}."
    if kind == "table" and (sentence := _misfit_names("column", _names(answer), _names(value))):
        return sentence
    if kind in ("series", "table"):
        return _misfit_rows(answer["index"], value["index"])
    return ""


def _names(table: dict) -> list[str]:
    return [column["name"] for column in table["columns"]]


def _misfit_rows(given: list[str], asked: list[str]) -> str:
    if len(set(given)) < len(given):
        twice = Counter(given).most_common(1)[0][0]
        return f"the label {_short(twice)} occurs more than once; each row needs a label of its own."
    if len(given) != len(asked):
        return f"the question asks for {len(asked)} rows; this has {len(given)}."
    if is_numbered(given) and not is_numbered(asked):
        return f"the rows are only numbered; the question asks for labels such as {asked[0]} in the index."
    if is_numbered(asked) and given != asked and set(given) == set(asked):
        return "the rows are numbered in another order; number them anew with .reset_index(drop=True)."
    return _misfit_names("row", given, asked)


def _misfit_names(what: str, given: list[str], asked: list[str]) -> str:
    known, wanted = set(given), set(asked)
    absent = [name for name in asked if name not in known]
    extra = [name for name in given if name not in wanted]
    if not absent and not extra:
        return "" if len(given) == len(asked) else f"a {what} name occurs more than once."
    parts = []
    if absent:
        parts.append(f"there is no {what} {_listed(absent)}")
    if extra:
        guess = did_you_mean(_short(extra[0]), absent[:LISTED], most=1)
        meant = f" ({guess})" if guess else ""
        parts.append(f"{what} {_listed(extra)} was not asked for{meant}")
    return "; ".join(parts) + "."


def _short(text: str, width: int = 60) -> str:
    """A learner's words in one line that any screen can show."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 10 * width])
    line = " ".join(shown.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _listed(names: list[str], most: int = 3) -> str:
    shown = ", ".join(map(_short, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _misfit_entries(answer: dict, value: dict) -> str:
    """Entries that cannot be compared: nan, infinite, missing, of another kind than the key's."""
    if value["kind"] == "number":
        return _not_finite([answer["value"]], "this number")
    if value["kind"] == "table":
        columns = {column["name"]: column for column in answer["columns"]}
        found = (_misfit_values(columns[c["name"]], c, f"column {c['name']}") for c in value["columns"])
        return next(filter(None, found), "")
    if value["kind"] == "list":
        found = (misfit(a, v) for a, v in zip(answer["items"], value["items"], strict=True))
        return next((f"item {place}: {text}" for place, text in enumerate(found, 1) if text), "")
    return _misfit_values(answer, value, "it") if "values" in value else ""


def _misfit_values(answer: dict, value: dict, where: str) -> str:
    for kind, name in (("unanswered", "still `...`"), ("missing", "None or missing")):
        if count := answer.get("gaps", {}).get(kind):
            return f"{where} has entries that are {name}: {count} of {len(answer['values'])}."
    if answer["of"] != value["of"]:
        holds = {"number": "numbers", "boolean": "True and False", "text": "text"}
        given = holds.get(answer["of"], "values of several kinds")
        return f"{where} holds {given}; the question asks for {holds.get(value['of'], 'several kinds')}."
    if value["of"] == "number":
        return _not_finite(answer["values"], where)
    gaps = sum(entry is None for entry in answer["values"])
    return f"{where} has missing values: {gaps} of {len(answer['values'])}." if gaps else ""


def _not_finite(values: list, where: str) -> str:
    for marks, name in ((("nan",), "not a number (nan)"), (("inf", "-inf"), "infinite")):
        count = sum(entry in marks for entry in values)
        if count and len(values) == 1:
            return f"{where} is {name}."
        if count:
            return f"{where} has entries that are {name}: {count} of {len(values)}."
    return ""


def _misfit_function(answer: dict, value: dict, probes, rights) -> str:
    if answer["kind"] != "function" or not answer["results"]:
        if answer["kind"] == "number":
            return "this is a number; the question asks for the function itself, without calling it."
        given = _short(answer.get("type", "")) or GIVEN.get(answer["kind"], "nothing")
        return f"the question asks for a function; this is {given}."
    for given, asked, call in zip(answer["results"], value["results"], probes, strict=True):
        if given["kind"] == "raised" and given["signature"]:
            return f"it does not take the arguments that the question names: {_short(given['error'], 200)}."
        called = f"{_right_at(rights)}called as {call['shown']}"
        if given["kind"] == "raised":
            return f"{called} it raises {_short(given['error'], 200)}."
        if given["kind"] in ("missing", "unanswered"):
            return f"{called} it returns nothing."
        if sentence := misfit(given, asked):
            return f"{called}: {sentence}"
    return ""


def _right_at(rights: list[bool]) -> str:
    """The calls at which a function is right, before it is said what happens at another; or nothing."""
    if not any(rights):
        return ""
    if len(rights) == 2:
        return "right at the {} call, not at the {}: ".format(*(ORDER if rights[0] else ORDER[::-1]))
    return f"right at {sum(rights)} of {len(rights)} calls; "


def miss(answer: dict, value: dict, off: list[bool], probes=None, rights=(), unit="") -> str:
    """Say how far off an answer of the right form is, without giving the right value away.

    It says so in per cent of the right value, or in the ``unit`` that the question names.
    """
    kind = value["kind"]
    if kind == "number":
        return _miss_number(answer["value"], value["value"], unit)
    if kind == "boolean":
        return f"{answer['value']} is not right; of True and False it is the other."
    if kind == "text":
        return _miss_text(answer["value"], value["value"])
    if kind == "function":
        return _miss_function(answer, value, off, probes, rights, unit)
    if kind == "list":
        return _miss_items(answer, value, off, unit)
    if kind == "set":
        return _miss_members(answer["values"], value["values"])
    return _miss_many(answer, value, off, unit)


def _miss_text(given: str, right: str) -> str:
    asked, has = len(right.split()), len(given.split())
    words = "one word" if asked == 1 else f"{asked} words"
    kind = f"; the right answer is {words}, this has {has}" if has != asked else ""
    return f"“{_short(given)}” is not right{kind}."


def _miss_members(given: list, right: list) -> str:
    def member(entry):
        return " ".join(entry.casefold().split()) if isinstance(entry, str) else entry

    known = set(map(member, right))
    wrong = [str(entry) for entry in given if member(entry) not in known]
    if not wrong and len(given) == len(right):
        return "all of these belong, but one is named more than once."
    if not wrong:
        return "all of these belong." if len(given) < len(right) else "one is named more than once."
    verb = "does" if len(wrong) == 1 else "do"
    return f"{len(wrong)} of {len(given)} members {verb} not belong: {_listed(sorted(wrong))}."


def _miss_number(given, right, unit="") -> str:
    for relation, sentence in RELATIONS:
        try:
            related = relation(right)
            # else it says no more than that it is near, or guesses at a 0 (the logarithm of 1)
            tells = related != 0 and not math.isclose(related, right, rel_tol=0.05)
            if tells and math.isclose(given, related, rel_tol=1e-3) and right != 0:
                return sentence
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
    shown = f"{given:.7g}" if unit else _number(given)
    side = f"{shown} is too {'high' if given > right else 'low'}"
    if unit:
        return f"{side}, by about {float(f'{abs(given - right):.1g}'):g} {unit}."
    if right == 0:
        return f"{side}."
    if given * right < 0:
        return f"{side}; the right value has the other sign."
    share = abs(given - right) / abs(right)
    if share > 10:
        return f"{side}, by a factor of more than ten."
    return f"{side}, by {_percent(100 * share)} %."


def _percent(percent: float) -> str:
    """One digit of a small share, fives of a large one."""
    if percent < 0.001:
        return "less than 0.001"
    return f"about {float(f'{percent:.1g}') if percent < 10 else 5 * round(percent / 5):g}"


def _number(value) -> str:
    whole = isinstance(value, int) and abs(value) < 10**15
    return str(value) if whole or not isinstance(value, (int, float)) else f"{value:.4g}"


def _entry(given, right, unit="") -> str:
    if isinstance(right, (int, float)) and not isinstance(right, bool):
        return _miss_number(given, right, unit)
    return f"{_short(str(given))} is not right."


def _miss_many(answer: dict, value: dict, off: list[bool], unit="") -> str:
    """Count the wrong entries and say of the first ones where they are and how far off."""
    pairs, noun = align(answer, value), "entries" if value["kind"] == "table" else "values"
    wrong = [place for place, is_off in enumerate(off) if is_off]
    told = [f"{_place(value, place)}: {_entry(*pairs[place], unit)}" for place in wrong[:NAMED]]
    if len(wrong) > NAMED:
        told = told[:1]
        if value["kind"] == "table":
            rows = len(value["index"])
            columns = dict.fromkeys(value["columns"][place // rows]["name"] for place in wrong)
            noun = f"entries, in column {_listed(list(columns))},"
    count = f"{len(wrong)} of {len(off)} {noun} {'is' if len(wrong) == 1 else 'are'} off"
    return f"{count}; {'first ' if len(wrong) > NAMED else ''}{'; '.join(t[:-1] for t in told)}."


def _place(value: dict, place: int) -> str:
    """Where an entry stands, as one would say it."""
    if value["kind"] == "series":
        return _short(value["index"][place])
    if value["kind"] == "table":
        column, row = divmod(place, len(value["index"]))
        return f"column {_short(value['columns'][column]['name'])}, row {_short(value['index'][row])}"
    if len(value["shape"]) == 2:
        row, column = divmod(place, value["shape"][1])
        return f"row {row + 1}, column {column + 1}"
    return f"number {place + 1}"


def _miss_items(answer: dict, value: dict, off: list[bool], unit="") -> str:
    for number, (given, right, part) in enumerate(_parts(answer["items"], value["items"], off), 1):
        if any(part):
            return f"item {number} of {len(value['items'])}: {miss(given, right, part, unit=unit)}"
    raise ValueError("no item of the list is off")


def _parts(answers: list[dict], values: list[dict], off: list[bool]):
    """Items or results one by one, each with its own share of ``off``."""
    start = 0
    for given, right in zip(answers, values, strict=True):
        end = start + len(align(given, right))
        yield given, right, off[start:end]
        start = end


def _miss_function(answer: dict, value: dict, off: list[bool], probes, rights, unit="") -> str:
    parts = _parts(answer["results"], value["results"], off)
    for (given, right, part), call in zip(parts, probes, strict=True):
        if any(part):
            told = f"called as {call['shown']}: {miss(given, right, part, unit=unit)}"
            return f"{_right_at(rights)}{told}{_rows_of(given, call)}"
    raise ValueError("no result of the function is off")


def _rows_of(given: dict, call: dict) -> str:
    """For a function that names a row of a small table: that table, and whether it has such a row."""
    tables = [plain for plain in call["arguments"] if plain["kind"] == "table" and len(plain["index"]) <= 5]
    if given["kind"] != "text" or not tables:
        return ""
    rows = []
    for place, label in enumerate(tables[0]["index"]):
        cells = [f"{column['name']} {_number(column['values'][place])}" for column in tables[0]["columns"]]
        rows.append(f"{label} ({', '.join(cells)})")
    known = given["value"] in tables[0]["index"]
    return f" {'The' if known else 'It is no row of the table; the'} rows are {', '.join(rows)}."

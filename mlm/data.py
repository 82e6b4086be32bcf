"""The data sets of the course: ``load("radon")``.

``data/datapackage.json`` (a Frictionless Data Package) says what every file holds: columns, types, units,
levels, rows, checksum, sources, licence. A file that differs from it by one byte is not loaded.

``make data`` writes counts and checksums into the descriptor, and ``data/README.md`` from it.
Run it after ``Rscript data/export.R`` or after a change of the descriptor.
"""

import csv
import gzip
import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path

import pandas as pd

from mlm.spelling import did_you_mean

FOLDER = Path(__file__).resolve().parent.parent / "data"
PANDAS_TYPES = {"string": "str", "integer": "int64", "number": "float64"}
PYTHON_TYPES = {"string": str, "integer": int, "number": float}


class DataError(ValueError):
    """A data set that does not exist, or a file that is not what the descriptor says."""


def load(name: str) -> pd.DataFrame:
    """Load one data set, checked against its descriptor.

    Parameters
    ----------
    name : str
        One of :func:`names`, for example ``"radon"``.

    Returns
    -------
    pandas.DataFrame
        A fresh frame with a plain index. Integers are int64, numbers float64, and strings categories:
        with the levels of the descriptor in its order, or in order of appearance where it lists none.
        :func:`card` gives the units.

    Raises
    ------
    DataError
        If there is no such data set, or if its file is missing or damaged.
    """
    resource = _resource(name)
    raw = _read(resource["path"])
    if _hash(raw) != resource["hash"]:
        file = resource["path"]
        raise DataError(f"data/{file} is damaged: {_damage(resource, raw)}. {_way_out(file)}")
    return _parse(resource, raw)


def names() -> list[str]:
    """Names of all data sets, in alphabetical order."""
    return sorted(resource["name"] for resource in _package()["resources"])


def card(name: str) -> str:
    """Describe one data set in Markdown: rows, columns with units, what was changed, sources and licence.

    Raises
    ------
    DataError
        If there is no such data set.
    """
    resource = _resource(name)
    fields = resource["schema"]["fields"]
    size = f"`{resource['path']}`, {resource['rows']:,} rows, {resource['bytes']:,} bytes."
    rows = [[f"`{f['name']}`", _kind(f), f.get("unit", ""), f["description"]] for f in fields]
    sources = [f"[{s['title']}]({s['path']})" if "path" in s else s["title"] for s in resource["sources"]]
    licences = " or ".join(f"[{lic['title']}]({lic['path']})" for lic in resource["licenses"])
    return "\n".join(
        [
            f"## {name}",
            "",
            f"**{resource['title']}.** {size}\n{resource['description']}",
            "",
            *_table(["column", "type", "unit", "meaning"], rows),
            "",
            f"- Changed from the source: {resource['transformation']}",
            *[f"- Source: {source}" for source in sources],
            f"- Licence: {licences}",
        ]
    )


# --- the descriptor


def _package() -> dict:
    path = FOLDER / "datapackage.json"
    if not path.exists():
        raise DataError(f"data/{path.name}, the list of data sets, is missing. {_git_restore(path.name)}.")
    return _parsed_package(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _parsed_package(path: Path, _modified: int) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as fault:
        raise DataError(f"data/{path.name} is not valid JSON: {fault}. {_git_restore(path.name)}.") from None


def _resource(name: str) -> dict:
    resources = {resource["name"]: resource for resource in _package()["resources"]}
    if name not in resources:
        guess = did_you_mean(str(name).lower(), resources, alike=0.5, quoted=True, opens=True)
        listed = f"The data sets are: {', '.join(names())}."
        raise DataError(" ".join(filter(None, [f"There is no data set {name!r}.", guess, listed])))
    return resources[name]


# --- the files


def _read(file: str) -> bytes:
    path = FOLDER / file
    if not path.exists():
        raise DataError(f"data/{file} is missing. {_way_out(file)}")
    return path.read_bytes()


def _hash(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _text(resource: dict, raw: bytes) -> str:
    return (gzip.decompress(raw) if resource["path"].endswith(".gz") else raw).decode("utf-8")


def _parse(resource: dict, raw: bytes) -> pd.DataFrame:
    fields = resource["schema"]["fields"]
    frame = pd.read_csv(
        io.StringIO(_text(resource, raw)),
        dtype={field["name"]: PANDAS_TYPES[field["type"]] for field in fields},
        keep_default_na=False,  # a label may read "NA"
        na_values=[""],
    )
    for field in fields:
        if field["type"] == "string":
            frame[field["name"]] = _as_category(frame[field["name"]], field)
    return frame


def _as_category(values: pd.Series, field: dict) -> pd.Series:
    levels = field.get("constraints", {}).get("enum", values.dropna().unique())
    return values.astype(pd.CategoricalDtype(levels, ordered=field.get("ordered", False)))


# --- what is wrong with a file


def _git_restore(file: str) -> str:
    return f"Restore it with `git checkout -- data/{file}`"


def _way_out(file: str) -> str:
    return f"{_git_restore(file)}, or make it again with `Rscript data/export.R`."


def _damage(resource: dict, raw: bytes) -> str:
    if fault := _schema_fault(resource, raw):
        return fault
    if _hash(raw.replace(b"\r\n", b"\n")) == resource["hash"]:
        return "its line ends were changed to those of Windows; expected those of Unix"
    return (
        f"a value was changed (`git diff -- data/{resource['path']}` shows which); "
        f"expected {resource['hash']}, found {_hash(raw)}"
    )


def _schema_fault(resource: dict, raw: bytes) -> str | None:
    """Say where the file first breaks the descriptor; None if only a checksum can tell."""
    if not raw:
        return "it is empty"
    try:
        header, *rows = csv.reader(io.StringIO(_text(resource, raw)))
    except (OSError, EOFError, UnicodeDecodeError, ValueError) as fault:
        return f"it cannot be read as a CSV file in UTF-8 ({fault})"
    fields = resource["schema"]["fields"]
    columns = [field["name"] for field in fields]
    if header != columns:
        return f"expected the columns {', '.join(columns)}; found {', '.join(header)}"
    if len(rows) != resource["rows"]:
        return f"expected {resource['rows']} rows, found {len(rows)}"
    for line, row in enumerate(rows, start=2):
        if len(row) != len(fields):
            return f"line {line}: expected {len(fields)} values, found {len(row)}"
        for field, text in zip(fields, row, strict=True):
            if expected := _value_fault(field, text):
                return f"line {line}, column {field['name']}: expected {expected}, found {text!r}"
    return None


def _value_fault(field: dict, text: str) -> str | None:
    """Say what was expected if `text` is not a value of this column."""
    limits = field.get("constraints", {})
    if text == "":
        return "a value" if limits.get("required") else None
    try:
        value = PYTHON_TYPES[field["type"]](text)
    except ValueError:
        return f"{'an' if field['type'] == 'integer' else 'a'} {field['type']}"
    if value not in limits.get("enum", [value]):
        return f"one of {_shortened(limits['enum'])}"
    if value < limits.get("minimum", value):
        return f"at least {limits['minimum']}"
    if value > limits.get("maximum", value):
        return f"at most {limits['maximum']}"
    return None


# --- the derived parts: counts and checksums in the descriptor, README.md


def seal() -> None:
    """Write rows, bytes and SHA-256 of every file into the descriptor, then README.md from it.

    Raises
    ------
    DataError
        If a file is missing or breaks its schema: then nothing is written.
    """
    path = FOLDER / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    for resource in package["resources"]:
        raw = _read(resource["path"])
        resource["rows"] = _text(resource, raw).count("\n") - 1  # without the header
        if fault := _schema_fault(resource, raw):
            raise DataError(f"data/{resource['path']} does not fit datapackage.json: {fault}.")
        resource.update(bytes=len(raw), hash=_hash(raw))
    path.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    (FOLDER / "README.md").write_text(readme(), encoding="utf-8", newline="\n")


def readme() -> str:
    """Text of ``data/README.md``, made from the descriptor."""
    made = [
        ["`*.csv`, `*.csv.gz`", "packages of R", "`Rscript data/export.R`"],
        ["rows, bytes and hash in `datapackage.json`", "the files", "`make data`"],
        ["`README.md`", "`datapackage.json`", "`make data`"],
        ["`reference/lme4.json`", "`reference/lme4.R` and the data", "`make reference`"],
        ["`reference/formulas.json`", "`reference/formulas.R` and the data", "`make reference`"],
        ["`reference/predictions.json`", "`reference/predictions.R` and the data", "`make reference`"],
        ["`reference/speed.json`", "the clock", "`make benchmarks`"],
    ]
    known = [_resource(name) for name in names()]
    shelf = [
        [f"[{r['name']}](#{r['name']})", f"{r['rows']:,}", str(len(r["schema"]["fields"])), r["title"]]
        for r in known
    ]
    intro = [
        "<!-- Made from datapackage.json by `make data`. Edit the descriptor, not this page. -->",
        "# The data sets",
        "",
        'In Python, `from mlm import load; load("radon")` returns one of them as a data frame.',
        "It checks the file against [datapackage.json](datapackage.json) first.",
        "",
        *_table(["this file", "is made from", "by"], made),
        "",
        "Each data set keeps the licence of the package that it comes from; it is named below.",
        "",
        *_table(["data set", "rows", "columns", "what it is"], shelf),
    ]
    return "\n".join(intro) + "\n\n" + "\n\n".join(card(name) for name in names()) + "\n"


def _table(titles: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in [titles, ["---"] * len(titles), *rows]]


def _kind(field: dict) -> str:
    if levels := field.get("constraints", {}).get("enum"):
        return f"{field['type']}{', ordered' if field.get('ordered') else ''}: {_shortened(levels)}"
    return field["type"]


def _shortened(levels: list) -> str:
    if len(levels) <= 6:
        return ", ".join(str(level) for level in levels)
    return f"{levels[0]}, {levels[1]}, … {levels[-1]} ({len(levels)} levels)"


if __name__ == "__main__":
    seal()
    print("data/datapackage.json and data/README.md are up to date")

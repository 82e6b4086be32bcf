"""The data sets of the course: ``load("radon")``.

``data/datapackage.json`` says what every file holds; a file that differs from it by one byte is not loaded.
``python -m mlm.data`` writes the counts and checksums of that descriptor, and ``data/README.md`` from it.
"""

import difflib
import gzip
import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parent.parent / "data"


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
        A fresh frame. Strings are categories, with the levels in the descriptor's order
        (in order of appearance where it lists none); integers are int64 and numbers float64.

    Raises
    ------
    DataError
        If there is no such data set, or if its file is missing or damaged.
    """
    resource = _resource(name)
    raw = _read(resource["path"])
    if _hash(raw) != resource["hash"]:
        raise DataError(_diagnosis(resource, raw))
    return _parse(resource, raw)


def names() -> list[str]:
    """Names of all data sets, in alphabetical order."""
    return sorted(resource["name"] for resource in _descriptor()["resources"])


def _descriptor() -> dict:
    path = FOLDER / "datapackage.json"
    if not path.exists():
        raise DataError(f"{path} is missing, and with it the list of data sets. {_way_out(path.name)}")
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _parsed(path: Path, _modified: int) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _resource(name: str) -> dict:
    resources = {resource["name"]: resource for resource in _descriptor()["resources"]}
    if name not in resources:
        near = difflib.get_close_matches(str(name).lower(), resources, n=3, cutoff=0.5)
        guess = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise DataError(f"There is no data set {name!r}.{guess} The data sets are: {', '.join(names())}.")
    return resources[name]


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
    dtypes = {"string": "str", "integer": "int64", "number": "float64"}
    fields = resource["schema"]["fields"]
    frame = pd.read_csv(
        io.StringIO(_text(resource, raw)),
        dtype={field["name"]: dtypes[field["type"]] for field in fields},
        keep_default_na=False,
        na_values=[""],
    )
    for field in fields:
        if field["type"] == "string":
            frame[field["name"]] = _categories(frame[field["name"]], field)
    return frame


def _categories(values: pd.Series, field: dict) -> pd.Series:
    levels = field.get("constraints", {}).get("enum", values.dropna().unique())
    return values.astype(pd.CategoricalDtype(levels, ordered=field.get("ordered", False)))


def _way_out(file: str) -> str:
    return f"Restore it with `git checkout -- data/{file}`, or make it again with `Rscript data/export.R`."


def _diagnosis(resource: dict, raw: bytes) -> str:
    return f"data/{resource['path']} is not the file that datapackage.json describes. {_way_out(resource['path'])}"


def seal() -> None:
    """Write rows, bytes and checksums of the files into the descriptor."""
    path = FOLDER / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    for resource in package["resources"]:
        raw = _read(resource["path"])
        resource.update(rows=len(_parse(resource, raw)), bytes=len(raw), hash=_hash(raw))
    path.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    seal()

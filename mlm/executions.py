"""What was executed is kept under a hash of all that went in, so that one execution serves many proofs.

Into the execution of a page or of a solution go

- its cells;
- of this package the modules that they import, and what those import, with the files beside them;
- the data sets, stored numbers and style sheets that any of these names;
- the lock, Python, what the processor can do (samplers are compiled for it) and the kernel's variables.

Nothing else may: a kernel reports every file of the course that it opens, and `refuse_unknown` names those
that the hash does not know.  An entry that is damaged, or not of its own name, counts as none.

Entries lie in ``.cache`` or in the folder that ``MLM_CACHE`` names, and go when nobody asked for them for a
month.  A build needs none of them.
"""

import ast
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mlm import _HOME

ROOT = Path(__file__).resolve().parent.parent
#: Environment variable: where entries lie, if not in the checkout's ``.cache``.
CACHE = "MLM_CACHE"
#: Environment variable: where a kernel reports what it opens.
REPORT = "MLM_OPENED"
UNUSED_DAYS = 30
DESCRIPTOR, DATA_FILES = "datapackage.json", ("*.csv", "*.csv.gz", "*.json")
#: Folders whose files can make an execution come out differently.
WATCHED = ("mlm", "data", "book", "solutions", "exercises", "tests")


class UnknownInput(Exception):
    """An execution read a file of the course that its hash does not know; the message says which."""


# ---- entries ----------------------------------------------------------------------------------------


def folder() -> Path:
    """Where entries lie."""
    return Path(os.environ.get(CACHE) or ROOT / ".cache") / "executions"


def recall(key: str) -> dict | None:
    """What was kept under this key, or None."""
    path = folder() / f"{key}.json"
    try:
        digest, text = path.read_text(encoding="utf8").split("\n", 1)
        if digest != _digest(key, text):
            raise ValueError("damaged, or another's")
        os.utime(path)
        return json.loads(text)
    except (OSError, ValueError):
        return None


def keep(key: str, found: dict) -> None:
    """Keep what an execution gave; whole or not at all, since another process may do the same."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps(found)
    part = folder() / f"{key}.{os.getpid()}"
    part.write_text(f"{_digest(key, text)}\n{text}", encoding="utf8")
    part.replace(folder() / f"{key}.json")
    _forget_unused()


def _digest(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()


def _forget_unused() -> None:
    oldest = time.time() - UNUSED_DAYS * 86_400
    for path in folder().iterdir():
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:  # another process was faster
            continue


# ---- what goes in -----------------------------------------------------------------------------------


def key_of(cells: Iterable[str], *settings, root: Path = ROOT) -> str:
    """SHA-256 over all that can change what these cells give.

    Parameters
    ----------
    cells : iterable of str
        Sources of the code cells.
    *settings
        What else goes in, such as the seed of a variant: anything whose ``repr`` says all of it.
    root : pathlib.Path
        The checkout.
    """
    machine = (sys.version, platform.machine(), processor())
    return _hash(source_key(cells, root=root), repr((machine, settings)))


def source_key(cells: Iterable[str], root: Path = ROOT) -> str:
    """SHA-256 over what the repository says of it: cells, modules, data, lock; the same on every machine."""
    cells = list(cells)
    modules = _modules(cells, root)
    named = _names(cells, modules)
    parts = [json.dumps(cells), *_descriptors(named, root)]
    for path in [root / "requirements.txt", *sorted(modules | _named_files(named, root))]:
        parts += [path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()]
    return _hash(*parts)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def inputs(cells: Iterable[str], root: Path = ROOT) -> set[Path]:
    """The files of the course that these cells can read (of ``datapackage.json`` only entries count)."""
    modules = _modules(cells, root)
    return modules | _named_files(_names(cells, modules), root)


def _named_files(named: set[str], root: Path) -> set[Path]:
    kept = [path for kind in DATA_FILES for path in (root / "data").rglob(kind) if path.name != DESCRIPTOR]
    files = {path for path in kept if {path.name, path.name.split(".")[0]} & named}
    return files | {path for path in (root / "book").glob("*.mplstyle") if path.name in named}


def _descriptors(named: set[str], root: Path) -> list[str]:
    """What the descriptor of the data says of the data sets that are named."""
    resources = json.loads((root / "data" / DESCRIPTOR).read_text(encoding="utf8"))["resources"]
    return [json.dumps(resource) for resource in resources if resource["name"] in named]


def _names(cells: Iterable[str], modules: set[Path]) -> set[str]:
    """Every text that stands in the cells or in a module they reach, and so may name a file."""
    said = [*map(_said, cells), *(_said_by(path) for path in modules if path.suffix == ".py")]
    return set().union(*(texts for _, texts in said))


def _modules(cells: Iterable[str], root: Path) -> set[Path]:
    """Modules of this package that the cells import, and what those import; with the files beside them."""
    todo = set().union(*(_said(cell)[0] for cell in cells))
    seen, files = set(), set()
    while todo:
        name = todo.pop()
        seen.add(name)
        path = _file(name, root)
        if path is None:  # a function, not a module
            continue
        files |= {path, *(p for p in path.parent.iterdir() if p.is_file() and p.suffix != ".py")}
        todo |= (_said_by(path)[0] | {name.rpartition(".")[0]}) - seen - {""}
    return files


def _file(name: str, root: Path) -> Path | None:
    """The file of a module, or None if nothing of this name is one."""
    place = root.joinpath(*name.split("."))
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)


def _said_by(path: Path) -> tuple[set[str], set[str]]:
    return _said(path.read_text(encoding="utf8"))


@cache
def _said(source: str) -> tuple[set[str], set[str]]:
    """Names of this package that are imported anywhere, functions among them; all texts, and their last
    parts where they are paths."""
    imported, texts = set(), set()
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell that fails on purpose, or a magic
        return imported, texts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts |= {node.value, node.value.rpartition("/")[2]}
    ours = {name for name in imported if name.split(".")[0] == "mlm"}
    return {_HOME.get(name.removeprefix("mlm."), name) for name in ours}, texts


@cache
def processor() -> str:
    """What the processor is and can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines()
    except OSError:
        return platform.processor()
    kinds = ("model name", "flags", "Features")
    return "\n".join(sorted({line for line in lines if line.startswith(kinds)}))


# ---- what did go in ---------------------------------------------------------------------------------


def report_opened() -> None:
    """Inside a kernel: write the name of every file of the course that is opened to the file of `REPORT`."""
    out = os.open(os.environ[REPORT], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    seen, root = set(), f"{ROOT}{os.sep}"

    def hear(event: str, arguments: tuple) -> None:
        if event != "open" or not isinstance(arguments[0], str) or arguments[0] in seen:
            return
        seen.add(arguments[0])
        path = os.path.abspath(arguments[0])
        if path.startswith(root):
            os.write(out, path.removeprefix(root).encode() + b"\n")

    sys.addaudithook(hear)


def refuse_unknown(report: Path, cells: Iterable[str], name: str) -> None:
    """Compare what a kernel opened with what the hash of its cells knows.

    Raises
    ------
    UnknownInput
        If a file was opened that would leave an old result in place when it changes.
    """
    lines = set(report.read_text(encoding="utf8").splitlines()) if report.exists() else set()
    opened = {source for line in lines if (source := _source(line))}
    known = {path.relative_to(ROOT).as_posix() for path in inputs(cells)}
    unknown = opened - known - {"mlm/executions.py", f"data/{DESCRIPTOR}"}
    if unknown:
        raise UnknownInput(
            f"{name} reads {', '.join(sorted(unknown))}, which it neither imports nor names in full: "
            "a change of that file would go unnoticed. Import the module, or write the name as a text."
        )


def _source(opened: str) -> str | None:
    """The file of the course behind one that was opened; None where it is none, or none that matters."""
    path = Path(opened)
    if path.parts[0] not in WATCHED or not (ROOT / path).is_file():
        return None
    if path.parent.name == "__pycache__":
        return (path.parent.parent / f"{path.name.split('.')[0]}.py").as_posix()
    return path.as_posix()

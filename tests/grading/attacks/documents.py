"""Attacks by the file itself: broken, enormous, packed, linked, misnamed, of another format or exercise."""

import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from nbformat import v4, writes

from .scene import EXERCISE, RAN, REFUSED, Attack, Scene, blank, hand_in, perfect

NOTEBOOK = f"{EXERCISE}.ipynb"
ANY = RAN | REFUSED
MILLION = 10**6


def _file(name: str, kind: str, content: bytes | Callable[[], bytes], **settings) -> Attack:
    return hand_in(name, kind, _late(content), **{"statuses": REFUSED} | settings)


def _zip(name: str, kind: str, content: Callable[[], bytes], **settings) -> Attack:
    return Attack(name, kind, {"all.zip": _late(content)}, **{"statuses": REFUSED} | settings)


def _late(content):
    """Large files are made when they are handed in, not when the tests are collected."""
    return (lambda scene: content()) if callable(content) else content


def _plain(notebook) -> dict:
    return json.loads(writes(notebook))


def _bytes(thing) -> bytes:
    return json.dumps(thing).encode()


def _third() -> bytes:
    """The blank exercise in the format of 2013."""
    cells = [
        {"cell_type": "code", "input": cell.source, "language": "python", "metadata": {}, "outputs": []}
        for cell in perfect().cells
        if cell.cell_type == "code"
    ]
    return _bytes({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]})


def _kernel(name: str, language: str):
    notebook = perfect()
    notebook.metadata["kernelspec"] = {"name": name, "display_name": name, "language": language}
    notebook.metadata["language_info"] = {"name": language}
    return notebook


def _other_exercise() -> bytes:
    notebook = _plain(perfect())
    notebook["metadata"]["mlm"]["exercise"] = "03-basics"
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace(EXERCISE, "03-basics")
    return _bytes(notebook)


def _malformed() -> bytes:
    notebook = _plain(perfect())
    notebook["cells"] += [5, None, [], {"cell_type": "code"}, {"cell_type": "code", "source": 5}, "code"]
    notebook["cells"] += [{"cell_type": "code", "source": [1, None]}, {"cell_type": ["code"], "source": {}}]
    notebook |= {"metadata": [], "nbformat": "4", "nbformat_minor": 10**5000 % 7, "worksheets": 3}
    return _bytes(notebook)


def _duplicate_ids() -> bytes:
    notebook = _plain(perfect())
    for cell in notebook["cells"]:
        cell["id"] = "same"
    return _bytes(notebook)


def _large() -> bytes:
    notebook = blank()
    notebook.cells.append(v4.new_markdown_cell("x" * 30 * MILLION))
    return writes(notebook).encode()


def _many_cells() -> bytes:
    notebook = _plain(blank())
    notebook["cells"] += [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": []}] * 100_000
    return _bytes(notebook)


def _long_cell() -> bytes:
    notebook = blank()
    notebook.cells.append(v4.new_code_cell("x = 1\n" * 500_000))
    return writes(notebook).encode()


def _nul_in_source():
    return blank(last="x = '\0'\n# \ud83d".encode("utf8", "replace").decode())


def _packed(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return stream.getvalue()


def _member(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


PERFECT = writes(perfect()).encode()


def _paths_outside() -> bytes:
    names = (
        f"../../{NOTEBOOK}",
        f"/tmp/{NOTEBOOK}",
        f"a/../../{NOTEBOOK}",
        f"C:\\{NOTEBOOK}",
        f"..\\..\\{NOTEBOOK}",
    )
    return _packed(*[(name, PERFECT) for name in names])


def _links() -> bytes:
    targets = (b"/etc/passwd", b"../../../keys/98-example.json", b"/proc/self/environ", b"..")
    return _packed(*[(_member(f"{n}.ipynb", stat.S_IFLNK), target) for n, target in enumerate(targets)])


def _bomb() -> bytes:
    return _packed((NOTEBOOK, b"{" + b" " * (300 * MILLION)))


def _lying_bomb() -> bytes:
    """Its list says 100 bytes; three hundred million come out."""
    content = bytearray(_bomb())
    place = content.rfind(b"PK\1\2")
    struct.pack_into("<L", content, place + 24, 100)
    struct.pack_into("<L", content, 22, 100)
    return bytes(content)


def _crowd() -> bytes:
    """Each is as large as is allowed, and all together are 1.2 gigabytes."""
    part = b" " * (20 * MILLION)
    return _packed(*[(f"{n}.ipynb", part) for n in range(60)])


def _repeated() -> bytes:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _packed(*[(NOTEBOOK, b"{}")] * 20, (NOTEBOOK.upper(), PERFECT[:100]))


NAMES = (
    "=HYPERLINK(\"http:||mlm.invalid\",\"x\")",
    "+1+cmd|' |C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "<script>alert(1)<|script>",
    "\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "a,b;c\"d'e",
    "line\nbreak\r\n=1+1",
    "\x1b[2J\x1b]0;title\x07",
    "‮txt.‭",
    "-rf",
    "a b",
    "a-b",
    "A-B",
    "con",
    "x" * 240,
    "class",
    "𝔸́" * 20,
)  # fmt: skip


def _misnamed(folder: Path, scene: Scene) -> None:
    for name in (
        *[name.replace("|", "\u2215") for name in NAMES],
        b"\xff\xfe\x80".decode("utf8", "surrogateescape"),
    ):
        (folder / f"{name}.ipynb").write_bytes(PERFECT[:200])


def _linked(folder: Path, scene: Scene) -> None:
    """Links to what is secret, a pipe that nobody writes, a file that is 4 GB of nothing."""
    for number, target in enumerate(scene.targets):
        (folder / f"link-{number}.ipynb").symlink_to(target)
    (folder / "folder.ipynb").symlink_to("..", target_is_directory=True)
    (folder / "round.ipynb").symlink_to("round.ipynb")
    (folder / "null.ipynb").symlink_to("/dev/null")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "empty-folder.ipynb").mkdir()
    with open(folder / "hole.ipynb", "wb") as stream:
        stream.truncate(4_000 * MILLION)
    with open(folder / "hole.zip", "wb") as stream:
        stream.truncate(4_000 * MILLION)


ATTACKS = [
    _file("empty", "broken files", b""),
    _file("blanks", "broken files", b" \n\t" * 1000),
    _file("noise", "broken files", bytes(range(256)) * 400),
    _file("pdf", "broken files", b"%PDF-1.7\n" + b"\0" * 1000),
    _file("web-page", "broken files", b"<!doctype html><script>alert(1)</script>"),
    _file("truncated", "truncated JSON", PERFECT[: len(PERFECT) // 2]),
    _file("a-list", "broken files", b"[1, 2, 3]"),
    _file("no-cells", "broken files", b'{"nbformat": 4, "metadata": {}}'),
    _file("deep-json", "nested JSON", b'{"cells":' + b"[" * 200_000),
    _file("deep-objects", "nested JSON", b'{"cells":' * 50_000 + b"1" + b"}" * 50_000),
    _file("many-brackets", "nested JSON", b'{"cells": [' + b"{}," * 2 * MILLION + b"{}]}"),
    _file("long-integer", "nested JSON", b'{"cells": [], "nbformat": ' + b"9" * 5 * MILLION + b"}"),
    _file("malformed-cells", "broken files", _malformed, statuses=ANY, deserved=5),
    _file("duplicate-ids", "broken files", _duplicate_ids, statuses=ANY, deserved=5),
    _file("large", "too large", _large),
    _file("too-many-cells", "too large", _many_cells),
    _file("too-long-cell", "too large", _long_cell),
    _file("utf-16", "other encoding", PERFECT.decode().encode("utf-16"), statuses=ANY, deserved=5),
    _file("byte-order-mark", "other encoding", b"\xef\xbb\xbf" + PERFECT, statuses=ANY, deserved=5),
    _file(
        "latin-1",
        "other encoding",
        PERFECT.replace(b"How many", b"Wie viele \xe4\xff"),
        statuses=ANY,
        deserved=5,
    ),
    _file("format-3", "nbformat 3", _third, statuses=ANY, deserved=5),
    _file(
        "format-99",
        "nbformat 3",
        PERFECT.replace(b'"nbformat": 4', b'"nbformat": 99'),
        statuses=ANY,
        deserved=5,
    ),
    hand_in("kernel-of-r", "wrong kernel", _kernel("ir", "R"), statuses=ANY, deserved=5),
    hand_in("kernel-of-paths", "wrong kernel", _kernel("../../<b>", "=1+1"), statuses=ANY, deserved=5),
    _file("other-exercise", "wrong exercise", _other_exercise, statuses=frozenset({"wrong exercise"})),
    hand_in("nul", "other encoding", _nul_in_source(), statuses=ANY),
    _zip("zip-outside", "paths in a zip", _paths_outside, rows=5),
    _zip("zip-links", "links in a zip", _links, rows=4),
    _zip("zip-bomb", "zip bomb", _bomb),
    _zip("zip-bomb-that-lies", "zip bomb", _lying_bomb),
    _zip("zip-crowd", "zip bomb", _crowd, rows=2),
    _zip("zip-repeats", "paths in a zip", _repeated, rows=2),
    Attack(
        "zip-truncated", "broken files", {"all.zip": _packed((NOTEBOOK, PERFECT))[:200]}, statuses=REFUSED
    ),
    Attack("names", "names with formulas and tags", {}, statuses=REFUSED, make=_misnamed, rows=len(NAMES)),
    Attack("links-and-pipes", "links, pipes, devices", {}, statuses=REFUSED, make=_linked, rows=8),
]

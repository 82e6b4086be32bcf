"""The entries of a zip that nobody vouches for, read in memory, one by one, each with a limit.

The standard library's reader gives up the whole file for one name that it cannot decode, and in some releases
reads overlapping entries, the trick of small bombs.  Here an entry that cannot be read costs that entry only,
no more is unpacked than the caller asks for whatever the headers say, and nothing is written.  Layout of the
records: PKWARE, *.ZIP File Format Specification* (APPNOTE.TXT), 4.3 and 4.5.
"""

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_ENTRIES = 5_000
MAX_DIRECTORY = 16 * 2**20  # bytes of the list of entries
MAX_NAME = 4_096
STORED, DEFLATED = 0, 8
ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags
REPARSE_POINT = 0x400  # Windows' attribute of links
CHUNK = 2**16

END, END64, LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
CENTRAL, LOCAL = struct.Struct("<4s4B4HL2L5H2L"), struct.Struct("<4s22x2H")


class BadArchive(Exception):
    """A zip, or one entry of it, cannot be read; the message is a sentence on why."""


class TooLarge(BadArchive):
    """There is more in it than may be read."""


@dataclass(frozen=True)
class Entry:
    """One entry: its name, where its bytes are, and why it will not be read (status, sentence), if so."""

    name: str
    offset: int
    packed: int
    size: int
    checksum: int
    method: int
    problem: tuple[str, str] | None = None


def entries(file: BinaryIO) -> tuple[list[Entry], int]:
    """The first `MAX_ENTRIES` files of a zip in the order of its list, and how many more it says it holds.

    Raises
    ------
    BadArchive
        If there is no list of entries, or it is damaged before the first.
    """
    start, size, declared, shift = _find_list(file)
    if size > MAX_DIRECTORY:
        raise TooLarge(f"Its list of files takes {size:,} bytes; {MAX_DIRECTORY:,} are read.")
    file.seek(start)
    listed, names, records = [], set(), 0
    for records, entry in enumerate(_listed(file.read(size), shift), 1):
        if records > MAX_ENTRIES:
            break
        if entry.name.endswith("/") and not entry.size:
            continue  # a folder
        if entry.name in names and not entry.problem:
            entry = _refused(entry, "unsafe path", "The zip has two files of this name; the first is read.")
        names.add(entry.name)
        listed.append(entry)
    return _without_overlaps(listed, start), max(declared, records) - min(records, MAX_ENTRIES)


def read(file: BinaryIO, entry: Entry, limit: int) -> bytes:
    """The bytes of an entry; at most ``limit + 1`` are ever unpacked.

    Raises
    ------
    TooLarge
        If there are more than ``limit``, whatever its header says.
    BadArchive
        If they are damaged.
    """
    try:
        file.seek(entry.offset)
        signature, name, extra = LOCAL.unpack(file.read(LOCAL.size))
        file.seek(entry.offset + LOCAL.size + name + extra)
        content = _unpack(file, entry, limit)
    except (struct.error, zlib.error, OSError, ValueError, OverflowError):
        raise BadArchive("Its bytes in the zip are damaged; ask for it again.") from None
    if len(content) > limit:
        raise TooLarge(f"It is larger than {limit:,} bytes when unpacked.")
    if signature != b"PK\3\4" or zlib.crc32(content) != entry.checksum:
        raise BadArchive("Its bytes in the zip are not those that were packed (checksum); ask for it again.")
    return content


def _unpack(file: BinaryIO, entry: Entry, limit: int) -> bytes:
    if entry.method == STORED:
        return file.read(min(entry.packed, limit + 1))
    stream, made, left = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), entry.packed
    while not stream.eof and len(made) <= limit:
        piece = file.read(min(left, CHUNK))
        if not piece:
            raise BadArchive("It is cut off in the zip; ask for it again.")
        left -= len(piece)
        made += stream.decompress(piece, limit + 1 - len(made))
    return bytes(made)


def _find_list(file: BinaryIO) -> tuple[int, int, int, int]:
    """Where the list of entries starts, its size, how many it says, and how far all offsets are shifted."""
    length = file.seek(0, 2)
    file.seek(max(0, length - END.size - 2**16))
    before, tail = file.tell(), file.read()
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) - place < END.size:
        raise BadArchive("It is no zip, or is cut off: the list of its files is missing. Download it again.")
    *_, declared, size, offset, _ = END.unpack_from(tail, place)
    end = before + place
    if place >= LOCATOR.size and tail[place - LOCATOR.size :].startswith(b"PK\6\7"):
        end -= LOCATOR.size + END64.size
        file.seek(max(0, end))
        record = file.read(END64.size)
        if end < 0 or len(record) < END64.size or not record.startswith(b"PK\6\6"):
            raise BadArchive("The list of its files (zip64) is damaged. Download it again.")
        *_, declared, size, offset = END64.unpack(record)
    start = end - size
    if start < 0 or start < offset:
        raise BadArchive(
            "It is cut off at its beginning, or the list of its files is damaged. Download it again."
        )
    return start, size, declared, start - offset


def _listed(directory: bytes, shift: int) -> Iterator[Entry]:
    place = 0
    while place < len(directory):
        if len(directory) - place < CENTRAL.size or not directory.startswith(b"PK\1\2", place):
            if place:
                return  # what came before is sound; the count of the missing is in the zip's end record
            raise BadArchive("The list of its files is damaged. Download it again.")
        fields = CENTRAL.unpack_from(directory, place)
        (flags, method), checksum = fields[5:7], fields[9]
        packed, size, *lengths = fields[10:15]
        attributes, offset = fields[-2:]
        place += CENTRAL.size
        raw, extra = (
            directory[place : place + lengths[0]],
            directory[place + lengths[0] : place + sum(lengths[:2])],
        )
        place += sum(lengths)
        size, packed, offset = _wide(extra, size, packed, offset)
        entry = Entry(_text(raw, flags), offset + shift, packed, size, checksum, method)
        yield _judged(entry, raw, flags, attributes)


def _wide(extra: bytes, *values: int) -> list[int]:
    """What is all ones in the list (sizes and offset of a large entry) stands in an extra field (4.5.3)."""
    place, numbers = 0, []
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            field = extra[place + 4 : place + 4 + length]
            numbers = [number for (number,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8])]
        place += 4 + length
    return [numbers.pop(0) if value == 0xFFFFFFFF and numbers else value for value in values]


def _text(raw: bytes, flags: int) -> str:
    """Canvas and macOS write UTF-8 without saying so; the format's own encoding is code page 437."""
    try:
        return raw.decode("utf8")
    except UnicodeDecodeError:
        return raw.decode("utf8", "backslashreplace") if flags & 0x800 else raw.decode("cp437")


def _judged(entry: Entry, raw: bytes, flags: int, attributes: int) -> Entry:
    kind = stat.S_IFMT(attributes >> 16)
    if len(entry.name) > MAX_NAME:
        return _refused(
            entry, "unsafe path", f"Its name has {len(entry.name):,} characters; no disk takes that."
        )
    if sentence := _unsafe(raw.decode("latin-1")):  # what matters is ASCII in every encoding of names
        return _refused(entry, "unsafe path", sentence)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or attributes & REPARSE_POINT:
        return _refused(
            entry, "unsafe path", "It is a link or a device; links are not followed. Ask for the file."
        )
    if flags & ENCRYPTED:
        return _refused(entry, "unreadable", "It is encrypted in the zip; ask for it without a password.")
    if entry.method not in (STORED, DEFLATED):
        return _refused(
            entry, "unreadable", f"It is packed by method {entry.method}; make a plain zip of it."
        )
    return entry


def _unsafe(name: str) -> str:
    """Why the name of an entry may not be trusted as a path below a folder, or ``""``."""
    if "\\" in name:
        return "Its path has a backslash; make the zip anew with another program."
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "Its path is absolute: it points to a place outside the zip."
    if ".." in name.split("/"):
        return "Its path has `..`: it points to a place outside the zip."
    if "\0" in name or not name.strip("/. "):
        return "Its name is not a name that a file can have."
    return ""


def _refused(entry: Entry, status: str, sentence: str) -> Entry:
    return Entry(
        entry.name, entry.offset, entry.packed, entry.size, entry.checksum, entry.method, (status, sentence)
    )


def _without_overlaps(listed: list[Entry], end: int) -> list[Entry]:
    """Refuse each entry that reaches into the next one: the same bytes would be unpacked many times."""
    overlapping, following = set(), end
    for entry in sorted(listed, key=lambda entry: entry.offset, reverse=True):
        if entry.offset < 0 or entry.offset + LOCAL.size + entry.packed > following:
            overlapping.add(id(entry))
        following = min(following, entry.offset)
    return [
        _refused(entry, "unreadable", "Its bytes in the zip are also another file's, as in a zip bomb.")
        if id(entry) in overlapping and not entry.problem
        else entry
        for entry in listed
    ]

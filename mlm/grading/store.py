"""What is known of each submission, one file each, so that an interrupted run goes on where it stopped."""

import fcntl
import json
import os
from contextlib import contextmanager
from pathlib import Path

from mlm.grading.model import CannotGrade


class FolderInUse(CannotGrade):
    """Another run writes into the same folder."""


class Store:
    """The folder ``results`` of the output folder.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there; only its owner can read it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()

    def read(self, slug: str, inputs: str) -> dict | None:
        """The record of a submission; None where there is none, or one of other inputs, or half of one."""
        try:
            record = json.loads((self.folder / f"{slug}.json").read_text(encoding="utf8"))
            return record if record["inputs"] == inputs else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, slug: str, record: dict) -> None:
        """Keep a record: whole or not at all, whatever happens meanwhile."""
        write_whole(self.folder / f"{slug}.json", json.dumps(record, sort_keys=True))

    def forget(self, slug: str) -> None:
        """Let a submission be run again."""
        (self.folder / f"{slug}.json").unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> bool:
    """Write a file for its owner alone, in one step, if it says something new; whether it did."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = text.encode("utf8", errors="replace")
    if path.exists() and path.read_bytes() == data:
        return False
    part = path.with_name(path.name + ".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    return True


@contextmanager
def alone_in(folder: Path):
    """Hold a folder for this run alone."""
    with open(folder / ".lock", "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderInUse(f"Another run is grading into {folder}; wait for it or stop it.") from None
        yield

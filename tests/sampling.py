"""Which pages and exercises the costliest proofs are run for.

With ``ALL=yes`` for all of them.  Else for those whose text is not the one that was last proved whole
(`proved.json`, which `python tests/sampling.py` writes once `make test ALL=yes` has passed), and for a few of
the others in turn: which ones depends on the sources, so each change of the course asks others.
What was chosen is said in the summary of the run.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PROVED = Path(__file__).with_name("proved.json")
ALL = os.environ.get("ALL") == "yes"
#: Of the private variants that are tried on each exercise; the first one always.
SEEDS = [7, *(int(seed) for seed in np.random.default_rng(4).integers(1e9, size=19))][: 20 if ALL else 1]
#: What was chosen in this process, in words.
SAID: list[str] = []


def sampled(kind: str, paths: dict[str, Path], in_turn: int) -> list[str]:
    """Choose among the files of a kind, by name.

    Parameters
    ----------
    kind : str
        ``"pages"`` or ``"exercises"``.
    paths : dict of str to pathlib.Path
        All there are.
    in_turn : int
        How many of those that did not change are chosen besides those that did.
    """
    proved = json.loads(PROVED.read_text(encoding="utf8")) if PROVED.exists() else {}
    changed = [name for name, path in paths.items() if proved.get(kind, {}).get(name) != digest(path)]
    rest = sorted(
        set(paths) - set(changed), key=lambda name: hashlib.sha256((turn() + name).encode()).digest()
    )
    chosen = list(paths) if ALL else changed + rest[:in_turn]
    SAID.append(
        f"{kind}: {len(chosen)} of {len(paths)} ({len(changed)} changed): {', '.join(sorted(chosen))}"
    )
    return chosen


def digest(path: Path) -> str:
    """What a text is known by."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def turn() -> str:
    """Changes with the sources of the course, and with nothing else."""
    folders = ("book", "solutions", "mlm")
    files = [
        path
        for name in folders
        for path in sorted((ROOT / name).rglob("*.*"))
        if path.suffix in (".md", ".py")
    ]
    return hashlib.sha256("".join(map(digest, files)).encode()).hexdigest()


def record() -> None:
    """Write down that everything as it is now was proved."""
    from mlm.book import pages

    files = {"pages": pages(), "exercises": sorted((ROOT / "solutions").glob("*.md"))}
    proved = {kind: {path.stem: digest(path) for path in paths} for kind, paths in files.items()}
    PROVED.write_text(json.dumps(proved, indent=1, sort_keys=True) + "\n", encoding="utf8")


if __name__ == "__main__":
    if not ALL:
        sys.exit("Nothing was proved whole: run `make test ALL=yes`, which ends with this.")
    record()

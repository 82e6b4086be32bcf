"""Two cold builds of the same sources, in different folders, give the same bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: what may differ, and why
MAY_DIFFER = {
    "book/run-times.html": "it reports the seconds and megabytes of its own build",
}


@pytest.fixture(scope="module")
def second(tmp_path_factory) -> Path:
    """The site, built once more from a copy of the sources with nothing in the cache."""
    copy = tmp_path_factory.mktemp("second") / "a folder with another name"
    ignored = shutil.ignore_patterns(".git", ".venv", ".cache", "_build", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    variables = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "mlm.cli", "book"]
    run = subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True)
    assert run.returncode == 0, f"the second build failed:\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
    return copy / "_build" / "html"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_two_cold_builds_give_the_same_bytes(site, second):
    assert files(site) == files(second)
    differing = [
        name
        for name in sorted(files(site) - set(MAY_DIFFER))
        if (site / name).read_bytes() != (second / name).read_bytes()
    ]
    assert not differing, f"these files changed though their sources did not: {differing}"

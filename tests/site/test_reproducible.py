"""Two cold builds of the same sources, in different folders, give the same bytes."""

import subprocess
from pathlib import Path

import pytest

#: what may differ, and why
MAY_DIFFER = {
    "book/run-times.html": "it reports the seconds and megabytes of its own build",
}
LONGEST = 1800


@pytest.fixture(scope="module")
def second(second_build) -> Path:
    """The site, built once more, when that is done."""
    folder, process, log = second_build
    try:
        code = process.wait(LONGEST)
    except subprocess.TimeoutExpired:
        pytest.fail(f"the second build has not ended in {LONGEST} s:\n{log.read_text()[-6000:]}")
    assert code == 0, f"the second build failed:\n{log.read_text()[-6000:]}"
    return folder / "_build" / "html"


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

"""A page executed once more, in another folder, gives the same bytes; so does the whole site."""

import os
import shutil
import subprocess
import sys

import pytest
from built_site import ROOT, SITE
from sampling import sampled

from mlm import book, executions

#: what may differ, and why
MAY_DIFFER = {
    "book/run-times.html": "it reports the seconds and megabytes of its own build",
}
LONGEST = 3000


@pytest.fixture(scope="module")
def second(site, tmp_path_factory, chosen):
    """The site built from a copy of the sources, in which the chosen pages are executed anew."""
    home = tmp_path_factory.mktemp("second")
    copy, kept = home / "a folder with another name", home / "cache" / "executions"
    ignored = shutil.ignore_patterns(".git", ".venv", ".cache", "_build", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    kept.mkdir(parents=True)
    for path in book.pages():
        if path.stem not in chosen:
            shutil.copy(executions.folder() / f"{book.key_of(book.read_page(path))}.json", kept)
    variables = {**os.environ, "PYTHONPATH": str(copy), executions.CACHE: str(kept.parent)}
    command = [sys.executable, "-m", "mlm.cli", "book", "--jobs", "1"]
    run = subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True, timeout=LONGEST)
    assert run.returncode == 0, f"the second build failed:\n{run.stdout[-6000:]}\n{run.stderr[-6000:]}"
    assert f"{len(chosen)} of {len(book.pages())} pages to execute" in run.stdout
    return copy / "_build" / "html"


@pytest.fixture(scope="module")
def chosen():
    """The pages that are executed anew."""
    return sampled("pages", {path.stem: path for path in book.pages()}, in_turn=1)


def files(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_give_the_same_bytes(second):
    assert files(SITE) == files(second)
    differing = [
        name
        for name in sorted(files(SITE) - set(MAY_DIFFER))
        if (SITE / name).read_bytes() != (second / name).read_bytes()
    ]
    assert not differing, f"these files changed though their sources did not: {differing}"

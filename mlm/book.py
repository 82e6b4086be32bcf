"""Build the site: execute the pages whose code or surroundings changed, then let Sphinx judge strictly."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
TIMES = BUILD / "page-times.json"
#: what a page's outputs depend on besides its own cells; the cache is emptied when any of it changes
SURROUNDINGS = ("requirements.txt", "data/*", "mlm/**/*", "tests/reference/*.json", "book/*.mplstyle")
CELL_SECONDS = 600
#: what keeps a page's outputs the same on every machine and day
STEADY = {
    # digits must not depend on the number of cores
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # ArviZ announces its version 1 on the first import of each day
    "PYTHONWARNINGS": "ignore::FutureWarning:arviz",
    # PyTensor reports a missing compiler; nutpie compiles with numba and needs none
    "PYTENSOR_FLAGS": "cxx=",
}


class BuildFailed(Exception):
    """The site could not be built; the message says which page and why."""


def pages() -> list[Path]:
    """The pages of the table of contents that hold code cells, in its order."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    sources = [ROOT / f"{name}.md" for name in parse_toc_yaml(ROOT / "_toc.yml")]
    return [path for path in sources if "\nkernelspec:" in path.read_text(encoding="utf8")[:1000]]


def fingerprint(root: Path = ROOT) -> str:
    """SHA-256 over all that can change a page's outputs without changing its cells."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in SURROUNDINGS:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def open_cache():
    """The cache of executed pages, emptied first if their surroundings changed."""
    from jupyter_cache import get_cache

    stamp, now = CACHE / "fingerprint", fingerprint()
    if CACHE.exists() and (not stamp.is_file() or stamp.read_text() != now):
        shutil.rmtree(CACHE)
    CACHE.mkdir(parents=True, exist_ok=True)
    stamp.write_text(now)
    return get_cache(str(CACHE))


def read_page(path: Path):
    """The page as the notebook that Sphinx will look for in the cache."""
    from jupyter_cache.readers import get_reader

    return get_reader({"type": "plugin", "name": "myst_nb_md"})(str(path))


def execute(path: Path) -> dict:
    """Run one page in a kernel of its own; meant for a process of its own, so that memory can be measured."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    from mlm.exercises.kernels import this_python

    notebook, started, error = read_page(path), time.perf_counter(), None
    try:
        NotebookClient(
            notebook,
            km=this_python(),
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(path.parent)}},
            record_timing=False,  # times in a cell's metadata would change its key in the cache
            coalesce_streams=True,  # a slow kernel sends what a cell prints in more pieces than a fast one
            # pictures that are sharp at any size, and without the day on which they were drawn
            extra_arguments=[
                "--log-level=ERROR",
                "--InlineBackend.figure_formats=svg",
                "--InlineBackend.print_figure_kwargs={'metadata': {'Date': None}}",
            ],
        ).execute(cleanup_kc=True)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        error = str(problem)
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    megabytes = kilobytes / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "notebook": notebook,
        "error": error,
        "seconds": round(time.perf_counter() - started, 1),
        "megabytes": round(megabytes),
    }


def execute_pages(todo: list[Path], cache, jobs: int) -> list[str]:
    """Execute pages side by side and store what succeeded; returns the names of those that failed."""
    from jupyter_cache.base import CacheBundleIn
    from rich.console import Console
    from rich.text import Text

    console, failed = Console(soft_wrap=True, highlight=False), []
    os.environ.update(STEADY)
    with (
        console.status(f"executing {len(todo)} pages, {jobs} at a time"),
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool,
    ):
        running = {pool.submit(execute, path): path for path in todo}
        for done, future in enumerate(as_completed(running), start=1):
            path, result = running[future], future.result()
            name = path.relative_to(ROOT).as_posix()
            cost = f"{result['seconds']:6.1f} s {result['megabytes']:5d} MB"
            if result["error"]:
                failed.append(name)
                console.print(f"[red]failed[/]   {done}/{len(todo)} {cost}  {name}")
                console.print(Text.from_ansi(result["error"]))
                continue
            console.print(f"[green]executed[/] {done}/{len(todo)} {cost}  {name}")
            data = {"execution_seconds": result["seconds"], "peak_megabytes": result["megabytes"]}
            bundle = CacheBundleIn(result["notebook"], str(path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


def cached(cache, path: Path):
    """The cache's record of this page as it stands, or None."""
    try:
        return cache.match_cache_notebook(read_page(path))
    except KeyError:
        return None


def write_times(cache) -> None:
    """Keep what each page cost when it was executed, for the page "How long each page takes"."""
    times = {}
    for path in pages():
        name, record = path.relative_to(ROOT).with_suffix("").as_posix(), cached(cache, path)
        if record is None:
            raise BuildFailed(f"{name}.md was changed while it ran: build again.")
        times[name] = {
            "seconds": record.data["execution_seconds"],
            "megabytes": record.data["peak_megabytes"],
        }
    TIMES.write_text(json.dumps(times, indent=1) + "\n")


def sphinx() -> None:
    """Build every page anew: an incremental build would forget the warnings of unchanged pages."""
    for stale in (BUILD / ".doctrees", BUILD / "html"):
        shutil.rmtree(stale, ignore_errors=True)
    strictly = ["-W", "-n", "--keep-going", "--quiet"]
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT), *strictly]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise BuildFailed("Sphinx refused the pages; every warning above is an error to mend.")


def build(jobs: int | None = None) -> None:
    """Execute what changed, then build the site in ``_build/html``.

    Parameters
    ----------
    jobs : int, optional
        Pages executed at the same time; as many as the machine has cores by default.

    Raises
    ------
    BuildFailed
        If a page's code fails or Sphinx has anything to complain about.
    """
    started, cache = time.perf_counter(), open_cache()
    todo = [path for path in pages() if cached(cache, path) is None]
    print(f"{len(todo)} of {len(pages())} pages to execute", flush=True)
    failed = execute_pages(todo, cache, jobs or os.cpu_count() or 1) if todo else []
    if failed:
        raise BuildFailed(f"These pages did not run to their end: {', '.join(failed)}")
    write_times(cache)
    print("writing the site ...", flush=True)
    sphinx()
    print(f"The site is in _build/html (open _build/html/index.html); {time.perf_counter() - started:.0f} s.")

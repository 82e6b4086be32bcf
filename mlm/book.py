"""Build the site: execute the pages whose code or surroundings changed, then let Sphinx judge strictly."""

from __future__ import annotations

import inspect
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import nbformat

from mlm import executions
from mlm.exercises import kernels

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
TIMES = BUILD / "page-times.json"
CELL_SECONDS = 600
#: pictures that are sharp at any size, and without the day on which they were drawn
PICTURES = (
    "--InlineBackend.figure_formats=svg",
    "--InlineBackend.print_figure_kwargs={'metadata': {'Date': None}}",
)


class BuildFailed(Exception):
    """The site could not be built; the message says which page and why."""


def pages() -> list[Path]:
    """The pages of the table of contents that hold code cells, in its order."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    sources = [ROOT / f"{name}.md" for name in parse_toc_yaml(ROOT / "_toc.yml")]
    return [path for path in sources if "\nkernelspec:" in path.read_text(encoding="utf8")[:1000]]


def read_page(path: Path):
    """The page as the notebook that Sphinx will look for in the cache."""
    from jupyter_cache.readers import get_reader

    return get_reader({"type": "plugin", "name": "myst_nb_md"})(str(path))


def code_of(notebook) -> list[str]:
    """Sources of its code cells."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def key_of(notebook) -> str:
    """Under which the execution of a page is kept."""
    may_raise = [
        n for n, cell in enumerate(notebook.cells) if "raises-exception" in cell.metadata.get("tags", [])
    ]
    return executions.key_of(
        code_of(notebook), kernels.STEADY, may_raise, PICTURES, inspect.getsource(execute)
    )


def execute(path: Path) -> dict:
    """Run one page in a kernel of its own; meant for a process of its own, so that memory can be measured."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook, started, error = read_page(path), time.perf_counter(), None
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "opened")
        try:
            NotebookClient(
                notebook,
                km=kernels.this_python(),
                timeout=CELL_SECONDS,
                resources={"metadata": {"path": str(path.parent)}},
                record_timing=False,  # times in a cell's metadata would change its key in MyST-NB's cache
                coalesce_streams=True,  # a slow kernel sends what a cell prints in more pieces
                extra_arguments=[*kernels.kernel_options(report), *PICTURES],
            ).execute(env=os.environ | kernels.STEADY | {executions.REPORT: str(report)}, cleanup_kc=True)
            executions.refuse_unknown(report, code_of(notebook), path.name)
        except (CellExecutionError, CellTimeoutError, DeadKernelError, executions.UnknownInput) as problem:
            error = str(problem)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "notebook": nbformat.writes(notebook),
        "error": error,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "megabytes": round(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)),
    }


def execute_pages(todo: dict[Path, str], jobs: int) -> list[str]:
    """Execute pages side by side and keep what succeeded; returns the names of those that failed.

    Parameters
    ----------
    todo : dict of pathlib.Path to str
        Pages, and the keys under which their executions are kept.
    jobs : int
        How many at a time.
    """
    from rich.console import Console
    from rich.text import Text

    console, failed = Console(soft_wrap=True, highlight=False), []
    with (
        console.status(f"executing {len(todo)} pages, {jobs} at a time"),
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool,
    ):
        running = {pool.submit(execute, path): path for path in todo}
        for done, future in enumerate(as_completed(running), start=1):
            path, result = running[future], future.result()
            name, error = path.relative_to(ROOT).as_posix(), result.pop("error")
            cost = f"{result['seconds']:6.1f} s {result['megabytes']:5d} MB"
            console.print(f"{'[red]failed[/]  ' if error else 'executed'} {done}/{len(todo)} {cost}  {name}")
            if error:
                failed.append(name)
                console.print(Text.from_ansi(error))
            else:
                executions.keep(todo[path], result)
    return failed


def hand_over(kept: dict[Path, dict]) -> None:
    """Put outputs where Sphinx looks for them, in the page as it is now: words and tags may be newer."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    shutil.rmtree(CACHE, ignore_errors=True)
    cache = get_cache(str(CACHE))
    for path, found in kept.items():
        page, executed = read_page(path), nbformat.reads(found["notebook"], as_version=4)
        cells, ran = ([cell for cell in n.cells if cell.cell_type == "code"] for n in (page, executed))
        for cell, done in zip(cells, ran, strict=True):
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
        bundle = CacheBundleIn(page, str(path))
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        cache.match_cache_notebook(read_page(path))  # else Sphinx would execute the page in its own way


def write_times(kept: dict[Path, dict]) -> None:
    """Keep what each page cost when it was executed, for the page "How long each page takes"."""
    costs = ("seconds", "processor_seconds", "megabytes")
    times = {
        path.relative_to(ROOT).with_suffix("").as_posix(): {cost: found[cost] for cost in costs}
        for path, found in kept.items()
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
    started = time.perf_counter()
    keys = {path: key_of(read_page(path)) for path in pages()}
    todo = {path: key for path, key in keys.items() if executions.recall(key) is None}
    print(f"{len(todo)} of {len(keys)} pages to execute", flush=True)
    failed = execute_pages(todo, jobs or os.cpu_count() or 1) if todo else []
    if failed:
        raise BuildFailed(
            f"These pages did not run to their end: {', '.join(failed)}. The others did, and are kept; the "
            "site was not built."
        )
    changed = [path.name for path, key in keys.items() if key_of(read_page(path)) != key]
    if changed:
        raise BuildFailed(f"{', '.join(changed)} changed while the pages ran: build again.")
    kept = {path: executions.recall(key) for path, key in keys.items()}
    hand_over(kept)
    write_times(kept)
    print("writing the site ...", flush=True)
    sphinx()
    print(f"The site is in _build/html (open _build/html/index.html); {time.perf_counter() - started:.0f} s.")

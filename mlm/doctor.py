"""Can this machine run the course? Each check says what was found and, where it falls short, what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from mlm import environment

CORE = ("numpy", "scipy", "pandas", "statsmodels", "pymc", "nutpie", "arviz", "matplotlib", "jupyter-book")
NEEDED_GIGABYTES = 2
PLACEHOLDER = "multilevel-python"  # an owner that nobody is: the course has no public place yet


@dataclass(frozen=True)
class Finding:
    """What one check found; `needed_for` says what fails without it."""

    name: str
    state: Literal["ok", "missing", "broken"]
    found: str
    todo: str = ""


def check_python() -> Finding:
    found = sys.version.split()[0]
    if environment.OLDEST <= sys.version_info[:2] <= environment.NEWEST:
        return Finding("Python", "ok", found)
    return Finding("Python", "broken", found, f"install {environment.RANGE}, then make env PYTHON=…")


def check_environment() -> Finding:
    if environment.is_complete():
        return Finding("environment", "ok", "matches the lock")
    return Finding("environment", "broken", "not what the lock asks for", "make env")


def check_packages() -> Finding:
    locked = dict(
        line.split(";")[0].strip(" \\").split("==")
        for line in environment.LOCK.read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    )
    wrong = []
    for name in CORE:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != locked[name].strip():
            wrong.append(f"{name} {found} for {locked[name].strip()}")
    if wrong:
        return Finding("packages", "broken", ", ".join(wrong), "rm -rf .venv && make env")
    return Finding("packages", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in CORE[:5]))


def check_kernel() -> Finding:
    """The kernel that JupyterLab offers as `python3`; a kernel of the user's own goes before ours."""
    from jupyter_client.kernelspec import KernelSpecManager

    command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    # a bare name is resolved to the running interpreter
    if os.path.dirname(command) and not os.path.samefile(command, sys.executable):
        return Finding("Jupyter kernel", "broken", f"starts {command}", "jupyter kernelspec remove python3")
    return Finding("Jupyter kernel", "ok", "starts this environment")


def check_sampler() -> Finding:
    """Fit a one-parameter model by NUTS: the part of the stack most likely to miss a compiler."""
    program = (
        "import pymc as pm\n"
        "with pm.Model():\n"
        "    pm.Normal('mu'); pm.sample(50, tune=50, chains=1, nuts_sampler='nutpie', progressbar=False)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if run.returncode:
        last_line = run.stderr.strip().splitlines()[-1]
        return Finding("PyMC samples", "broken", last_line, "rm -rf .venv && make env")
    return Finding("PyMC samples", "ok", "50 draws with nutpie")


def check_data() -> Finding:
    from mlm import data

    try:
        for name in data.names():
            data.load(name)
    except data.DataError as problem:
        return Finding("data", "broken", *str(problem).split("\n", 1))
    return Finding("data", "ok", f"{len(data.names())} data sets match their checksums")


def check_memory() -> Finding:
    try:
        gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, AttributeError):  # not every system tells
        return Finding("memory", "ok", "unknown on this system")
    found = f"{gigabytes:.0f} GB"
    if gigabytes >= NEEDED_GIGABYTES:
        return Finding("memory", "ok", found)
    todo = f"a page that samples wants {NEEDED_GIGABYTES} GB: close other programs, or use Binder"
    return Finding("memory", "missing", found, todo)


def check_disk() -> Finding:
    gigabytes = shutil.disk_usage(environment.ROOT).free / 2**30
    state = "ok" if gigabytes >= 1 else "missing"
    return Finding("disk", state, f"{gigabytes:.0f} GB free", "" if state == "ok" else "free at least 1 GB")


def check_program(program: str, wanted_for: str, package: str) -> Callable[[], Finding]:
    """A check for an optional program: the course runs without it, `wanted_for` does not."""

    def check() -> Finding:
        path = shutil.which(program)
        if path:
            return Finding(program, "ok", path)
        return Finding(program, "missing", f"only {wanted_for} needs it", f"apt install {package}")

    return check


def check_address() -> Finding:
    """Links to Binder, to the repository and to the site lead somewhere only once the course has its own."""
    import yaml

    config = yaml.safe_load((environment.ROOT / "_config.yml").read_text(encoding="utf8"))
    url, site = config["repository"]["url"], config["html"]["baseurl"]
    if PLACEHOLDER not in url + site:
        return Finding("public address", "ok", url)
    todo = (
        "set repository.url and html.baseurl in _config.yml; then tests/test_front.py names the other places"
    )
    return Finding("public address", "missing", "still the placeholder: only links to the web need it", todo)


CHECKS = (
    check_python,
    check_environment,
    check_packages,
    check_kernel,
    check_sampler,
    check_data,
    check_memory,
    check_disk,
    check_address,
    check_program("chromium", "make test", "chromium"),
    check_program("bwrap", "grading", "bubblewrap"),
    check_program("Rscript", "make reference", "r-cran-lme4 r-cran-optimx r-cran-jsonlite r-cran-digest"),
)
MARKS = {"ok": "[green]ok[/]", "missing": "[yellow]missing[/]", "broken": "[red]broken[/]"}


def report() -> bool:
    """Print a line for each check as it ends; true when nothing that the course needs is broken."""
    from rich.console import Console

    console, findings = Console(highlight=False, soft_wrap=True), []
    for check in CHECKS:
        finding = check()
        findings.append(finding)
        todo = f"\n                          -> {finding.todo}" if finding.todo else ""
        console.print(f"{MARKS[finding.state]:<20} {finding.name:<16} {finding.found}{todo}")
    healthy = all(finding.state != "broken" for finding in findings)
    console.print("This machine can run the course." if healthy else "Mend what is broken, then ask again.")
    return healthy

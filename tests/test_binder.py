"""What Binder would make of the repository, without Docker: its plan, and a chapter that opens and runs."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mlm import executions

ROOT = Path(__file__).parents[1]
BINDER = ROOT / ".binder"
CHAPTER = "book/03-basics.md"


@pytest.fixture(scope="module")
def plan():
    """The Dockerfile that Binder's builder would run."""
    command = [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug", "."]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def test_binder_takes_the_python_that_the_course_is_tested_with(plan):
    assert re.search(r"environment for python=3\.11\b", plan), plan[:500]


def test_binder_installs_the_small_lock_and_then_the_package(plan):
    assert 'pip install --no-cache-dir -r ".binder/requirements.txt"' in plan
    assert "RUN ./.binder/postBuild" in plan


def test_the_small_lock_holds_every_package_that_a_page_imports():
    locked = {line.split("==")[0] for line in (BINDER / "requirements.txt").read_text().splitlines()}
    imported = set()
    for source in [*(ROOT / "book").glob("*.md"), *(ROOT / "solutions").glob("*.md")]:
        for cell in re.findall(r"```\{code-cell\}.*?```", source.read_text(encoding="utf8"), re.DOTALL):
            imported |= set(re.findall(r"^(?:import|from) (\w+)", cell, re.MULTILINE))
    missing = imported - {name.replace("-", "_") for name in locked} - set(sys.stdlib_module_names) - {"mlm"}
    assert not missing, f"pages import what .binder/requirements.in does not name: {sorted(missing)}"


@pytest.fixture(scope="module")
def binder(tmp_path_factory):
    """A checkout and an environment made by the steps of Binder's plan; the environment is kept while its
    sources stay the same."""
    made_from = b"".join((BINDER / name).read_bytes() for name in ("requirements.txt", "postBuild"))
    environment = executions.folder().parent / "binder" / hashlib.sha256(made_from).hexdigest()[:12]
    home = tmp_path_factory.mktemp("home")
    checkout = home / "checkout"
    ignored = shutil.ignore_patterns(".git", ".venv", ".cache", "_build", "*.egg-info")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    variables = {**os.environ, "HOME": str(home), "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # else every start would compile all that it imports

    def step(*command):
        command = [str(part) for part in command]
        run = subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True)
        assert run.returncode == 0, f"{command} failed:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}"
        return run.stdout

    if not (environment / "complete").exists():
        shutil.rmtree(environment, ignore_errors=True)
        step(sys.executable, "-m", "venv", environment)
        # Python compiles what is imported; to compile all that is installed takes longer
        step(environment / "bin" / "pip", "install", "--no-compile", "-r", ".binder/requirements.txt")
        (environment / "complete").touch()
    step(".binder/postBuild")
    return checkout, variables, step


@pytest.fixture(scope="module")
def lab(binder):
    """Address of a JupyterLab that runs in the Binder environment."""
    checkout, variables, _ = binder
    command = [
        "jupyter",
        "lab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
    ]
    command += ["--IdentityProvider.token=", "--ServerApp.port_retries=0"]
    log = checkout.parent / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=checkout, env=variables, stdout=output, stderr=output)
    try:
        yield wait_for_address(server, log)
    finally:
        server.terminate()
        server.wait(timeout=300)


def wait_for_address(server, log: Path) -> str:
    for _ in range(2400):
        found = re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())
        if found and answers(found.group()):
            return found.group()
        assert server.poll() is None, f"JupyterLab did not start:\n{log.read_text()[-2000:]}"
        time.sleep(0.25)
    pytest.fail(f"JupyterLab did not answer within ten minutes:\n{log.read_text()[-2000:]}")


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address + "api", timeout=30).status == 200
    except OSError:
        return False


def test_in_binder_a_learner_can_have_an_exercise_checked(binder):
    _, _, step = binder
    table = step("mlm", "check", "03-basics")
    assert "not answered" in table and "total" in table, table


def run_cell(tab, cell) -> None:
    """Run a cell by its keys, pressed again as long as JupyterLab is too busy to take them."""
    prompt = cell.locator(".jp-InputArea-prompt").first
    for _ in range(20):
        cell.locator(".jp-InputArea-editor").first.click()
        tab.keyboard.press("Shift+Enter")
        with suppress(AssertionError):
            expect(prompt).to_have_text(re.compile(r"\[(\*|\d+)\]"), timeout=15_000)
            break
    expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=300_000)


def test_in_binder_a_chapter_opens_as_a_notebook_whose_cells_run(lab, browser):
    tab = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    tab.set_default_timeout(300_000)
    tab.goto(f"{lab}lab/tree/{CHAPTER}?reset")
    code_cells = tab.locator(".jp-Notebook .jp-CodeCell")
    code_cells.first.wait_for()
    prose = tab.locator(".jp-Notebook .jp-MarkdownCell").first
    prose.locator("h1").wait_for()
    assert ":::" not in prose.inner_text(), "JupyterLab shows the markup of MyST instead of its boxes"
    # JupyterLab drops what is run before the notebook has a kernel
    tab.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    tab.locator(".jp-Notebook").click(position={"x": 5, "y": 300})
    for index in range(2):  # the imports, then the data
        run_cell(tab, code_cells.nth(index))
    errors = tab.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']")
    assert errors.count() == 0, errors.first.inner_text()
    tab.screenshot(path=str(ROOT / "_build" / "screenshots-lab.png"))
    tab.context.close()

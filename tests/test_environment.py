"""`make env`: what it says and does on machines that are not as they should be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlm import environment

ROOT = Path(environment.__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a lock of one small package, and nothing installed."""
    (tmp_path / "mlm").mkdir()
    shutil.copy(environment.__file__, tmp_path / "mlm")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    entry = (ROOT / "requirements.txt").read_text().split("\nsix==")[1].split("\n\n")[0]
    lines = ["six==" + entry.splitlines()[0]]
    lines += [line for line in entry.splitlines()[1:] if line.startswith(" ")]
    (tmp_path / "requirements.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def make_env(checkout, python=sys.executable, **variables):
    """Run the script as the Makefile does, without uv and without a network."""
    isolated = {
        "PATH": "/usr/bin:/bin",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "HOME": str(checkout),
    }
    return subprocess.run(
        [python, "mlm/environment.py"],
        cwd=checkout,
        env={**isolated, **variables},
        capture_output=True,
        text=True,
    )


def test_a_finished_environment_is_left_alone():
    run = subprocess.run([sys.executable, "mlm/environment.py"], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "The environment .venv is up to date.\n", run.stdout + run.stderr


def test_without_a_network_it_says_so_and_can_go_on_later(checkout):
    run = make_env(checkout)
    assert run.returncode == 1
    assert "Without a network" in run.stderr, run.stderr
    assert "run `make env` again" in run.stderr
    assert not (checkout / ".venv" / "made-from").exists(), "a failed installation must not count as done"


def test_a_broken_environment_is_named_and_left_for_its_owner_to_remove(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    run = make_env(checkout)
    assert run.returncode == 1
    assert "is broken: its Python does not start" in run.stderr, run.stderr
    assert "rm -rf .venv && make env" in run.stderr


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 14, 0)])
def test_a_python_outside_the_range_is_refused_with_the_way_out(monkeypatch, version):
    monkeypatch.setattr(environment.sys, "version_info", version)
    with pytest.raises(environment.EnvironmentProblem, match="Python 3.11 to 3.13(.|\n)*PYTHON=python3.12"):
        environment.require_supported_python()


def test_the_range_in_the_message_is_the_range_that_is_checked():
    spelled = "Python {}.{} to {}.{}".format(*environment.OLDEST, *environment.NEWEST)
    assert spelled == environment.RANGE


def test_a_changed_lock_makes_the_environment_stale(checkout, monkeypatch):
    monkeypatch.setattr(environment, "LOCK", checkout / "requirements.txt")
    monkeypatch.setattr(environment, "ROOT", checkout)
    before = environment.lock_digest()
    with (checkout / "requirements.txt").open("a") as lock:
        lock.write("# another version\n")
    assert environment.lock_digest() != before


def test_every_package_of_the_binder_lock_has_the_version_of_the_full_lock():
    full, binder = (
        {line.split(" ")[0] for line in path.read_text().splitlines() if "==" in line}
        for path in (ROOT / "requirements.txt", ROOT / ".binder" / "requirements.txt")
    )
    assert binder <= full, f"run `make lock`: Binder alone has {sorted(binder - full)}"
    assert not any(line.startswith(("sphinx==", "jupyter-book==", "pytest==")) for line in binder)


def test_the_lock_names_one_version_of_each_package_with_hashes():
    lock = (ROOT / "requirements.txt").read_text()
    names = [line.split("==")[0] for line in lock.splitlines() if "==" in line]
    assert len(names) == len(set(names)), "one set of versions must serve every supported Python"
    assert lock.count("--hash=sha256:") >= len(names)
    assert "://" not in lock, "the lock must not name the place it was compiled from"

"""Make ``.venv`` from the lock. Runs as a plain script, before anything is installed, with any Python 3."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.txt"
STAMP = VENV / "made-from"  # written last: an interrupted installation never counts as done
OLDEST, NEWEST = (3, 11), (3, 13)
RANGE = "Python 3.11 to 3.13"


class EnvironmentProblem(Exception):
    """Something the user has to change; the message says what."""


def lock_digest():
    """SHA-256 of what an environment is made from: the lock and the package's metadata."""
    made_from = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(made_from).hexdigest()


def venv_python():
    """Path of the Python inside ``.venv`` (its folder has another name on Windows)."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_complete():
    """Whether ``.venv`` holds what the lock asks for: nothing is imported, so this takes milliseconds."""
    return STAMP.is_file() and STAMP.read_text().strip() == lock_digest() and starts(venv_python())


def starts(python):
    """Whether this interpreter runs at all: the Python it was made from may have been removed."""
    try:
        return subprocess.run([str(python), "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def require_supported_python():
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise EnvironmentProblem(
            f"The course needs {RANGE}, and this is Python {sys.version.split()[0]} ({sys.executable}).\n"
            "Name one that you have, for example:  make env PYTHON=python3.12"
        )


def install(*arguments):
    """Install into ``.venv`` with uv where it is there, else with the environment's own pip."""
    uv = shutil.which("uv")
    if uv:
        # copies, not hard links: a link would let one environment edit another's files
        command, variables = [uv, "pip", "install", "--python", str(venv_python())], {"UV_LINK_MODE": "copy"}
    else:
        # an environment that uv made has no pip yet
        subprocess.run([str(venv_python()), "-m", "ensurepip"], capture_output=True)
        command, variables = [str(venv_python()), "-m", "pip", "install", "--progress-bar", "on"], {}
    if subprocess.run([*command, *arguments], cwd=ROOT, env={**os.environ, **variables}).returncode:
        raise EnvironmentProblem(
            "The packages could not be installed; the lines above say why.\n"
            "Without a network, or behind a proxy, connect (or set HTTPS_PROXY) and run `make env` again: "
            "it goes on where it stopped.\n"
            "If a hash does not match, the download is damaged: run `make env` once more."
        )


def open_chapters_as_notebooks():
    """Tell this environment's JupyterLab, and no other, that a click on a chapter opens a notebook."""
    command = [
        str(venv_python().with_name("jupytext-config")),
        "set-default-viewer",
        "python",
        "markdown",
        "myst",
    ]
    subprocess.run(
        command, env={**os.environ, "JUPYTER_CONFIG_DIR": str(VENV / "etc" / "jupyter")}, check=True
    )


def create_venv():
    if shutil.which("uv"):
        made = subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(VENV)])
    else:
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)])
    if made.returncode:
        raise EnvironmentProblem(
            "No virtual environment could be made; the lines above say why.\n"
            "On Debian and Ubuntu the module is a package of its own:  apt install python3-venv"
        )


def make():
    """Bring ``.venv`` in line with the lock; does nothing when it already is."""
    if is_complete():
        print("The environment .venv is up to date.")
        return
    require_supported_python()
    if VENV.exists() and not starts(venv_python()):
        raise EnvironmentProblem(
            f"The environment {VENV} is broken: its Python does not start.\n"
            "Remove it and make it anew:  rm -rf .venv && make env"
        )
    if not VENV.exists():
        print(f"Making .venv with Python {sys.version.split()[0]} ...", flush=True)
        create_venv()
    print("Installing the locked packages (1.3 GB on disk the first time) ...", flush=True)
    install("--require-hashes", "-r", str(LOCK))
    # without build isolation nothing is fetched that the lock does not name
    install("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    open_chapters_as_notebooks()
    STAMP.write_text(lock_digest() + "\n")
    print("The environment .venv is ready.")


if __name__ == "__main__":
    try:
        make()
    except EnvironmentProblem as problem:
        sys.exit(f"\n{problem}")

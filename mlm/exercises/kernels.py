"""Run the cells of a notebook in a process of its own, and collect what its checks and keys recorded."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mlm.exercises.exercise import KEYS_FOLDER, RECORD_FILE
from mlm.exercises.variants import VARIANT


@dataclass
class Run:
    """What running a notebook left behind.

    Attributes
    ----------
    records : list of dict
        One for each check, write and key call, in the order in which they ran.
    errors : dict of int to str
        Place of each cell that failed -> what it did, in one line: ``raised NameError: …``.
    stopped : str
        Why the run ended before the last cell, or ``""``.
    """

    records: list[dict]
    errors: dict[int, str] = field(default_factory=dict)
    stopped: str = ""


def run(
    notebook, *, folder: Path, variant: int | None = None, keys: Path | None = None, timeout: int = 300
) -> Run:
    """Execute a notebook in memory; its cells may raise, and the others run all the same.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Outputs are written into it.
    folder : pathlib.Path
        Working directory of the kernel.
    variant : int, optional
        Seed of a private variant; the environment's own is not passed on.
    keys : pathlib.Path, optional
        Folder of the keys that checks read; the project's own by default.
    timeout : int
        Seconds that one cell may take; then it is interrupted.  One that goes on for as long again ends
        the run.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch, "record.jsonl")
        client = patient_client()(
            notebook,
            km=this_python(),
            timeout=timeout,
            allow_errors=True,
            extra_arguments=["--log-level=40"],  # a kernel on this machine needs no encrypted channel
        )
        stopped = ""
        try:
            client.execute(env=_environment(variant, keys, record), cwd=str(folder), cleanup_kc=True)
        except DeadKernelError:
            stopped = "the kernel died (out of memory, or ended by the notebook itself)"
        except CellTimeoutError:
            stopped = f"a cell ran for more than {timeout} seconds and could not be interrupted"
        return Run(_read(record), _errors(notebook, client.late, timeout), stopped)


def patient_client():
    """A client that interrupts a cell once; the library's own does it again and again, for ever."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError

    class PatientClient(NotebookClient):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            self.late = []  # cells that were interrupted

        async def _async_handle_timeout(self, timeout, cell=None):
            if any(cell is one for one in self.late):
                raise CellTimeoutError.error_from_timeout_and_cell("not interrupted", timeout, cell)
            self.late.append(cell)
            await self.km.interrupt_kernel()

    return PatientClient


def _environment(variant: int | None, keys: Path | None, record: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in (VARIANT, KEYS_FOLDER)}
    own = {RECORD_FILE: str(record)}
    if variant is not None:
        own[VARIANT] = str(variant)
    if keys is not None:
        own[KEYS_FOLDER] = str(keys)
    return inherited | own


def this_python():
    """A kernel of this very Python, whatever kernels are installed for the user."""
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name):
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisPython())


def _read(record: Path) -> list[dict]:
    if not record.exists():
        return []
    return [json.loads(line) for line in record.read_text(encoding="utf8").splitlines()]


def _errors(notebook, late: list, timeout: int) -> dict[int, str]:
    errors = {}
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                first = " ".join(output["evalue"].split())[:160]
                errors[place] = f"raised {output['ename']}" + (f": {first}" if first else "")
        if any(cell is one for one in late):
            errors[place] = f"ran for more than {timeout} seconds and was stopped"
    return errors

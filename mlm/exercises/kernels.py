"""Run the cells of a notebook in a process of its own, and collect what its checks and keys recorded."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mlm import executions
from mlm.exercises.exercise import KEYS_FOLDER, RECORD_FILE
from mlm.exercises.keys import dump, file_of
from mlm.exercises.variants import VARIANT

#: what keeps outputs the same on every machine and day
STEADY = {
    # digits must not depend on the number of cores
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # ArviZ announces its version 1 on the first import of each day
    "PYTHONWARNINGS": "ignore::FutureWarning:arviz",
    # PyTensor reports a missing compiler; nutpie compiles with numba and needs none
    "PYTENSOR_FLAGS": "cxx=",
}
if "avx2" in executions.processor():
    # nor on the newest instructions that a processor happens to have: a search that gets lost would get
    # lost elsewhere
    STEADY["OPENBLAS_CORETYPE"] = "Haswell"
#: what a kernel does first, so that it reports the files that it opens
REPORTING = "from mlm.executions import report_opened; report_opened(); del report_opened"


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


def run_kept(name: str, cells: list[str], *, variant: int | None = None, key: dict | None = None) -> Run:
    """Run cells of the course's own in an empty folder; from what is kept where nothing that goes in changed.

    Parameters
    ----------
    name : str
        By which a message names them: ``03-basics``.
    cells : list of str
        Sources of the code cells.
    variant : int, optional
        Seed of a private variant.
    key : dict, optional
        The key that checks read; none by default.

    Raises
    ------
    mlm.executions.UnknownInput
        If a cell opened a file of the course that nothing in the cells names.
    """
    from nbformat import v4

    known = executions.key_of(cells, STEADY, variant, key, Path(__file__).read_text(encoding="utf8"))
    if (found := executions.recall(known)) is not None:
        return Run(**found)
    with tempfile.TemporaryDirectory() as scratch:
        folder, report = Path(scratch, "empty"), Path(scratch, "opened")
        folder.mkdir()
        if key:
            file_of(folder, key["exercise"], key["variant"]).write_text(dump(key), encoding="utf8")
        notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in cells])
        done = run(notebook, folder=folder, variant=variant, keys=folder, timeout=600, report=report)
        if not done.errors and not done.stopped:
            executions.refuse_unknown(report, cells, name)
            executions.keep(known, {"records": done.records})
    return done


def run(
    notebook,
    *,
    folder: Path,
    variant: int | None = None,
    keys: Path | None = None,
    timeout: int = 300,
    report: Path | None = None,
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
    report : pathlib.Path, optional
        Where the kernel reports the files of the course that it opens.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch, "record.jsonl")
        client = patient_client()(
            notebook,
            km=this_python(),
            timeout=timeout,
            allow_errors=True,
            extra_arguments=kernel_options(report),
        )
        stopped = ""
        try:
            client.execute(env=_environment(variant, keys, record, report), cwd=str(folder), cleanup_kc=True)
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


def kernel_options(report: Path | None) -> list[str]:
    """A kernel on this machine needs no encrypted channel; it reports what it opens where that is asked."""
    return ["--log-level=ERROR", *([f"--IPKernelApp.exec_lines={REPORTING}"] if report else [])]


def _environment(variant: int | None, keys: Path | None, record: Path, report: Path | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in (VARIANT, KEYS_FOLDER)}
    own = STEADY | {RECORD_FILE: str(record)} | ({executions.REPORT: str(report)} if report else {})
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

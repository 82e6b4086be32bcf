"""Outside the sandbox: make it with bubblewrap, hand it submissions, and read what comes back with suspicion.

Nothing here runs learners' code or unpickles anything. What a submission says comes through a pipe as text,
up to a limit; how it ended is told by the kernel.
"""

import contextlib
import json
import math
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from mlm.exercises import keys
from mlm.exercises.exercise import KEYS_FOLDER
from mlm.exercises.kernels import STEADY
from mlm.exercises.variants import VARIANT
from mlm.grading.model import CannotGrade
from mlm.grading.sandbox.inside.isolation import NOBODY

ROOT = Path(__file__).parents[3]
START = (
    "import sys; sys.path.insert(0, sys.argv[2]); "
    "from mlm.grading.sandbox.inside.server import main; main(int(sys.argv[1]))"
)
READY_WITHIN = 300  # seconds to load the scientific stack and to run the given cells
GRACE = 5.0  # seconds between the moment when a cell should have been interrupted and the submission's end
STOPS_WITHIN = 20.0  # seconds for the processes of a submission to end when told so
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/ssl/openssl.cnf")
#: The only places that can be written to; fresh for each submission.
SCRATCH = ("/scratch", "/dev/shm")
#: What of the course a submission may read: no key, no solution, no test.
OPEN = ("mlm", "data")


class NoSandbox(CannotGrade):
    """No sandbox can be made on this machine; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes
    ----------
    seconds, cell_seconds : float
        Wall time of the whole, and of one cell.
    memory, disk, file : int
        Bytes of memory of all its processes, of each of its two folders, and of one file.
    processes : int
        Processes and threads at one time.
    said : int
        Bytes that all its answers together may take as JSON.
    """

    seconds: float = 600.0
    cell_seconds: float = 120.0
    memory: int = 3_000_000_000
    disk: int = 200_000_000
    file: int = 100_000_000
    processes: int = 100
    said: int = 16_000_000


@dataclass(frozen=True)
class Exam:
    """What is the same for all submissions of one exercise.

    Attributes
    ----------
    exercise : str
        Its name.
    variant : int or None
        Seed of the data; None for the public data.
    key : str
        The key file without its answers (`mlm.exercises.keys.without_answers`).
    given : tuple of str
        The code cells of the blank exercise, in order.
    asked : tuple of (str, str)
        Each question and its check cell.
    limits : Limits
        What a submission may use.
    bare : bool
        True where the grader itself runs in a container and no sandbox shall be made in it.
    """

    exercise: str
    variant: int | None
    key: str
    given: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    limits: Limits = Limits()
    bare: bool = False


@dataclass(frozen=True)
class Execution:
    """How a submission ran: nothing here but what it said, as text, and how it ended.

    Attributes
    ----------
    ended : str
        ``done``, ``timed out``, ``out of memory``, ``too much output``, ``crashed``, ``stopped`` (it killed
        its own keeper); or, of the sandbox itself, ``failed``, ``no room`` (the machine's memory went to
        others) and ``cannot isolate``.
    lines : list of str
        What came through the pipe.
    seconds : float
        How long it took.
    """

    ended: str
    lines: list[str]
    seconds: float


class Sandbox:
    """A process in a sandbox that has everything loaded and forks for each submission.

    Parameters
    ----------
    exam : Exam
        What all submissions have in common.
    hidden : tuple of pathlib.Path
        Folders that must not be seen even if they lie in a folder that is (submissions, output, home).

    Raises
    ------
    NoSandbox
        If the sandbox does not start.
    """

    def __init__(self, exam: Exam, hidden: tuple[Path, ...] = ()):
        self.exam, self._runs = exam, 0
        self._claim, self.core = _own_core()
        if exam.bare and os.getuid() == 0 and (closed := _closed_to_others()):
            raise NoSandbox(
                f"In a container, submissions run as another user than root, who cannot read {closed}, where "
                "this Python lies. Open that folder to others, or use a Python that lies elsewhere."
            )
        self._keys = tempfile.TemporaryDirectory(prefix="mlm-exam-")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._line, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with inner:
                self._process = self._start(inner.fileno(), hidden)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _start(self, channel: int, hidden: tuple[Path, ...]) -> subprocess.Popen:
        folder = Path(self._keys.name)
        folder.chmod(0o755)  # read by another user
        keys.file_of(folder, self.exam.exercise, self.exam.variant).write_text(self.exam.key, encoding="utf8")
        for name, text in _etc().items():
            (folder / name).write_text(text, encoding="utf8")
        command = [sys.executable, "-P", "-s", "-c", START, str(channel), str(ROOT)]
        variables = _variables(self.exam, self._keys.name if self.exam.bare else "/keys")
        return subprocess.Popen(
            command if self.exam.bare else [*bubblewrap(self._keys.name, hidden), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            pass_fds=[channel],
            env=variables,
            cwd="/",
            start_new_session=True,
        )

    def _prepare(self) -> None:
        exam = {"given": self.exam.given, "asked": self.exam.asked, "limits": asdict(self.exam.limits)}
        place = {"nested": not self.exam.bare, "scratch": _scratch(self.exam), "core": self.core}
        self._send({"do": "prepare"}, exam | place)
        ready, _, _ = select.select([self._line], [], [], READY_WITHIN)
        answer = self._hear() if ready else {"problem": f"it was not ready within {READY_WITHIN} seconds"}
        if "problem" in answer:
            raise NoSandbox(_refusal(answer["problem"] or self._last_words()))
        #: Whether it can take another submission; else it must be closed after the first.
        self.lasting = answer["nested"]

    def run(self, cells: list[tuple[int, str]]) -> Execution:
        """Run the cells of one submission, within the limits of the exam."""
        start, self._runs = time.monotonic(), self._runs + 1
        reader, writer = os.pipe()
        with open(reader, "rb", buffering=0) as claims:
            try:
                self._send({"do": "run", "run": self._runs}, cells, writer)
            finally:
                os.close(writer)
            said, ended = self._listen(claims, start)
        lines = said.decode("utf8", errors="replace").splitlines()
        return Execution(ended, lines, time.monotonic() - start)

    def _listen(self, claims, start: float) -> tuple[bytes, str]:
        """Collect what is said until the sandbox tells that the submission has ended, or must be ended."""
        limits, said, verdict, heard, stopping = self.exam.limits, bytearray(), "", start, math.inf
        waiting = [self._line, claims]
        while True:
            due = min(start + limits.seconds, heard + limits.cell_seconds + GRACE, stopping)
            ready, _, _ = select.select(waiting, [], [], max(due - time.monotonic(), 0))
            if claims in ready:  # all of it before the news of the end
                part = claims.read(1 << 16)
                waiting = waiting if part else [self._line]
                said += b"" if verdict else part
                heard = time.monotonic()
            elif self._line in ready:
                news = self._hear()  # read even where the verdict is known: the next run must not find it
                known = news.get("run") == self._runs
                return bytes(said), (verdict or news["ended"]) if known else "failed"
            if verdict:
                if time.monotonic() >= stopping:
                    return bytes(said), "failed"
            elif len(said) > limits.said or time.monotonic() >= due:
                verdict = "too much output" if len(said) > limits.said else "timed out"
                stopping = time.monotonic() + STOPS_WITHIN
                start = heard = math.inf
                self._send({"do": "stop", "run": self._runs})

    def _send(self, order: dict, long: dict | list | None = None, *files: int) -> None:
        """Send an order; what is too long for the socket goes as an open file."""
        with tempfile.TemporaryFile() as stream:
            stream.write(json.dumps(long).encode())
            stream.seek(0)
            given = [] if long is None else [stream.fileno(), *files]
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # `_hear` will say so
                socket.send_fds(self._line, [json.dumps(order).encode()], given)

    def _hear(self) -> dict:
        """What the sandbox says; where it is gone, a problem without words."""
        try:
            return json.loads(self._line.recv(1 << 16) or '{"problem": ""}')
        except ConnectionResetError:
            return {"problem": ""}

    def _last_words(self) -> str:
        self._process.wait(STOPS_WITHIN)
        self._complaints.seek(0)
        return self._complaints.read(2000).decode(errors="replace").strip() or "it ended without a word"

    def kill(self) -> None:
        """End all that runs in the sandbox, from any thread; a run that goes on in it ends as ``failed``."""
        if hasattr(self, "_process"):
            self._process.kill()
            self._process.wait()
        self._claim.close()

    def close(self) -> None:
        """End the sandbox and give back what it holds."""
        self._line.close()
        self.kill()
        self._complaints.close()
        self._keys.cleanup()


def bubblewrap(key_folder: str, hidden: tuple[Path, ...]) -> list[str]:
    """The command that makes the sandbox: a world to read, and nothing of the course's secrets in it."""
    program = shutil.which("bwrap")
    if program is None:
        raise NoSandbox(_refusal("the program bubblewrap is not installed"))
    room = ["--size", str(Limits.disk), "--perms", "1777", "--tmpfs"]
    seen = [path for path in (*SYSTEM, *SETTINGS, *_pythons()) if Path(path).exists()]
    secret = [str(path.resolve()) for path in (ROOT, *hidden)]
    masked = [path for path in secret if any(_lies_in(path, other) for other in seen)]
    inside_masked = [path for path in seen if any(_lies_in(path, other) for other in masked)]
    opened = [*inside_masked, *(str(ROOT / part) for part in OPEN)]
    return [
        program,
        *([] if os.getuid() == 0 else ["--unshare-user"]),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--hostname", "sandbox", "--die-with-parent", "--new-session"),
        *(word for path in _parents(seen + opened) for word in ("--perms", "0755", "--dir", path)),
        *(word for path in seen for word in ("--ro-bind", path, path)),
        *(word for path in masked for word in ("--tmpfs", path)),
        *(word for path in opened for word in ("--ro-bind", path, path)),
        *("--ro-bind", key_folder, "/keys"),
        *(word for name in _etc() for word in ("--symlink", f"/keys/{name}", f"/etc/{name}")),
        *("--proc", "/proc", "--dev", "/dev", *(word for folder in SCRATCH for word in (*room, folder))),
        # a course or a Python that itself lies in /tmp stays there, to be read
        *(() if any(_lies_in(path, "/tmp") for path in seen + opened) else ("--symlink", "scratch", "/tmp")),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"),
    ]


def _parents(paths: list[str]) -> list[str]:
    """The folders above: made by bubblewrap itself, nobody but their owner could walk through them."""
    return sorted({str(folder) for path in paths for folder in Path(path).parents} - {"/"})


def _pythons() -> list[str]:
    """Folders of this environment and of the Python it was made from, where they are not the system's."""
    folders = {
        str(path) for prefix in (sys.prefix, sys.base_prefix) for path in (prefix, Path(prefix).resolve())
    }
    return sorted(path for path in folders if not any(_lies_in(path, system) for system in SYSTEM))


def _own_core() -> tuple[socket.socket, int | None]:
    """A core that no other sandbox of this user has; held for as long as the socket is open."""
    claim = socket.socket(socket.AF_UNIX)
    for core in sorted(os.sched_getaffinity(0)):
        with contextlib.suppress(OSError):  # the name is taken
            claim.bind(f"\0mlm-core-{os.getuid()}-{core}")
            return claim, core
    return claim, None


def _closed_to_others() -> Path | None:
    """The folder above this Python, its packages or the course that other users cannot enter, if any."""
    used = {Path(sys.executable).resolve(), *map(Path, _pythons()), ROOT / "mlm"}
    folders = sorted({folder for path in used for folder in path.parents})
    return next((folder for folder in folders if not folder.stat().st_mode & 0o001), None)


def _lies_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(Path(folder).resolve()) or Path(path).is_relative_to(folder)


def _scratch(exam: Exam) -> tuple[str, ...]:
    return ("/tmp",) if exam.bare else SCRATCH


def _etc() -> dict[str, str]:
    """Files by which a program finds out who it is and where ``localhost`` is."""
    user = os.getuid() or NOBODY
    return {
        "passwd": f"learner:x:{user}:{user}::{SCRATCH[0]}:/bin/sh\n",
        "hosts": "127.0.0.1 localhost sandbox\n",
    }


def _variables(exam: Exam, key_folder: str) -> dict[str, str]:
    """The whole environment of a submission."""
    own = {KEYS_FOLDER: key_folder, "TMPDIR": _scratch(exam)[0], "HOME": _scratch(exam)[0]}
    own |= {"USER": "learner", "LOGNAME": "learner"}
    own |= {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin"}
    own |= {"LANG": "C.UTF-8", "MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    return own | STEADY | ({} if exam.variant is None else {VARIANT: str(exam.variant)})


def _refusal(why: str) -> str:
    return (
        f"No sandbox could be made, so nothing was graded: {why}\n"
        "Grading runs code that strangers wrote, and does so only in a sandbox.\n"
        "- bubblewrap makes it, on Linux: apt install bubblewrap (Debian, Ubuntu)\n"
        "- it needs user namespaces: where `sysctl user.max_user_namespaces` is 0, set it to 10000; where "
        "`sysctl kernel.apparmor_restrict_unprivileged_userns` is 1, set it to 0 or run as root\n"
        "- on macOS and Windows, and where you isolate in another way: run in a container made for this one "
        "purpose, with --inside-container (the page on grading says what it must not hold)"
    )

"""Inside the sandbox: a process that shuts itself off, from its siblings too, before it runs a submission.

Bubblewrap has already made a world with no network, nothing secret and nothing writable in it. One process
in there has the scientific stack loaded and forks for each submission (`server`). What is here keeps those
forks apart: user, process, mount and IPC namespaces of their own, fresh memory-backed folders, no
capability, and limits that a process cannot raise again.

Linux only; standard library only, so that it runs before anything else is imported.
"""

import ctypes
import os
import resource
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from mlm.grading.sandbox.inside.syscalls import refuse_needless_calls

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS = 0x00020000, 0x08000000, 0x10000000, 0x20000000
NOSUID_NODEV, NOEXEC = 2 | 4, 8
SET_PDEATHSIG, SET_DUMPABLE, CAPBSET_DROP, SET_NO_NEW_PRIVS, CAP_AMBIENT = 1, 4, 24, 38, 47
CAPABILITY_VERSION = 0x20080522
#: The unprivileged user that submissions run as where the grader itself is root.
NOBODY = 64_001
LOOK_EVERY = 0.1  # seconds between two looks at the memory in use
OUT_OF_MEMORY, STOPPED, CANNOT_ISOLATE, NO_ROOM = 70, 71, 72, 73

libc = ctypes.CDLL(None, use_errno=True)


def renounce_root() -> None:
    """Become an unprivileged user for good, and let no process of that user look into this one."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _prctl(SET_NO_NEW_PRIVS, 1)
    _prctl(SET_DUMPABLE, 0)


def die_with_parent() -> None:
    """End when the process that forked this one ends."""
    _prctl(SET_PDEATHSIG, signal.SIGKILL)


def run_apart(work, limits: dict, folders: tuple[str, ...], nested: bool = True) -> int:
    """Fork, run ``work`` apart from everything else, and say how it ended.

    Called in a process forked for this one purpose. It leaves its namespaces; its child is the first process
    of new ones, starts ``work`` in a third, watches its memory, and takes all that ``work`` started with it
    when it ends.

    Parameters
    ----------
    work : callable
        What to run; it should not return.
    limits : dict
        ``memory``, ``disk``, ``file`` (bytes), ``processes``.
    folders : tuple of str
        Folders to hide under copies in memory, of ``disk`` bytes each; ``work`` begins in the first.
    nested : bool
        False where the kernel forbids namespaces inside a sandbox: then the whole sandbox must be thrown
        away afterwards.

    Returns
    -------
    int
        0 or 1 as ``work`` exits, 128 and more if it ends otherwise; or `OUT_OF_MEMORY`, `STOPPED`,
        `CANNOT_ISOLATE`; or `NO_ROOM` where the machine runs short of memory through no fault of this work.
    """
    if nested:
        try:
            _leave(folders, limits["disk"])
        except OSError:
            return CANNOT_ISOLATE
    first = os.fork()
    if first == 0:
        os._exit(_guard(work, limits, folders[0]))
    # no process in there can reach this one: a signal to it ends them all
    signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
    _, status = os.waitpid(first, 0)
    return STOPPED if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _leave(folders: tuple[str, ...], size: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    _prctl(SET_DUMPABLE, 1)  # else the maps below belong to root
    _call(libc.unshare, NEW_USER | NEW_PIDS | NEW_MOUNTS | NEW_IPC)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)
    _prctl(SET_DUMPABLE, 0)
    options = f"size={size},nr_inodes=20000,mode=0700,uid={uid},gid={gid}".encode()
    for folder in folders:
        hidden = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        _call(libc.mount, b"tmpfs", folder.encode(), b"tmpfs", NOSUID_NODEV, options)
        # what the given cells left there, such as compiled code, is expected by what they loaded
        shutil.copytree(f"/proc/self/fd/{hidden}", folder, dirs_exist_ok=True)
        os.close(hidden)


def _guard(work, limits: dict, folder: str) -> int:
    """The first process of the new namespaces: start the work, watch it, bury what it leaves."""
    die_with_parent()
    # of these namespaces where the kernel allows it: else a process does not find itself by its own number
    libc.mount(b"proc", b"/proc", b"proc", NOSUID_NODEV | NOEXEC, None)
    bystanders = _processes()
    worker = os.fork()
    if worker == 0:
        try:
            os.setsid()  # a signal to its group stays its own
            os.chdir(folder)  # out of the folder that lies hidden under it
            _bind_hands(limits)
            work()
        finally:
            os._exit(1)
    while True:
        with suppress(ChildProcessError):
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == worker:  # the namespace ends with this process, and all that is left in it
                return _exit_code(status)
            if ended:
                continue
        used = sum(map(_memory, _processes() - bystanders))
        if used > limits["memory"] or (short := _is_short_of_memory()) and used > limits["memory"] / 3:
            return OUT_OF_MEMORY
        if short:
            return NO_ROOM
        time.sleep(LOOK_EVERY)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code in (0, 1) else 128 + abs(code) % 64


def _bind_hands(limits: dict) -> None:
    """Give up every capability and the means to get one back; take on the limits."""
    _prctl(SET_NO_NEW_PRIVS, 1)
    _prctl(CAP_AMBIENT, 4)  # clear all
    for capability in range(64):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call(libc.capset, header, (ctypes.c_uint32 * 6)())
    refuse_needless_calls()
    _prctl(SET_DUMPABLE, 1)  # the process may look at itself
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # the first to go where memory runs out
    for what, most in (
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_DATA, limits["memory"] + _sizes("/proc/self/status")["VmData"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.setpriority(os.PRIO_PROCESS, 0, 5)


def _processes() -> set[str]:
    return {name for name in os.listdir("/proc") if name.isdigit()}


def _memory(process: str) -> int:
    """Bytes of memory of one process, shared pages counted in shares; what it has hidden counts in full."""
    with suppress(OSError):
        sizes = _sizes(f"/proc/{process}/smaps_rollup")
        return sizes["Pss_Anon"] + sizes["Pss_Shmem"]
    with suppress(OSError, IndexError, ValueError):
        return resource.getpagesize() * int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return 0


def _is_short_of_memory() -> bool:
    """Memory that the kernel holds for a process, such as full sockets, shows on the machine as a whole."""
    machine = _sizes("/proc/meminfo")
    return machine["MemAvailable"] < min(machine["MemTotal"] // 20, 500_000_000)


def _sizes(table: str) -> dict[str, int]:
    """Bytes by name, from the lines ``Name:  12 kB`` of a file of the kernel."""
    lines = (line.split() for line in Path(table).read_text().splitlines())
    return {words[0].rstrip(":"): 1024 * int(words[1]) for words in lines if words[-1] == "kB"}


def _prctl(option: int, value: int) -> None:
    _call(libc.prctl, option, value, 0, 0, 0)


def _call(function, *arguments) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), function.__name__)

"""System calls that no exercise needs: refused, and nothing that an exercise needs with them."""

import ctypes
import errno
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mlm.grading.sandbox.inside import syscalls

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in syscalls.MACHINES,
    reason="no seccomp filter for this machine",
)
NEW_USERS = 0x10000000


def behind_the_filter(work: Callable[[], int]) -> int:
    """What a function returns, 0 to 255, in a process that gave up the calls."""
    pid = os.fork()
    if pid == 0:
        try:
            ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no new privileges: without, only root may filter
            syscalls.refuse_needless_calls()
            os._exit(work())
        finally:
            os._exit(255)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def called(number: int, *arguments: int) -> Callable[[], int]:
    """Make a system call; the number of its error, 0 if it went well."""

    def call() -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        return ctypes.get_errno() if libc.syscall(number, *arguments) < 0 else 0

    return call


@pytest.mark.parametrize("name", syscalls.REFUSED)
def test_a_needless_call_is_refused(name):
    number = syscalls.REFUSED[name][syscalls.MACHINES[platform.machine()][1]]
    assert behind_the_filter(called(number, 0, 0, 0, 0, 0)) == errno.EPERM


def test_a_process_cannot_be_born_into_a_new_namespace_by_either_call():
    clone = syscalls.MACHINES[platform.machine()][2]
    assert behind_the_filter(called(clone, NEW_USERS | 17, 0, 0, 0, 0)) == errno.EPERM
    assert behind_the_filter(called(syscalls.CLONE3, 0, 0)) == errno.ENOSYS


@pytest.mark.parametrize(("family", "error"), [(1, 0), (2, 0), (10, 0), (16, errno.EPERM), (40, errno.EPERM)])
def test_only_sockets_that_stay_in_the_sandbox_can_be_made(family, error):
    number = syscalls.MACHINES[platform.machine()][3]
    assert behind_the_filter(called(number, family, 1 if family < 16 else 3, 0)) == error


def _lives_on() -> int:
    threads = [threading.Thread(target=int) for _ in range(3)]
    for thread in threads:
        thread.start()
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True)
    reader, writer = os.pipe()
    os.write(writer, b"x")
    return 0 if done.stdout == "1\n" and os.read(reader, 1) == b"x" else 1


def test_threads_processes_and_pipes_work_as_before():
    assert behind_the_filter(_lives_on) == 0


def test_a_machine_without_a_table_is_refused():
    with pytest.raises(OSError, match="no table of system calls for the machine 'sparc64'"):
        syscalls._filter("sparc64")


def test_the_numbers_are_those_of_the_kernel():
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    words = [line.split() for line in header.read_text().splitlines() if line.startswith("#define __NR_")]
    numbers = {parts[1].removeprefix("__NR_"): int(parts[2]) for parts in words}
    assert {name: column[0] for name, column in syscalls.REFUSED.items()} == {
        name: numbers[name] for name in syscalls.REFUSED
    }
    assert numbers["clone3"] == syscalls.CLONE3 and numbers["clone"] == syscalls.MACHINES["x86_64"][2]
    assert numbers["socket"] == syscalls.MACHINES["x86_64"][3]

"""Inside the sandbox: system calls that no exercise needs, refused by the kernel (seccomp).

They would open memory that belongs to no process and so is not counted, new namespaces with capabilities of
their own, and parts of the kernel that are known for their bugs.

Linux only; standard library only.
"""

import ctypes
import errno
import platform

SET_SECCOMP, FILTER = 22, 2
ALLOW, REFUSE, ABSENT = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of the kernel's packet filter
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # bytes into what the filter is shown
NEW_NAMESPACES = 0x7E020000  # in the flags of clone
CLONE3 = 435
LOCAL = (1, 2, 10)  # families of sockets that stay in the sandbox: Unix, IPv4, IPv6
FOREIGN = 0x40000000  # numbers from here on are another convention (x32)

#: Calls by name, with their numbers on x86-64 and on 64-bit ARM (from the kernel's tables).
REFUSED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "sched_setaffinity": (203, 122),  # each submission has one core, whatever its neighbour does
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
#: Machine -> its architecture as the kernel names it, the column above, numbers of ``clone`` and ``socket``.
MACHINES = {"x86_64": (0xC000003E, 0, 56, 41), "aarch64": (0xC00000B7, 1, 220, 198)}


class Instruction(ctypes.Structure):
    """One step of a packet filter: what to do, how far to jump if true and if false, with which number."""

    _fields_ = [
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class Program(ctypes.Structure):
    """A packet filter as the kernel takes it."""

    _fields_ = [("length", ctypes.c_uint16), ("steps", ctypes.POINTER(Instruction))]


def refuse_needless_calls() -> None:
    """Let the kernel refuse `REFUSED` to this process and all that it starts, for good.

    Raises
    ------
    OSError
        If the kernel has no seccomp, or the machine is none of `MACHINES`.
    """
    steps = _filter(platform.machine())
    program = Program(len(steps), (Instruction * len(steps))(*steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter")


def _filter(machine: str) -> list[Instruction]:
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no table of system calls for the machine {machine!r}")
    architecture, column, clone, new_socket = MACHINES[machine]
    return [
        *_where(ARCHITECTURE, (EQUAL, 1, 0, architecture), REFUSE),
        Instruction(LOAD, 0, 0, NUMBER),
        *_unless(AT_LEAST, FOREIGN, REFUSE),
        *(step for numbers in REFUSED.values() for step in _unless(EQUAL, numbers[column], REFUSE)),
        # its flags lie in memory, where a filter cannot look; the C library then takes clone
        *_unless(EQUAL, CLONE3, ABSENT),
        Instruction(EQUAL, 0, 4, clone),
        *_where(FIRST_ARGUMENT, (ANY_BIT, 0, 1, NEW_NAMESPACES), REFUSE),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(EQUAL, 1, 0, new_socket),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(LOAD, 0, 0, FIRST_ARGUMENT),
        *(step for family in LOCAL for step in _unless(EQUAL, family, ALLOW)),
        Instruction(RETURN, 0, 0, REFUSE),
    ]


def _where(place: int, test: tuple, verdict: int) -> list[Instruction]:
    return [Instruction(LOAD, 0, 0, place), Instruction(*test), Instruction(RETURN, 0, 0, verdict)]


def _unless(test: int, number: int, verdict: int) -> list[Instruction]:
    return [Instruction(test, 0, 1, number), Instruction(RETURN, 0, 0, verdict)]

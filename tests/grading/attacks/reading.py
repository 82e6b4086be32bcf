# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks by reading: keys, solutions, other submissions, the environment, other processes, the network.

Every secret of the test holds a canary; an attack looks for canaries in all that it can read, and tells them.
"""

from .scene import ENDED, play

#: What was found is also put into an answer, an error and the output.
TELL = """
tell("found:", len(found), *sorted(found)[:50])
_ex.check("n-batches", " ".join(sorted(found)[:50]))
raise LookupError(" ".join(sorted(found)[:5]))
"""
FILES = """
end = time.monotonic() + 4
first = ["/keys", "/tmp", "/dev/shm", "/home", "/root", "/work", "/etc", "/run", "/var/tmp", "/opt", "/srv", "/mnt",
         "/media", os.environ.get("HOME", "/"), os.getcwd(), "..", os.path.dirname(_Exercise.__module__), *sys.path, "/"]
for start in first:
    for folder, folders, files in os.walk(start or "."):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
        for name in files:
            look(os.fsencode(name))
            if name.endswith((".json", ".md", ".ipynb", ".txt", ".csv", ".jsonl", ".env", ".html", ".py", ".log")):
                read(os.path.join(folder, name), 2_000_000)
        if time.monotonic() > end:
            break
"""
TARGETS = """
import glob
roots = ["", *glob.glob("/proc/[0-9]*/root"), *glob.glob("/proc/[0-9]*/cwd"), "/proc/self/root", "/newroot", "/oldroot"]
for target in SCENE["targets"]:
    for root in roots:
        read(root + target)
    for other in (os.path.dirname(target), os.path.dirname(os.path.dirname(target))):
        for root in roots:
            try:
                look(os.fsencode(" ".join(os.listdir(root + other))))
            except OSError:
                pass
"""
ENVIRONMENT = """
import glob, subprocess
look(repr(dict(os.environ)).encode())
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/task/*/environ"):
    read(path)
for command in (["env"], ["ps", "auxe"], ["dmesg"], ["who"], ["mount"], ["df"], ["getent", "passwd"]):
    try:
        look(subprocess.run(command, capture_output=True, timeout=3).stdout)
    except Exception:
        pass
for name in ("mounts", "self/mountinfo", "net/unix", "net/tcp", "keys", "cmdline", "self/maps"):
    read("/proc/" + name)
variable = os.environ.get("MLM_VARIANT")
"""
MEMORY = """
end = time.monotonic() + 4

def parts(process):
    # what was written comes first, what was only loaded last
    with open(f"/proc/{process}/maps") as table:
        lines = [line.split() for line in table]
    lines = [words for words in lines if "r" in words[1] and words[-1] not in ("[vvar]", "[vsyscall]")]
    for words in sorted(lines, key=lambda words: (words[-1] != "[heap]", len(words) > 5, "w" not in words[1])):
        start, stop = (int(number, 16) for number in words[0].split("-"))
        yield from ((place, min(8 << 20, stop - place)) for place in range(start, stop, 8 << 20))

others = [name for name in os.listdir("/proc") if name.isdigit() and name != os.readlink("/proc/self")]
for process in (str(os.getppid()), *others, "self"):
    try:
        with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
            for place, size in parts(process):
                try:
                    memory.seek(place)
                    look(memory.read(size))
                except (OSError, ValueError, OverflowError):
                    pass
                if time.monotonic() > end:
                    break
    except (OSError, MemoryError):
        continue
"""
OBJECTS = """
import gc
for thing in gc.get_objects():
    try:
        kind = type(thing)
        if kind in (list, tuple, set, frozenset):
            parts = list(thing)
        elif kind is dict:
            parts = [*thing.keys(), *thing.values()]
        else:
            continue
        for part in parts:
            if type(part) is str:
                look(part.encode("utf8", "replace"))
            elif type(part) in (bytes, bytearray):
                look(bytes(part))
    except Exception:
        pass
frame = sys._getframe()
while frame:
    look(repr(list(frame.f_locals.items()))[:5_000_000].encode("utf8", "replace"))
    look(frame.f_code.co_filename.encode())
    frame = frame.f_back
"""
DESCRIPTORS = """
import glob, socket
for number in range(0, 1024):
    try:
        target = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        continue
    look(target.encode())
    for way in (lambda: os.pread(number, 1 << 22, 0), lambda: open(f"/proc/self/fd/{number}", "rb").read(1 << 22),
                lambda: os.set_blocking(number, False) or os.read(number, 1 << 22)):
        try:
            look(way())
        except Exception:
            pass
    try:
        folder = os.open("..", os.O_RDONLY, dir_fd=number)
        look(os.fsencode(" ".join(os.listdir(folder))))
    except OSError:
        pass
for path in glob.glob("/proc/[0-9]*/fd/*") + glob.glob("/proc/[0-9]*/cwd/*"):
    if not path.startswith((f"/proc/{os.readlink('/proc/self')}/", "/proc/self/")):
        try:
            number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            look(os.read(number, 1 << 22))
            os.close(number)
        except OSError:
            pass
"""
#: Numbers in /proc are those of the namespace in which it was mounted, numbers of calls those of the own one.
TRACED = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
buffer = ctypes.create_string_buffer(1 << 16)

class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

here, there = Part(ctypes.cast(buffer, ctypes.c_void_p), 1 << 16), Part(id(None), 64)
for number in range(1, 60) if walled("pid") else ():
    if number == os.getpid():
        continue
    for request, what in ((16, "attached to"), (0x4206, "seized")):
        if libc.ptrace(request, number, 0, 0) == 0:
            breach(f"{what} process {number}")
            libc.ptrace(17, number, 0, 0)
    if libc.process_vm_readv(number, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
        breach(f"memory of process {number} read")
    try:
        pidfd = os.pidfd_open(number)
    except OSError:
        continue
    for file in range(0, 16):
        if libc.syscall(438, pidfd, file, 0) >= 0:
            breach(f"file {file} of process {number} taken")
for name in filter(str.isdigit, os.listdir("/proc")):
    if name != os.readlink("/proc/self"):
        for what, mode in (("mem", "r+b"), ("mem", "rb"), ("environ", "rb"), ("maps", "rb")):
            attempt(f"{what} of {name} opened", lambda: open(f"/proc/{name}/{what}", mode).read(1) and True)
"""

NETWORK = """
import socket

def knock(family, kind, address):
    with socket.socket(family, kind) as plug:
        plug.settimeout(1)
        plug.connect(address)
        plug.sendall(SCENE["token"].encode())
        return plug.getpeername()

INET, INET6, STREAM, DATAGRAM = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM
if walled("net"):
    for host in ("127.0.0.1", "127.1.2.3", "0.0.0.0"):
        attempt(f"connected to {host}", lambda: knock(INET, STREAM, (host, SCENE["port"])))
    attempt("connected to ::1", lambda: knock(INET6, STREAM, ("::1", SCENE["port"])))
    attempt("connected to a local socket", lambda: knock(socket.AF_UNIX, STREAM, "\\0" + SCENE["abstract"]))
    attempt("connected to a local file", lambda: knock(socket.AF_UNIX, STREAM, SCENE["socket"]))
    for path in ("/run/systemd/private", "/run/dbus/system_bus_socket", "/var/run/docker.sock", "/run/udev/control"):
        attempt(f"connected to {path}", lambda: knock(socket.AF_UNIX, STREAM, path))
    try:
        knock(INET, DATAGRAM, ("127.0.0.1", SCENE["udp"]))  # whether it arrived the listener knows
        with socket.socket(INET, DATAGRAM) as plug:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            plug.sendto(SCENE["token"].encode(), ("255.255.255.255", SCENE["udp"]))
    except OSError as error:
        print(error)
    attempt("a raw socket", lambda: socket.socket(INET, socket.SOCK_RAW, 1))
    attempt("a packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    attempt("a name was looked up", lambda: socket.getaddrinfo("mlm.invalid", 80) and False)
    interfaces = [name for _, name in socket.if_nameindex() if name not in ("lo", "tunl0", "sit0", "ip6tnl0")]
    if interfaces:
        breach(f"interfaces: {interfaces}")
else:
    breach("the network is the machine's")
"""
INSTALL = "!pip install --quiet --disable-pip-version-check --timeout 1 --retries 0 --index-url http://127.0.0.1:{} six"

ATTACKS = [
    play("reads-files", "reading files", FILES + TELL),
    play("reads-known-paths", "reading files", TARGETS + TELL),
    play("reads-environment", "reading the environment", ENVIRONMENT + TELL),
    play("reads-memory", "reading memory", MEMORY + TELL, statuses=ENDED),
    play("reads-objects", "reading memory", OBJECTS + TELL),
    play("reads-open-files", "reading open files", DESCRIPTORS + TELL),
    play("traces-others", "ptrace", TRACED),
    play("network", "network", NETWORK),
    play("installs", "network", INSTALL.format(9), tools=False),
]

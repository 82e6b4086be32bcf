"""The machine around a run of the grader: what is on it, and what an attack has changed, reached or left."""

import contextlib
import hashlib
import os
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .attacks.scene import Scene

ROOT = Path(__file__).parents[2]
NAMESPACES = ("pid", "net", "mnt", "user", "ipc")
SHARED = ("/tmp", "/dev/shm", "/var/tmp", "/run")


def canary() -> str:
    """A secret that the attacks know by its form."""
    return f"canary-{secrets.token_hex(16)}"


@dataclass
class Listener:
    """Sockets outside the sandbox, and who knocked."""

    heard: list[str] = field(default_factory=list)
    port: int = 0
    udp: int = 0
    abstract: str = ""
    path: str = ""


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    """Listen on the loopback interface and on Unix sockets until the block ends."""
    token, found = secrets.token_hex(4), Listener()
    found.abstract = f"mlm-{token}"
    found.path = f"{tempfile.gettempdir()}/mlm-{token}.sock"
    with contextlib.ExitStack() as stack:

        def opened(family, kind, address) -> socket.socket:
            plug = stack.enter_context(socket.socket(family, kind))
            plug.bind(address)
            plug.settimeout(0.2)
            return plug

        inet, udp = [
            opened(socket.AF_INET, kind, ("0.0.0.0", 0)) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        ]
        found.port, found.udp = inet.getsockname()[1], udp.getsockname()[1]
        named = opened(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{found.abstract}")
        on_disk = opened(socket.AF_UNIX, socket.SOCK_STREAM, found.path)
        stack.callback(os.unlink, found.path)
        os.chmod(found.path, 0o777)
        over = threading.Event()
        threads = [
            threading.Thread(target=_answer, args=(plug, what, found.heard, over))
            for plug, what in ((inet, "TCP"), (udp, "UDP"), (named, "abstract socket"), (on_disk, "socket"))
        ]
        for plug in (inet, named, on_disk):
            plug.listen()
        for thread in threads:
            thread.start()
        stack.callback(lambda: [thread.join() for thread in threads])
        stack.callback(over.set)
        yield found


def _answer(plug: socket.socket, what: str, heard: list[str], over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            if plug.type == socket.SOCK_DGRAM:
                plug.recvfrom(100)
            else:
                plug.accept()[0].close()
            heard.append(what)


def scene(listener: Listener, targets: tuple[Path, ...]) -> Scene:
    """What the attacks are told of this machine."""
    walls = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in NAMESPACES}
    return Scene(
        walls=walls,
        port=listener.port,
        udp=listener.udp,
        abstract=listener.abstract,
        socket=listener.path,
        targets=tuple(map(str, targets)),
    )


def contents(*folders: Path) -> dict[str, str]:
    """Hash of every file in some folders, and of the files by which a Python is taken over."""
    own = [path for folder in folders for path in sorted(folder.rglob("*"))]
    packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    start_up = [*packages.glob("*.pth"), *packages.glob("*.py"), Path(sys.executable)]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (*own, *start_up)
        if path.is_file() and "__pycache__" not in path.parts
    }


def planted(token: str) -> list[str]:
    """Files that attacks left where other programs look."""
    places = [*SHARED, str(Path.home()), sys.prefix, str(ROOT)]
    return [
        os.path.join(folder, name)
        for place in places
        for folder, _, names in os.walk(place)
        for name in names
        if token in name
    ]


def processes(name: str) -> list[int]:
    """Processes of this name."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/comm").read_text().strip() == name:
                found.append(int(process))
    return found


def children(name: str) -> list[int]:
    """Processes of this name that this process started."""
    found = []
    for process in processes(name):
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            found += [process] if int(state[1]) == os.getpid() and state[0] != "Z" else []
    return found

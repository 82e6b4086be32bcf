# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks on the machine's room: memory, disk, processes, files, output. Each says how far it came."""

from .scene import ENDED, STOPPED, blank, hand_in, play

MEMORY = """
kept = []
for step in range(60):
    kept.append(bytearray(os.urandom(1)) * (100 << 20))
    tell("megabytes:", 100 * (step + 1))
"""
CHILDREN = """
def grow():
    kept = []
    for _ in range(15):
        kept.append(b"x" * (50 << 20))
    time.sleep(6)
for _ in range(8):
    if not os.fork():
        signal.alarm(12)
        try:
            grow()
        finally:
            os._exit(0)
for _ in range(8):
    os.wait()
tell("megabytes:", 8 * 750)
"""
#: Files in memory that no process maps.
NAMELESS = """
total, files, block = 0, [], b"x" * (5 << 20)
while total < 3_000 and len(files) < 900:
    try:
        files.append(os.memfd_create("hidden"))
        for _ in range(4):
            total += os.write(files[-1], block) >> 20
    except OSError:
        if len(files) % 100 == 0:
            break
    if total % 500 == 0:
        tell("megabytes:", total)
tell("megabytes:", total)
time.sleep(1)
"""
SHARED = """
import mmap
kept = []
for step in range(30):
    part = mmap.mmap(-1, 100 << 20)
    for place in range(0, 100 << 20, 4096):
        part[place] = 1
    kept.append(part)
    tell("megabytes:", 100 * (step + 1))
"""
PIPES = """
kept = []
for step in range(500):
    try:
        reader, writer = os.pipe()
        kept += [reader, writer]
        import fcntl
        try:
            fcntl.fcntl(writer, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(writer, False)
        os.write(writer, b"x" * (1 << 20))
    except OSError as error:
        print(error)
        break
tell("pipes:", len(kept) // 2)
"""
LIMITS = (
    """
import resource
for name in [name for name in dir(resource) if name.startswith("RLIMIT_")]:
    limit = getattr(resource, name)
    soft, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        attempt(f"{name} was raised", lambda: resource.setrlimit(limit, (hard + 1, hard + 1)))
        attempt(f"{name} was lifted", lambda: resource.setrlimit(limit, (-1, -1)))
"""
    + MEMORY
)

DISK = """
if not walled("mnt"):
    breach("the files are the machine's")
    raise SystemExit
block, report = os.urandom(1 << 20), {}
for folder in ("/tmp", "/dev/shm", "/dev", ".", os.environ.get("HOME", "."), "/", "/run", "/var/tmp", "/run/lock",
               "/dev/mqueue", "/home", "/root", "/keys", "/sys/fs/cgroup", "/var/log"):
    written, number = 0, 0
    try:
        while written < 2000 and sum(report.values()) < 2000:
            with open(f"{folder}/planted-{SCENE['token']}-{number}", "wb", buffering=0) as stream:
                number += 1
                for _ in range(90):
                    if stream.write(block) < len(block):
                        raise OSError("full")
                    written += 1
    except OSError as error:
        print(folder, error)
    report[folder] = written
tell("megabytes:", sum(report.values()), {name: size for name, size in report.items() if size})
"""
SPARSE = """
with open("hole", "wb") as stream:
    attempt("a file of a terabyte", lambda: os.ftruncate(stream.fileno(), 1 << 40) or True)
"""
INODES = """
made = 0
try:
    for folder in range(100):
        os.mkdir(f"d{folder}")
        for number in range(1000):
            open(f"d{folder}/{number}", "w").close()
            made += 1
except OSError as error:
    print(error)
tell("files:", made)
"""
LONG_PATH = """
import shutil
for _ in range(3000):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
"""

STDOUT = """
line = "x" * (1 << 20)
end = time.monotonic() + 20
for _ in range(2000):
    print(line)
    if time.monotonic() > end:
        break
"""
RAW = """
block = b"x" * (1 << 20)
end = time.monotonic() + 20
for number in (1, 2):
    for _ in range(1000):
        try:
            os.write(number, block)
        except OSError:
            break
        if time.monotonic() > end:
            break
"""
DISPLAY = """
try:
    from IPython.display import HTML, display
    for _ in range(2000):
        display(HTML("<b>" + "x" * (1 << 18) + "</b>"))
except ImportError:
    pass
"""
PIPE = """
block = b'{"event": "answer", "name": "within", "answer": {"kind": "text", "value": "' + b"x" * 60_000 + b'"}}\\n'
end = time.monotonic() + 20
for number in range(3, 32):
    try:
        while time.monotonic() < end:
            os.write(number, block)
    except OSError:
        continue
"""
#: Without a line's end, and without a pause.
DRIP = """
end = time.monotonic() + 60
while time.monotonic() < end:
    for number in range(3, 8):
        try:
            os.write(number, b"x")
        except OSError:
            pass
    time.sleep(0.3)
"""

FORKS = """
started = 0
def live():
    name_me()
    signal.alarm(15)
    try:
        time.sleep(12)
    finally:
        os._exit(0)
for _ in range(300):
    try:
        if not os.fork():
            live()
        started += 1
    except OSError as error:
        print(error)
        break
tell("processes:", started)
"""
BOMB = """
end = time.monotonic() + 4
shared = os.path.abspath("count")
def burst():
    signal.alarm(6)
    while time.monotonic() < end:
        if os.path.exists(shared) and os.path.getsize(shared) > 400:
            break
        try:
            if os.fork():
                with open(shared, "ab") as stream:
                    stream.write(b".")
            else:
                name_me()
                signal.alarm(6)
        except OSError:
            time.sleep(0.05)
if not os.fork():
    try:
        burst()
    finally:
        os._exit(0)
time.sleep(5)
"""
THREADS = """
import threading
started, stop = 0, threading.Event()
for _ in range(2000):
    try:
        threading.Thread(target=stop.wait, args=(20,), daemon=True).start()
        started += 1
    except RuntimeError as error:
        print(error)
        break
tell("threads:", started)
"""
FILES = """
opened = []
try:
    for _ in range(100_000):
        opened.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error)
    os.close(opened.pop())
    os.close(opened.pop())
"""

ATTACKS = [
    play("memory", "memory bomb", MEMORY),
    play("memory-of-children", "memory bomb", CHILDREN),
    play("memory-nameless", "memory bomb", NAMELESS),
    play("memory-shared", "memory bomb", SHARED),
    play("memory-of-pipes", "memory bomb", PIPES),
    play("limits-raised", "resource limits", LIMITS),
    play("disk", "disk filling", DISK),
    play("sparse", "disk filling", SPARSE),
    play("inodes", "disk filling", INODES),
    play("long-path", "disk filling", LONG_PATH),
    play("flood", "output flood", STDOUT, statuses=ENDED),
    play("flood-raw", "output flood", RAW, statuses=ENDED),
    play("flood-display", "output flood", DISPLAY, statuses=ENDED),
    play("flood-of-answers", "output flood", PIPE, statuses=STOPPED),
    play("drip", "output flood", DRIP),
    play("forks", "fork bomb", FORKS),
    play("bomb", "fork bomb", BOMB),
    play("threads", "fork bomb", THREADS),
    play("files", "open files", FILES),
    hand_in("many-cells", "record flooding", blank(last="\n".join(["1"] * 50_000))),
]

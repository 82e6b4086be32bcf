# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks on the end: never stop, stop too early, go on after the end, take others along."""

from .scene import ENDED, RAN, STOPPED, hand_in, perfect, play, worked

LATE = frozenset({"timed out", "partly"})
#: Ends of its own accord after a minute, so that a sandbox that fails fails the test only.
BOUNDED = """
end = time.monotonic() + 60
"""
LOOP = (
    BOUNDED
    + """
while time.monotonic() < end:
    pass
"""
)
SWALLOW = (
    BOUNDED
    + """
while time.monotonic() < end:
    try:
        while time.monotonic() < end:
            pass
    except BaseException:
        pass
"""
)
DEAF = (
    """
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signal.setitimer(signal.ITIMER_REAL, 0)
signal.alarm(0)
signal.signal = signal.setitimer = signal.alarm = lambda *args: None
"""
    + SWALLOW
)
IN_C = (
    BOUNDED
    + """
import itertools
class Clock:
    def __eq__(self, other): return False
    def __del__(self): os._exit(3)
import ctypes
ctypes.CDLL(None).sleep(60)
ctypes.CDLL(None).sleep(60)
"""
)
REGEX = """
re.match(r"(a*)*b", "a" * 33)
"""
ASLEEP = """
time.sleep(60)
"""
LOCKED = """
import threading
threading.Lock().acquire()
lock = threading.Lock()
lock.acquire()
lock.acquire(timeout=60)
"""
ASKING = """
answer = input("How many points? ")
answer = sys.stdin.read()
import getpass
answer = getpass.getpass()
"""
#: The clock stands still for whoever asks Python.
CLOCK = """
import datetime, time as clock
clock.time = clock.monotonic = clock.perf_counter = clock.process_time = lambda: 0.0
clock.time_ns = clock.monotonic_ns = lambda: 0
clock.sleep = lambda seconds: None
import ctypes
for clock_id in (0,):
    now = clock.clock_gettime(clock_id)
    attempt("the clock was set", lambda: clock.clock_settime(clock_id, now))
for _ in range(400_000_000):
    pass
"""

EXIT = "import os\nos._exit(0)"
EXIT_CLEANLY = "import sys\nsys.exit(0)"
ABORT = "import os\nos.abort()"
SEGFAULT = "import ctypes\nctypes.string_at(0)"
STACK = """
sys.setrecursionlimit(10**9)
import threading
threading.stack_size(1 << 20)
def deeper(*args): return eval("deeper(args)")
thread = threading.Thread(target=deeper)
thread.start()
thread.join()
"""
FREE = """
import ctypes
ctypes.memset(id(None) + 8, 0x41, 8)
ctypes.memset(id(ex if "ex" in globals() else _ex), 0x41, 512)
print(None, _ex)
"""
ITSELF = "os.kill(os.getpid(), signal.SIGKILL)"
STOP = "os.kill(os.getpid(), signal.SIGSTOP)"
GROUP = """
if walled("pid"):
    os.killpg(0, signal.SIGKILL)
"""
#: A group of processes is not divided by namespaces: what is in one can be reached.
GROUP_STOPPED = """
if walled("pid"):
    os.killpg(0, signal.SIGSTOP)
"""
GROUP_ASKED = """
if walled("pid"):
    for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.killpg(0, number)
"""
PARENT = """
if walled("pid"):
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGKILL):
        try:
            os.kill(os.getppid(), number)
        except OSError as error:
            print(error)
"""
PARENT_STOPPED = """
if walled("pid"):
    os.kill(os.getppid(), signal.SIGSTOP)
"""
ALL = """
if walled("pid"):
    for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
        for target in (1, -1):
            try:
                os.kill(target, number)
            except OSError as error:
                print(error)
"""
ALL_STOPPED = """
if walled("pid"):
    for target in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        if target != os.getpid():
            try:
                os.kill(target, signal.SIGSTOP)
            except OSError:
                pass
"""
CLOSED = "os.closerange(0, 65536)"
REDIRECTED = """
null = os.open("/dev/null", os.O_RDWR)
for number in range(0, 256):
    try:
        os.fstat(number)
        os.dup2(null, number)
    except OSError:
        pass
"""
REPLACED = """
os.execv(sys.executable, [sys.executable, "-c", "print('right'); import time; time.sleep(1)"])
"""
TWICE = "import os\nfor _ in range(3):\n    os.fork()"
SPAWN = """
import multiprocessing
context = multiprocessing.get_context("fork")
workers = [context.Process(target=time.sleep, args=(60,)) for _ in range(8)]
for worker in workers:
    worker.start()
from concurrent.futures import ProcessPoolExecutor
pool = ProcessPoolExecutor(4, mp_context=context)
list(pool.map(abs, range(8)))
"""

#: Works on after the notebook has ended, and holds on to every open pipe.
AFTER = """
def go_on(seconds=40):
    name_me()
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        time.sleep(0.2)
        for name in ("n-batches", "within", "effects", "weight"):
            try:
                _ex.check(name, 99)
            except BaseException:
                pass
"""
DOUBLE_FORK = (
    AFTER
    + """
if not os.fork():
    os.setsid()
    if not os.fork():
        go_on()
    os._exit(0)
os.wait()
"""
)
DAEMONS = (
    AFTER
    + """
for _ in range(20):
    if not os.fork():
        os.setpgid(0, 0)
        go_on()
        os._exit(0)
"""
)
THREAD = (
    AFTER
    + """
import threading
name_me = lambda: None
signal.signal = lambda *args: None
threading.Thread(target=go_on, daemon=False).start()
threading.Thread(target=go_on, daemon=True).start()
"""
)
AT_EXIT = (
    AFTER
    + """
import atexit, weakref
signal.signal = lambda *args: None
name_me = lambda: None
atexit.register(go_on)
class Last:
    def __del__(self, go_on=go_on): go_on(10)
sys.last = Last()
weakref.finalize(sys.last, go_on)
os.register_at_fork(after_in_child=lambda: go_on(5))
"""
)
HONEST_THEN_LATE = worked("n-batches") + "\n" + LOOP


ATTACKS = [
    play("loop", "endless loop", LOOP, where="last", statuses=LATE),
    play("swallow", "swallows exceptions", SWALLOW, where="last", statuses=LATE),
    play("deaf", "ignores signals", DEAF, statuses=LATE),
    play("asleep-in-c", "endless loop", IN_C, statuses=LATE),
    play("regex", "endless loop", REGEX, statuses=LATE),
    play("asleep", "endless loop", ASLEEP, statuses=LATE),
    play("locked", "endless loop", LOCKED, statuses=LATE),
    play("asking", "asks for input", ASKING, statuses=RAN | {"timed out"}),
    play("clock", "changes the clock", CLOCK, statuses=ENDED),
    play("late-after-one", "endless loop", HONEST_THEN_LATE, where="last", statuses=LATE, deserved=1),
    hand_in("exit-in-the-middle", "os._exit", perfect(after=EXIT), statuses=STOPPED),
    hand_in("exit-at-the-end", "os._exit", perfect(last=EXIT), deserved=5),
    hand_in("exit-cleanly", "sys.exit", perfect(after=EXIT_CLEANLY), deserved=5),
    hand_in("abort", "os._exit", perfect(after=ABORT), statuses=STOPPED),
    hand_in("segfault", "segmentation fault", perfect(after=SEGFAULT), statuses=STOPPED),
    play("stack", "segmentation fault", STACK),
    play("freed", "segmentation fault", FREE),
    play("kills-itself", "signals", ITSELF, statuses=STOPPED),
    play("stops-itself", "signals", STOP, statuses=STOPPED),
    play("kills-its-group", "signals", GROUP),
    play("stops-its-group", "signals", GROUP_STOPPED),
    play("asks-its-group", "signals", GROUP_ASKED),
    play("kills-its-parent", "signals", PARENT),
    play("stops-its-parent", "signals", PARENT_STOPPED),
    play("kills-all", "signals", ALL),
    play("stops-all", "signals", ALL_STOPPED),
    play("closes-all", "closed files", CLOSED),
    play("redirects-all", "closed files", REDIRECTED),
    play("replaces-itself", "exec", REPLACED),
    hand_in("goes-on-eightfold", "fork", perfect(after=TWICE), deserved=5),
    play("spawns", "processes left behind", SPAWN),
    play("double-fork", "processes left behind", DOUBLE_FORK),
    play("daemons", "processes left behind", DAEMONS),
    play("thread", "threads left behind", THREAD),
    play("at-exit", "work at exit", AT_EXIT),
]

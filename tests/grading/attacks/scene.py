# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""What an attack is, and how its notebook is made.

An attack is bounded in itself: a few hundred processes, a few gigabytes, this machine only, a few seconds.
What would hurt the machine (signals to all processes, mounts, the clock) first asks whether a wall is there, so
that a sandbox that fails fails the test and not the machine.

What an attack finds out it says in its written answer: ``breach: …`` where it got through a wall, and every
canary that it read.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nbformat import v4, writes

from mlm.exercises.notebooks import exercise_notebook, read_solution, tag_of

EXERCISE = "98-example"
SOLUTION = Path(__file__).parents[2] / "exercises" / "example" / f"{EXERCISE}.md"

#: Statuses that a submission may end with, once its notebook could be read.
RAN = frozenset({"graded", "partly"})
STOPPED = frozenset({"timed out", "out of memory", "too much output", "crashed"})
ENDED = RAN | STOPPED
REFUSED = frozenset({"unreadable", "not a notebook", "wrong exercise", "too large", "unsafe path", "empty"})


@dataclass(frozen=True)
class Scene:
    """What the test set up around the sandbox: where an attack might look, knock and listen.

    Attributes
    ----------
    token : str
        Marks the processes and files of this run of the tests.
    walls : dict of str to str
        The machine's own namespaces: ``pid`` -> ``pid:[4026531836]``. An attack in one of them is not walled in.
    port, udp : int
        Where the test listens on the loopback interface.
    abstract, socket : str
        Unix sockets on which the test listens, by name and by path.
    targets : tuple of str
        Files that hold a canary: keys, the solution, other submissions, the home folder, a temporary folder.
    """

    token: str = field(default_factory=lambda: secrets.token_hex(4))
    walls: dict[str, str] = field(default_factory=dict)
    port: int = 9
    udp: int = 9
    abstract: str = ""
    socket: str = ""
    targets: tuple[str, ...] = ()


#: The content of a file, known now or once the scene is set; or how to make what is no plain file.
Content = bytes | Callable[[Scene], bytes]


@dataclass(frozen=True)
class Attack:
    """One learner's folder, and what may come of it.

    Attributes
    ----------
    name : str
        Name of the folder.
    kind : str
        What is attacked; see the modules of this package.
    files : dict of str to bytes or function
        Path below the folder -> what is written there.
    statuses : frozenset of str
        Statuses its rows may have.
    deserved : float
        Points that its honest part is worth; more is a hole.
    make : function, optional
        Makes what is no plain file (links, pipes), given the folder and the scene.
    rows : int
        How many rows it must have at least.
    """

    name: str
    kind: str
    files: dict[str, Content]
    statuses: frozenset[str] = ENDED
    deserved: float = 0
    make: Callable[[Path, Scene], None] | None = None
    rows: int = 1


TOOLS = '''\
import os, re, signal, sys, time
from mlm import Exercise as _Exercise

SCENE = @SCENE@
WANTED = re.compile(rb"(?:canary|planted)-[0-9a-f]{32}")
_ex, _told, found = _Exercise("98-example"), [], set()


def tell(*words):
    """Say it by every way that leads out: the written answer, an answer, the output."""
    _told.append(" ".join(map(str, words))[:2000])
    text = "\\n".join(_told)
    print(text, file=sys.stderr)
    _ex.check("within", text)
    _ex.write("essay", text)


def breach(what):
    tell("brea" + "ch:", what)


def look(data):
    """Keep every canary in some bytes."""
    if b"canary-" in data or b"planted-" in data:  # much faster than the pattern
        found.update(match.decode() for match in WANTED.findall(data))


def read(path, most=20_000_000):
    try:
        if os.path.isfile(path) or path.startswith("/proc/"):
            with open(path, "rb") as stream:
                look(stream.read(most))
    except Exception:
        pass


def planted():
    return "planted" + "-" + os.urandom(16).hex()


def walled(kind):
    """Is there a wall between here and the machine? Where it cannot be told, there is none."""
    try:
        return os.readlink(f"/proc/self/ns/{kind}") != SCENE["walls"][kind]
    except OSError as error:
        tell("no look at", kind, error)
        return False


def child(work, seconds=5):
    """Do it in a process of its own that ends in time; True if it came back well."""
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def attempt(what, work):
    """It should be refused; where it is not, that is a breach."""
    try:
        result = work()
    except BaseException as error:
        return error
    if result is not False:
        breach(what)


def name_me():
    """Give this process a name by which the test finds it."""
    import ctypes
    ctypes.CDLL(None).prctl(15, ("lurk" + SCENE["token"]).encode(), 0, 0, 0)
'''


@cache
def _solution() -> tuple[tuple[str, str, str], ...]:
    """Name, worked answer and check of each question, in order."""
    cells = [cell for cell in read_solution(SOLUTION) if cell.cell_type == "code"]
    answer, questions = "", []
    for cell in cells:
        if tag_of(cell) == "answer":
            answer = cell.source
        if tag_of(cell) == "check":
            questions.append((cell.source.split('"')[1], answer, cell.source))
            answer = ""
    return tuple(questions)


def worked(*names: str) -> str:
    """The worked answers and the checks of some questions, of all by default; one cell's text."""
    parts = [(answer, check) for name, answer, check in _solution() if not names or name in names]
    return "\n".join(text for pair in parts for text in pair if text)


def blank(*, before: str = "", after: str = "", last: str = "", tools: bool = False, worked: bool = False):
    """The exercise as it is handed out, with cells added.

    Parameters
    ----------
    before, after, last : str
        Code of a cell before all others, after the one that makes ``ex``, and at the end.
    tools : bool
        Put `TOOLS` first.
    worked : bool
        Give the worked answers.
    """
    notebook = exercise_notebook(SOLUTION, worked=worked)
    setup = next(n for n, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    for source, place in ((last, len(notebook.cells)), (after, setup + 1), (before, 0), (tools and TOOLS, 0)):
        if source:
            notebook.cells.insert(place, v4.new_code_cell(source))
    return notebook


def perfect(**added):
    """The exercise with every worked answer; cells are added as in `blank`."""
    return blank(**added, worked=True)


def submit(notebook) -> Callable[[Scene], bytes]:
    """The bytes of a notebook; what it must know of the scene is put in when that is set."""
    text = writes(notebook)

    def written(scene: Scene) -> bytes:
        known = repr(vars(scene)).replace("\\", "\\\\").replace('"', '\\"')
        return text.replace("@SCENE@", known).encode()

    return written


def play(name: str, kind: str, source: str = "", *, where: str = "before", tools: bool = True, **settings):
    """An attack that is the blank exercise with one cell more; ``settings`` as in `Attack`."""
    notebook = blank(**{where: source}, tools=tools)
    if tools:  # the last answer counts, and what an attack tells shall be the last
        own = ('ex.check("within", within)', 'ex.write("essay", essay)')
        notebook.cells = [cell for cell in notebook.cells if cell.source not in own]
    return Attack(name, kind, {f"{EXERCISE}.ipynb": submit(notebook)}, **settings)


def hand_in(name: str, kind: str, notebook, *, also: dict | None = None, **settings):
    """An attack that is a notebook of any form, and perhaps files beside it."""
    files = {f"{EXERCISE}.ipynb": submit(notebook) if hasattr(notebook, "cells") else notebook}
    return Attack(name, kind, files | (also or {}), **settings)

# ruff: noqa: E501 (the attacks are programs in themselves, and are easier to read unbroken)
"""Attacks on the record: write, replace or redirect what carries the answers out."""

from .forging import AGAIN, WRONG
from .scene import play

#: Lines in the manner of a record, onto whatever is open.
LINES = r"""
import fcntl, json, os

RIGHT = {"status": "right", "mistake": "", "message": "Right.", "points": 99}


def line(name):
    return json.dumps({"event": "check", "exercise": "98-example", "variant": 7, "name": name, "verdict": RIGHT,
                       "answer": {"kind": "number", "value": 5.0, **RIGHT}, **RIGHT})


lines = [line(name) for name in ("n-batches", "within", "effects", "weight", "essay")]
lines += [json.dumps(thing) for thing in (
    {"event": "end", "status": "graded"}, {"event": "done"}, {"status": "graded", "total": 99},
    {"event": "key", "question": {"name": "within", "points": 99}}, {"submission": "x", "points": 99},
    {"event": "cell", "place": 1, "ok": True})]
forged = ("\n".join(lines) + "\n\x00\xff}{][\n" + '{"event": "check", "name": \n').encode("latin1")


def flood(number):
    # all of it, at the end and at the start, without waiting for a reader
    flags = fcntl.fcntl(number, fcntl.F_GETFL)
    fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    for place in (os.SEEK_END, os.SEEK_SET):
        try:
            os.lseek(number, 0, place)
        except OSError:
            pass
        try:
            os.write(number, forged)
        except OSError:
            pass
    fcntl.fcntl(number, fcntl.F_SETFL, flags)


for number in range(3, 256):
    try:
        flood(number)
    except OSError:
        pass
"""
OTHERS_LINES = r"""
import glob

for path in glob.glob("/proc/[0-9]*/fd/*") if walled("pid") else []:
    try:
        target = os.readlink(path)
        if path.split("/")[2] == os.readlink("/proc/self") or target.startswith("/dev/"):
            continue
        number = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(number, forged)
        os.close(number)
    except OSError:
        pass
"""

#: The file that checks record to, wherever it is.
RECORD = r"""
import glob, json

places = [os.environ.get("MLM_RECORD", ""), *glob.glob("*.json*")]
if walled("mnt"):
    places += glob.glob("/tmp/**/*.json*", recursive=True)
verdict = {"status": "right", "points": 99}
answer = {"kind": "number", "value": 1}
line = {"event": "check", "exercise": "98-example", "variant": 7, "name": "within", "answer": answer,
        "verdict": verdict}
for place in filter(None, places):
    try:
        with open(place, "a") as stream:
            stream.write(json.dumps(line) + "\n")
        os.remove(place)
        os.symlink("/etc/hostname", place)
    except OSError:
        pass
os.environ["MLM_RECORD"] = os.path.abspath("own.jsonl")
"""
LINKED = r"""
targets = SCENE["targets"] or ("/etc/passwd",)
for name in ("answers.jsonl", "answers.json", "record.jsonl", "out.json", "results.json", "output"):
    for folder in (".", os.environ.get("HOME", "."), os.environ.get("TMPDIR", ".")):
        try:
            os.symlink(targets[0], os.path.join(folder, name))
        except OSError:
            pass
place = os.environ.get("MLM_RECORD")
for make in (os.mkfifo, os.mkdir, lambda place: os.symlink(targets[0], place)) if place else ():
    for work in (os.remove, os.rmdir, make):
        try:
            work(place)
        except OSError:
            pass
"""

OWN_KEY = """
ex.key("n-batches", 99, hints=["a", "b", "c"], points=99)
ex.key("within", 99.0, hints=["a", "b", "c"], points=99)
ex.key("effects", {"A": 1.0}, hints=["a", "b", "c"], points=99)
ex.rubric("essay", "one two three", words=(1, 9), rubric={"it is": 50, "is not": 49},
          hints=["a", "b", "c"])
"""
OWN_KEYS = """
import json, os, pathlib
folder = pathlib.Path("keys")
folder.mkdir(exist_ok=True)
question = {"name": "within", "kind": "check", "points": 99, "value": {"kind": "number", "value": 99},
            "rtol": 1, "atol": 1e9, "mistakes": [], "accepts": [], "probes": None, "from_data": False,
            "hints": ["", "", ""]}
questions = [question | {"name": name} for name in ("n-batches", "within", "effects", "weight")]
for name in ("98-example", "98-example.variant-7", f"98-example.variant-{os.environ.get('MLM_VARIANT')}"):
    (folder / f"{name}.json").write_text(json.dumps({"exercise": "98-example", "questions": questions}))
os.environ["MLM_KEYS"] = str(folder.absolute())
"""

INSIDES = """
import ctypes, gc, sys
from mlm import Exercise

def check(self, name, value):
    return None

Exercise.check.__code__ = check.__code__
record = {"event": "check", "exercise": "98-example", "variant": 7, "name": "within",
          "answer": {"kind": "number", "value": 5.0}, "verdict": {"status": "right", "points": 99}}
frame = sys._getframe().f_back
while frame:
    around = frame.f_locals
    own = getattr(around.get("self"), "__dict__", {})
    for thing in [*around.values(), *own.values()]:
        if type(thing) is list:
            thing.append(record)
        if type(thing) is dict and thing is not frame.f_globals:
            thing.update(status="right", points=99, total=99)
    frame = frame.f_back
for thing in gc.get_objects():
    if type(thing) is dict and {"status", "points"} <= thing.keys():
        thing.update(status="right", points=99)
    if type(thing) is dict and "points" in thing and "rtol" in thing:
        thing.update(rtol=1, atol=1e9)
"""

ATTACKS = [
    play("forged-lines", "forged answers", LINES),
    play("forged-lines-at-the-end", "forged answers", LINES, where="last"),
    play("forged-lines-elsewhere", "forged answers", LINES + OTHERS_LINES),
    play("forged-record", "forged answers", RECORD + AGAIN + WRONG),
    play("linked-record", "symlinked answers", LINKED),
    play("linked-record-at-the-end", "symlinked answers", LINKED, where="last"),
    play("own-key", "own key", OWN_KEY + WRONG, where="after"),
    play("own-keys", "own key", OWN_KEYS + AGAIN + WRONG),
    play("insides", "interpreter's insides", INSIDES + AGAIN + WRONG),
]

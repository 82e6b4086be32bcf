"""Inside the sandbox: IPython without a kernel, which runs cells and tells what was answered."""

import json
import os
import signal
import sys
import time

from mlm.exercises import exercise
from mlm.grading.sandbox.inside.given_cells import Memory

LONGEST_MESSAGE = 300
LONGEST_TEXT = 100_000  # characters; more than is read outside
AGAIN = 1.0  # seconds until a cell that swallows its interruption is interrupted again


class CellStopped(BaseException):
    """A cell ran for too long. No `except Exception` in it can hold this up."""


class Shell:
    """One namespace in which cells run as they do in a notebook."""

    def __init__(self):
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        class Quiet(InteractiveShell):
            def enable_gui(self, gui=None):
                """There is no event loop to join; `%matplotlib inline` asks all the same."""

        settings = Config()
        settings.HistoryManager.enabled = False  # it would write, and keep a thread
        settings.InteractiveShell.colors = "nocolor"
        settings.InteractiveShell.xmode = "Minimal"
        self.shell = Quiet.instance(config=settings)
        self.shell.display_formatter.active_types = ["text/plain"]  # nobody looks
        self.fresh = set(self.shell.user_ns)
        self.memory = Memory(self.shell.user_ns)

    def rehearse(self, cells: list[str]) -> None:
        """Run the given cells of the blank exercise, remember what took long, and forget the rest."""
        exercise.record = lambda line: None
        for source in cells:
            self.memory.learn(source, lambda source=source: not self._run(source, silent=True))
        for name in set(self.shell.user_ns) - self.fresh:
            del self.shell.user_ns[name]

    def play(self, pipe: int, cells: list, asked: list, seconds: float) -> None:
        """Run every cell, then ask what was not asked; end the process.

        Parameters
        ----------
        pipe : int
            Where to write claims.
        cells : list of (int, str)
            Place and source of each cell.
        asked : list of (str, str)
            Each question and the exercise's own check cell: it is run at the end where a check was deleted,
            or where its cell failed before it came to it.
        seconds : float
            How long one cell may run.
        """
        told = Teller(pipe)
        exercise.record = told.answer
        sys.path.insert(0, "")  # as a notebook finds modules that it wrote
        for place, source in cells:
            told.say(event="cell", place=place)
            if not self.memory.recall(source) and (problem := self._run_for(source, seconds)):
                told.say(event="failed", place=place, problem=problem)
        for name, source in asked:
            if name not in told.names:
                told.say(event="cell", place=0)
                self._run_for(source, seconds)
        told.say(event="end")
        os._exit(0)

    def _run_for(self, source: str, seconds: float) -> str:
        """Run a cell that is interrupted when its time is over; "" or what went wrong, in a line."""
        running = True

        def interrupt(*_):
            if running:
                raise CellStopped

        try:
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            start = time.monotonic()
            problem = self._run(source)
        except BaseException as error:  # raised into the shell itself, or on purpose
            problem = _in_a_line(error)
        finally:
            running = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        stopped = problem and time.monotonic() - start >= seconds
        return f"ran for more than {seconds:g} seconds and was stopped" if stopped else problem

    def _run(self, source: str, silent: bool = False) -> str:
        # not silent: `_` and `Out` are there as in a notebook
        result = self.shell.run_cell(source, store_history=not silent, silent=silent)
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")  # as in a notebook, a figure ends with its cell
        error = result.error_before_exec or result.error_in_exec
        return "" if error is None else _in_a_line(error)


class Teller:
    """Writes claims to the pipe, line by line, so that what was answered is out before the next cell."""

    def __init__(self, pipe: int):
        self.pipe, self.names = pipe, set()

    def say(self, **line) -> None:
        # begins a line of its own, whatever the learner's code has written to the pipe
        rest = memoryview(b"\n" + json.dumps(line).encode() + b"\n")
        while rest:
            rest = rest[os.write(self.pipe, rest) :]

    def answer(self, line: dict) -> None:
        if line["event"] in ("check", "write"):
            self.names.add(line["name"])
            answer = line["answer"]
            if answer["kind"] == "text":
                answer = answer | {"value": answer["value"][:LONGEST_TEXT]}
            self.say(event="answer", name=line["name"], exercise=line["exercise"], answer=answer)


def _in_a_line(error: BaseException) -> str:
    """``raised NameError: …``; an error's own text may be anything, and may itself raise."""
    name = type(error).__name__[:80]
    try:
        text = " ".join(str(error).split())[:LONGEST_MESSAGE]
    except BaseException:
        text = ""
    return f"raised {name}: {text}" if text else f"raised {name}"

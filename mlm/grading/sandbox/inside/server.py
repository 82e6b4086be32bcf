"""Inside the sandbox: load everything once, then fork for each submission and run its cells.

What comes in and goes out are lines of JSON on a socket, the process's only way to the world:

=============================================  =========================================================
from outside                                   answer
=============================================  =========================================================
``{"do": "prepare"}`` and a file               ``{"nested": true}`` or ``{"problem": "…"}``
``{"do": "run", "run": 3}``, a file, a pipe    ``{"run": 3, "ended": "done" | "out of memory" | …}``
``{"do": "stop", "run": 3}``                   (the run's own answer)
=============================================  =========================================================

The cells of a submission write to the pipe alone: one line for each cell that begins, each answer, each cell
that fails, and one at the end. Whoever reads it must expect anything there, for the learner's code can
write to it as well: the pipe carries claims, and no claim is worth more than the value in it.
"""

import gc
import json
import os
import resource
import select
import signal
import socket

from mlm.grading.sandbox.inside import isolation

PIPE = 3  # the only open file of a submission beside its empty input and its lost output
ENDS = {
    0: "done",
    isolation.OUT_OF_MEMORY: "out of memory",
    isolation.NO_ROOM: "no room",
    isolation.STOPPED: "stopped",
    -signal.SIGTERM: "stopped",
    isolation.CANNOT_ISOLATE: "cannot isolate",
}


def main(channel: int) -> None:
    """Serve the socket until it closes."""
    isolation.renounce_root()
    line = socket.socket(fileno=channel)
    server = Server()
    while True:
        data, files, _, _ = socket.recv_fds(line, 1 << 12, 2)
        if not data:
            return
        order = json.loads(data)
        if order["do"] == "prepare":
            line.send(json.dumps(server.prepare(_read(files[0]))).encode())
        elif order["do"] == "run":
            line.send(json.dumps(server.run(line, order["run"], *files)).encode())
        # else a stop that came after the end


def _read(file: int):
    """A message too long for the socket comes as an open file."""
    with open(file, encoding="utf8") as stream:
        return json.load(stream)


class Server:
    """The process that is forked from; everything a submission may need is loaded here."""

    def prepare(self, exam: dict) -> dict:
        """Run the given cells of the blank exercise, and try whether a fork can shut itself off."""
        try:
            from mlm.grading.sandbox.inside.shell import Shell

            if exam["core"] is not None:
                os.sched_setaffinity(0, {exam["core"]})
            self.shell, self.exam = Shell(), exam
            self.shell.rehearse(exam["given"])
        except Exception as error:
            return {"problem": f"{type(error).__name__}: {error}"}
        gc.collect()
        gc.freeze()  # the collector would touch, and so copy, every page of every fork
        self.nested = True
        self.nested = exam["nested"] and self._fork(_nothing, exam["limits"]) == "done"
        if not self.nested and (end := self._fork(_nothing, exam["limits"])) != "done":
            return {"problem": f"a process cannot give up its rights: its trial {end}"}
        return {"nested": self.nested}

    def run(self, line: socket.socket, number: int, cells: int, pipe: int) -> dict:
        """Run one submission apart, and say how it ended; meanwhile obey an order to stop."""

        def work():
            # read here: what this server ever held, the submissions after this one could find in its memory
            told = _read(cells)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # this server's own: a place to leave notes in
            os.dup2(pipe, PIPE)
            os.closerange(PIPE + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            self.shell.play(PIPE, told, self.exam["asked"], self.exam["limits"]["cell_seconds"])

        ended = self._fork(work, self.exam["limits"], line, number)
        os.close(cells)
        os.close(pipe)
        return {"run": number, "ended": ended}

    def _fork(self, work, limits: dict, line: socket.socket | None = None, number: int = 0) -> str:
        keeper = os.fork()
        if keeper == 0:
            isolation.die_with_parent()
            os._exit(isolation.run_apart(work, limits, self.exam["scratch"], self.nested))
        watch = os.pidfd_open(keeper)
        while True:
            ready, _, _ = select.select([watch, line] if line else [watch], [], [])
            if watch in ready:
                _, status = os.waitpid(keeper, 0)
                os.close(watch)
                return ENDS.get(os.waitstatus_to_exitcode(status), "crashed")
            if not (said := line.recv(1 << 12)):  # nobody there any more
                line = None
            if not said or json.loads(said) == {"do": "stop", "run": number}:
                os.kill(keeper, signal.SIGTERM)


def _nothing() -> None:
    os._exit(0)

"""What an instructor sees while submissions run: how many are done, how fast, and who is slow."""

import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn
from rich.text import Text

from mlm.grading.report.visible import visible

EVERY = 30.0  # seconds between two lines where there is no terminal to draw a bar on
WIDTH = 40  # characters shown of a name


class Watch:
    """A bar; where there is no terminal, a line now and then.

    Parameters
    ----------
    names : list of str
        Names of the submissions that will run.
    """

    def __init__(self, names: list[str]):
        self.names, self.done = names, 0
        self.start = self.said = time.monotonic()
        self.running: dict[int, float] = {}
        self.slowest = (0.0, "")
        self.console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), _Words(self))
        self.bar = Progress(*columns, console=self.console)
        self.task = self.bar.add_task("", total=len(names))

    def __enter__(self) -> "Watch":
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self.console.is_terminal:
            self.bar.stop()

    def begin(self, things: list) -> Iterator[tuple[int, object]]:
        """Number things, and note for each when it was taken."""
        for place, thing in enumerate(things):
            self.running[place] = time.monotonic()
            yield place, thing

    def end(self, place: int) -> None:
        """Note that a thing is done."""
        took = time.monotonic() - self.running.pop(place)
        self.slowest = max(self.slowest, (took, self.names[place]))
        self.done += 1
        self.bar.update(self.task, completed=self.done)
        if not self.console.is_terminal and time.monotonic() > self.said + EVERY:
            self.said = time.monotonic()
            self.console.print(Text(f"{self.done} of {len(self.names)}; {self.words()}"))

    def words(self) -> str:
        """Rate, slowest so far, and what has been running for longest."""
        if not self.done:
            return "loading the sandbox"
        seconds, name = self.slowest
        parts = [f"{60 * self.done / (time.monotonic() - self.start):.0f} a minute"]
        parts.append(f"slowest {_short(name)} ({seconds:.0f} s)")
        if self.running:
            place, since = min(self.running.items(), key=lambda item: item[1])
            parts.append(f"now {_short(self.names[place])} ({time.monotonic() - since:.0f} s)")
        return "; ".join(parts)


class _Words(ProgressColumn):
    max_refresh = 0.5

    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def render(self, task) -> Text:
        return Text(self.watch.words())


def _short(name: str) -> str:
    return visible(name if len(name) <= WIDTH else "…" + name[1 - WIDTH :], WIDTH)

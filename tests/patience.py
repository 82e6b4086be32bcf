"""A generous end for what, done wrong, would go on for minutes or for ever. It measures nothing."""

import signal
from contextlib import contextmanager

import pytest


@contextmanager
def patience(seconds: float = 60):
    """Fail after so many seconds of this process's own work, however busy the machine is."""

    def end(*_):
        pytest.fail(f"it had not ended after {seconds} seconds of work")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)

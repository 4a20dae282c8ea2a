"""An end for loops that have none: code of a learner that runs too long is stopped, wherever it is called."""

import contextlib
import signal
import sys
import threading
import time

SECONDS = 3.0  # an ordinary call of a check takes milliseconds


class Endless(BaseException):
    """The time is up. No `Exception`, or a learner's `except Exception` would swallow it."""


def time_limit(seconds, file):
    """A context that raises `Endless` after some seconds.

    Args:
        seconds: how long the code may take.
        file: the name of the file, or of the cell, with the code; needed where there is no alarm clock.
    """
    main = threading.current_thread() is threading.main_thread()
    return by_alarm(seconds) if main and hasattr(signal, "setitimer") else by_tracing(seconds, file)


@contextlib.contextmanager
def by_alarm(seconds):
    """With the clock of the operating system: it costs nothing. Only in the main thread, and not on Windows."""
    armed, start = True, time.monotonic()

    def ring(number, frame):
        if armed:
            raise Endless

    handler = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if left:  # somebody else's alarm, as far as it has run
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 1e-3), interval)


@contextlib.contextmanager
def by_tracing(seconds, file):
    """With a look at the time before every line of the learner's file; other files are not traced."""
    end, before = time.monotonic() + seconds, sys.gettrace()

    def line(frame, event, argument):
        if time.monotonic() > end:
            raise Endless
        return line

    def call(frame, event, argument):
        return line if frame.f_code.co_filename == file else None

    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)

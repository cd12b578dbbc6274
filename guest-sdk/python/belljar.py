"""What authors of Belljar plugins in Python use beside the bindings of their own WIT, which are in ``wit_world``.

A plugin that is an actor is built without WASI, so Python's own clock and random numbers have nothing behind them:
``random`` would repeat the numbers of the build, and ``time.time()`` would stop the call. Importing this module puts
the host's in their place: the functions of ``time`` that tell the time, those of ``random``, and ``logging``, whose
records become log lines of the host. Only ``datetime.now()`` cannot be replaced; use :func:`now`. An exception that
nothing catches is logged before it stops the call.

The generator is the host's, which seeds it for each actor and keeps its state, so nothing here needs to be saved.
"""

import datetime
import logging
import random
import sys
import time
import traceback

from wit_world.imports import clock
from wit_world.imports import log as host_log
from wit_world.imports import random as host_random

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def now() -> datetime.datetime:
    """The time, in UTC, to the microsecond."""
    return _EPOCH + datetime.timedelta(microseconds=clock.now() // 1_000)


class HostRandom(random.Random):
    """Python's random numbers in all their distributions, made of those of the host."""

    def random(self) -> float:
        """A number from 0 to below 1, of as many bits as a float holds exactly."""
        return (host_random.next() >> 11) * 2.0**-53

    def getrandbits(self, k: int) -> int:
        """A number of ``k`` random bits."""
        if k < 0:
            raise ValueError("the number of bits must not be negative")
        number = 0
        for _ in range((k + 63) // 64):
            number = number << 64 | host_random.next()
        return number >> (-k % 64)

    def randbytes(self, n: int) -> bytes:
        """``n`` random bytes."""
        return self.getrandbits(8 * n).to_bytes(n, "little")

    def seed(self, *_arguments, **_named) -> None:
        """Does nothing: the host seeds its generator."""

    def getstate(self):
        """Is refused: the state is the host's, which keeps it."""
        raise NotImplementedError("the host keeps the state of its random numbers")

    setstate = getstate


class HostHandler(logging.Handler):
    """Passes log records on to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        try:
            host_log.log(_level(record.levelno), self.format(record))
        except Exception:
            self.handleError(record)


def _level(number: int) -> host_log.Level:
    """The host's name for one of Python's levels."""
    if number >= logging.ERROR:
        return host_log.Level.ERROR
    if number >= logging.WARNING:
        return host_log.Level.WARN
    if number >= logging.INFO:
        return host_log.Level.INFO
    return host_log.Level.DEBUG


def _log_exception(kind, value, trace) -> None:
    """Logs an exception that nothing caught. Python itself would write it to the standard error."""
    host_log.log(host_log.Level.ERROR, "".join(traceback.format_exception(kind, value, trace)))


def _take_the_place_of_what_needs_wasi() -> None:
    time.time_ns = clock.now
    time.time = lambda: clock.now() / 1e9
    time.monotonic_ns = time.perf_counter_ns = clock.monotonic
    time.monotonic = time.perf_counter = lambda: clock.monotonic() / 1e9
    host = HostRandom()
    # The functions of the module are methods of a generator that it made for itself.
    for name in random.__all__:
        if hasattr(random, name) and not isinstance(getattr(random, name), type):
            setattr(random, name, getattr(host, name))
    root = logging.getLogger()
    root.handlers = [HostHandler()]
    root.setLevel(logging.DEBUG)
    logging.raiseExceptions = False
    # The name of the process is asked of the operating system, and there is only one of each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = logging.logAsyncioTasks = False
    sys.excepthook = _log_exception


_take_the_place_of_what_needs_wasi()

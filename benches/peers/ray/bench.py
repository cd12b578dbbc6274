"""What the Ray benchmarks share: a private Ray instance, timing within a budget, and the output.

Ray runs on the loopback address only, without dashboard and usage statistics, in a temporary
folder that goes away with it.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

# Ray reads these when it is imported, so this module is to be imported before it.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Despite its name this holds on Linux too, and nothing else makes Ray's servers listen on loopback:
# `_node_ip_address="127.0.0.1"` is replaced by the machine's outside address.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
# Ray's servers ask for a token by default. Without one given, Ray would leave one in the home folder.
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)

import ray

Result = TypeVar("Result")

# A whole script, Ray's start and stop included, ends within this; each figure is bounded apart.
SCRIPT_SECONDS_MAX = 60
SAMPLES_MIN = 5
OBJECT_STORE_BYTES = 256 * 1024 * 1024


def options(description: str) -> argparse.Namespace:
    """The command line of both scripts."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--cpus", type=int, default=1, help="Ray's num_cpus; default: %(default)s")
    arguments.add_argument("--calls", type=int, default=2000, help="calls in a burst; default: %(default)s")
    arguments.add_argument(
        "--seconds", type=float, default=6.0, help="budget of a figure; default: %(default)s"
    )
    arguments.add_argument("--json", action="store_true", help="one JSON object a line")
    return arguments.parse_args()


@contextlib.contextmanager
def cluster(cpus: int) -> Iterator[None]:
    """A Ray instance of its own for the block; past the time limit the block is interrupted."""

    def out_of_time(*_: object) -> None:
        raise TimeoutError(f"not done within {SCRIPT_SECONDS_MAX} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(SCRIPT_SECONDS_MAX)
    # Ray puts sockets there, and a socket's path has at most 107 bytes: keep the folder's name short.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            ray.init(
                num_cpus=cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="error",
                object_store_memory=OBJECT_STORE_BYTES,
                _temp_dir=folder,
            )
            yield
        finally:
            ray.shutdown()
            signal.alarm(0)


def samples(
    action: Callable[[], Result],
    seconds: float,
    count_max: int = 5000,
    after: Callable[[Result], object] = lambda _: None,
) -> list[float]:
    """Seconds that `action` takes, again and again until the budget or `count_max` is reached.

    `after` is given what the action returned, to clean up off the clock. However slow the machine,
    there are at least `SAMPLES_MIN`.
    """
    taken = []
    end = time.perf_counter() + seconds
    while len(taken) < count_max and (len(taken) < SAMPLES_MIN or time.perf_counter() < end):
        start = time.perf_counter()
        result = action()
        taken.append(time.perf_counter() - start)
        after(result)
    return taken


def report(figure: str, unit: str, values: list[float], settings: argparse.Namespace) -> None:
    """Prints one figure: median, smallest and largest of its samples."""
    line = {
        "peer": "ray",
        "version": ray.__version__,
        "cpus": settings.cpus,
        "figure": figure,
        "unit": unit,
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "samples": len(values),
    }
    if settings.json:
        print(json.dumps(line), flush=True)
    else:
        print("{figure}: {median} {unit} ({min} to {max}, {samples} samples)".format(**line), flush=True)

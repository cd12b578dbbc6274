"""Ray's cost of a stateless task: a burst of trivial tasks per second, and one task's round trip.

python tasks.py [--cpus N] [--json]
"""

import bench  # first: it sets what Ray reads when it is imported
import ray


@ray.remote
def add(a: int, b: int) -> int:
    return a + b


def main() -> None:
    settings = bench.options("Throughput and latency of trivial Ray tasks.")
    with bench.cluster(settings.cpus):

        def one() -> None:
            assert ray.get(add.remote(1, 2)) == 3

        def burst() -> None:
            answers = ray.get([add.remote(n, 1) for n in range(settings.calls)])
            assert answers[-1] == settings.calls

        # The first burst starts the worker processes; it is not counted.
        burst()
        latencies = bench.samples(one, settings.seconds)
        bench.report("task_round_trip", "us", [1e6 * s for s in latencies], settings)
        bursts = bench.samples(burst, settings.seconds)
        bench.report("task_throughput", "tasks/s", [settings.calls / s for s in bursts], settings)


if __name__ == "__main__":
    main()

"""Ray's cost of an actor: creating one, a call that waits for its answer, and a burst of calls.

python actors.py [--cpus N] [--json]
"""

import bench  # first: it sets what Ray reads when it is imported
import ray


# No CPU is reserved, so that the next actor need not wait until the one before it is gone.
@ray.remote(num_cpus=0)
class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self, amount: int) -> int:
        self.count += amount
        return self.count


def main() -> None:
    settings = bench.options("Creation, latency and throughput of Ray actors.")
    with bench.cluster(settings.cpus):

        def create() -> ray.actor.ActorHandle:
            # An actor is there once it has answered: `remote` alone only asks for it.
            actor = Counter.remote()
            assert ray.get(actor.add.remote(1)) == 1
            return actor

        counter = create()
        creations = bench.samples(create, settings.seconds, after=ray.kill)
        bench.report("actor_create", "ms", [1e3 * s for s in creations], settings)

        def call() -> None:
            ray.get(counter.add.remote(1))

        def burst() -> None:
            answers = ray.get([counter.add.remote(1) for _ in range(settings.calls)])
            assert answers[-1] - answers[0] == settings.calls - 1

        burst()
        calls = bench.samples(call, settings.seconds)
        bench.report("actor_call", "us", [1e6 * s for s in calls], settings)
        bursts = bench.samples(burst, settings.seconds)
        bench.report("actor_calls_async", "calls/s", [settings.calls / s for s in bursts], settings)


if __name__ == "__main__":
    main()

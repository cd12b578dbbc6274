"""An actor that has the host compute, in Python. It keeps the network and the kernel from call to call, and both are in
its checkpoints."""

import struct

import belljar  # noqa: F401  (puts the host's clock and random numbers behind Python's)
import wit_world
from belljar_tensor import Activation, Adam, Tensor, no_gradients, zero_gradients
from wit_world import Progress
from wit_world.imports import compute

# How many points the network learns from, and how many numbers its hidden layer has.
POINTS = 256
HIDDEN = 16
LEARNING_RATE = 0.05
# Where the random numbers begin: those of the points and of the layers, each with a seed of its own.
SEED = 4

# How many steps of Collatz's rule take each number to 1, in place of the number.
KERNEL = """
@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;

const NUMBER_MAX = 0xffffffffu;

@compute @workgroup_size(64)
fn collatz(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < arrayLength(&numbers) {
        numbers[id.x] = steps_to_one(numbers[id.x]);
    }
}

fn steps_to_one(start: u32) -> u32 {
    var number = start;
    var steps = 0u;
    while number > 1u {
        if number % 2u == 0u {
            number /= 2u;
        } else if number <= (NUMBER_MAX - 1u) / 3u {
            number = 3u * number + 1u;
        } else {
            return NUMBER_MAX;
        }
        steps += 1u;
    }
    return steps;
}
"""
# How many numbers a workgroup of the kernel takes.
WORKGROUP = 64


class Network:
    """Two numbers in, 16 hidden ones, and the scores of the two answers."""

    def __init__(self) -> None:
        self.points = Tensor.random_uniform([POINTS, 2], -1.0, 1.0, seed=SEED)
        numbers = self.points.values()
        self.answers = [int((x < 0) != (y < 0)) for x, y in zip(numbers[::2], numbers[1::2])]
        self.hidden = _layer(2, HIDDEN, SEED + 1)
        self.output = _layer(HIDDEN, 2, SEED + 2)
        self.parameters = [*self.hidden, *self.output]
        self.adam = Adam(self.parameters, LEARNING_RATE)

    def learn(self) -> None:
        self.scores().cross_entropy(self.answers).backward()
        self.adam.step()
        zero_gradients(self.parameters)

    def progress(self) -> Progress:
        with no_gradients():
            scores = self.scores()
            (loss,) = scores.cross_entropy(self.answers).values()
        right = sum(given == right for given, right in zip(scores.argmax(1), self.answers))
        return Progress(loss, right / POINTS)

    def scores(self) -> Tensor:
        return self.points.linear(*self.hidden, Activation.TANH).linear(*self.output)


def _layer(inputs: int, outputs: int, seed: int) -> tuple[Tensor, Tensor]:
    """A layer's weight and bias."""
    weight = Tensor.random_normal([outputs, inputs], 0.0, 0.5, seed=seed).require_gradient()
    return weight, Tensor.zeros([outputs]).require_gradient()


# There is no host yet when the module is imported, so these are made by the first call that needs them.
network: Network | None = None
pipeline: int | None = None


class WitWorld(wit_world.WitWorld):
    """The methods. What the host's functions raise is passed on as it is."""

    def train(self, steps: int) -> Progress:
        global network
        network = network or Network()
        for _ in range(steps):
            network.learn()
        return network.progress()

    def collatz(self, numbers: list[int]) -> list[int]:
        global pipeline
        if pipeline is None:
            pipeline = compute.create_compute_pipeline(KERNEL, "collatz")
        # No buffer is empty.
        if not numbers:
            return []
        words = struct.Struct(f"<{len(numbers)}I")
        buffer = compute.create_buffer(words.size)
        try:
            compute.write_buffer(buffer, 0, words.pack(*numbers))
            binding = compute.BindGroupEntry(group=0, binding=0, buffer=buffer, offset=0, size=None)
            workgroups = (-(-len(numbers) // WORKGROUP), 1, 1)
            dispatch = compute.Dispatch(pipeline, [binding], workgroups)
            compute.submit([compute.Command_DispatchWorkgroups(dispatch)])
            return list(words.unpack(compute.read_buffer(buffer, 0, words.size)))
        finally:
            compute.destroy_buffer(buffer)

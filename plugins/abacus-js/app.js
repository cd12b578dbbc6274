// An actor that has the host compute, in JavaScript. It keeps the network and the kernel from call to call, and both
// are in its checkpoints. What the host's functions throw is passed on as it is.

import './belljar.js';
import { Optimiser, Tensor, tidy, withoutGradients, zeroGradients } from './belljar-tensor.js';
import {
  createBuffer,
  createComputePipeline,
  destroyBuffer,
  readBuffer,
  submit,
  writeBuffer,
} from 'belljar:plugin/compute@0.1.0';

// How many points the network learns from, and how many numbers its hidden layer has.
const POINTS = 256;
const HIDDEN = 16;
const LEARNING_RATE = 0.05;
// Where the random numbers begin: those of the points and of the layers, each with a seed of its own.
const SEED = 4n;

// How many steps of Collatz's rule take each number to 1, in place of the number.
const KERNEL = `
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
`;
// How many numbers a workgroup of the kernel takes.
const WORKGROUP = 64;

// A layer's weight and bias.
const layer = (inputs, outputs, seed) => [
  Tensor.randomNormal([outputs, inputs], 0, 0.5, seed).requireGradient(),
  Tensor.zeros([outputs]).requireGradient(),
];

// Two numbers in, 16 hidden ones, and the scores of the two answers.
class Network {
  constructor() {
    this.points = Tensor.randomUniform([POINTS, 2], -1, 1, SEED);
    const numbers = this.points.values();
    this.answers = Array.from({ length: POINTS }, (_, i) => Number(numbers[2 * i] < 0 !== numbers[2 * i + 1] < 0));
    this.hidden = layer(2, HIDDEN, SEED + 1n);
    this.output = layer(HIDDEN, 2, SEED + 2n);
    this.parameters = [...this.hidden, ...this.output];
    this.adam = Optimiser.adam(this.parameters, { learningRate: LEARNING_RATE });
  }

  learn() {
    tidy(() => this.scores().crossEntropy(this.answers).backward());
    this.adam.step();
    zeroGradients(this.parameters);
  }

  progress() {
    return tidy(() => withoutGradients(() => {
      const scores = this.scores();
      const [loss] = scores.crossEntropy(this.answers).values();
      const right = scores.argmax(1).filter((given, i) => given === this.answers[i]).length;
      return { loss, accuracy: right / POINTS };
    }));
  }

  scores() {
    return this.points.linear(...this.hidden, 'tanh').linear(...this.output);
  }
}

// There is no host yet while the module is loaded, so these are made by the first call that needs them.
let network;
let pipeline;

export function train(steps) {
  network ??= new Network();
  for (let step = 0; step < steps; step++) {
    network.learn();
  }
  return network.progress();
}

export function collatz(numbers) {
  pipeline ??= createComputePipeline(KERNEL, 'collatz');
  // No buffer is empty.
  if (numbers.length === 0) {
    return numbers;
  }
  const words = Uint32Array.from(numbers);
  const size = BigInt(words.byteLength);
  const buffer = createBuffer(size);
  try {
    writeBuffer(buffer, 0n, new Uint8Array(words.buffer));
    const bindGroup = [{ group: 0, binding: 0, buffer, offset: 0n }];
    const workgroups = [Math.ceil(words.length / WORKGROUP), 1, 1];
    submit([{ tag: 'dispatch-workgroups', val: { pipeline, bindGroup, workgroups } }]);
    words.set(new Uint32Array(readBuffer(buffer, 0n, size).slice().buffer));
    return words;
  } finally {
    destroyBuffer(buffer);
  }
}

// Tensors, which the host holds and computes with on all cores, as objects of JavaScript: for a plugin whose world
// imports belljar:plugin/tensor. Shapes, orders of elements and formulas stand in the contract, wit/tensor.wit.
//
// JavaScript does not say when an object is no longer needed, so the tensors that are made inside of `tidy` are freed at
// its end, but for what it returns; those that are made outside live until `free`.
//
//     const weight = Tensor.randomNormal([1, 2], 0, 1, 1n).requireGradient();
//     const adam = Optimiser.adam([weight], { learningRate: 0.1 });
//     tidy(() => points.linear(weight).meanSquaredError(targets).backward());
//     adam.step();
//     zeroGradients([weight]);
//
// What the host's functions throw has the contract's error as its `payload`, which a method of the type
// `result<_, error>` passes on by itself. Seeds are BigInts.

import * as host from 'belljar:plugin/tensor@0.1.0';

// The tensors that the innermost `tidy` will free.
let made = null;

// What `work` returns: a tensor, an array of tensors, or anything else. The other tensors that it made are freed.
export function tidy(work) {
  const outer = made;
  const inner = (made = new Set());
  let returned = [];
  try {
    const result = work();
    returned = [result].flat();
    return result;
  } finally {
    made = outer;
    for (const tensor of inner) {
      if (returned.includes(tensor)) {
        outer?.add(tensor);
      } else {
        tensor.free();
      }
    }
  }
}

// What `work` returns. Nothing in it is recorded for gradients.
export function withoutGradients(work) {
  const wasRecording = host.setRecording(false);
  try {
    return work();
  } finally {
    host.setRecording(wasRecording);
  }
}

const ids = (tensors) => BigUint64Array.from(tensors, (tensor) => tensor.id);
const integers = (numbers) => Uint32Array.from(numbers);
const floats = (numbers) => Float32Array.from(numbers);

// An array of 32-bit floats. Every operation makes a new one.
export class Tensor {
  // Takes the id of a tensor that the host has made; the functions below have it make some.
  constructor(id) {
    this.id = id;
    made?.add(this);
  }

  static of(shape, values) {
    return new Tensor(host.create(integers(shape), floats(values)));
  }

  static zeros(shape) {
    return new Tensor(host.zeros(integers(shape)));
  }

  static full(shape, value) {
    return new Tensor(host.full(integers(shape), value));
  }

  // The same numbers for the same seed and shape, on every machine.
  static randomUniform(shape, low, high, seed) {
    return new Tensor(host.randomUniform(integers(shape), low, high, seed));
  }

  static randomNormal(shape, mean, deviation, seed) {
    return new Tensor(host.randomNormal(integers(shape), mean, deviation, seed));
  }

  static concatenate(inputs, axis) {
    return new Tensor(host.concatenate(ids(inputs), axis));
  }

  free() {
    made?.delete(this);
    host.free(this.id);
  }

  get shape() {
    return host.shape(this.id);
  }

  values() {
    return host.values(this.id);
  }

  // Overwrites the elements.
  set(values) {
    host.set(this.id, floats(values));
  }

  reshape(shape) {
    return new Tensor(host.reshape(this.id, integers(shape)));
  }

  permute(axes) {
    return new Tensor(host.permute(this.id, integers(axes)));
  }

  transpose(first, second) {
    return new Tensor(host.transpose(this.id, first, second));
  }

  slice(axis, start, end) {
    return new Tensor(host.slice(this.id, axis, start, end));
  }

  // A function of every element: { tag: 'exp' }, { tag: 'multiply', val: 2 } and the others of the contract.
  apply(fn) {
    return new Tensor(host.apply(this.id, fn));
  }

  add(other) {
    return new Tensor(host.add(this.id, other.id));
  }

  subtract(other) {
    return new Tensor(host.subtract(this.id, other.id));
  }

  multiply(other) {
    return new Tensor(host.multiply(this.id, other.id));
  }

  divide(other) {
    return new Tensor(host.divide(this.id, other.id));
  }

  matmul(other) {
    return new Tensor(host.matmul(this.id, other.id));
  }

  // Along these axes, or along all when none is named.
  sum(axes = [], keep = false) {
    return new Tensor(host.sum(this.id, integers(axes), keep));
  }

  mean(axes = [], keep = false) {
    return new Tensor(host.mean(this.id, integers(axes), keep));
  }

  max(axes = [], keep = false) {
    return new Tensor(host.max(this.id, integers(axes), keep));
  }

  argmax(axis) {
    return host.argmax(this.id, axis);
  }

  softmax(axis) {
    return new Tensor(host.softmax(this.id, axis));
  }

  logSoftmax(axis) {
    return new Tensor(host.logSoftmax(this.id, axis));
  }

  // The activation is 'none', 'relu', 'tanh' or 'sigmoid'.
  linear(weight, bias, activation = 'none') {
    return new Tensor(host.linear(this.id, weight.id, bias?.id, activation));
  }

  conv1d(weight, bias, { stride = 1, padding = 0, activation = 'none' } = {}) {
    return new Tensor(host.conv1d(this.id, weight.id, bias?.id, { stride, padding }, activation));
  }

  conv2d(weight, bias, { stride = [1, 1], padding = [0, 0], activation = 'none' } = {}) {
    return new Tensor(host.conv2d(this.id, weight.id, bias?.id, { stride, padding }, activation));
  }

  maxPool2d(window, stride) {
    return new Tensor(host.maxPool2d(this.id, window, stride));
  }

  averagePool2d(window, stride) {
    return new Tensor(host.averagePool2d(this.id, window, stride));
  }

  layerNormalise(weight, bias, epsilon = 1e-5) {
    return new Tensor(host.layerNormalise(this.id, weight.id, bias.id, epsilon));
  }

  // Give each call another seed.
  dropout(probability, seed) {
    return new Tensor(host.dropout(this.id, probability, seed));
  }

  embedding(indices) {
    return new Tensor(host.embedding(this.id, integers(indices)));
  }

  attention(key, value, heads, isCausal = false) {
    return new Tensor(host.attention(this.id, key.id, value.id, heads, isCausal));
  }

  crossEntropy(labels) {
    return new Tensor(host.crossEntropy(this.id, integers(labels)));
  }

  meanSquaredError(target) {
    return new Tensor(host.meanSquaredError(this.id, target.id));
  }

  // Has operations on this tensor recorded from now on, and returns it.
  requireGradient() {
    host.requireGradient(this.id);
    return this;
  }

  detach() {
    return new Tensor(host.detach(this.id));
  }

  backward() {
    host.backward(this.id);
  }

  // A tensor, or undefined if there is none.
  gradient() {
    const id = host.gradient(this.id);
    return id === undefined ? undefined : new Tensor(id);
  }
}

// Moves parameters along their gradients. It lives until `free`.
export class Optimiser {
  constructor(id) {
    this.id = id;
  }

  static sgd(parameters, { learningRate, momentum = 0, weightDecay = 0, nesterov = false }) {
    return new Optimiser(host.sgd(ids(parameters), { learningRate, momentum, weightDecay, nesterov }));
  }

  // Adam or, with decoupled weight decay, AdamW. What is left out is as in PyTorch.
  static adam(parameters, options = {}) {
    const usual = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false };
    return new Optimiser(host.adam(ids(parameters), { ...usual, ...options }));
  }

  // One step of every parameter that has a gradient.
  step() {
    host.step(this.id);
  }

  setLearningRate(learningRate) {
    host.setLearningRate(this.id, learningRate);
  }

  free() {
    host.freeOptimiser(this.id);
  }
}

// Drops the gradients of these tensors.
export function zeroGradients(tensors) {
  host.zeroGradients(ids(tensors));
}

// Scales the gradients of these tensors to this norm of all of them at most, and returns the norm that they had.
export function clipGradientNorm(tensors, normMax) {
  return host.clipGradientNorm(ids(tensors), normMax);
}

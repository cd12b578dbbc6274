"""Tensors, which the host holds and computes with on all cores, as Python's objects: for a plugin whose world imports
``belljar:plugin/tensor``. Shapes, orders of elements and formulas stand in the contract, ``wit/tensor.wit``.

A tensor is freed when its last reference goes, as everything in Python. What an operation raises is an
``Err`` of ``componentize_py_types`` with an error of ``wit_world.imports.tensor``, which a method whose type is
``result<_, error>`` need not catch.

    weight = Tensor.random_normal([1, 2], seed=1).require_gradient()
    adam = Adam([weight], learning_rate=0.1)
    points.linear(weight).mean_squared_error(targets).backward()
    adam.step()
    zero_gradients([weight])
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from componentize_py_types import Err
from wit_world.imports import tensor as host
from wit_world.imports.tensor import Activation

_NO_FUNCTION = Activation.NONE


class Tensor:
    """An array of 32-bit floats. Every operation makes a new one."""

    __slots__ = ("id",)

    def __init__(self, shape: Sequence[int], values: Sequence[float]) -> None:
        self.id = host.create(list(shape), list(values))

    def __del__(self) -> None:
        # One that could not be made has no id.
        if hasattr(self, "id"):
            with suppress(Err):
                host.free(self.id)

    @staticmethod
    def zeros(shape: Sequence[int]) -> "Tensor":
        return _tensor(host.zeros(list(shape)))

    @staticmethod
    def full(shape: Sequence[int], value: float) -> "Tensor":
        return _tensor(host.full(list(shape), value))

    @staticmethod
    def random_uniform(shape: Sequence[int], low: float = 0.0, high: float = 1.0, *, seed: int) -> "Tensor":
        """The same numbers for the same seed and shape, on every machine."""
        return _tensor(host.random_uniform(list(shape), low, high, seed))

    @staticmethod
    def random_normal(shape: Sequence[int], mean: float = 0.0, deviation: float = 1.0, *, seed: int) -> "Tensor":
        """The same numbers for the same seed and shape, on every machine."""
        return _tensor(host.random_normal(list(shape), mean, deviation, seed))

    @property
    def shape(self) -> list[int]:
        return host.shape(self.id)

    def values(self) -> list[float]:
        return host.values(self.id)

    def set(self, values: Sequence[float]) -> None:
        """Overwrites the elements."""
        host.set(self.id, list(values))

    def reshape(self, shape: Sequence[int]) -> "Tensor":
        return _tensor(host.reshape(self.id, list(shape)))

    def permute(self, axes: Sequence[int]) -> "Tensor":
        return _tensor(host.permute(self.id, list(axes)))

    def transpose(self, first: int, second: int) -> "Tensor":
        return _tensor(host.transpose(self.id, first, second))

    def slice(self, axis: int, start: int, end: int) -> "Tensor":
        return _tensor(host.slice(self.id, axis, start, end))

    def apply(self, function: host.Function) -> "Tensor":
        """A function of every element, such as ``host.Function_Exp()``."""
        return _tensor(host.apply(self.id, function))

    def __add__(self, other: "Tensor | float") -> "Tensor":
        if isinstance(other, Tensor):
            return _tensor(host.add(self.id, other.id))
        return self.apply(host.Function_Add(other))

    def __mul__(self, other: "Tensor | float") -> "Tensor":
        if isinstance(other, Tensor):
            return _tensor(host.multiply(self.id, other.id))
        return self.apply(host.Function_Multiply(other))

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: "Tensor | float") -> "Tensor":
        if isinstance(other, Tensor):
            return _tensor(host.subtract(self.id, other.id))
        return self.apply(host.Function_Add(-other))

    def __truediv__(self, other: "Tensor | float") -> "Tensor":
        if isinstance(other, Tensor):
            return _tensor(host.divide(self.id, other.id))
        return self.apply(host.Function_Multiply(1.0 / other))

    def __pow__(self, exponent: float) -> "Tensor":
        return self.apply(host.Function_Power(exponent))

    def __neg__(self) -> "Tensor":
        return self.apply(host.Function_Negate())

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return _tensor(host.matmul(self.id, other.id))

    def sum(self, axes: Sequence[int] = (), keep: bool = False) -> "Tensor":
        return _tensor(host.sum(self.id, list(axes), keep))

    def mean(self, axes: Sequence[int] = (), keep: bool = False) -> "Tensor":
        return _tensor(host.mean(self.id, list(axes), keep))

    def max(self, axes: Sequence[int] = (), keep: bool = False) -> "Tensor":
        return _tensor(host.max(self.id, list(axes), keep))

    def argmax(self, axis: int) -> list[int]:
        return host.argmax(self.id, axis)

    def softmax(self, axis: int) -> "Tensor":
        return _tensor(host.softmax(self.id, axis))

    def log_softmax(self, axis: int) -> "Tensor":
        return _tensor(host.log_softmax(self.id, axis))

    def linear(
        self, weight: "Tensor", bias: "Tensor | None" = None, activation: Activation = _NO_FUNCTION
    ) -> "Tensor":
        return _tensor(host.linear(self.id, weight.id, _id(bias), activation))

    def conv1d(
        self,
        weight: "Tensor",
        bias: "Tensor | None" = None,
        activation: Activation = _NO_FUNCTION,
        *,
        stride: int = 1,
        padding: int = 0,
    ) -> "Tensor":
        window = host.Window1d(stride, padding)
        return _tensor(host.conv1d(self.id, weight.id, _id(bias), window, activation))

    def conv2d(
        self,
        weight: "Tensor",
        bias: "Tensor | None" = None,
        activation: Activation = _NO_FUNCTION,
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> "Tensor":
        window = host.Window2d(stride, padding)
        return _tensor(host.conv2d(self.id, weight.id, _id(bias), window, activation))

    def max_pool2d(self, window: tuple[int, int], stride: tuple[int, int]) -> "Tensor":
        return _tensor(host.max_pool2d(self.id, window, stride))

    def average_pool2d(self, window: tuple[int, int], stride: tuple[int, int]) -> "Tensor":
        return _tensor(host.average_pool2d(self.id, window, stride))

    def layer_normalise(self, weight: "Tensor", bias: "Tensor", epsilon: float = 1e-5) -> "Tensor":
        return _tensor(host.layer_normalise(self.id, weight.id, bias.id, epsilon))

    def dropout(self, probability: float, *, seed: int) -> "Tensor":
        """Drops each element with a probability. Give each call another seed."""
        return _tensor(host.dropout(self.id, probability, seed))

    def embedding(self, indices: Sequence[int]) -> "Tensor":
        return _tensor(host.embedding(self.id, list(indices)))

    def attention(self, key: "Tensor", value: "Tensor", heads: int, is_causal: bool = False) -> "Tensor":
        return _tensor(host.attention(self.id, key.id, value.id, heads, is_causal))

    def cross_entropy(self, labels: Sequence[int]) -> "Tensor":
        return _tensor(host.cross_entropy(self.id, list(labels)))

    def mean_squared_error(self, target: "Tensor") -> "Tensor":
        return _tensor(host.mean_squared_error(self.id, target.id))

    def require_gradient(self) -> "Tensor":
        """Has operations on this tensor recorded from now on, and returns it."""
        host.require_gradient(self.id)
        return self

    def detach(self) -> "Tensor":
        return _tensor(host.detach(self.id))

    def backward(self) -> None:
        host.backward(self.id)

    def gradient(self) -> "Tensor | None":
        gradient = host.gradient(self.id)
        return None if gradient is None else _tensor(gradient)


class _Optimiser:
    """Moves parameters along their gradients. It is freed when its last reference goes."""

    __slots__ = ("id",)

    def __del__(self) -> None:
        if hasattr(self, "id"):
            with suppress(Err):
                host.free_optimiser(self.id)

    def step(self) -> None:
        """One step of every parameter that has a gradient."""
        host.step(self.id)

    def set_learning_rate(self, learning_rate: float) -> None:
        host.set_learning_rate(self.id, learning_rate)


class Sgd(_Optimiser):
    """Stochastic gradient descent."""

    __slots__ = ()

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        options = host.SgdOptions(learning_rate, momentum, weight_decay, nesterov)
        self.id = host.sgd(_ids(parameters), options)


class Adam(_Optimiser):
    """Adam or, with ``decoupled`` weight decay, AdamW. What is left out is as in PyTorch."""

    __slots__ = ()

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        options = host.AdamOptions(learning_rate, beta1, beta2, epsilon, weight_decay, decoupled)
        self.id = host.adam(_ids(parameters), options)


def concatenate(inputs: Sequence[Tensor], axis: int) -> Tensor:
    """Tensors one after another along an axis."""
    return _tensor(host.concatenate(_ids(inputs), axis))


def zero_gradients(inputs: Sequence[Tensor]) -> None:
    """Drops the gradients of these tensors."""
    host.zero_gradients(_ids(inputs))


def clip_gradient_norm(inputs: Sequence[Tensor], norm_max: float) -> float:
    """Scales the gradients of these tensors to this norm of all of them at most, and returns the norm that they had."""
    return host.clip_gradient_norm(_ids(inputs), norm_max)


@contextmanager
def no_gradients() -> Iterator[None]:
    """Records nothing inside of ``with no_gradients():``."""
    was_recording = host.set_recording(False)
    try:
        yield
    finally:
        host.set_recording(was_recording)


def _tensor(id: int) -> Tensor:
    tensor = object.__new__(Tensor)
    tensor.id = id
    return tensor


def _id(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.id


def _ids(tensors: Sequence[Tensor]) -> list[int]:
    return [tensor.id for tensor in tensors]

"""Writes `pytorch.json`: what PyTorch computes for every tensor operation, forward and backward.

The test `tensor_pytorch.rs` compares Belljar's results with them. PyTorch is needed only to write them anew:

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python host/compute/tests/golden/pytorch.py

Every case has inputs, an output, and the gradients of the inputs for the given gradient of the output. Tensors are
in Belljar's layout: images `[batch, height, width, channels]`, and weights with the output first.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20)
torch.set_default_dtype(torch.float32)
cases = []


def listed(tensor):
    """A tensor as JSON, with the nine digits that tell all 32-bit floats apart."""
    return {"shape": list(tensor.shape), "values": [float(f"{x:.9g}") for x in tensor.detach().flatten().tolist()]}


def case(operation, function, *inputs, options=None):
    """Computes one case."""
    inputs = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    output = function(*inputs)
    upstream = torch.randn_like(output)
    gradients = torch.autograd.grad(output, inputs, upstream)
    cases.append({
        "operation": operation,
        "options": options or {},
        "inputs": [listed(tensor) for tensor in inputs],
        "output": listed(output),
        "upstream": listed(upstream),
        "gradients": [listed(gradient) for gradient in gradients],
    })


def randn(*shape):
    return torch.randn(shape)


def spread(*shape):
    """Numbers that are all different, none near zero, so that no kink is near."""
    count = torch.Size(shape).numel()
    return (((torch.randperm(count) + 0.5) / count - 0.5) * 4).reshape(shape)


def positive(*shape):
    return torch.rand(shape) + 0.5


def elementwise():
    for name, function, argument in [
        ("negate", torch.neg, spread), ("exp", torch.exp, spread), ("log", torch.log, positive),
        ("sqrt", torch.sqrt, positive), ("tanh", torch.tanh, spread), ("sigmoid", torch.sigmoid, spread),
        ("relu", F.relu, spread), ("gelu", F.gelu, spread),
    ]:
        case("apply", function, argument(3, 7), options={"function": name})
    case("apply", lambda x: F.leaky_relu(x, 0.1), spread(3, 7), options={"function": "leaky-relu", "number": 0.1})
    case("apply", lambda x: x + 1.5, spread(5), options={"function": "add", "number": 1.5})
    case("apply", lambda x: x * -2.5, spread(5), options={"function": "multiply", "number": -2.5})
    case("apply", lambda x: x ** 2.5, positive(5), options={"function": "power", "number": 2.5})
    for left, right in [((2, 3, 4), (2, 3, 4)), ((2, 1, 4), (3, 1)), ((4,), (2, 3, 4)), ((), (3,))]:
        case("add", torch.add, randn(*left), randn(*right))
        case("subtract", torch.sub, randn(*left), randn(*right))
        case("multiply", torch.mul, randn(*left), randn(*right))
        case("divide", torch.div, randn(*left), positive(*right))


def layouts():
    case("reshape", lambda x: x.reshape(3, 4), randn(2, 6), options={"shape": [3, 4]})
    case("permute", lambda x: x.permute(2, 0, 1), randn(2, 3, 4), options={"axes": [2, 0, 1]})
    case("transpose", lambda x: x.transpose(0, 2), randn(2, 3, 4), options={"first": 0, "second": 2})
    case("slice", lambda x: x[:, 1:4], randn(2, 5, 3), options={"axis": 1, "start": 1, "end": 4})
    case("concatenate", lambda *x: torch.cat(x, 1), randn(2, 1, 3), randn(2, 4, 3), options={"axis": 1})


def products():
    for left, right in [((3, 5), (5, 4)), ((2, 3, 5), (5, 4)), ((2, 1, 3, 5), (4, 5, 2)), ((1, 7), (7, 1))]:
        case("matmul", torch.matmul, randn(*left), randn(*right))
    for name, function in ACTIVATIONS.items():
        case("linear", lambda x, w, b, f=function: f(F.linear(x, w, b)), randn(2, 3, 5), randn(4, 5), randn(4),
             options={"activation": name})
    case("linear", F.linear, randn(3, 5), randn(4, 5), options={"activation": "none"})


ACTIVATIONS = {"none": lambda x: x, "relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def images():
    def conv2d(stride, padding, function):
        def compute(x, w, *b):
            y = F.conv2d(x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), *b, stride=stride, padding=padding)
            return function(y.permute(0, 2, 3, 1))
        return compute

    for size, kernel, stride, padding, name in [
        ((5, 4), (3, 3), (1, 1), (1, 1), "relu"), ((5, 6), (3, 2), (2, 1), (0, 1), "none"),
        ((4, 4), (1, 1), (1, 1), (0, 0), "tanh"), ((7, 5), (5, 3), (3, 2), (2, 1), "sigmoid"),
    ]:
        case("conv2d", conv2d(stride, padding, ACTIVATIONS[name]), randn(2, *size, 3), randn(2, *kernel, 3), randn(2),
             options={"stride": stride, "padding": padding, "activation": name})

    def conv1d(x, w, b):
        return F.conv1d(x.transpose(1, 2), w.transpose(1, 2), b, stride=2, padding=2).transpose(1, 2)

    case("conv1d", conv1d, randn(2, 9, 3), randn(4, 5, 3), randn(4),
         options={"stride": 2, "padding": 2, "activation": "none"})
    for window, stride in [((2, 2), (2, 2)), ((3, 2), (1, 2))]:
        options = {"window": window, "stride": stride}
        for name, function in [("max-pool2d", F.max_pool2d), ("average-pool2d", F.avg_pool2d)]:
            def pool(x, function=function):
                return function(x.permute(0, 3, 1, 2), window, stride).permute(0, 2, 3, 1)
            case(name, pool, spread(2, 5, 6, 2), options=options)


def normalisations():
    mean, variance = randn(3), positive(3)
    for training in [True, False]:
        running = [mean.clone(), variance.clone()]

        def batch_norm(x, w, b):
            y = F.batch_norm(x.permute(0, 3, 1, 2), *running, w, b, training, 0.1, 1e-5)
            return y.permute(0, 2, 3, 1)

        options = {"mean": listed(mean), "variance": listed(variance), "training": training}
        case("batch-norm", batch_norm, randn(2, 3, 2, 3), randn(3), randn(3), options=options)
        options.update(mean_after=listed(running[0]), variance_after=listed(running[1]))
    case("layer-norm", lambda x, w, b: F.layer_norm(x, (5,), w, b, 1e-5), randn(2, 3, 5), randn(5), randn(5))
    for axis in [0, 1, 2]:
        case("softmax", lambda x: F.softmax(x, axis), randn(2, 3, 4) * 3, options={"axis": axis})
        case("log-softmax", lambda x: F.log_softmax(x, axis), randn(2, 3, 4) * 3, options={"axis": axis})


def losses():
    labels = [2, 0, 3, 3, 1]
    case("cross-entropy", lambda x: F.cross_entropy(x, torch.tensor(labels)), randn(5, 4) * 3, options={"labels": labels})
    case("mean-squared-error", F.mse_loss, randn(3, 4), randn(3, 4))


def reductions():
    for axes, keep in [([], False), ([1], False), ([0, 2], True)]:
        options = {"axes": axes, "keep": keep}
        dimensions = axes or [0, 1, 2]
        case("sum", lambda x: x.sum(dimensions, keep), randn(2, 3, 4), options=options)
        case("mean", lambda x: x.mean(dimensions, keep), randn(2, 3, 4), options=options)
        case("max", lambda x: x.amax(dimensions, keep), torch.randint(0, 3, (2, 3, 4)).float(), options=options)


def sequences():
    indices = [1, 3, 1, 0]
    case("embedding", lambda w: F.embedding(torch.tensor(indices), w), randn(5, 3), options={"indices": indices})

    def lstm(x, wx, wh, b, h, c):
        params = [wx, wh, b, torch.zeros_like(b)]
        y, _, last = torch.lstm(x, [h[None], c[None]], params, True, 1, 0.0, False, False, True)
        return torch.cat([y, last.transpose(0, 1)], 1)

    case("lstm", lstm, randn(2, 4, 3), randn(20, 3), randn(20, 5), randn(20), randn(2, 5), randn(2, 5))
    for causal in [False, True]:
        def attention(q, k, v):
            q, k, v = (x.unflatten(2, (2, -1)).transpose(1, 2) for x in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).flatten(2)
        case("attention", attention, randn(2, 3, 6), randn(2, 4, 6), randn(2, 4, 8),
             options={"heads": 2, "causal": causal})


def optimisers():
    """Parameters after each of four steps along given gradients."""
    start, gradients = randn(6), [randn(6) for _ in range(4)]
    for name, make, options in [
        ("sgd", torch.optim.SGD, {"lr": 0.1}),
        ("sgd", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
        ("sgd", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("adam", torch.optim.Adam, {"lr": 0.01}),
        ("adam", torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.99), "weight_decay": 0.1, "eps": 1e-6}),
        ("adamw", torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    ]:
        parameter = start.clone().requires_grad_()
        optimiser = make([parameter], **options)
        after = []
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimiser.step()
            after.append(listed(parameter))
        yield {"optimiser": name, "options": options, "start": listed(start),
               "gradients": [listed(gradient) for gradient in gradients], "after": after}


for part in [elementwise, layouts, products, images, normalisations, losses, reductions, sequences]:
    part()
gradients = [randn(2, 3), randn(4)]
parameters = [torch.zeros_like(gradient).requires_grad_() for gradient in gradients]
for parameter, gradient in zip(parameters, gradients):
    parameter.grad = gradient.clone()
norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
golden = {
    "torch": torch.__version__,
    "cases": cases,
    "optimisers": list(optimisers()),
    "clip": {
        "gradients": [listed(gradient) for gradient in gradients],
        "norm": norm.item(),
        "after": [listed(parameter.grad) for parameter in parameters],
    },
}
text = json.dumps(golden, separators=(",", ":")).replace('{"operation"', '\n{"operation"')
pathlib.Path(__file__).with_name("pytorch.json").write_text(text + "\n")

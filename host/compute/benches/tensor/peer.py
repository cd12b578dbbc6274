"""The peer of this benchmark: PyTorch on the same shapes, in both of its layouts.

    python -m venv peer && peer/bin/pip install torch
    peer/bin/python peer.py [threads]
"""

import sys
import time

import torch
from torch import nn
from torch.nn import functional

ROUNDS = 30
BATCH = 64


def report(name, operations, work):
    """Prints the fastest of several runs."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    print(f"  {name:<44} {best * 1e3:8.3f} ms {operations / best / 1e9:7.1f} GFLOP/s", flush=True)


def products():
    for rows, depth, columns in [(256, 256, 256), (1024, 1024, 1024), (2048, 2048, 2048), (64, 4096, 146)]:
        a, b, c = torch.randn(rows, depth), torch.randn(depth, columns), torch.empty(rows, columns)
        operations = 2 * rows * depth * columns
        report(f"gemm {rows} x {depth} x {columns}", operations, lambda: torch.mm(a, b, out=c))


def convolutions(layout, name):
    for size, channels, out_channels in [(32, 3, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64)]:
        images = torch.randn(BATCH, channels, size, size).to(memory_format=layout).requires_grad_()
        weight = torch.randn(out_channels, channels, 3, 3).to(memory_format=layout).requires_grad_()
        gradient = torch.randn(BATCH, out_channels, size, size).to(memory_format=layout)
        operations = 2 * gradient.numel() * 9 * channels

        def forward():
            with torch.no_grad():
                functional.conv2d(images, weight, padding=1)

        def everything():
            torch.autograd.grad(functional.conv2d(images, weight, padding=1), (images, weight), gradient)

        report(f"{name} conv {size} x {size}, {channels} -> {out_channels}, Forward", operations, forward)
        report(f"{name} conv {size} x {size}, {channels} -> {out_channels}, All", 3 * operations, everything)


def network(layout, name):
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4096, 146), nn.ReLU(), nn.Linear(146, 10),
    ).to(memory_format=layout)
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    images = torch.randn(BATCH, 3, 32, 32).to(memory_format=layout)
    labels = torch.arange(BATCH) % 10

    def step():
        optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(model(images), labels).backward()
        optimiser.step()

    parameters = sum(parameter.numel() for parameter in model.parameters())
    report(f"{name} CNN step, {parameters:,} parameters", 0, step)


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    products()
    for layout, name in [(torch.contiguous_format, "NCHW"), (torch.channels_last, "NHWC")]:
        convolutions(layout, name)
        network(layout, name)

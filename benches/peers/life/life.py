"""Cells of Conway's Game of Life that Python's ways of computing it step in a second.

python life.py [--sizes N ...] [--seconds S] [--json]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

# Steps so many generations, and says how the board is then.
Step = Callable[[int], None]
Look = Callable[[], np.ndarray]

# A plain loop takes a second for a million cells.
LOOP_SIZE = 100
SAMPLES = 5
# Generations after which two ways are compared.
CHECKED = 4


def loop(board: np.ndarray) -> tuple[Step, Look]:
    """A loop over the cells."""
    cells = board.tolist()
    size = len(cells)

    def step(generations: int) -> None:
        nonlocal cells
        for _ in range(generations):
            after = [[0] * size for _ in range(size)]
            for i in range(size):
                for j in range(size):
                    around = sum(
                        cells[(i + di) % size][(j + dj) % size]
                        for di in (-1, 0, 1)
                        for dj in (-1, 0, 1)
                        if (di, dj) != (0, 0)
                    )
                    after[i][j] = int(around == 3 or (around == 2 and cells[i][j] == 1))
            cells = after

    return step, lambda: np.array(cells, dtype=np.uint8)


def numpy(board: np.ndarray) -> tuple[Step, Look]:
    """Shifted copies of the board, added up."""
    cells = board.copy()

    def step(generations: int) -> None:
        nonlocal cells
        for _ in range(generations):
            rows = cells + np.roll(cells, 1, 0) + np.roll(cells, -1, 0)
            square = rows + np.roll(rows, 1, 1) + np.roll(rows, -1, 1)
            cells = ((square == 3) | ((square == 4) & (cells == 1))).astype(np.uint8)

    return step, lambda: cells


def convolution(board: np.ndarray) -> tuple[Step, Look]:
    """A convolution."""
    cells = torch.from_numpy(board).float()[None, None]
    kernel = torch.ones(1, 1, 3, 3)

    def step(generations: int) -> None:
        nonlocal cells
        with torch.inference_mode():
            for _ in range(generations):
                around = torch.nn.functional.pad(cells, (1, 1, 1, 1), mode="circular")
                square = torch.nn.functional.conv2d(around, kernel)
                cells = ((square == 3) | ((square == 4) & (cells == 1))).float()

    return step, lambda: cells[0, 0].to(torch.uint8).numpy()


def lifelib(board: np.ndarray) -> tuple[Step, Look]:
    """python-lifelib, on a plane, for it knows no torus. It compiles the rule when it is first used."""
    import lifelib as library

    size = len(board)
    tree = library.load_rules("b3s23").lifetree(n_layers=1, memory=2_000)
    rows = "$".join("".join("o" if cell else "b" for cell in row) for row in board)
    pattern = tree.pattern(f"x = {size}, y = {size}, rule = B3/S23\n{rows}!\n")

    def step(generations: int) -> None:
        nonlocal pattern
        pattern = pattern[generations]
        # It computes when it is asked.
        assert pattern.population > 0

    def look() -> np.ndarray:
        cells = np.zeros((size, size), dtype=np.uint8)
        places = pattern.coords()
        places = places[((places >= 0) & (places < size)).all(axis=1)]
        cells[places[:, 1], places[:, 0]] = 1
        return cells

    return step, look


def figures(size: int, seconds: float) -> Iterator[dict]:
    """The figures of one size."""

    def soup(side: int) -> np.ndarray:
        return (np.random.default_rng(1).random((side, side)) < 0.35).astype(np.uint8)

    cores = torch.get_num_threads()
    ways = [("loop", loop, 1), ("numpy", numpy, 1), ("torch", convolution, 1), ("torch", convolution, cores)]
    ways.append(("lifelib", lifelib, 1))
    for name, way, threads in ways:
        side = LOOP_SIZE if way is loop else size
        torch.set_num_threads(threads)
        try:
            (expect, expected), (step, found) = numpy(soup(side)), way(soup(side))
            expect(CHECKED)
            step(CHECKED)
            # What lies near the edges differs between a torus and a plane.
            inner = slice(CHECKED, -CHECKED)
            is_right = np.array_equal(expected()[inner, inner], found()[inner, inner])
        except Exception as error:  # a peer that cannot do it on this machine is said, not left out in silence
            yield {"figure": name, "size": side, "threads": threads, "error": f"{type(error).__name__}: {error}"}
            continue
        if not is_right:
            yield {"figure": name, "size": side, "threads": threads, "error": "it comes to another board"}
            continue
        step, _ = way(soup(side))
        start = time.perf_counter()
        step(1)
        generations = max(1, round(seconds / SAMPLES / (time.perf_counter() - start)))
        rates = []
        for _ in range(SAMPLES):
            start = time.perf_counter()
            step(generations)
            rates.append(side * side * generations / (time.perf_counter() - start) / 1e9)
        yield {
            "figure": name,
            "size": side,
            "threads": threads,
            "unit": "Gcell/s",
            "median": float(f"{statistics.median(rates):.4g}"),
            "min": float(f"{min(rates):.4g}"),
            "max": float(f"{max(rates):.4g}"),
        }
    torch.set_num_threads(cores)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[1024, 4096], help="cells of a side")
    arguments.add_argument("--seconds", type=float, default=3.0, help="budget of a figure; default: %(default)s")
    arguments.add_argument("--json", action="store_true", help="one JSON object a line")
    settings = arguments.parse_args()
    for size in settings.sizes:
        for figure in figures(size, settings.seconds):
            if settings.json:
                print(json.dumps(figure), flush=True)
            elif "error" in figure:
                print("{figure} {size}²: {error}".format(**figure), flush=True)
            else:
                print(
                    "{figure} {size}², {threads} threads: {median} {unit} ({min} to {max})".format(**figure),
                    flush=True,
                )


if __name__ == "__main__":
    main()

"""A counter in Python. What it keeps between calls is in ordinary variables: the host keeps the plugin's whole
memory, so nothing needs to be saved."""

import json
import logging
import random
import time
from collections import defaultdict

import belljar  # noqa: F401  (puts the host's clock and random numbers behind Python's)
import wit_world
from componentize_py_types import Err
from wit_world import Draw, Statistics


class Tag:
    """The values that were kept under one tag."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.mean = 0.0
        self.squares = 0.0

    def keep(self, value: float) -> Statistics:
        """Welford's method, which keeps its precision where the sum of squares would lose it."""
        self.values.append(value)
        count = len(self.values)
        distance = value - self.mean
        self.mean += distance / count
        self.squares += distance * (value - self.mean)
        return Statistics(count, self.mean, self.squares / count)


total = 0
tags: defaultdict[str, Tag] = defaultdict(Tag)
drawn: list[Draw] = []


class WitWorld(wit_world.WitWorld):
    """The methods."""

    def init(self, config: str) -> None:
        global total
        try:
            fields = json.loads(config)
        except ValueError as error:
            raise Err(f"the configuration is no JSON: {error}")
        match fields:
            case {"start": int(start)} if len(fields) == 1 and -(2**63) <= start < 2**63:
                total = start
            case {} if not fields:
                total = 0
            case _:
                raise Err('the configuration must be {} or like {"start": 100}')

    def add(self, n: int) -> int:
        global total
        # Python's integers have no end, and those of the method have 64 bits.
        total = (total + n + 2**63) % 2**64 - 2**63
        return total

    def get(self) -> int:
        return total

    def keep(self, tag: str, value: float) -> Statistics:
        return tags[tag].keep(value)

    def kept(self, tag: str) -> list[float]:
        if tag not in tags:
            raise Err("nothing was kept under this tag")
        return tags[tag].values

    def tags(self) -> list[str]:
        return list(tags)

    def draw_one(self) -> Draw:
        draw = Draw(random.getrandbits(64), time.time_ns())
        drawn.append(draw)
        logging.debug("drew %d", draw.number)
        return draw

    def drawn(self) -> list[Draw]:
        return drawn

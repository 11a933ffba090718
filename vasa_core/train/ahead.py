"""Training data drawn ahead: while a part of a step is computed, threads draw what the next ones are computed on.

    drawn = Ahead(draw, recipe, world)      draw: generator -> data
    drawn(step, generator)                  in a loss, before anything else is drawn: what draw(generator) gives

Every part has a generator of its own that is known beforehand (loop.generator_of), so the data are the same as without,
and so is what the part draws afterwards. It pays where drawing is reading and decoding, and the network computes
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from torch import Generator, Tensor

from .distributed import ALONE, World
from .loop import Recipe, generator_of

Data = TypeVar("Data")


class Ahead(Generic[Data]):
    """Draws the data of this process's parts, as many parts ahead as it has `threads`, which call `draw` at once."""

    def __init__(
        self, draw: Callable[[Generator], Data], recipe: Recipe, world: World = ALONE, threads: int = 2
    ) -> None:
        self.draw, self.recipe, self.parts = draw, recipe, world.share(recipe.parts)
        self.threads, self.far = ThreadPoolExecutor(threads, "drawing ahead"), threads
        self.coming: dict[int, Future[tuple[Data, Tensor]]] = {}  # by the seeds of their parts

    def __call__(self, step: int, generator: Generator) -> Data:
        """The data of the part of `step` that draws from `generator`, which has drawn nothing yet and then goes on.

        What `draw` raises is raised here.
        """
        data, state = self._ordered(generator).result()
        seeds = [generator_of(self.recipe, step, part).initial_seed() for part in self.parts]
        place = seeds.index(generator.initial_seed())
        wanted = {}
        for number in range(place + 1, place + 1 + self.far):
            later, part = step + number // len(seeds), self.parts[number % len(seeds)]
            if later <= self.recipe.steps:
                own = generator_of(self.recipe, later, part)
                wanted[own.initial_seed()] = self._ordered(own)
        self.coming = wanted
        generator.set_state(state)
        return data

    def _ordered(self, generator: Generator) -> Future[tuple[Data, Tensor]]:
        """What is drawn from a generator, which may be under way."""
        coming = self.coming.get(generator.initial_seed())
        if coming is None:
            coming = self.threads.submit(lambda: (self.draw(generator), generator.get_state()))
        return coming

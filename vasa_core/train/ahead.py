"""Training data drawn ahead: while a part of a step is computed, a thread draws what the next one is computed on.

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
    """Draws the data of this process's parts, one part ahead. `draw` runs in one other thread, never twice at once."""

    def __init__(self, draw: Callable[[Generator], Data], recipe: Recipe, world: World = ALONE) -> None:
        self.draw, self.recipe, self.parts = draw, recipe, world.share(recipe.parts)
        self.thread = ThreadPoolExecutor(1, "drawing ahead")
        self.seed: int | None = None  # of the part whose data are `coming`
        self.coming: Future[tuple[Data, Tensor]] | None = None

    def __call__(self, step: int, generator: Generator) -> Data:
        """The data of the part of `step` that draws from `generator`, which has drawn nothing yet and then goes on.

        What `draw` raises is raised here.
        """
        seed = generator.initial_seed()
        if self.seed != seed:
            self._order(generator)
        data, state = self.coming.result()
        generator.set_state(state)
        seeds = [generator_of(self.recipe, step, part).initial_seed() for part in self.parts]
        later = self.parts[seeds.index(seed) + 1 :]
        self.seed = self.coming = None
        if later:
            self._order(generator_of(self.recipe, step, later[0]))
        elif step < self.recipe.steps:
            self._order(generator_of(self.recipe, step + 1, self.parts[0]))
        return data

    def _order(self, generator: Generator) -> None:
        if self.coming is not None:
            self.coming.cancel()
        self.seed = generator.initial_seed()
        self.coming = self.thread.submit(lambda: (self.draw(generator), generator.get_state()))

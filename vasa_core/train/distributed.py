"""Processes that train one network together, each on its parts of every step, started by torchrun.

    torchrun --nproc-per-node 8 -m vasa_core train face SETTINGS.json
    with joined(device) as world: train(..., world=world)

All begin with the leading one's weights, hold the whole network and all moments, and sum their gradients, in buckets,
once a step. torch's DistributedDataParallel wraps one `forward`; here a step calls parts of a network several times,
and two networks take turns, so the gradients are summed after the backward passes instead. That gives up hiding the
transfer behind the last of them, and keeps a step the same computation in any number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import BadInput

BUCKET = 1 << 23
"""Numbers that are sent in one piece, at the least, while there are so many."""
PATIENCE = timedelta(hours=24)
"""One may read clips or write files for hours while the others wait. Where one fails, torchrun ends all at once."""


@dataclass(frozen=True)
class World:
    """This process is number `rank` of `size`, and computes on `device`."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this is the process that speaks and writes files."""
        return self.rank == 0

    def share(self, parts: int) -> range:
        """Which of a step's parts this process computes. BadInput where they cannot be shared evenly."""
        if parts % self.size:
            raise BadInput(
                f"{self.size} processes cannot share a step of {parts} parts evenly. "
                f"Set recipe.parts to a multiple of {self.size}, or start another number of processes."
            )
        each = parts // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Each tensor becomes, in place, its sum over all processes."""
        if self.size > 1:
            _exchange(tensors, lambda flat: dist.all_reduce(flat, async_op=True))

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Each tensor becomes, in place, what it is in the leading process."""
        if self.size > 1:
            _exchange(tensors, lambda flat: dist.broadcast(flat, 0, async_op=True))

    def agree(self, number: int, what: str, setting: str) -> None:
        """BadInput unless all processes have the same `number`, of a folder that `setting` names; what: in words."""
        numbers = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        numbers[self.rank] = number
        self.add_up([numbers])
        if len(set(numbers.tolist())) > 1:
            raise BadInput(
                f"The processes start from different {what} ({', '.join(map(str, numbers.tolist()))}). "
                f"Let `{setting}` be a folder that all machines share."
            )

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


ALONE = World()


def refuse_company(what: str) -> None:
    """BadInput where torchrun started several processes of `what`, which would write the same files."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise BadInput(f"'{what}' runs in one process. Start it without torchrun.")


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The processes that torchrun started, this one on an accelerator of its own; alone where it started none.

    device: 'cpu', or the kind of accelerator. BadInput where a machine has fewer of them than processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))  # torchrun tells its processes who they are by these
    if size == 1:
        yield World(device=device)
        return
    rank, place = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    if device.type != "cpu":
        if place >= torch.accelerator.device_count():
            raise BadInput(
                f"Process {place} of this machine finds {torch.accelerator.device_count()} accelerators, and each "
                "process needs its own. Lower --nproc-per-node."
            )
        device = torch.device(device.type, place)
        torch.accelerator.set_device_index(place)
    own = None if device.type == "cpu" else device
    dist.init_process_group(dist.get_default_backend_for_device(device), timeout=PATIENCE, device_id=own)
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


def _exchange(tensors: Iterable[Tensor], send: Callable[[Tensor], dist.Work]) -> None:
    """Let `send` change the tensors, bucket by bucket."""
    sent = []
    for bucket in _buckets(tensors):
        flat = torch.cat([tensor.flatten() for tensor in bucket])
        sent.append((bucket, flat, send(flat)))
    for bucket, flat, work in sent:
        work.wait()
        for tensor, changed in zip(bucket, flat.split([t.numel() for t in bucket]), strict=True):
            tensor.copy_(changed.view_as(tensor))


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in their order, in groups of one type and of BUCKET numbers or a little more."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and (tensor.dtype != bucket[0].dtype or sum(t.numel() for t in bucket) >= BUCKET):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket

"""Where a process computes: its device, and its rows of every batch when several share the work.

Everything random is drawn whole and on the processor by every process, so that a run is the same
run on any device and among any number of processes, up to rounding; each then takes its own rows.
The one file that knows of devices and of torch.distributed (`torchrun` starts the processes).
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, distributed

from generator.backbone import Conditions
from training.errors import TrainingError
from training.sampling import map_conditions


@dataclass(frozen=True, slots=True)
class Place:
    """A device, and which of how many processes this is."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and shows."""
        return self.rank == 0

    def rows(self, total: int) -> "Rows":
        """Return this process's part of a batch.

        Args:
            total: Rows of the whole batch.

        Returns:
            Rows next to each other, as many as the other processes have or one more.

        Raises:
            TrainingError: There are fewer rows than processes.
        """
        if total < self.size:
            raise TrainingError(
                f"a batch of {total} cannot be shared by {self.size} processes: "
                "make the batch (or `tokens`) larger, or start fewer"
            )
        first, last = (total * rank // self.size for rank in (self.rank, self.rank + 1))
        return Rows(self, first, last, total)

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes, without gradient."""
        if self.size == 1:
            return x.detach()
        total = x.detach().clone()
        distributed.all_reduce(total)
        return total

    def average_terms(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean of reported numbers over all processes."""
        if self.size == 1 or not terms:
            return dict(terms)
        stacked = torch.stack([value.detach().float().to(self.device) for value in terms.values()])
        return dict(zip(terms, (self.sum(stacked) / self.size).unbind(), strict=True))

    def leaders(self, number: int) -> int:
        """Return the leading process's number, everywhere; all wait for it."""
        return int(self.leading(torch.tensor([number], device=self.device)).item())

    def leading(self, x: Tensor) -> Tensor:
        """Return the leading process's tensor, everywhere; all wait for it."""
        if self.size == 1:
            return x
        answer = x.detach().contiguous().clone()
        distributed.broadcast(answer, src=0)
        return answer

    def join(self, parts: Tensor, total: int) -> Tensor:
        """Return the rows of all processes in their order.

        Shapes:
            parts: [rows of this process, ...]  ->  [total, ...]
        """
        if self.size == 1:
            return parts
        whole = parts.new_zeros(total, *parts.shape[1:])
        mine = self.rows(total)
        whole[mine.first : mine.last] = parts
        return self.sum(whole)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows ``first`` to ``last - 1`` of a batch of ``total``, on the place's device."""

    place: Place
    first: int
    last: int
    total: int

    def of(self, whole: Tensor) -> Tensor:
        """Return these rows of a tensor of the whole batch, on the device."""
        return whole[self.first : self.last].to(self.place.device, non_blocking=True)

    def of_conditions(self, whole: Conditions) -> Conditions:
        """Return these rows of conditions, on the device."""
        return map_conditions(self.of, whole)

    def normal(self, like: Tensor, source: torch.Generator) -> Tensor:
        """Return these rows of unit noise that was drawn for the whole batch.

        Shapes:
            like: [rows, ...]  ->  the same, on the device.
        """
        return self.of(torch.randn((self.total, *like.shape[1:]), generator=source))

    def mean(self, mean: Tensor) -> Tensor:
        """Return the mean over the whole batch of means over these rows, without gradient."""
        return self.place.sum(self.part * mean) / self.place.size

    def share(self, weight: Tensor | float) -> Tensor | float:
        """Return what a mean over these rows must be multiplied by.

        With it, the mean over the processes is the mean over the batch.

        Args:
            weight: What the rows' mean was divided by: a count, or a sum of weights.

        Returns:
            This process's weight over the mean of all processes' weights; 1 for one process.
        """
        if self.place.size == 1:
            return 1.0
        own = torch.as_tensor(weight, device=self.place.device)
        return own * self.place.size / self.place.sum(own).clamp_min(1e-9)

    @property
    def part(self) -> float:
        """`share` of a mean over rows that all weigh alike; 1 for one process."""
        return (self.last - self.first) * self.place.size / self.total


HERE = Place(torch.device("cpu"))


@cache
def quick_in_bfloat16(device: str) -> bool:
    """Return whether bfloat16 saves time on a kind of device.

    On a processor it does with matrix units for it (AMX) alone. With bfloat16 dot products
    (AVX512_BF16) a step of the warm-up took half as long again as in single precision, without
    either three times as long.
    """
    return device != "cpu" or torch.cpu._is_amx_tile_supported()


def autocast(like: Tensor, *, bfloat16: bool) -> AbstractContextManager[None]:
    """Return a context with bfloat16 matrix products, when asked for and where they save time."""
    kind = like.device.type
    if bfloat16 and quick_in_bfloat16(kind):
        return torch.autocast(kind, torch.bfloat16)
    return nullcontext()


def choose_device(wanted: str) -> torch.device:
    """Return the device that a config asks for.

    Args:
        wanted: "cpu", "cuda", or "auto" for cuda where there is one.

    Returns:
        The device.

    Raises:
        TrainingError: There is no such device.
    """
    found = torch.cuda.is_available()
    if wanted == "cuda" and not found:
        raise TrainingError('device = "cuda", but torch finds none: write "auto" or "cpu"')
    return torch.device("cuda" if found and wanted != "cpu" else "cpu")


def open_place(wanted: str) -> Place:
    """Return where this process computes, joining the others when `torchrun` started it.

    Args:
        wanted: See `choose_device`.

    Returns:
        The place; processes on one machine take one GPU each.
    """
    device = choose_device(wanted)
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        return Place(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        device = torch.device("cuda", distributed.get_node_local_rank())
        torch.cuda.set_device(device)
    return Place(device, distributed.get_rank(), distributed.get_world_size())


def close_place() -> None:
    """Leave the other processes, where there are any."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over all processes, in one message."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    means = torch.split(flat, [g.numel() for g in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))

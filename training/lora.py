"""Low-rank adapters on a frozen network's linear layers, sharing the network's own weights.

Used for the fake score of `training/vsd.py` and wherever a network is tuned with few weights.
Knows only linear layers.

References:
    Hu et al. 2021, arXiv 2106.09685, equation 3: ``W x + (alpha / rank) B A x`` with B zero at
    first.
"""

import copy
from collections.abc import Collection
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

M = TypeVar("M", bound=nn.Module)


class AdaptedLinear(nn.Module):
    """A frozen linear layer plus a learnt product of low rank."""

    def __init__(self, base: nn.Linear, *, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base
        self.gain = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)
        self.to(base.weight.device)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: [..., in_features] -> [..., out_features]."""
        low = functional.linear(functional.linear(x, self.down), self.up)
        kept: Tensor = self.base(x)
        return kept + self.gain * low


def adapt(network: M, names: Collection[str], *, rank: int, alpha: float) -> M:
    """Return a network that begins equal to the given one and learns through adapters alone.

    Args:
        network: Frozen; its weights are shared, not copied.
        names: The last part of the names of the linear layers to adapt.
        rank: Of each adapter.
        alpha: Gain of the adapters, relative to their rank.

    Returns:
        The adapted network, whose only weights that take gradients are the adapters'.
    """
    shared: dict[int, object] = {id(p): p for p in (*network.parameters(), *network.buffers())}
    adapted = copy.deepcopy(network, shared)
    layers = [
        (name, module)
        for name, module in adapted.named_modules()
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in names
    ]
    for name, layer in layers:
        parent, _, last = name.rpartition(".")
        setattr(adapted.get_submodule(parent), last, AdaptedLinear(layer, rank=rank, alpha=alpha))
    return adapted


def learnt_state(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights that take gradients, by name."""
    return {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}


@torch.no_grad()
def restore_learnt(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Take back what `learnt_state` returned.

    Args:
        network: The same network, or another of its shape.
        state: Weights by name.

    Raises:
        KeyError: The state lacks a weight of the network.
    """
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            parameter.copy_(state[name])


@torch.no_grad()
def merged(network: M) -> M:
    """Return a plain network that computes what an adapted one does, its adapters added in.

    Args:
        network: What `adapt` returned; it stays as it is.

    Returns:
        A copy with plain linear layers.
    """
    plain = copy.deepcopy(network)
    for name, layer in [*plain.named_modules()]:
        if isinstance(layer, AdaptedLinear):
            layer.base.weight += layer.gain * layer.up @ layer.down
            parent, _, last = name.rpartition(".")
            setattr(plain.get_submodule(parent), last, layer.base)
    return plain

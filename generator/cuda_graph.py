"""A computation on tensors that never move, recorded once and replayed without the host.

On a CUDA device it is captured as one graph: a replay is one launch, however many kernels it has.
Elsewhere the same computation is simply run again, so that what is tested on a processor is what
runs on a GPU. Knows nothing of what is computed.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Computation = Callable[[], tuple[Tensor, ...]]
# Libraries choose their kernels and make their workspaces in the first runs.
WARM_RUNS = 3


class Recording:
    """A computation, ready to be replayed.

    Args:
        compute: Reads tensors that it holds and returns new ones; no shape may depend on a value.
        device: Where it runs.
    """

    def __init__(self, compute: Computation, device: torch.device) -> None:
        self._compute = compute
        self._graph: torch.cuda.CUDAGraph | None = None
        with torch.inference_mode():
            if device.type == "cuda":
                self._outputs = self._capture(device)
            else:
                self._outputs = compute()

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the last replay made; the next one may write over it."""
        return self._outputs

    def replay(self) -> tuple[Tensor, ...]:
        """Compute again from what the inputs hold now, without waiting for the device."""
        if self._graph is not None:
            self._graph.replay()
        else:
            with torch.inference_mode():
                self._outputs = self._compute()
        return self._outputs

    def _capture(self, device: torch.device) -> tuple[Tensor, ...]:
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM_RUNS):
                self._compute()
        torch.cuda.current_stream(device).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            return self._compute()

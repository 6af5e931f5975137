"""Runs what is recorded on a GPU where there is none, and prints what leaves the device.

The tensors have a device of their own and no memory, and every operation is seen with where it
reads and writes. What a capture refuses is refused here or told: a copy from or to the host, and a
value that the host wants to know. The device is known to torch for as long as the process lives,
so this is a program: `python -m tests.generator.device_watch` prints JSON, a list for each program.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from bench.gpu import HOUSE, SMALL_SEED, SMALL_T5, VOCABULARY
from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import Decoder
from generator.backbone import Backbone
from generator.minilm import MiniLm
from generator.spectral import BINS
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.recorded import WholeTake
from generator.take_program import Bucket, Making, Sounding, empty_inputs

DEVICE = "gpu"
BUCKETS = (Bucket(1, 6, 1), Bucket(2, 40, 3), Bucket(8, 40, 2, 16))


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation that touches another device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strays: list[str] = []
        self.count = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.count += 1
        tensors = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, Tensor)]
        if any(one.device.type != DEVICE for one in tensors):
            self.strays.append(str(func))
        return result


def strays_of(program: Callable[[], object]) -> list[str]:
    """Run a program that holds tensors of the device; return what left it."""
    with Watch() as watch, torch.no_grad():  # there every operation is seen in its parts
        try:
            program()
        except (NotImplementedError, RuntimeError) as refusal:
            watch.strays.append(str(refusal)[:200])
    return watch.strays if watch.strays or watch.count else ["nothing was run"]


def put_there(module: nn.Module, dtype: torch.dtype = torch.bfloat16) -> None:
    """Place a module as generator/torch_backend.py does, without what is in its weights."""
    module.eval()
    for part in module.modules():
        weights = list(part.named_parameters(recurse=False))
        for name, value in (*weights, *part.named_buffers(recurse=False)):
            kept = dtype if value.is_floating_point() else value.dtype
            placed = torch.empty(value.shape, dtype=kept, device=DEVICE)
            is_weight = isinstance(value, nn.Parameter)
            setattr(part, name, nn.Parameter(placed, requires_grad=False) if is_weight else placed)


def our_takes(bucket: Bucket) -> list[str]:
    """What leaves the device while takes of a model of ours are made."""
    text, backbone = MiniLm(VOCABULARY), Backbone(HOUSE[0])
    decoder = Decoder(HOUSE[1], SAMPLE_RATE_HZ)
    with FakeTensorMode():
        for module in (text, backbone, decoder):
            put_there(module)
        put_there(decoder.head, torch.float32)
        making, sounding = Making(text, backbone, decoder), Sounding(decoder)
        inputs = empty_inputs(bucket, HOUSE[0].latent_channels, torch.device(DEVICE))
        blur = torch.zeros(bucket.batch, bucket.frames, 2, BINS, dtype=torch.int16, device=DEVICE)
        made: list[Tensor] = []
        strays = strays_of(lambda: made.extend(making(inputs, bucket.margin)))
        return strays or strays_of(lambda: sounding(made[1], blur))


def imported_takes() -> list[str]:
    """What leaves the device while a take of an imported model is made."""
    model = StableAudioModel(SMALL_SEED, SMALL_T5)
    sizes = SMALL_SEED.clip
    with FakeTensorMode():
        put_there(model)
        take = WholeTake(model, sizes.latent_frames)
        ids = torch.zeros(1, sizes.text_tokens, dtype=torch.int64, device=DEVICE)
        mask, seconds = torch.zeros(1, sizes.text_tokens, device=DEVICE), ids[:, 0].float()
        noise = torch.zeros(2, 1, sizes.channels, sizes.latent_frames, device=DEVICE)
        return strays_of(lambda: take(ids, mask, seconds, noise))


FAULTS: dict[str, Callable[[Tensor], object]] = {
    "fault: numbers from the host": lambda x: x + torch.tensor([1.0, 2.0], device=DEVICE),
    "fault: a tensor of the host": lambda x: x + torch.zeros(()),
    "fault: back to the host": lambda x: x.cpu(),
    "fault: a value for the host": lambda x: x.sum().item(),
    "fault: as many as there are": lambda x: x.nonzero(),
}


def main() -> None:
    """Print what each program does."""
    _setup_privateuseone_for_python_backend(DEVICE)
    told = {f"takes of ours, {bucket}": our_takes(bucket) for bucket in BUCKETS}
    told["takes of an imported model"] = imported_takes()
    with FakeTensorMode():
        x = torch.zeros(2, device=DEVICE)
        for name, fault in FAULTS.items():
            told[name] = strays_of(partial(fault, x))
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()

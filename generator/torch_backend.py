"""The accelerator backend: the networks of a checkpoint as torch modules, weights in bfloat16.

Knows how weights are stored (safetensors, never pickle) and how the modules are called;
generator/pipeline.py knows the order of the stages. Noise comes from numpy as everywhere, so a
seed means the same take here, up to rounding.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from generator.api import SAMPLE_RATE_HZ, CheckpointError, FloatArray
from generator.autoencoder import AutoencoderConfig, Decoder
from generator.backbone import Backbone, BackboneConfig, Conditions
from generator.checkpoint import WEIGHTS_FILE, Checkpoint, Manifest
from generator.pipeline import Array, LatentGenerator
from generator.spectral import SpectralFrames
from generator.text import TextEncoder

TRANSFORMER_SIZES = "transformer"
AUTOENCODER_SIZES = "autoencoder"


def save_weights(path: Path, backbone: Backbone, decoder: Decoder) -> None:
    """Write both networks into one file, in bfloat16.

    Args:
        path: The file to write.
        backbone: The transformer.
        decoder: The decoder.
    """
    parts = {TRANSFORMER_SIZES: backbone, AUTOENCODER_SIZES: decoder}
    tensors = {
        f"{part}.{name}": value.detach().to("cpu", torch.bfloat16).contiguous()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }
    save_file(tensors, path)


class TorchNetworks:
    """The transformer and the decoder of a checkpoint.

    Args:
        checkpoint: A verified checkpoint with WEIGHTS_FILE.
        device: Where to run, as torch names it.

    Raises:
        CheckpointError: The weights are missing or do not fit the sizes in the manifest.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: str) -> None:
        self._device = torch.device(device)
        # bfloat16 on a processor is slow and rounds more; there the weights are widened again.
        self._dtype = torch.float32 if self._device.type == "cpu" else torch.bfloat16
        tensors = _read_tensors(checkpoint.path(WEIGHTS_FILE))
        sizes = _read_sizes(checkpoint.manifest)
        self._backbone = Backbone(BackboneConfig(**sizes[TRANSFORMER_SIZES]))
        self._decoder = Decoder(AutoencoderConfig(**sizes[AUTOENCODER_SIZES]), SAMPLE_RATE_HZ)
        modules = {TRANSFORMER_SIZES: self._backbone, AUTOENCODER_SIZES: self._decoder}
        for part, module in modules.items():
            _fill(module, part, tensors)
            module.eval().to(self._device, self._dtype)

    def velocity(self, x: FloatArray, t: float, conditions: Mapping[str, Array]) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]  ->  the same
        """
        moved = Conditions(**{name: self._to_torch(value) for name, value in conditions.items()})
        time = self._to_torch(np.array([t], np.float32))
        with torch.inference_mode():
            return _to_numpy(self._backbone(self._to_torch(x), time, moved))

    def hidden(self, latents: FloatArray) -> FloatArray:
        """Return what the spectral frames of clean latents are read from.

        Shapes:
            latents: [1, channels, n]  ->  [8 n, width]
        """
        with torch.inference_mode():
            hidden: FloatArray = _to_numpy(self._decoder.hidden(self._to_torch(latents)))[0]
        return hidden

    def frames(self, hidden: FloatArray) -> SpectralFrames:
        """Return spectral frames.

        Shapes:
            hidden: [m, width], a part of what `hidden` gave  ->  frames of m
        """
        with torch.inference_mode():
            outputs = self._decoder.name_bins(self._to_torch(hidden[None]))
        return SpectralFrames(*(_to_numpy(value)[0] for value in outputs))

    def _to_torch(self, value: Array) -> torch.Tensor:
        tensor = torch.from_numpy(value).to(self._device)
        return tensor.to(self._dtype) if tensor.is_floating_point() else tensor


def open_torch(checkpoint: Checkpoint, *, device: str | None = None) -> LatentGenerator:
    """Open a checkpoint in torch.

    Args:
        checkpoint: A verified checkpoint with WEIGHTS_FILE and a text encoder.
        device: Where to run; the first GPU if there is one, where it is not given.

    Returns:
        A generator that is ready to work.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    networks = TorchNetworks(checkpoint, device=chosen)
    return LatentGenerator(checkpoint.manifest, TextEncoder(checkpoint.folder), networks)


def _to_numpy(value: torch.Tensor) -> FloatArray:
    array: FloatArray = value.float().cpu().numpy()
    return array


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} holds no weights: {error}") from error


def _read_sizes(manifest: Manifest) -> dict[str, dict[str, int]]:
    parts = (TRANSFORMER_SIZES, AUTOENCODER_SIZES)
    missing = [part for part in parts if part not in manifest.architecture]
    if missing:
        raise CheckpointError(
            f"The checkpoint {manifest.name!r} does not give the sizes of {', '.join(missing)}; "
            "export it again."
        )
    return {
        part: {name: int(value) for name, value in manifest.architecture[part].items()}
        for part in parts
    }


def _fill(module: torch.nn.Module, part: str, tensors: Mapping[str, torch.Tensor]) -> None:
    prefix = f"{part}."
    own = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        raise CheckpointError(f"The weights do not fit the {part}: {error}") from error

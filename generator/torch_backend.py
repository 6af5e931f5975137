"""The accelerator backend: the networks of a checkpoint as torch modules, weights in bfloat16.

Knows how weights are stored (safetensors, never pickle) and how the modules are called;
generator/pipeline.py knows the order of the stages. Noise comes from numpy as everywhere, so a
seed means the same take here, up to rounding.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from generator.api import SAMPLE_RATE_HZ, FloatArray
from generator.autoencoder import AutoencoderConfig, Decoder
from generator.backbone import Backbone, BackboneConfig, Conditions
from generator.checkpoint import WEIGHTS_FILE, Checkpoint, Manifest
from generator.errors import CheckpointError
from generator.minilm import MiniLm
from generator.pipeline import Array, LatentGenerator
from generator.sound_encoder import encoder_of
from generator.take_program import Making, Sounding
from generator.text import TextEncoder
from generator.torch_device import AUTO, choose_device
from generator.torch_generator import TakeMaker, TorchGenerator

TRANSFORMER_SIZES = "transformer"
AUTOENCODER_SIZES = "autoencoder"
TEXT_PART = "text"
# These turn too fast for half precision; the modules round what they make of them.
PRECISE = ("seconds", "tempo_bpm", "note", "origin_s")


def save_weights(
    path: Path, backbone: Backbone, decoder: Decoder, text: MiniLm | None = None
) -> None:
    """Write the networks into one file; what is not whole numbers in bfloat16.

    Args:
        path: The file to write.
        backbone: The transformer.
        decoder: The decoder.
        text: The text encoder, where it is to run on the accelerator too.
    """
    parts = {TRANSFORMER_SIZES: backbone, AUTOENCODER_SIZES: decoder, TEXT_PART: text}
    tensors = {
        f"{part}.{name}": _narrow(value.detach().cpu()).contiguous()
        for part, module in parts.items()
        if module is not None
        for name, value in module.state_dict().items()
    }
    save_file(tensors, path)


def _narrow(value: torch.Tensor) -> torch.Tensor:
    return value.to(torch.bfloat16) if value.is_floating_point() else value


class TorchNetworks:
    """The transformer, the decoder and, where it is there, the text encoder of a checkpoint.

    Args:
        checkpoint: A verified checkpoint with WEIGHTS_FILE.
        device: Where to run, as torch names it.
        dtype: How precisely.

    Raises:
        CheckpointError: The weights are missing or do not fit the sizes in the manifest.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self._dtype = device, dtype
        tensors = _read_tensors(checkpoint.path(WEIGHTS_FILE))
        sizes = _read_sizes(checkpoint.manifest)
        self.backbone = Backbone(BackboneConfig(**sizes[TRANSFORMER_SIZES]))
        self.decoder = Decoder(AutoencoderConfig(**sizes[AUTOENCODER_SIZES]), SAMPLE_RATE_HZ)
        self.text = _text_module(tensors)
        modules = {
            TRANSFORMER_SIZES: self.backbone,
            AUTOENCODER_SIZES: self.decoder,
            TEXT_PART: self.text,
        }
        for part, module in modules.items():
            if module is not None:
                _fill(module, part, tensors)
                module.eval().requires_grad_(requires_grad=False).to(device, dtype)
        # Phases are sums of many turns: what names them is never narrow.
        self.decoder.head.float()

    def velocity(self, x: FloatArray, t: float, conditions: Mapping[str, Array]) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]  ->  the same
        """
        moved = {
            name: self._to_torch(value, precise=name in PRECISE)
            for name, value in conditions.items()
        }
        time = torch.tensor([t], device=self.device)
        with torch.inference_mode():
            return _to_numpy(self.backbone(self._to_torch(x), time, Conditions(**moved)))

    def hidden(self, latents: FloatArray) -> FloatArray:
        """Return what the spectral frames of clean latents are read from.

        Shapes:
            latents: [1, channels, n]  ->  [8 n, width]
        """
        with torch.inference_mode():
            hidden: FloatArray = _to_numpy(self.decoder.hidden(self._to_torch(latents)))[0]
        return hidden

    def bins(self, hidden: FloatArray) -> FloatArray:
        """Return what is said of the bins of spectral frames.

        Shapes:
            hidden: [m, width], a part of what `hidden` gave  ->  [m, HEAD_WIDTH or more]
        """
        with torch.inference_mode():
            bins = self.decoder.head(self._to_torch(hidden[None], precise=True))
        named: FloatArray = _to_numpy(bins)[0]
        return named

    def _to_torch(self, value: Array, *, precise: bool = False) -> torch.Tensor:
        tensor = torch.from_numpy(value).to(self.device)
        return tensor.to(self._dtype) if tensor.is_floating_point() and not precise else tensor


class TorchText(TextEncoder):
    """The tokeniser of a folder before the encoder on the accelerator.

    Args:
        folder: Where the tokeniser lies.
        encoder: The encoder.
        device: Where it lies.
    """

    def __init__(self, folder: Path, encoder: MiniLm, device: torch.device) -> None:
        super().__init__(folder)
        self._encoder, self._device = encoder, device

    def states_of(self, text: str) -> FloatArray:
        """Return the token states of one text.

        Shapes:
            returns: [tokens, STATE_WIDTH]
        """
        ids = torch.tensor([self.token_ids(text)], device=self._device)
        with torch.inference_mode():
            states: FloatArray = _to_numpy(self._encoder(ids, torch.ones_like(ids)))[0]
        return states


def open_torch(
    checkpoint: Checkpoint, *, device: str = AUTO, dtype: torch.dtype | None = None
) -> LatentGenerator:
    """Open a checkpoint in torch.

    Args:
        checkpoint: A verified checkpoint with WEIGHTS_FILE and a text encoder.
        device: Where to run, see `choose_device`.
        dtype: How precisely; by default bfloat16, but on a processor, where that is slow and
            rounds more, float32.

    Returns:
        A generator that is ready to work; a `TorchGenerator` where the weights hold the text
        encoder too.

    Raises:
        CheckpointError: There is no such device, or the weights are not what they should be.
    """
    chosen = choose_device(device)
    usual = torch.float32 if chosen.type == "cpu" else torch.bfloat16
    networks = TorchNetworks(checkpoint, device=chosen, dtype=dtype or usual)
    manifest, encoder = checkpoint.manifest, encoder_of(checkpoint)
    if networks.text is None:
        text_encoder = TextEncoder(checkpoint.folder)
        return LatentGenerator(manifest, text_encoder, networks, encoder=encoder)
    text = TorchText(checkpoint.folder, networks.text, chosen)
    making = Making(networks.text, networks.backbone, networks.decoder)
    maker = TakeMaker(making, Sounding(networks.decoder), text, chosen)
    return TorchGenerator(manifest, text, networks, maker, encoder)


def _text_module(tensors: Mapping[str, torch.Tensor]) -> MiniLm | None:
    rows = tensors.get(f"{TEXT_PART}.words.rows")
    return None if rows is None else MiniLm(rows.shape[0])


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

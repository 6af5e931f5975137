"""From the user's files to a filled model; nothing in a file is ever executed.

Reads safetensors, or torch's own format restricted to tensors. Knows the names under which the
published layout keeps each network, and folds weight norm into plain weights. Every tensor of a
network must be there with its shape; what belongs to no network that we run is left unread.
"""

import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from generator.errors import CheckpointError
from generator.stable_audio.config import read_config, read_text_sizes
from generator.stable_audio.files import StableAudioFolder
from generator.stable_audio.model import StableAudioModel

TRANSFORMER_PREFIX = "model.model."
AUTOENCODER_PREFIX = "pretransform.model."
NUMBER_PREFIX = "conditioner.conditioners.{}.embedder.embedding."
NUMBER_NAMES = {
    "weights": "0.weights",
    "projection.weight": "1.weight",
    "projection.bias": "1.bias",
}
# Old and new names of weight norm: length along the first axis, direction.
WEIGHT_NORMS = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)

Read = Callable[[str], Tensor]
TensorFile = tuple[frozenset[str], Read]


def load_model(folder: StableAudioFolder) -> StableAudioModel:
    """Build a model and fill it.

    Args:
        folder: What the user brought.

    Returns:
        The model in float32, ready to run, without gradients.

    Raises:
        CheckpointError: A file is missing, damaged, unsafe, or does not fit its configuration.
    """
    config = read_config(folder.path)
    text_folder = folder.text_folder(config.text_model)
    with torch.device("meta"):
        model = StableAudioModel(config, read_text_sizes(text_folder))
    with _open_tensors(folder.weights_file()) as (names, read):
        _fill(model.velocity.transformer, read, _under(TRANSFORMER_PREFIX, names))
        _fill(model.encoder, read, _under(f"{AUTOENCODER_PREFIX}encoder.", names))
        _fill(model.decoder, read, _under(f"{AUTOENCODER_PREFIX}decoder.", names))
        for name, module in model.velocity.numbers.items():
            own = {
                ours: NUMBER_PREFIX.format(name) + theirs for ours, theirs in NUMBER_NAMES.items()
            }
            _fill(module, read, {ours: full for ours, full in own.items() if full in names})
    with _open_tensors(folder.text_weights_file(text_folder)) as (names, read):
        _fill(model.text, read, _under("", names))
    return model.eval().requires_grad_(requires_grad=False)


def _under(prefix: str, names: frozenset[str]) -> dict[str, str]:
    return {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}


def _fill(module: nn.Module, read: Read, found: Mapping[str, str]) -> None:
    """Give a module its tensors; ``found`` maps names inside it to names in the file."""
    state = {}
    for name, wanted in module.state_dict().items():
        value = _read_plain(read, found, name)
        if value.shape != wanted.shape or not value.is_floating_point():
            raise CheckpointError(
                f"The weights do not fit the configuration: {found.get(name, name)} is "
                f"{value.dtype} {list(value.shape)} where {list(wanted.shape)} is needed."
            )
        state[name] = value.float()
        if not state[name].isfinite().all():
            raise CheckpointError(f"The weights are damaged: {name} holds what is no number.")
    module.load_state_dict(state, assign=True)


def _read_plain(read: Read, found: Mapping[str, str], name: str) -> Tensor:
    if name in found:
        return read(found[name])
    stem, _, last = name.rpartition(".")
    for length, direction in WEIGHT_NORMS:
        pair = (f"{stem}.{length}", f"{stem}.{direction}")
        if last == "weight" and all(part in found for part in pair):
            g, v = (read(found[part]).float() for part in pair)
            axes = tuple(range(1, v.ndim))
            folded: Tensor = v * (g / torch.linalg.vector_norm(v, dim=axes, keepdim=True))
            return folded
    raise CheckpointError(
        f"The weights do not fit the configuration: the tensor {name} is missing."
    )


@contextmanager
def _open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a file of weights; its tensors are read one by one where the format allows it."""
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                yield frozenset(file.keys()), file.get_tensor
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} holds no weights: {error}") from error
        return
    tensors = _read_restricted(path)
    yield frozenset(tensors), tensors.__getitem__


def _read_restricted(path: Path) -> dict[str, Tensor]:
    """Read torch's own format with its loader for tensors only, which runs no code of the file."""
    _check_unpacked(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # What torch says of it is how to run the program.
        raise CheckpointError(
            f"{path} holds more than weights and was not opened, for it could run any program. "
            "Bring the .safetensors file instead."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} holds no weights: {error!s:.200}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no table of weights but a {type(content).__name__}.")
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor) and value.layout == torch.strided
    }


def _check_unpacked(path: Path) -> None:
    """Refuse an archive that would grow and fill the memory: torch itself packs nothing."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked_bytes = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise CheckpointError(f"{path} holds no weights: {error}") from error
    if unpacked_bytes > path.stat().st_size:
        raise CheckpointError(
            f"{path} is packed and was not opened, for it could grow without end. "
            "Bring the .safetensors file instead."
        )

"""A name or a path to a generator; the one place where imports wait until they are needed.

The control process may import this file: onnxruntime and torch are loaded only when a checkpoint
is opened, in the process that opens it.
"""

import hashlib
from pathlib import Path

from generator.api import Generator
from generator.errors import CheckpointError

CHECKPOINTS = Path(__file__).parent / "checkpoints"
TONE = "tone"
HOUSE = "house"


def known_names() -> tuple[str, ...]:
    """Return the names that `load_generator` knows: the tone and every shipped checkpoint."""
    shipped = sorted(path.parent.name for path in CHECKPOINTS.glob("*/manifest.json"))
    return (*shipped, TONE)


def load_generator(
    name_or_path: str | Path, *, threads: int = 2, device: str = "auto"
) -> Generator:
    """Open a generator.

    Args:
        name_or_path: One of `known_names`, or a checkpoint folder.
        threads: Number of threads that it may use.
        device: Where models in torch run: "auto", "cpu" or "cuda". All others run on the processor.

    Returns:
        A generator that is ready to work.

    Raises:
        CheckpointError: There is no such checkpoint, or it is not what it should be; or it wants
            a device that is not there.
    """
    name = str(name_or_path)
    if name == TONE:
        from generator.tone import ToneGenerator

        return ToneGenerator()
    folder = CHECKPOINTS / name
    if not _is_plain(name) or not folder.is_dir():
        folder = _expanded(name)
    if not folder.is_dir():
        raise CheckpointError(
            f"There is no model {name!r}: it is neither a folder nor one of "
            f"{', '.join(known_names())}."
        )
    return _open_folder(folder, threads, device)


def fingerprint(name_or_path: str | Path) -> str:
    """Tell two models of one name apart, without opening either.

    Args:
        name_or_path: As for `load_generator`.

    Returns:
        The SHA-256 of the checkpoint's manifest, which holds that of every file; empty where there
        is none.
    """
    for folder in (CHECKPOINTS / str(name_or_path), _expanded(str(name_or_path))):
        manifest = folder / "manifest.json"
        if manifest.is_file():
            return hashlib.sha256(manifest.read_bytes()).hexdigest()
    return ""


def _open_folder(folder: Path, threads: int, device: str) -> Generator:
    from generator.checkpoint import HOUSE_FAMILY, TRANSFORMER_FILE, read_checkpoint
    from generator.stable_audio.files import FAMILY, is_stable_audio

    if is_stable_audio(folder):
        return _open_stable_audio(folder, device)
    checkpoint = read_checkpoint(folder)
    if checkpoint.manifest.family == FAMILY:
        from generator.stable_audio.onnx_networks import open_exported

        return open_exported(checkpoint, threads=threads)
    if checkpoint.manifest.family != HOUSE_FAMILY:
        raise CheckpointError(
            f"The checkpoint {checkpoint.manifest.name!r} is of the family "
            f"{checkpoint.manifest.family!r}; this program knows {HOUSE_FAMILY} and {FAMILY}. "
            "Update the program."
        )
    from generator.text import ENCODER_FILE, TOKENIZER_FILE

    # They are read by their place: what no manifest names was not verified.
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        checkpoint.path(name)
    if TRANSFORMER_FILE in checkpoint.manifest.files:
        from generator.onnx_backend import open_onnx

        return open_onnx(checkpoint, threads=threads)
    try:
        from generator.torch_backend import open_torch
    except ImportError as error:
        raise _needs_torch(checkpoint.manifest.name, error) from error
    return open_torch(checkpoint, device=device)


def _open_stable_audio(folder: Path, device: str) -> Generator:
    from generator.stable_audio.files import open_folder

    brought = open_folder(folder)
    try:
        from generator.stable_audio.opening import open_stable_audio
    except ImportError as error:
        raise _needs_torch(brought.name, error) from error
    return open_stable_audio(brought, device=device)


def _needs_torch(name: str, error: ImportError) -> CheckpointError:
    if not isinstance(error, ModuleNotFoundError):
        return CheckpointError(
            f"The checkpoint {name!r} needs torch, which does not start here, perhaps for want of "
            f"memory: {error}"
        )
    return CheckpointError(
        f"The checkpoint {name!r} needs torch, which is not installed. "
        'Install it with: pip install "daw-bridge[torch]"'
    )


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~ with the name of nobody
        return Path(name)


def _is_plain(name: str) -> bool:
    return name.replace("-", "").replace("_", "").replace(".", "").isalnum() and name[0] != "."

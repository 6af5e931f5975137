"""From a user's folder to a generator in torch: recorded on a GPU, stage by stage elsewhere."""

import torch

from generator.stable_audio.files import TOKENIZER_FILE, StableAudioFolder
from generator.stable_audio.pipeline import StableAudioGenerator
from generator.stable_audio.recorded import RecordedStableAudio
from generator.stable_audio.tokens import Pieces
from generator.stable_audio.torch_networks import TorchNetworks
from generator.stable_audio.weights import load_model


def open_stable_audio(
    folder: StableAudioFolder, *, device: str | None = None
) -> StableAudioGenerator:
    """Open an imported model in torch.

    Args:
        folder: What the user brought.
        device: Where to run; the first GPU if there is one, where it is not given.

    Returns:
        A generator that is ready to work.
    """
    model = load_model(folder)
    config = model.config
    tokenizer = folder.text_folder(config.text_model) / TOKENIZER_FILE
    vocabulary = model.text.shared.num_embeddings
    pieces = Pieces(tokenizer, most=config.text_tokens, vocabulary=vocabulary)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if torch.device(chosen).type == "cpu":
        # A processor takes so long that a caller wants to stop between stages.
        networks = TorchNetworks(model, device=chosen)
        return StableAudioGenerator(folder.name, config.clip, pieces, networks)
    return RecordedStableAudio(folder.name, model, pieces, device=chosen)

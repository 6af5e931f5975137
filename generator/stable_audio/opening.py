"""From a user's folder to a generator in torch: recorded on a GPU, stage by stage elsewhere."""

from generator.stable_audio.files import TOKENIZER_FILE, StableAudioFolder
from generator.stable_audio.pipeline import StableAudioGenerator
from generator.stable_audio.recorded import RecordedStableAudio
from generator.stable_audio.tokens import Pieces
from generator.stable_audio.torch_networks import TorchNetworks
from generator.stable_audio.weights import load_model
from generator.torch_device import AUTO, choose_device


def open_stable_audio(folder: StableAudioFolder, *, device: str = AUTO) -> StableAudioGenerator:
    """Open an imported model in torch.

    Args:
        folder: What the user brought.
        device: Where to run, see `choose_device`.

    Returns:
        A generator that is ready to work.

    Raises:
        CheckpointError: There is no such device, or the folder is not what it should be.
    """
    chosen = choose_device(device)
    model = load_model(folder)
    config = model.config
    tokenizer = folder.text_folder(config.text_model) / TOKENIZER_FILE
    vocabulary = model.text.shared.num_embeddings
    pieces = Pieces(tokenizer, most=config.text_tokens, vocabulary=vocabulary)
    if chosen.type == "cpu":
        # A processor takes so long that a caller wants to stop between stages.
        networks = TorchNetworks(model, device=chosen.type)
        return StableAudioGenerator(folder.name, config.clip, pieces, networks)
    return RecordedStableAudio(folder.name, model, pieces, device=str(chosen))

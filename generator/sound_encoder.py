"""From sound to latents, so that a take may begin from any sound: an ear, and a checkpoint's code.

The edge's twin of `generator.autoencoder.Encoder`. What is a checkpoint's own is a small graph from
what is heard to latents. Flow: sound → hearing.py → the graph → generator/pipeline.py.
"""

from generator.api import FloatArray
from generator.checkpoint import SOUND_ENCODER_FILE, Checkpoint
from generator.errors import CheckpointError
from generator.hearing import Ear
from generator.onnx_session import OnnxGraph

SOUND_ENCODER_INPUTS = ("features",)
SOUND_ENCODER_OUTPUTS = ("latents",)
# Where the manifest keeps how many bands are heard.
SIZES = "autoencoder"
BANDS = ("mel_bands", "side_mel_bands")
MOST_BANDS = 512


class SoundEncoder:
    """The encoder of a checkpoint.

    Args:
        checkpoint: A verified checkpoint with SOUND_ENCODER_FILE.

    Raises:
        CheckpointError: The graph cannot be opened, has another face than expected, or the manifest
            does not say what is heard.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._code = OnnxGraph(checkpoint.read(SOUND_ENCODER_FILE), "sound encoder", threads=1)
        found = (self._code.input_names, self._code.output_names)
        if found != (SOUND_ENCODER_INPUTS, SOUND_ENCODER_OUTPUTS):
            raise CheckpointError(
                f"The sound encoder goes from {', '.join(found[0])} to {', '.join(found[1])}; this "
                "program expects features to latents. Export the checkpoint again."
            )
        sizes = checkpoint.manifest.architecture.get(SIZES, {})
        bands = [sizes.get(name, 0) for name in BANDS]
        if not all(isinstance(count, int) and 0 < count <= MOST_BANDS for count in bands):
            raise CheckpointError(
                f"The checkpoint {checkpoint.manifest.name!r} does not say how many bands its "
                f"sound encoder hears ({', '.join(BANDS)}). Export it again."
            )
        self._ear = Ear(*map(int, bands))

    def encode(self, audio: FloatArray) -> FloatArray:
        """Return the latents of a sound.

        Shapes:
            audio: [n * LATENT_HOP_FRAMES, 2] left, right  ->  [1, channels, n]
        """
        return self._code.run({"features": self._ear.features(audio)[None]})["latents"]


def encoder_of(checkpoint: Checkpoint) -> SoundEncoder | None:
    """Return the encoder of a checkpoint, None where it has none.

    Args:
        checkpoint: A verified checkpoint.

    Returns:
        An encoder that is ready to work.
    """
    return SoundEncoder(checkpoint) if SOUND_ENCODER_FILE in checkpoint.manifest.files else None

"""What the user brings: a folder with weights, a text encoder beside them, and the licence's name.

Knows names of files, not what is in them. The weights are not ours to ship: whoever runs them
reads their licence and confirms it once, by its name, in a file beside them.
"""

from dataclasses import dataclass
from pathlib import Path

from generator.errors import CheckpointError
from generator.stable_audio.config import CONFIG_FILE, TEXT_CONFIG_FILE

FAMILY = "stable-audio"
LICENCE_FILE = "accepted-licence.txt"
KNOWN_LICENCE = "Stability AI Community License"
SOURCE = "stabilityai/stable-audio-open-small"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILES = ("model.safetensors", "model.ckpt")
TEXT_WEIGHTS_FILES = ("model.safetensors", "pytorch_model.bin")
MAX_LICENCE_BYTES = 2000


@dataclass(frozen=True, slots=True)
class StableAudioFolder:
    """A folder in the published layout, whose licence its user has confirmed.

    `licence` is the name that the user wrote.
    """

    path: Path
    licence: str

    @property
    def name(self) -> str:
        """The identity of the model, as shown to people."""
        return self.path.resolve().name

    def weights_file(self) -> Path:
        """Return the first of WEIGHTS_FILES that is there."""
        return _first(self.path, WEIGHTS_FILES, "the weights")

    def text_folder(self, model: str) -> Path:
        """Return the folder of the text encoder.

        Args:
            model: Its name in the configuration, "t5-base" or "maker/name".

        Returns:
            The folder of that name beside the weights.

        Raises:
            CheckpointError: It is not there.
        """
        folder = self.path / model.rpartition("/")[2]
        if not (folder / TEXT_CONFIG_FILE).is_file():
            raise CheckpointError(
                f"The text encoder {model} is missing: put its {TEXT_CONFIG_FILE}, "
                f"{TOKENIZER_FILE} and {TEXT_WEIGHTS_FILES[0]} into {folder}."
            )
        return folder

    def text_weights_file(self, folder: Path) -> Path:
        """Return the first of TEXT_WEIGHTS_FILES that is there."""
        return _first(folder, TEXT_WEIGHTS_FILES, "the text encoder's weights")


def is_stable_audio(folder: Path) -> bool:
    """Return whether a folder has the published layout."""
    return (folder / CONFIG_FILE).is_file()


def open_folder(folder: Path) -> StableAudioFolder:
    """Open a folder in the published layout.

    Args:
        folder: Where the user has put the files.

    Returns:
        The folder and the licence that was confirmed.

    Raises:
        CheckpointError: The folder has another layout, or the licence has not been confirmed; the
            text says how.
    """
    if not is_stable_audio(folder):
        raise CheckpointError(f"{folder} holds no Stable Audio model: there is no {CONFIG_FILE}.")
    path = folder / LICENCE_FILE
    try:
        with path.open(encoding="utf-8") as stream:
            lines = stream.read(MAX_LICENCE_BYTES).strip().splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not lines:
        raise CheckpointError(
            f"The weights in {folder} come under a licence of their own (those of {SOURCE}: "
            f'"{KNOWN_LICENCE}"). Read it where you got them. If you agree, confirm it by its '
            f'name: echo "{KNOWN_LICENCE}" > "{path}"'
        )
    return StableAudioFolder(folder, lines[0])


def _first(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(f"{folder} lacks {what}: put {' or '.join(names)} there.")

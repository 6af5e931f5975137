"""What a run leaves to read: a line of JSON for each logged step, and the same for TensorBoard.

Knows no stage and no loss; the one file that knows TensorBoard. `training/curves.py` draws the
lines. Only the leading one of several processes keeps a journal.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.pictures import png, spectrogram
from training.sound_files import encode_vorbis

LOG_FILE = "steps.jsonl"
BOARD_FOLDER = "tensorboard"
SAMPLES_FOLDER = "samples"
PLAYER_LEVEL = 0.5


class Journal:
    """The log of one stage folder; a context, so that it is always closed."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Open the log to go on at a step; what TensorBoard knew of later steps is forgotten."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lines = (folder / LOG_FILE).open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / BOARD_FOLDER), purge_step=first_step)

    def write(self, step: int, terms: Mapping[str, float]) -> None:
        """Log numbers of a step."""
        self._lines.write(json.dumps({"step": step} | dict(terms)) + "\n")
        self._lines.flush()
        for name, value in terms.items():
            self._board.add_scalar(name, value, step)

    def keep_sound(self, step: int, name: str, audio: FloatArray) -> None:
        """Keep a sound and its spectrogram, as files and for TensorBoard.

        Shapes:
            audio: [frames, 2]
        """
        place = self._folder / SAMPLES_FOLDER / f"{step:07d}" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        picture = spectrogram(audio)
        place.with_suffix(".png").write_bytes(png(picture))
        place.with_suffix(".ogg").write_bytes(encode_vorbis(audio, level=PLAYER_LEVEL).content)
        self._board.add_image(name, picture, step, dataformats="HWC")
        mono = np.clip(audio.mean(1, keepdims=True).T, -1.0, 1.0)
        self._board.add_audio(name, mono, step, sample_rate=round(SAMPLE_RATE_HZ))

    def close(self) -> None:
        """Finish both logs."""
        self._lines.close()
        self._board.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

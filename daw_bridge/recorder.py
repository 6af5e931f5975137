"""What was heard, from the ring of the audio process into a file: a stretch of it, or on and on.

Sample-exact: frames are asked for by their numbers. It runs in the file thread and never in the
event loop. Knows nothing of presets, prompts or the session.
"""

import contextlib
import time
from pathlib import Path

from daw_bridge.capture_ring import CaptureReader
from daw_bridge.errors import AudioError
from daw_bridge.sound_files import MAX_WAV_FRAMES, SoundWriter, open_sound
from daw_bridge.sound_tags import SoundTags
from daw_bridge.state_folder import written_whole
from generator.api import SAMPLE_RATE_HZ

_CHUNK_FRAMES = SAMPLE_RATE_HZ
_PATIENCE_S = 2.0
_POLL_S = 0.005


class Recorder:
    """One file that takes in what is heard."""

    def __init__(self, ring: CaptureReader, path: Path, first_frame: int, pair: int = 1) -> None:
        """Open the file under another name, which it keeps until it is complete.

        Args:
            ring: What was heard.
            path: What the file is to be called; its suffix says how it is written.
            first_frame: The absolute frame to begin with.
            pair: Of which stereo pair of the output, from 1.
        """
        self.path = path
        self._ring, self._next_frame, self._pair = ring, first_frame, pair
        with contextlib.ExitStack() as stack:
            draft = stack.enter_context(written_whole(path))
            self._writer: SoundWriter = open_sound(draft, path.suffix)
            stack.callback(self._writer.close)
            self._stack = stack.pop_all()

    def drain(self, end_frame: int | None = None) -> None:
        """Write what has been heard since the last time.

        Args:
            end_frame: Where to end, None for wherever the ring has come to.

        Raises:
            AudioError: Frames are gone because nobody wrote them in time.
        """
        heard = self._ring.end_frame
        end_frame = heard if end_frame is None else min(heard, end_frame)
        while self._next_frame < end_frame:
            chunk_end = min(self._next_frame + _CHUNK_FRAMES, end_frame)
            if self._writer.frames + chunk_end - self._next_frame > MAX_WAV_FRAMES:
                raise AudioError("A file can hold three hours of sound; this one has them.")
            self._writer.write(self._ring.read(self._next_frame, chunk_end, self._pair))
            self._next_frame = chunk_end

    def finish(self, end_frame: int, tags: SoundTags | None) -> Path:
        """Write up to a frame, and give the file its name.

        Args:
            end_frame: The absolute frame after the last.
            tags: What the file tells about itself.

        Returns:
            The complete file.

        Raises:
            AudioError: The output stands still, so that the frames do not come.
        """
        give_up_s = time.monotonic() + _PATIENCE_S
        with self._stack:
            self.drain(end_frame)
            while self._next_frame < end_frame:
                if time.monotonic() > give_up_s:
                    raise AudioError("The output stands still, so there is nothing to record.")
                time.sleep(_POLL_S)
                self.drain(end_frame)
            self._writer.finish(tags)
        return self.path

    def keep(self) -> Path:
        """End here, with what there is.

        Returns:
            The file.
        """
        self._stack.close()
        return self.path

"""The folders whose sound files takes may begin from, and how such a file becomes a sound.

Whoever may send a message may name a file, so only what lies in these folders is opened, however it
is named. Runs in the file thread. Knows nothing of slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daw_bridge.errors import CommandError, Fault
from daw_bridge.sound_files import read_foreign_sound
from daw_bridge.sounds import Sound
from daw_bridge.takes import create_take
from generator.api import MAX_SECONDS, SAMPLE_RATE_HZ, FloatArray, sound_identity

# A take is no longer, so no more of a sound is ever heard.
MOST_FRAMES = round(MAX_SECONDS * SAMPLE_RATE_HZ)
_MOST_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SoundFolders:
    """Folders whose sound files may be read, in the order in which a name is looked for."""

    folders: Sequence[Path]

    def find(self, name: str) -> Path:
        """Find a file.

        Args:
            name: Its name in one of the folders, or a whole path that leads into one of them.

        Returns:
            Where it lies, without symbolic links.

        Raises:
            CommandError: It lies elsewhere, or there is no such file; the text names the folders.
        """
        if "\0" in name:
            raise CommandError(Fault.BAD_VALUE, "The name of a file has no character of number 0.")
        allowed = [folder.resolve() for folder in self.folders]
        found = [(folder / Path(name).expanduser()).resolve() for folder in allowed]
        inside = [path for path in found if any(path.is_relative_to(one) for one in allowed)]
        places = ", ".join(map(str, self.folders))
        if not inside:
            text = f"{name[:200]!r} is in none of the folders whose sounds may be used: {places}."
            raise CommandError(Fault.FORBIDDEN, f"{text} The setting sound_dirs adds others.")
        for path in inside:
            if path.is_file():
                return path
        text = f"There is no sound {name[:200]!r}; I looked in {places}."
        raise CommandError(Fault.BAD_VALUE, text)

    def read(self, name: str) -> Sound:
        """Read a file into shared memory.

        Args:
            name: As for `find`.

        Returns:
            Its first MAX_SECONDS in stereo at 44,100 Hz; the memory is the caller's to free.

        Raises:
            CommandError: There is no such file, or none that may be read.
        """
        path = self.find(name)
        if path.stat().st_size > _MOST_BYTES:
            raise CommandError(Fault.TOO_LARGE, f"{path.name} is larger than a gigabyte.")
        return in_memory(read_foreign_sound(path, MOST_FRAMES))


def in_memory(audio: FloatArray) -> Sound:
    """Put a sound into shared memory, which is the caller's to free.

    Shapes:
        audio: [frames, 2]
    """
    memory = create_take(len(audio))
    memory.audio[:] = audio
    return Sound(sound_identity(audio), memory.name, memory.frames)

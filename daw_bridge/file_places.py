"""Where the daemon's files lie: states, presets, captures, and sounds that takes may begin from.

Pure paths; it opens none of them. Flow: settings.py → here → rig_files.py, tape_deck.py and
sound_folders.py, in the file thread.
"""

from dataclasses import dataclass
from pathlib import Path

from daw_bridge.file_jobs import Shelf
from daw_bridge.shelf import Shelf as Folder
from daw_bridge.sound_folders import SoundFolders


@dataclass(frozen=True, slots=True)
class FilePlaces:
    """Where everything lies: the state folder, the presets that came with the daemon, and sounds.

    `sound_dirs` are folders of the user's, beside our own, whose sounds takes may begin from.
    """

    state: Path
    shipped: Path
    sound_dirs: tuple[Path, ...] = ()

    @property
    def sounds(self) -> SoundFolders:
        """Where sounds lie that takes may begin from."""
        return SoundFolders((self.state / "sounds", self.captures, *self.sound_dirs))

    @property
    def captures(self) -> Path:
        """Where captures and recordings go."""
        return self.state / "captures"

    def shelf(self, shelf: Shelf) -> Folder:
        """The folder of documents of a kind."""
        if shelf is Shelf.PRESETS:
            return Folder("preset", self.state / "presets", self.shipped)
        return Folder("state", self.state / "states", takes=".wav")

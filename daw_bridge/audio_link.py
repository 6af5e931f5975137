"""One life of the audio process, seen from control: its memory, its pipes and its number.

Plumbing only: it starts the child, waits for its one line, hands it takes, and ends it; which life
obeys, and what a death means, is decided in audio_process.py. Flow: there → here → audio_child.py.
"""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, cast

from daw_bridge.audio_commands import InstallTake, Quit
from daw_bridge.audio_handshake import RING_RECORDS, ChildSettings, Hello
from daw_bridge.audio_output import OutputInfo, OutputSettings
from daw_bridge.audio_records import RECORD_BYTES, encode
from daw_bridge.audio_status import AudioStatus, StatusReader, create_status_block
from daw_bridge.errors import AudioError, QueueFull
from daw_bridge.ring import Ring, create_ring
from daw_bridge.shared_memory import remove_block


class AudioLink:
    """A child process, and what both ends have mapped."""

    def __init__(
        self,
        output: OutputSettings,
        *,
        clock: AudioStatus,
        wake_descriptor: int,
        capture: tuple[str, int],
        is_on_air: bool,
    ) -> None:
        self.commands: Ring = create_ring(capacity=RING_RECORDS, record_bytes=RECORD_BYTES)
        self.events: Ring = create_ring(capacity=RING_RECORDS, record_bytes=RECORD_BYTES)
        status_block = create_status_block()
        self.status = StatusReader(status_block)
        self._names = (self.commands.name, self.events.name, status_block.name)
        settings = ChildSettings(
            commands=self.commands.name,
            events=self.events.name,
            status=status_block.name,
            clock_frame=clock.clock_frame,
            clock_monotonic_s=clock.clock_monotonic_s,
            owner_pid=os.getpid(),
            wake_descriptor=wake_descriptor,
            output=output,
            capture=capture[0],
            capture_frames=capture[1],
            is_on_air=is_on_air,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daw_bridge.audio_child", settings.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # Ctrl-C in the terminal is not for the child.
            process_group=0 if os.name == "posix" else None,
            pass_fds=(wake_descriptor,) if wake_descriptor >= 0 else (),
        )
        self._stdin = cast(IO[bytes], self.process.stdin)
        self._stdout = cast(IO[bytes], self.process.stdout)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def has_ended(self) -> bool:
        """Whether it was seen to have ended; nobody is asked, for each command would have to."""
        return self.process.returncode is not None

    def await_hello(self, timeout_s: float) -> Hello:
        """Wait for the child's one line.

        Args:
            timeout_s: How long it may take.

        Returns:
            What it says: what it has opened, or why it could not.

        Raises:
            AudioError: It has said nothing.
        """
        lines: list[bytes] = []
        # A thread, because not every system can wait for a pipe with a time-out.
        reader = threading.Thread(target=lambda: lines.extend(self._stdout), daemon=True)
        reader.start()
        reader.join(timeout_s)
        if not lines:
            what = "did not answer" if reader.is_alive() else "ended; its log says why,"
            raise AudioError(f"The audio process {what} within {timeout_s:g} s of its start.")
        if os.name == "posix":
            os.set_blocking(self._stdin.fileno(), False)
        return Hello.from_json(lines[0].decode())

    def install(self, command: InstallTake) -> None:
        """Send a take to be mapped, outside of the callback.

        Args:
            command: Which.

        Raises:
            AudioError: The child has ended.
            QueueFull: Too many wait already.
        """
        try:
            written = self._stdin.write(encode(command))
        except BrokenPipeError as error:
            raise AudioError("The audio process has ended, so no take can be installed.") from error
        if written is None:
            raise QueueFull("The audio process takes no more takes just now. Try again.")

    def quit(self, timeout_s: float) -> None:
        """Ask the child to end, and wait a while for it."""
        self.commands.push(encode(Quit()))
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return

    def kill(self) -> None:
        """End the child now; nothing of it is left when this returns."""
        self.process.kill()
        self.process.wait()
        self._stdin.close()
        self._stdout.close()

    def remove_names(self) -> None:
        """Remove the names of what both ends have mapped by now."""
        for name in self._names:
            remove_block(name)


@dataclass(frozen=True, slots=True)
class Standby:
    """A process with an open output that waits to take over."""

    child: AudioLink
    output: OutputSettings
    hello: Hello
    info: OutputInfo

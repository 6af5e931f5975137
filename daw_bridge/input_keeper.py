"""Sees that the input is open where one is wanted: opens it, and opens it again when it comes back.

Nothing of it holds up the sound or the start: an input that is not there is told of once, and
looked for again and again. It does not decide what is wished for (session_device.py).
Flow: session.py → engine.py → here → input_process.py, and back; the file thread takes from `heard`
what takes begin from.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from daw_bridge.audio_status import AudioStatus
from daw_bridge.errors import AudioError
from daw_bridge.input_process import InputProcess
from daw_bridge.output_events import Device, InputOpened, OutputEvent, OutputRefused
from generator.api import FloatArray

_WATCH_S = 0.1
# Each look starts a process: the longer in vain, the more seldom.
_FIRST_LOOK_S, _LONGEST_PAUSE_S = 2.0, 30.0
Wish = tuple[str, str]
Safely = Callable[[Callable[[], None]], None]


class Session(Protocol):
    """Who is told."""

    def note(self, event: OutputEvent) -> None:
        """Take note of what has become of a wish."""

    def log(self, priority: int, text: str) -> None:
        """Tell people."""


class InputKeeper:
    """Keeps the input open, and fulfils wishes about it in their order."""

    def __init__(self, name: str, hostapi: str, remember: Callable[[str, str], None]) -> None:
        """Do nothing yet.

        Args:
            name: The input's name at the start; empty for none.
            hostapi: Of which system; empty for any.
            remember: Keeps an input that was chosen for the next start; called in a thread.
        """
        self._remember = remember
        self._wanted: Wish = (name, hostapi)
        self._wishes: asyncio.Queue[tuple[int, Wish]] = asyncio.Queue()
        self._process: InputProcess | None = None
        self._trouble = ""
        self._pause_s, self._look_again_s = _FIRST_LOOK_S, 0.0

    def open(self, job_id: int, name: str, hostapi: str) -> None:
        """Have another input opened.

        Args:
            job_id: What the answer will carry.
            name: Its name; empty for none.
            hostapi: Of which system; empty for any.
        """
        self._wishes.put_nowait((job_id, (name, hostapi)))

    def status(self) -> AudioStatus | None:
        """What comes in now, None where nothing is open."""
        process = self._process
        return None if process is None else process.status()

    def heard(self, end_s: float | None, frames: int) -> FloatArray:
        """Copy what came in. For any thread.

        Shapes:
            returns: [frames, 2]

        Args:
            end_s: As for `InputProcess.heard`.
            frames: How much.

        Returns:
            Exactly these frames.

        Raises:
            AudioError: There is no input, or not so much was heard.
        """
        process = self._process
        if process is None:
            raise AudioError("The input is not open just now.")
        return process.heard(end_s, frames)

    async def keep(self, session: Session, safely: Safely) -> None:
        """Work for ever.

        Args:
            session: Who is told.
            safely: Calls what may fail by a fault of ours.
        """
        while True:
            try:
                job_id, wish = await asyncio.wait_for(self._wishes.get(), _WATCH_S)
            except TimeoutError:
                await self._watch(session, safely)
            else:
                safely(partial(session.note, await self._fulfil(job_id, wish)))

    async def _watch(self, session: Session, safely: Safely) -> None:
        """See whether the input is there, and look for one that is not."""
        if self._process is not None and not self._process.look():
            session.log(1, f"The input {self._process.info.name!r} is gone; I look for it.")
            await self._close()
            safely(partial(session.note, InputOpened(Device(), 0, "It is gone just now.")))
            self._pause_s = _FIRST_LOOK_S
            self._look_again_s = time.monotonic() + self._pause_s
        if self._process is None and self._wanted[0] and time.monotonic() >= self._look_again_s:
            await self._look_again(session, safely)
            self._look_again_s = time.monotonic() + self._pause_s
            self._pause_s = min(2.0 * self._pause_s, _LONGEST_PAUSE_S)

    async def _fulfil(self, job_id: int, wish: Wish) -> OutputEvent:
        """Open the new one beside the old one, so that a wrong name costs nothing."""
        if wish == self._wanted and self._process is not None and self._process.look():
            return InputOpened(_device_of(self._process), job_id)
        try:
            opened = await asyncio.to_thread(InputProcess, *wish) if wish[0] else None
        except AudioError as error:
            return OutputRefused(job_id, str(error))
        await self._close()
        self._wanted, self._process, self._trouble = wish, opened, ""
        await asyncio.to_thread(self._remember, *wish)
        return InputOpened(_device_of(opened), job_id)

    async def _look_again(self, session: Session, safely: Safely) -> None:
        try:
            self._process = await asyncio.to_thread(InputProcess, *self._wanted)
        except AudioError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                session.log(1, f"{error} I go on looking for it.")
                safely(partial(session.note, InputOpened(Device(), 0, str(error))))
            return
        self._trouble = ""
        session.log(2, f"The input is {self._process.info.name!r}.")
        safely(partial(session.note, InputOpened(_device_of(self._process))))

    async def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.end)

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.end()


def _device_of(process: InputProcess | None) -> Device:
    if process is None:
        return Device()
    info = process.info
    return Device(info.name, info.hostapi, latency_ms=info.latency_ms)

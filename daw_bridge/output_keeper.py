"""Sees that there is sound: starts a dead audio process again, and takes it to another output.

Another output is opened by a second process while the first one sounds; only when it runs does it
take over, on a frame that both know. Blocks of another length need the device itself to be closed
first: that is heard as a gap, and the old length comes back where the new one is refused.
One thing at a time. It does not decide what is wished for (session_device.py) or what is played
again (session_playback.py). Flow: session.py → engine.py → here → audio_process.py, and back.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

from daw_bridge import audio_commands as audio
from daw_bridge.audio_output import OutputInfo, OutputSettings
from daw_bridge.audio_process import AudioProcess
from daw_bridge.device_scan import scan_devices
from daw_bridge.errors import AudioError
from daw_bridge.output_events import DevicesListed, OutputEvent, OutputRefused
from daw_bridge.portaudio import Direction

WATCH_S = 0.1
RESTART_PAUSE_S = 1.0
# By then a new process has all takes, and what sounds goes on in it.
LEAD_S = 0.3
_FADE_S = 0.1

Safely = Callable[[Callable[[], None]], None]


class Session(Protocol):
    """Who is told, and brings a new audio process to where the old one was."""

    def audio_is_restarting(self) -> None:
        """Nobody obeys from here on."""

    def audio_has_restarted(self, at_frame: int = audio.NOW) -> None:
        """Somebody obeys again; sound goes over at a frame."""

    def effects_found(self, missing: str) -> None:
        """Whether there are effects."""

    def output_opened(self, info: OutputInfo, job_id: int = 0) -> None:
        """Where the sound goes."""

    def note(self, event: OutputEvent) -> None:
        """Take note of what has become of a wish."""

    def log(self, priority: int, text: str) -> None:
        """Tell people."""


class OutputKeeper:
    """Keeps the audio process going, and fulfils wishes about its output in their order."""

    def __init__(
        self,
        process: AudioProcess,
        settings: OutputSettings,
        remember: Callable[[OutputSettings], None],
    ) -> None:
        """Do nothing yet.

        Args:
            process: The audio process.
            settings: Its output at the start.
            remember: Keeps an output that was chosen for the next start; called in a thread.
        """
        self._remember = remember
        self._process, self._settings = process, settings
        self._wishes: asyncio.Queue[tuple[int, OutputSettings | Direction]] = asyncio.Queue()

    def start(self, chosen: OutputSettings) -> str:
        """Open the output that was chosen last, or else that of the settings; for any thread.

        Args:
            chosen: Which was chosen last.

        Returns:
            What the user should know; empty where nothing was chosen.

        Raises:
            AudioError: The output of the settings cannot be opened either.
        """
        if chosen == self._settings:
            self._process.start()
            return ""
        try:
            self._process.start(chosen)
        except AudioError as error:
            self._process.start()
            return f"Chosen last was another one, which cannot be had now: {error}"
        self._settings = chosen
        return "It was chosen by /device, in place of the setting output."

    def open(self, job_id: int, output: str, hostapi: str, buffer_frames: int) -> None:
        """Have another output opened.

        Args:
            job_id: What the answer will carry.
            output: Its name; empty for the present one with other blocks.
            hostapi: Of which system; empty for any.
            buffer_frames: Length of a block; 0 for the present one.
        """
        wanted = replace(self._settings, buffer_frames=buffer_frames)
        if output:
            wanted = replace(self._settings, output=output, hostapi=hostapi)
        self._wishes.put_nowait((job_id, replace(wanted, falls_back=False)))

    def list_devices(self, job_id: int, direction: Direction) -> None:
        """Have the outputs or the inputs looked up."""
        self._wishes.put_nowait((job_id, direction))

    async def keep(self, session: Session, safely: Safely) -> None:
        """Work for ever.

        Args:
            session: Who is told.
            safely: Calls what may fail by a fault of ours.
        """
        while True:
            try:
                job_id, wanted = await asyncio.wait_for(self._wishes.get(), WATCH_S)
            except TimeoutError:
                if not self._process.is_alive or self._process.stands_still():
                    await self._bring_back(session, safely)
                continue
            try:
                if isinstance(wanted, Direction):
                    devices = await asyncio.to_thread(scan_devices, wanted)
                    safely(partial(session.note, DevicesListed(job_id, devices)))
                elif wanted.buffer_frames != self._settings.buffer_frames:
                    await self._reopen(wanted, job_id, session, safely)
                else:
                    await self._go_over(wanted, job_id, session, safely)
            except AudioError as error:
                safely(partial(session.note, OutputRefused(job_id, str(error))))

    async def _go_over(
        self,
        wanted: OutputSettings,
        job_id: int,
        session: Session,
        safely: Safely,
    ) -> None:
        """Open another output beside this one, and let it take over."""
        standby = await asyncio.to_thread(self._process.open_beside, wanted)
        at_frame = self._process.frame_in(LEAD_S)
        session.audio_is_restarting()
        self._process.go_over(standby, at_frame)
        self._settings = wanted
        safely(partial(self._resume, session, at_frame, job_id))
        kept = asyncio.ensure_future(asyncio.to_thread(self._remember, wanted))
        await asyncio.sleep(LEAD_S)
        self._process.put_on_air()
        await asyncio.sleep(_FADE_S)
        await asyncio.to_thread(self._process.end_leaving)
        await kept

    async def _reopen(
        self,
        wanted: OutputSettings,
        job_id: int,
        session: Session,
        safely: Safely,
    ) -> None:
        """Close this output, and open it with blocks of another length."""
        session.audio_is_restarting()
        try:
            await asyncio.to_thread(self._process.reopen, wanted)
            self._settings = wanted
        except AudioError:
            job_id = 0
            raise
        finally:
            if self._process.is_alive:
                at_frame = self._process.frame_in(LEAD_S)
                safely(partial(self._resume, session, at_frame, job_id))
        await asyncio.to_thread(self._remember, wanted)

    async def _bring_back(self, session: Session, safely: Safely) -> None:
        """Start another process, for as long as it takes."""
        what = "stands still" if self._process.is_alive else "is gone"
        session.log(0, f"The audio process {what}; another one is being started.")
        session.audio_is_restarting()
        while True:
            try:
                await asyncio.to_thread(self._process.restart, timeout_s=5.0)
                break
            except AudioError as error:
                session.log(0, f"{error} It is tried again every second.")
                await asyncio.sleep(RESTART_PAUSE_S)
        safely(partial(self._resume, session, audio.NOW, 0))

    def _resume(self, session: Session, at_frame: int, job_id: int) -> None:
        """Bring the new process to where the old one was."""
        info = self._process.info
        session.audio_has_restarted(at_frame)
        session.effects_found(self._process.missing_effects)
        session.output_opened(info, job_id)
        session.log(1 if info.note else 2, f"Sound goes on, on {info.name}. {info.note}".strip())

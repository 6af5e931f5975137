"""The rules of capturing: which frames are meant, and what is told about them.

Pure. A capture of bars ends at the last bar line that has passed, so that it loops; one of seconds
ends now. A file credits the takes that sounded in its frames, and no others: on the pair of the
output that it is of, or on any for the main mix, to which the effects of all come back.
"""

from collections.abc import Iterator
from fractions import Fraction

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import BeginRecording, EndRecording, FileEvent, FileFailed, WriteCapture
from daw_bridge.replacing import replace
from daw_bridge.requests import Capture, Request, StartRecording, StopRecording, TapeCommand
from daw_bridge.session_library import Heard, Tape
from daw_bridge.session_shelf import Shelving
from daw_bridge.sound_tags import Credit, SoundTags
from generator.api import MAX_BARS, SAMPLE_RATE_HZ

_MAX_HEARD = 1000


class Taping(Shelving):
    """A turn with the rules of capturing."""

    @property
    def tape(self) -> Tape:
        """What was heard lately."""
        return self.state.tape

    def keep_tape(self, tape: Tape) -> None:
        """Change the tape."""
        self.state = replace(self.state, tape=tape)

    def obey_tape(self, request: Request, command: TapeCommand) -> None:
        """Obey a command about capturing."""
        match command:
            case Capture(pair=pair) | StartRecording(pair=pair) if text := self._lack_of(pair):
                self.fail(request, Fault.BAD_VALUE, text)
            case Capture(int()):
                self._capture_bars(request, command)
            case Capture(float()):
                self._capture_seconds(request, command)
            case StartRecording():
                self._start_recording(request, command)
            case StopRecording():
                self._stop_recording(request)

    def pair_refusal(self, pair: int) -> str:
        """Why there is no such pair of the output; empty if there is."""
        if pair <= self.state.output_pairs:
            return ""
        return (
            f"There is no output pair {pair}: the output has {self.state.output_pairs}. "
            "The setting output_pairs asks for more at the start."
        )

    def _lack_of(self, pair: int) -> str:
        """Why nothing is heard on a pair; empty if something can be."""
        device = self.state.device
        if pair > device.pairs and not self.pair_refusal(pair):
            return (
                f"The output {device.name!r} has no pair {pair}: what is for it is heard on pair "
                "1, so take that."
            )
        return self.pair_refusal(pair)

    # ── what was just heard ──────────────────────────────────────────────────
    def _capture_bars(self, request: Request, wish: Capture) -> None:
        transport, bars = self.state.transport, int(wish.length)
        if not 1 <= bars <= MAX_BARS:
            text = f"{bars} bars were asked for; whole numbers are bars, from 1 to {MAX_BARS}."
            self.fail(request, Fault.BAD_VALUE, text)
            return
        if not transport.is_playing:
            text = "Time stands, so there are no bars; capture seconds (a number with a point)."
            self.fail(request, Fault.NOT_READY, text)
            return
        bar, frame = transport.signature.bar_quarters, self._effect_frame()
        end_beat = transport.bar_line_before(frame)
        frames = [transport.frame_at(end_beat - back * bar) for back in (Fraction(bars), 0)]
        beats = bars * transport.signature.numerator
        self._capture(request, wish, (frames[0], frames[1]), beats)

    def _capture_seconds(self, request: Request, wish: Capture) -> None:
        end_frame = self._effect_frame()
        frames = (end_frame - round(wish.length * SAMPLE_RATE_HZ), end_frame)
        self._capture(request, wish, frames, 0)

    def _capture(
        self, request: Request, wish: Capture, frames: tuple[int, int], beats: int
    ) -> None:
        kept_s = self.tape.kept_frames / SAMPLE_RATE_HZ
        length_s = (frames[1] - frames[0]) / SAMPLE_RATE_HZ
        if self.moment.frame - frames[0] > self.tape.kept_frames:
            text = (
                f"That goes back {length_s:.1f} s, and the last {kept_s:g} s are kept: ask for "
                "less, or give the daemon more with the setting capture_s."
            )
            self.fail(request, Fault.TOO_LARGE, text)
        elif frames[0] < 0:
            text = f"The sound began {self.moment.frame / SAMPLE_RATE_HZ:.1f} s ago: ask for less."
            self.fail(request, Fault.NOT_READY, text)
        else:
            tags = self.tags(*frames, beats, wish.pair)
            self.ask_files(request, WriteCapture(wish.name, *frames, tags, wish.pair))

    def _effect_frame(self) -> int:
        due_frame = self.moment.due_frame
        return self.moment.frame if due_frame == audio.NOW else due_frame

    # ── on and on ────────────────────────────────────────────────────────────
    def _start_recording(self, request: Request, wish: StartRecording) -> None:
        if self.tape.is_recording:
            self.fail(request, Fault.NOT_READY, "A recording is on already: stop it first.")
            return
        first_frame = self._effect_frame()
        self.keep_tape(replace(self.tape, first_frame=first_frame, pair=wish.pair))
        self.ask_files(request, BeginRecording(wish.name, first_frame, wish.pair))

    def _stop_recording(self, request: Request) -> None:
        first_frame, end_frame = self.tape.first_frame, self._effect_frame()
        if first_frame is None:
            self.fail(request, Fault.NOT_READY, "Nothing is being recorded.")
            return
        self.keep_tape(replace(self.tape, first_frame=None))
        tags = self.tags(first_frame, end_frame, 0, self.tape.pair)
        self.ask_files(request, EndRecording(end_frame, tags))

    def hear_files(self, event: FileEvent) -> None:
        """Take note of a recording that has come to an end by itself, or never began."""
        asked = self.library.asked.get(event.job_id)
        is_start = asked is not None and isinstance(asked.command, StartRecording)
        if isinstance(event, FileFailed) and (is_start or event.job_id == 0):
            self.keep_tape(replace(self.tape, first_frame=None))
        super().hear_files(event)

    # ── what sounds ──────────────────────────────────────────────────────────
    def listen(self, event: audio.Started | audio.Ended) -> None:
        """Keep in mind what sounds, and for how long."""
        if isinstance(event, audio.Started):
            takes = {take.take_id: take for take in self.state.kept | self.state.released}
            take = takes.get(event.take_id)
            if take is not None:
                credit = Credit(event.slot, take.recipe.prompt, take.seed)
                pairs = frozenset({self.slot(event.slot).out})
                key = take.recipe.key or ""
                one = Heard(credit, key, take.take_id, event.frame, pairs=pairs)
                self.keep_tape(replace(self.tape, heard=(*self._heard_lately(), one)))
            return
        ended = list(self.tape.heard)
        for place, one in enumerate(ended):
            is_meant = (one.credit.slot, one.take_id) == (event.slot, event.take_id)
            if is_meant and one.end_frame is None:
                ended[place] = replace(one, end_frame=event.frame)
                break
        self.keep_tape(replace(self.tape, heard=tuple(ended)))

    def settle(self) -> None:
        """Keep in mind where what sounds goes to."""
        super().settle()
        if self.state.slots is self.before.slots or not self.tape.heard:
            return
        pairs = zip(self.before.slots, self.state.slots, strict=True)
        moved = {n: slot.out for n, (old, slot) in enumerate(pairs, 1) if slot.out != old.out}
        if moved:
            heard = tuple(
                replace(one, pairs=one.pairs | {moved[one.credit.slot]})
                if one.end_frame is None and one.credit.slot in moved
                else one
                for one in self.tape.heard
            )
            self.keep_tape(replace(self.tape, heard=heard))

    def _heard_lately(self) -> tuple[Heard, ...]:
        oldest = self.moment.frame - self.tape.kept_frames
        if self.tape.first_frame is not None:
            oldest = min(oldest, self.tape.first_frame)
        lately = [one for one in self.tape.heard if one.end_frame is None or one.end_frame > oldest]
        return tuple(lately[-_MAX_HEARD:])

    def tags(self, first_frame: int, end_frame: int, beats: int, pair: int = 1) -> SoundTags:
        """What a file of some frames tells about itself.

        Args:
            first_frame: The first of them.
            end_frame: The one after the last.
            beats: How many beats it has where it is a loop of whole bars, otherwise 0.
            pair: Of which pair of the output it is.

        Returns:
            Words without the date and the model, which the file thread knows.
        """
        between = self._heard_between(first_frame, end_frame)
        heard = [one for one in between if pair == 1 or pair in one.pairs]
        keys = {one.key for one in heard if one.key}
        signature = self.state.transport.signature
        return SoundTags(
            software="",
            date="",
            model="",
            tempo_bpm=self.state.transport.tempo_bpm,
            key=keys.pop() if len(keys) == 1 else "",
            credits=tuple(dict.fromkeys(one.credit for one in heard)),
            beats=beats,
            beats_per_bar=signature.numerator,
            beat_unit=signature.denominator,
        )

    def _heard_between(self, first_frame: int, end_frame: int) -> Iterator[Heard]:
        for one in self.tape.heard:
            if one.first_frame < end_frame and (
                one.end_frame is None or one.end_frame > first_frame
            ):
                yield one

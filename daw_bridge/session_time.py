"""The rules of time: whose clock it is, what a tap means, and what begins and ends with it.

Pure. A foreign clock is followed by its pulses (MIDI, OSC), which clock.py smooths, or by what it
says of itself (Link, JACK). All it can do is to steer the transport, and all else asks that.
"""

from fractions import Fraction

from daw_bridge import audio_commands as audio
from daw_bridge.clock import MIDI_PULSES_PER_BEAT, beat_clock, midi_clock, tap_clock
from daw_bridge.clock_events import (
    ClockEvent,
    ClockPlaced,
    ClockStarted,
    ClockStopped,
    ClockTold,
    Followed,
    Pulse,
    SourceLost,
)
from daw_bridge.errors import Fault
from daw_bridge.replacing import replace
from daw_bridge.requests import (
    ClockCommand,
    ContinueTransport,
    HearBeat,
    Request,
    SetValue,
    StartTransport,
    StopTransport,
    Tap,
)
from daw_bridge.session_playback import Playback
from daw_bridge.session_slot import Armed, Cue
from daw_bridge.transport import Signature, Transport
from generator.api import MAX_TEMPO_BPM, MIN_TEMPO_BPM, SAMPLE_RATE_HZ

# What begins together is sent this long before, so that it reaches the same block.
_AHEAD_FRAMES = SAMPLE_RATE_HZ * 30 // 1000
# A followed clock is set right where it is off by more: half a millisecond is not heard.
_SLACK_FRAMES = SAMPLE_RATE_HZ // 2000
_TEMPO_GRAIN_BPM = 0.005
# A loop that turns this far from its beat is played anew there, which is settled this long before.
_UNSEATED_FRAMES = SAMPLE_RATE_HZ * 2 // 1000
_SEAT_WITHIN_FRAMES = SAMPLE_RATE_HZ // 4
_DENOMINATORS = (1, 2, 4, 8, 16)
_OWN_FIELDS = ("tempo_bpm", "nudge_pct")


class Timing(Playback):
    """A turn with the rules of time."""

    # ── what is set ──────────────────────────────────────────────────────────
    def refusal(self, command: SetValue) -> str:
        """Why a value of the clock cannot be set now; empty if it can."""
        source, missing = self.state.tempo_source, dict(self.state.missing_sources)
        match command:
            case SetValue(0, "tempo_source", str(wanted)) if wanted in missing:
                return missing[wanted]
            case SetValue(0, "signature", (_, int(of))) if of not in _DENOMINATORS:
                return f"The denominator is {of}; it may be 1, 2, 4, 8 or 16."
            case SetValue(0, "tempo_bpm", _) if source in ("internal", "link"):
                return ""
            case SetValue(0, field, _) if field in _OWN_FIELDS and source != "internal":
                return self._follows
        return ""

    @property
    def _follows(self) -> str:
        source = self.state.tempo_source
        return f"Time follows {source}: change it there, or set /tempo/source to internal."

    def set_clock(self, command: SetValue) -> bool:
        """Set a value of the clock; tells whether it was one."""
        frame, transport = self.effect_frame(), self.state.transport
        match command:
            case SetValue(0, "tempo_bpm", float(tempo_bpm)):
                self.move(transport.with_tempo(tempo_bpm, frame))
            case SetValue(0, "nudge_pct", float(nudge_pct)):
                self.move(transport.with_nudge(nudge_pct, frame))
            case SetValue(0, "signature", (int(numerator), int(denominator))):
                self.move(transport.with_signature(Signature(numerator, denominator), frame))
            case SetValue(0, "tempo_source", str(source)):
                self.state = replace(self.state, tempo_source=source, followed=None)
                self.move(transport.with_nudge(0.0, frame))
            case _:
                return False
        return True

    def effect_frame(self) -> int:
        """The frame at which a command takes effect: that of its bundle, or the present one."""
        due_frame = self.moment.due_frame
        return self.moment.frame if due_frame == audio.NOW else due_frame

    def move(self, transport: Transport) -> None:
        """Go on with another transport; what waits for a bar or beat moves with it."""
        self.state = replace(self.state, transport=transport)
        if self.state.quantize == "none":
            return
        for number, slot in enumerate(self.state.slots, 1):
            armed = tuple(self._moved(number, one) for one in slot.armed)
            if armed != slot.armed:
                self.put(number, replace(slot, armed=armed))

    def _moved(self, number: int, armed: Armed) -> Armed:
        """A play that waits, at its new frame; one that is about to begin is left alone."""
        before = armed.play
        if armed.cue.is_at_once or before.at_frame <= self.moment.frame + _AHEAD_FRAMES:
            return armed
        play = self.planned(number, armed.take, armed.cue)
        is_near = abs(play.at_frame - before.at_frame) <= _SLACK_FRAMES
        if is_near or play.offset_frames != before.offset_frames:
            return armed
        self.tell(audio.MovePlay(before.play_id, play.at_frame))
        return replace(armed, play=replace(before, at_frame=play.at_frame))

    # ── what is asked ────────────────────────────────────────────────────────
    def obey_clock(self, request: Request, command: ClockCommand) -> None:
        """Obey a command about time."""
        is_beat = isinstance(command, HearBeat)
        if self.state.tempo_source != ("osc" if is_beat else "internal"):
            text = "It is heard where /tempo/source is osc." if is_beat else self._follows
            self.fail(request, Fault.NOT_READY, text)
            return
        ahead_frame = max(self.moment.frame + _AHEAD_FRAMES, self.moment.due_frame)
        match command:
            case Tap():
                self._tap()
            case HearBeat(beat, tempo_bpm):
                self._hear_beat(beat, tempo_bpm)
            case StartTransport():
                self.begin(self.state.transport.played(ahead_frame), ahead_frame)
            case ContinueTransport():
                if not self.state.transport.is_playing:
                    self.go_on(self.state.transport.continued(ahead_frame), ahead_frame)
            case StopTransport():
                self.stand(self.effect_frame())
        self.done_if_numbered(request)

    def _tap(self) -> None:
        frame = self.effect_frame()
        clock = self.state.taps or tap_clock(self.state.transport.tempo_bpm)
        clock = clock.heard(frame)
        self.state = replace(self.state, taps=clock)
        tempo_bpm = round(clock.tempo_bpm, 1)
        if clock.is_settled and MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM:
            self.move(self.state.transport.with_tempo(tempo_bpm, frame))

    # ── playing and standing ─────────────────────────────────────────────────
    def begin(self, transport: Transport, frame: int) -> None:
        """Begin the first bar: all that loops, or was silenced by the last stop, begins with it."""
        looping = {number for number, slot in enumerate(self.state.slots, 1) if slot.is_looping}
        self.move(transport)
        self._sound_again(self.state.resting | looping, frame)

    def go_on(self, transport: Transport, frame: int) -> None:
        """Go on from where time stood; what the stop silenced begins at its quantise point."""
        self.move(transport)
        self._sound_again(self.state.resting, frame)

    def stand(self, frame: int) -> None:
        """Let time stand, and silence what sounds; the loops are kept in mind."""
        if not self.state.transport.is_playing:
            return
        resting = set(self.state.resting)
        for number, slot in enumerate(self.state.slots, 1):
            if slot.is_looping:
                resting.add(number)
            if slot.voices or slot.armed:
                self.tell(audio.StopSlot(number, self.moment.due_frame, slot.crossfade_ms))
                self.forget_cues(number, "The transport was stopped before it began.")
        self.state = replace(self.state, resting=frozenset(resting))
        self.move(self.state.transport.stopped(frame))

    def _sound_again(self, numbers: set[int] | frozenset[int], frame: int) -> None:
        self.state = replace(self.state, resting=frozenset())
        for number in sorted(numbers):
            velocity = next((one.play.velocity for one in self.slot(number).voices), 1.0)
            self.arm(number, Cue(self.new_id(), velocity, frame))

    # ── what is heard of foreign clocks ──────────────────────────────────────
    def hear_clock(self, event: ClockEvent) -> None:
        """Take note of a foreign clock, if it is the one that is followed."""
        source = self.state.tempo_source
        if isinstance(event, SourceLost):
            if event.source == source:
                self.state = replace(self.state, tempo_source="internal", followed=None)
        elif isinstance(event, ClockTold):
            if event.source == source:
                self._hear_told(event)
        elif source == "midi":
            self._hear_midi(event)

    def _hear_midi(self, event: ClockEvent) -> None:
        tempo_bpm = self.state.transport.tempo_bpm
        followed = self.state.followed or Followed(midi_clock(tempo_bpm))
        match event:
            case Pulse(at_frame):
                self._hear_pulse(followed, at_frame)
                return
            case ClockStarted(beat):
                if beat is not None:
                    followed = replace(followed, pulse=_pulses(beat) - 1)
                followed = replace(followed, is_starting=True)
            case ClockPlaced(beat) if not self.state.transport.is_playing:
                followed = replace(followed, pulse=_pulses(beat) - 1)
            case ClockStopped():
                self.stand(self.moment.frame)
        self.state = replace(self.state, followed=followed)

    def _hear_pulse(self, followed: Followed, at_frame: float) -> None:
        clock, transport = followed.clock.heard(at_frame), self.state.transport
        is_playing, pulse = transport.is_playing, followed.pulse
        if clock.seen == 1 and is_playing and not followed.is_starting:
            # Nobody said where this is: go on from where we are.
            pulse = _pulses(transport.beat_at(round(at_frame)))
        elif is_playing or followed.is_starting:
            pulse += 1
        beat = Fraction(pulse, MIDI_PULSES_PER_BEAT)
        self.state = replace(self.state, followed=Followed(clock, pulse))
        tempo_bpm = clock.shown_bpm(transport.tempo_bpm) if clock.is_settled else None
        if followed.is_starting:
            self._start_at(beat, round(clock.frame))
        self._steer(beat, clock.frame, tempo_bpm)

    def _start_at(self, beat: Fraction, frame: int) -> None:
        transport = self.state.transport
        if beat == 0:
            self.begin(transport.played(frame), self.moment.frame)
        else:
            self.go_on(transport.continued(frame).placed(beat, frame), self.moment.frame)

    def _hear_beat(self, beat: float, tempo_bpm: float | None) -> None:
        followed = self.state.followed
        if followed is None or beat != followed.pulse + 1:
            followed = Followed(beat_clock(tempo_bpm or self.state.transport.tempo_bpm))
        clock = followed.clock
        if tempo_bpm is not None:
            clock = clock.at_tempo(tempo_bpm)
        clock = clock.heard(self.effect_frame())
        self.state = replace(self.state, followed=Followed(clock, int(beat)))
        if tempo_bpm is None and clock.is_settled:
            tempo_bpm = clock.shown_bpm(self.state.transport.tempo_bpm)
        self._steer(Fraction(beat), clock.frame, tempo_bpm)

    def _hear_told(self, told: ClockTold) -> None:
        frame, transport = round(told.at_frame), self.state.transport
        if told.signature not in (None, transport.signature):
            self.move(transport.with_signature(told.signature, frame))
        tempo_bpm = told.tempo_bpm or transport.tempo_bpm
        beat = Fraction(told.beat or 0.0)
        if told.beat is None:
            beat = Fraction(told.seconds or 0.0) * Fraction(tempo_bpm) / 60
        if not told.is_playing:
            self.stand(self.moment.frame)
        elif not transport.is_playing:
            self._start_at(beat, frame)
        self._steer(beat, told.at_frame, told.tempo_bpm)

    def _steer(self, beat: Fraction, frame: float, tempo_bpm: float | None) -> None:
        """Set the transport right where it is off: a beat on a frame, and its tempo."""
        transport = self.state.transport
        if tempo_bpm is not None and abs(tempo_bpm - transport.tempo_bpm) > _TEMPO_GRAIN_BPM:
            tempo_bpm = min(max(tempo_bpm, MIN_TEMPO_BPM), MAX_TEMPO_BPM)
            transport = transport.with_tempo(tempo_bpm, round(frame))
        if transport.is_playing and abs(transport.frame_at(beat) - frame) > _SLACK_FRAMES:
            transport = transport.placed(beat, round(frame))
        if transport != self.state.transport:
            self.move(transport)
        if transport.is_playing:
            self._seat_loops(transport)

    def _seat_loops(self, transport: Transport) -> None:
        """Bring loops of whole bars that have left the beat back onto it, where they turn."""
        now = self.moment.frame
        for number, slot in enumerate(self.state.slots, 1):
            voice = slot.voices[-1] if slot.voices and not slot.armed else None
            if voice is None or not voice.loop or voice.is_fading or slot.take != voice.take:
                continue
            if voice.take.recipe.bars is None or voice.play.note >= 0:
                continue
            turn = voice.next_end(now + 2 * _AHEAD_FRAMES)
            point = transport.frame_at(Fraction(round(transport.beat_at(turn))))
            is_soon = turn - now < _SEAT_WITHIN_FRAMES and point > now + _AHEAD_FRAMES
            if is_soon and abs(point - turn) > _UNSEATED_FRAMES:
                cue = Cue(self.new_id(), voice.play.velocity, point, is_at_once=True)
                self.arm(number, cue)


def _pulses(beat: Fraction) -> int:
    return round(beat * MIDI_PULSES_PER_BEAT)

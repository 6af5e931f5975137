"""The rules of sounds that takes begin from: there before they are wanted, each in its turn.

Pure. A slot's `init` that names a file is set once the file has been read; what is asked of the
slot meanwhile waits, so that messages that are sent at once do what they say. A file that cannot be
read changes nothing. Names that come with a preset, scene or state are read as soon as they are
set. Where `init` is the input, each /generate and /go begins from what has just come in there: the
length of the take, up to the last bar line where that is in bars. A stream listens anew with each
take that begins, and makes the next one of it; fresh takes begin from what was heard last.
What no slot names and no take is made from is given back.
"""

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import FileEvent, FileFailed, HearInput, ReadSound, SoundRead
from daw_bridge.replacing import replace
from daw_bridge.requests import Generate, Go, Request, SetValue
from daw_bridge.session_decision import DoFiles, FreeTake
from daw_bridge.session_library import Sounds
from daw_bridge.session_recipe import Dice, recipe_of
from daw_bridge.session_shelf import Shelving
from daw_bridge.sounds import INPUT, Sound, names_file
from generator.errors import RequestError


class Beginnings(Shelving):
    """A turn with the rules of sounds that takes begin from."""

    @property
    def sounds(self) -> Sounds:
        """What is known of them."""
        return self.state.sounds

    def keep_sounds(self, sounds: Sounds) -> None:
        """Change what is known of them."""
        self.state = replace(self.state, sounds=sounds)

    def must_wait(self, request: Request) -> bool:
        """Have a request wait for a sound, if it must; tells whether it does."""
        match request.command:
            case SetValue(slot, "init") | Generate(slot) | Go(slot):
                job_id = self._awaited(slot)
            case _:
                return False
        if not job_id and isinstance(request.command, SetValue):
            name = str(request.command.value)
            job_id = self._have_read(name) if names_file(name) else 0
        elif not job_id and self.slot(slot).init == INPUT:
            if refusal := self.input_refusal():
                self.fail(request, Fault.NOT_READY, refusal)
                return True
            job_id = self._have_heard(slot)
        if job_id:
            held = (*self.sounds.held, (job_id, request))
            self.keep_sounds(replace(self.sounds, held=held))
        return bool(job_id)

    def _awaited(self, slot: int) -> int:
        """Return the job that whatever is asked of a slot must wait for, 0 for none."""
        asked = [job for job, one in self.sounds.held if getattr(one.command, "slot", 0) == slot]
        named = [job for job, name in self.sounds.reading.items() if name == self.slot(slot).init]
        return ([*asked[-1:], *named, 0])[0]

    def input_refusal(self) -> str:
        """Why takes cannot begin from the input now; empty if they can."""
        if self.state.input.name:
            return ""
        if self.state.input_trouble:
            return f"There is no input just now. {self.state.input_trouble}"
        return (
            'There is no input. Open one with /input "default" or a name of /input/list, or with '
            "the setting input at the start."
        )

    def _have_heard(self, number: int) -> int:
        """Have copied what came in, as long as the slot's take; 0 where that has no length."""
        slot, transport = self.slot(number), self.state.transport
        try:
            frames = recipe_of(slot, transport, Dice(0), prompt="any").frames
        except RequestError:
            return 0  # told when the take is asked for
        end_frame = None
        if slot.bars and transport.is_playing:
            due_frame = self.moment.due_frame
            frame = self.moment.frame if due_frame == audio.NOW else due_frame
            end_frame = transport.frame_at(transport.bar_line_before(frame))
        job_id = self.new_id()
        self.keep_sounds(replace(self.sounds, hearing={**self.sounds.hearing, job_id: number}))
        self.actions.append(DoFiles(job_id, HearInput(frames, end_frame)))
        return job_id

    def _have_read(self, name: str) -> int:
        job_id = self.new_id()
        self.keep_sounds(replace(self.sounds, reading={**self.sounds.reading, job_id: name}))
        self.actions.append(DoFiles(job_id, ReadSound(name)))
        return job_id

    def hear_files(self, event: FileEvent) -> None:
        """Take note of a sound that was read or not, and go on with what waited for it."""
        name = self.sounds.reading.get(event.job_id)
        if event.job_id in self.sounds.hearing:
            self._hear_input(event, self.sounds.hearing[event.job_id])
            return
        if name is None:
            super().hear_files(event)
            return
        reading = {job: one for job, one in self.sounds.reading.items() if job != event.job_id}
        self.keep_sounds(replace(self.sounds, reading=reading))
        if isinstance(event, SoundRead):
            self._take_in(name, event.sound)
        elif isinstance(event, FileFailed) and name not in self.sounds.read:
            unread = {**self.sounds.unread, name: event.text}
            self.keep_sounds(replace(self.sounds, unread=unread))
        self._resume(event, name)

    def _hear_input(self, event: FileEvent, number: int) -> None:
        """Take note of what came in, and make what was asked for of it."""
        hearing = {job: one for job, one in self.sounds.hearing.items() if job != event.job_id}
        self.keep_sounds(replace(self.sounds, hearing=hearing))
        asked, before = self._released(event.job_id), self.state.operations
        if isinstance(event, SoundRead):
            heard, memory = {**self.sounds.heard, number: event.sound}, self.sounds.memory
            self.keep_sounds(replace(self.sounds, heard=heard, memory=memory | {event.sound}))
        for request in asked[:1]:  # the one that it was heard for
            if isinstance(event, FileFailed):
                self.fail(request, event.code, event.text)
            else:
                self.obey_now(request)
        for request in asked[1:]:
            self.obey(request)
        self._wait_on(event.job_id, self.state.operations - before)

    def _follow_input(self) -> None:
        """Listen anew where a stream has come to another take."""
        pairs = zip(self.before.slots, self.state.slots, strict=True)
        for number, (old, slot) in enumerate(pairs, 1):
            if slot.init == INPUT and slot.mode == "stream" and slot.voices is not old.voices:
                known = {one.voice_id for one in old.voices}
                has_begun = any(one.voice_id not in known for one in slot.voices)
                if has_begun and not self.input_refusal():
                    self._have_heard(number)

    def _released(self, job_id: int) -> list[Request]:
        """Let go of what has waited for a job, in its order."""
        asked = [request for held_for, request in self.sounds.held if held_for == job_id]
        others = tuple(one for one in self.sounds.held if one[0] != job_id)
        self.keep_sounds(replace(self.sounds, held=others))
        return asked

    def _take_in(self, name: str, sound: Sound) -> None:
        unread = {one: why for one, why in self.sounds.unread.items() if one != name}
        memory = self.sounds.memory | {sound}
        read = {**self.sounds.read, name: sound}
        self.keep_sounds(replace(self.sounds, read=read, unread=unread, memory=memory))

    def _resume(self, event: FileEvent, name: str) -> None:
        """Obey what has waited for a sound, in its order; the sound's own setting comes first."""
        asked, before = self._released(event.job_id), self.state.operations
        for request in asked:
            command = request.command
            if not isinstance(command, SetValue) or command.value != name:
                self.obey(request)
            elif isinstance(event, FileFailed):
                self.fail(request, event.code, event.text)
            else:
                self.obey_now(request)
        self._wait_on(event.job_id, self.state.operations - before)

    def _wait_on(self, ended: int, begun: set[int]) -> None:
        """Have a /sync that waited for a sound wait for what was begun with it."""
        syncs = tuple(
            replace(one, ends=one.ends | begun) if ended in one.ends else one
            for one in self.state.syncs
        )
        self.state = replace(self.state, syncs=syncs)

    def obey(self, request: Request) -> None:
        """Obey a request, or have it wait for a sound."""
        if not self.must_wait(request):
            self.obey_now(request)

    def obey_now(self, request: Request) -> None:
        """Obey a request that waits for nothing; there is nothing without rules."""

    def settle(self) -> None:
        """Have read what slots name, and give back what nothing needs."""
        super().settle()
        if self.state.slots is not self.before.slots:
            self._follow_input()
            for name in {slot.init for slot in self.state.slots if names_file(slot.init)}:
                if name not in {*self.sounds.read, *self.sounds.unread, *self._in_hand()}:
                    self._have_read(name)
        if self.sounds.memory or self.sounds.unread:
            self._give_back()

    def _in_hand(self) -> set[str]:
        return set(self.sounds.reading.values())

    def _give_back(self) -> None:
        slots, sounds = self.state.slots, self.sounds
        named = {slot.init for slot in slots}
        bases = (slot.job.recipe.base for slot in slots if slot.job is not None)
        sources = {base.source for base in bases if base is not None}
        read = {name: sound for name, sound in sounds.read.items() if name in named}
        unread = {name: why for name, why in sounds.unread.items() if name in named}
        heard = {n: one for n, one in sounds.heard.items() if slots[n - 1].init == INPUT}
        needed = [
            *read.values(),
            *heard.values(),
            *(one for one in sounds.memory if one.identity in sources),
        ]
        memory = sounds.memory.intersection(needed)
        for one in sorted(sounds.memory - memory, key=lambda one: one.shm_name):
            self.actions.append(FreeTake(one.shm_name))
        left = replace(sounds, read=read, unread=unread, heard=heard, memory=memory)
        if left != sounds:
            self.keep_sounds(left)

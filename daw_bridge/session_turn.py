"""One decision in the making: the tools that every musical rule uses, and what follows from any.

Pure, and without rules of its own: session_playback.py and session_generation.py have them.
"""

from daw_bridge import audio_commands as audio
from daw_bridge.osc import TaggedValue
from daw_bridge.replacing import replace
from daw_bridge.requests import Request
from daw_bridge.session_decision import Action, Decision, Moment, Reply, Show, Tell
from daw_bridge.session_effects import changed_effects
from daw_bridge.session_shown import changed_values
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState
from daw_bridge.session_strip import changed_gains


class Turn:
    """One decision in the making: the state so far and the actions so far."""

    def __init__(self, state: SessionState, moment: Moment) -> None:
        self.before, self.state, self.moment = state, state, moment
        self.told_gains_of = state
        self.actions: list[Action] = []

    def decision(self) -> Decision:
        """Settle what follows from any change: takes made ahead, memory, answers, feedback."""
        self.settle()
        self.count_changes()
        self.release_takes()
        self.tell_gains()
        self.answer_waiting()
        self.show_changes()
        return Decision(self.state, tuple(self.actions))

    def settle(self) -> None:
        """See to what follows from any change by the rules; there is nothing without rules."""

    def slot(self, number: int) -> SlotState:
        """A slot, counted from 1."""
        return self.state.slots[number - 1]

    def put(self, number: int, slot: SlotState) -> None:
        """Change a slot."""
        slots = self.state.slots
        self.state = replace(self.state, slots=(*slots[: number - 1], slot, *slots[number:]))

    def new_id(self) -> int:
        """A number that was never given before."""
        self.state = replace(self.state, last_id=self.state.last_id + 1)
        return self.state.last_id

    def tell(self, command: audio.Command) -> None:
        """Send a command to the audio process."""
        self.actions.append(Tell(command))

    def done(self, request: Request, *results: TaggedValue) -> None:
        """Answer a request with /done."""
        head = (("s", request.address), ("i", request.request_id))
        self.actions.append(Reply(request.client, "/done", (*head, *results)))

    def reply(self, request: Request, arguments: tuple[TaggedValue, ...]) -> None:
        """Answer a request on its own address."""
        self.actions.append(Reply(request.client, request.address, arguments))

    def done_if_numbered(self, request: Request | None) -> None:
        """Answer a request with /done if its sender gave it an id."""
        if request is not None and request.request_id:
            self.done(request)

    def fail(self, request: Request, fault: int, text: str) -> None:
        """Answer a request with /fail."""
        head = (("s", request.address), ("i", request.request_id))
        answer = (*head, ("i", int(fault)), ("s", text))
        self.actions.append(Reply(request.client, "/fail", answer))

    def fail_if_numbered(self, request: Request | None, fault: int, text: str) -> None:
        """Answer a request with /fail if its sender gave it an id."""
        if request is not None and request.request_id:
            self.fail(request, fault, text)

    def slot_of_job(self, job_id: int) -> int:
        """The slot that waits for a job, 0 for none."""
        jobs = (slot.job for slot in self.state.slots)
        return next((n for n, job in enumerate(jobs, 1) if job and job.job_id == job_id), 0)

    def count_changes(self) -> None:
        """Note whether what is kept has changed."""

    def release_takes(self) -> None:
        """Let the audio process forget the takes that nothing needs any more."""
        if not self._lets_takes_go():
            return
        unneeded = self.state.kept - self.state.takes
        for take in sorted(unneeded, key=lambda take: take.take_id):
            self.tell(audio.ReleaseTake(take.take_id))
        if unneeded:
            released = self.state.released | unneeded
            self.state = replace(self.state, kept=self.state.kept - unneeded, released=released)

    def _lets_takes_go(self) -> bool:
        """Whether a take may be needed no more: any is new, or a scene or a slot has left one."""
        before, after = self.before, self.state
        if after.kept is not before.kept or after.library is not before.library:
            return True
        changed = zip(before.slots, after.slots, strict=True)
        return any(old is not new and bool(old.takes - new.takes) for old, new in changed)

    def tell_gains(self) -> None:
        """Tell the audio process of faders and effects that have changed."""
        for command in changed_gains(self.told_gains_of, self.state, self.moment.due_frame):
            self.tell(command)
        for command in changed_effects(self.told_gains_of, self.state, self.moment.due_frame):
            self.tell(command)
        self.told_gains_of = self.state

    def answer_waiting(self) -> None:
        """Answer each /panic and /sync whose wait is over."""
        if self.state.panics:
            voice_ids = self.state.voice_ids
            for panic in self.state.panics:
                if not panic.ends & voice_ids:
                    self.done(panic.request)
            left = tuple(one for one in self.state.panics if one.ends & voice_ids)
            self.state = replace(self.state, panics=left)
        if self.state.syncs:
            operations = self.state.operations
            for sync in self.state.syncs:
                if not sync.ends & operations:
                    number = (("i", sync.request.request_id),)
                    self.actions.append(Reply(sync.request.client, "/synced", number))
            left = tuple(one for one in self.state.syncs if one.ends & operations)
            self.state = replace(self.state, syncs=left)

    def show_changes(self) -> None:
        """Show every value that is not what it was."""
        self.actions += (Show(*changed) for changed in changed_values(self.before, self.state))

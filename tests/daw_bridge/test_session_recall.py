"""Laws of presets, scenes and states: complete or not at all, in time, and nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import (
    FileFailed,
    FileJob,
    ListPresets,
    PresetsListed,
    ReadRig,
    RigRead,
    RigWritten,
    Shelf,
    StoredTake,
    WriteRig,
)
from daw_bridge.generator_events import TakeFailed
from daw_bridge.presets import Document, takes_of
from daw_bridge.requests import (
    AskPresets,
    ErasePreset,
    Generate,
    Go,
    LoadPreset,
    LoadState,
    NextPreset,
    Play,
    PreviousPreset,
    RecallScene,
    SavePreset,
    SaveState,
    SetValue,
    StoreScene,
    Sync,
)
from daw_bridge.rig import SESSION_ROWS, SLOT_ROWS, Rig, SlotRig
from daw_bridge.session_decision import DoFiles, Restored, TimeGoesOn
from daw_bridge.session_kept import snapshot
from daw_bridge.session_shelf import state_document
from daw_bridge.session_slot import Take
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from tests.daw_bridge.session_world import SLOTS, World
from tests.daw_bridge.strategies import argument_values

BAR_FRAMES = 2 * SAMPLE_RATE_HZ  # at 120 bpm


def settable() -> st.SearchStrategy[SetValue]:
    """Any value that is kept, set to anything that is allowed."""
    found = []
    for rows, slots in ((SESSION_ROWS, st.just(0)), (SLOT_ROWS, st.integers(1, SLOTS))):
        for row in rows.values():
            each = [argument_values(one) for one in row.arguments]
            values: st.SearchStrategy[Any] = each[0] if len(each) == 1 else st.tuples(*each)
            found.append(st.builds(SetValue, slots, st.just(row.field), values))
    return st.one_of(found)


def looping_world() -> World:
    world = World()
    for slot in range(1, SLOTS + 1):
        world.ask(SetValue(slot, "mode", "loop"))
        world.ask(Go(slot, f"pad {slot}"))
    world.settle()
    return world


def let_time_pass(world: World, frames: int) -> None:
    """Time goes on in steps of 20 ms, as the daemon tells it."""
    end = world.frame + frames
    while world.frame < end:
        world.frame = min(end, world.frame + SAMPLE_RATE_HZ // 50)
        world.tell(TimeGoesOn())


def jobs_of(world: World) -> list[tuple[int, FileJob]]:
    return [(one.job_id, one.job) for one in world.actions if isinstance(one, DoFiles)]


def last_job(world: World) -> tuple[int, FileJob]:
    return jobs_of(world)[-1]


def on_disk(world: World, document: Document[StoredTake]) -> Document[StoredTake]:
    """The document as a reading gives it: with copies of its takes in memory."""
    for take in takes_of(document):
        if take.shm_name:
            world.memory.add(take.shm_name)
    return document


def read(world: World, document: Document[StoredTake], shelf: Shelf = Shelf.PRESETS) -> None:
    job_id, job = last_job(world)
    assert isinstance(job, ReadRig)
    world.tell(RigRead(job_id, shelf, job.name, on_disk(world, document)))


KICK = GenerationRequest("kick", 7)
PRESET: Document[StoredTake] = Document(
    Rig(
        {"tempo_bpm": 90.0},
        {
            1: SlotRig({"prompt": "new pad", "seed": 5, "mode": "loop", "gain_db": -6.0}),
            2: SlotRig({"prompt": "kick"}, StoredTake(KICK, "take-loaded", KICK.frames)),
        },
    )
)


# ── scenes ───────────────────────────────────────────────────────────────────
@given(st.lists(settable(), max_size=12))
@settings(max_examples=30)
def test_a_scene_brings_everything_back_whatever_was_done(changes: Sequence[SetValue]) -> None:
    world = looping_world()
    world.ask(StoreScene(3))
    stored = snapshot(world.state)
    for change in changes:
        world.ask(change)
    world.ask(Go(1, "something else", 99))
    world.settle()
    world.ask(SetValue(0, "quantize", "none"))
    stored = replace(stored, values={**stored.values, "quantize": "none"})
    world.ask(RecallScene(3, 0.0))
    world.ask(SetValue(0, "quantize", "none"))
    world.settle()
    assert snapshot(world.state) == stored
    assert {play.take_id for play in world.sounding} == {1, 2}


def test_a_scene_comes_at_the_quantise_point_all_of_it_in_one_frame() -> None:
    world = looping_world()
    world.ask(StoreScene(1))
    world.ask(SetValue(1, "gain_db", -20.0))
    world.ask(Go(1, "other"))
    world.settle()
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(StoreScene(2))
    point = (world.frame // BAR_FRAMES + 1) * BAR_FRAMES
    world.actions.clear()
    world.ask(RecallScene(1, 0.0), request_id=4)
    world.state = replace(world.state, quantize="bar")
    let_time_pass(world, point - world.frame - SAMPLE_RATE_HZ // 10)
    assert world.told(audio.Play) == world.told(audio.SetSlotGain) == []
    assert world.replies("/done") == []
    let_time_pass(world, SAMPLE_RATE_HZ // 10)
    (gain,) = world.told(audio.SetSlotGain)
    assert isinstance(gain, audio.SetSlotGain)
    assert gain.at_frame == point
    (play,) = world.told(audio.Play)
    assert isinstance(play, audio.Play)
    take_frames = next(one.frames for one in world.state.kept if one.take_id == play.take_id)
    lead = take_frames - play.offset_frames if play.offset_frames else 0
    assert play.at_frame + lead == point
    assert world.replies("/done") == [("RecallScene", 4)]


def test_a_loop_that_the_scene_has_goes_on_untouched_and_one_it_has_not_stops() -> None:
    world = looping_world()
    world.ask(StoreScene(1))
    sounding = list(world.sounding)
    world.ask(RecallScene(1, 0.0))
    world.settle()
    assert world.sounding == sounding
    quiet = World()
    quiet.ask(StoreScene(1))
    quiet.ask(SetValue(1, "mode", "loop"))
    quiet.ask(Go(1, "pad"))
    quiet.settle()
    quiet.ask(RecallScene(1, 0.0))
    quiet.settle()
    assert quiet.sounding == []
    assert quiet.state.slots[0].state == "empty"


def test_a_morph_glides_arrives_exactly_and_lets_go_of_what_a_hand_takes() -> None:
    world = World()
    for slot in (1, 2):
        world.ask(SetValue(slot, "gain_db", -40.0))
    world.ask(SetValue(0, "tempo_bpm", 100.0))
    world.ask(StoreScene(1))
    for slot in (1, 2):
        world.ask(SetValue(slot, "gain_db", 0.0))
    world.ask(SetValue(0, "tempo_bpm", 140.0))
    world.ask(RecallScene(1, 2.0))
    gains = []
    for _ in range(10):
        let_time_pass(world, SAMPLE_RATE_HZ // 10)
        gains.append(world.state.slots[0].gain_db)
    assert gains == sorted(gains, reverse=True)
    assert -22.0 < gains[-1] < -18.0  # half of the way
    assert 118.0 < world.state.transport.tempo_bpm < 122.0
    assert world.replies("/done") == [("StoreScene", 0)]
    world.ask(SetValue(2, "gain_db", -3.0))
    let_time_pass(world, 2 * SAMPLE_RATE_HZ)
    assert [slot.gain_db for slot in world.state.slots] == [-40.0, -3.0]
    assert world.state.transport.tempo_bpm == 100.0
    assert world.replies("/done") == [("StoreScene", 0), ("RecallScene", 0)]


def test_a_newer_recall_takes_the_place_of_a_morph_and_both_are_answered() -> None:
    world = World()
    world.ask(StoreScene(1))
    world.ask(SetValue(1, "gain_db", -40.0))
    world.ask(StoreScene(2))
    world.ask(RecallScene(1, 10.0), request_id=1)
    let_time_pass(world, SAMPLE_RATE_HZ)
    world.ask(RecallScene(2, 0.0), request_id=2)
    assert world.state.slots[0].gain_db == -40.0
    assert world.replies("/done")[2:] == [("RecallScene", 1), ("RecallScene", 2)]


def test_an_empty_scene_is_refused_and_changes_nothing() -> None:
    world = looping_world()
    before = world.state
    world.ask(RecallScene(9, 0.0))
    assert world.state == before
    assert world.replies("/fail")[0][2] == Fault.NOT_READY


def test_a_scene_keeps_its_takes_also_through_a_new_audio_process() -> None:
    world = looping_world()
    world.ask(StoreScene(1))
    for slot in (1, 2):
        world.ask(Go(slot, "other"))
    world.settle()
    world.restart_audio()
    world.settle()
    world.ask(RecallScene(1, 0.0))
    world.settle()
    assert {play.take_id for play in world.sounding} == {1, 2}
    world.ask(StoreScene(1))
    world.settle()
    assert len(world.memory) == 4  # the slots remember the others


# ── presets ──────────────────────────────────────────────────────────────────
def test_a_preset_is_made_first_while_the_old_sound_goes_on_and_then_is_all_there() -> None:
    world = looping_world()
    world.ask(LoadPreset("night"), request_id=3)
    before = snapshot(world.state)
    read(world, PRESET)
    assert snapshot(world.state) == before
    (wanted,) = world.jobs.values()
    assert (wanted.prompt, wanted.seed, wanted.loop) == ("new pad", 5, True)
    world.settle()
    one, two = world.state.slots
    assert (one.prompt, one.gain_db, one.mode, one.seed) == ("new pad", -6.0, "loop", 5)
    assert one.take is not None
    assert one.take.recipe == wanted
    assert two.take is not None
    assert two.take.shm_name == "take-loaded"
    assert world.state.transport.tempo_bpm == 90.0
    assert [play.take_id for play in world.sounding] == [one.take.take_id]
    assert world.replies("/done")[-1] == ("LoadPreset", 3)
    assert {one.take.shm_name, "take-loaded"} <= world.memory  # and what the slots remember
    assert (world.state.library.preset, world.state.library.is_dirty) == ("night", False)


def test_bars_of_a_preset_have_its_own_tempo() -> None:
    world = World()
    world.ask(LoadPreset("a"))
    rig: Rig[StoredTake] = Rig({"tempo_bpm": 60.0}, {1: SlotRig({"prompt": "x", "bars": 2})})
    read(world, Document(rig))
    (wanted,) = world.jobs.values()
    assert wanted.frames == 8 * SAMPLE_RATE_HZ
    assert world.state.transport.tempo_bpm == 120.0


@pytest.mark.parametrize("fault", ["generator", "file", "slots", "value"])
def test_a_preset_that_cannot_be_completed_changes_nothing(fault: str) -> None:
    world = looping_world()
    before, memory = snapshot(world.state), set(world.memory)
    world.ask(LoadPreset("night"), request_id=3)
    if fault == "generator":
        read(world, PRESET)
        (job_id,) = world.jobs
        world.tell(TakeFailed(job_id, Fault.GENERATOR_FAILED, "No."))
    elif fault == "file":
        world.tell(FileFailed(last_job(world)[0], Fault.BAD_VALUE, "No."))
    elif fault == "slots":
        slots = {**PRESET.rig.slots, SLOTS + 1: SlotRig({"prompt": "x"})}
        read(world, Document(Rig({}, slots)))
    else:
        slots = {**PRESET.rig.slots, 1: SlotRig({"prompt": "x", "bars": 64})}
        read(world, Document(Rig({"tempo_bpm": 20.0}, slots)))
    world.settle()
    assert snapshot(world.state) == before
    assert world.memory == memory
    (failed,) = world.replies("/fail")
    assert failed[:2] == ("LoadPreset", 3)
    assert world.state.library.operations == set()


def test_a_newer_preset_takes_the_place_of_one_that_is_being_made() -> None:
    world = World()
    world.ask(LoadPreset("a"), request_id=1)
    read(world, PRESET)
    world.ask(LoadPreset("b"), request_id=2)
    rig: Rig[StoredTake] = Rig({}, {1: SlotRig({"prompt": "b"})})
    read(world, Document(rig))
    world.settle()
    assert [failed[:3] for failed in world.replies("/fail")] == [
        ("LoadPreset", 1, Fault.SUPERSEDED)
    ]
    assert world.replies("/done") == [("LoadPreset", 2)]
    assert [slot.prompt for slot in world.state.slots] == ["b", ""]
    assert len(world.memory) == 1


def test_next_and_prev_go_round_also_when_pressed_quickly() -> None:
    world = World()
    world.tell(PresetsListed(0, ("a", "b", "c")))
    asked = []
    for command in (NextPreset(), NextPreset(), NextPreset(), NextPreset(), PreviousPreset()):
        world.ask(command)
        _, job = last_job(world)
        assert isinstance(job, ReadRig)
        asked.append(job.name)
    assert asked == ["a", "b", "c", "a", "c"]
    world.ask(LoadPreset(2))
    assert last_job(world)[1] == ReadRig(Shelf.PRESETS, "b")
    world.ask(LoadPreset(4))
    assert "from 1 to 3" in world.replies("/fail")[-1][3]


def test_a_list_comes_whole_in_messages_that_fit_a_packet() -> None:
    world = World()
    names = tuple(f"preset number {number} with a long name" for number in range(100))
    world.ask(AskPresets())
    world.tell(PresetsListed(last_job(world)[0], names))
    found = world.replies("AskPresets")
    assert sum(found, ()) == names
    assert all(sum(len(name) + 5 for name in chunk) <= 1200 for chunk in found)
    assert world.replies("/done") == [("AskPresets", 0, 100)]


# ── dirty ────────────────────────────────────────────────────────────────────
@given(settable())
def test_a_preset_is_dirty_exactly_when_something_that_is_kept_differs(change: SetValue) -> None:
    world = World()
    world.ask(SavePreset("mine", takes=True))
    job_id, job = last_job(world)
    assert isinstance(job, WriteRig)
    world.tell(RigWritten(job_id, Shelf.PRESETS, "mine"))
    assert last_job(world)[1] == ListPresets()
    assert (world.state.library.preset, world.state.library.is_dirty) == ("mine", False)
    before = snapshot(world.state)
    world.ask(change)
    assert world.state.library.is_dirty == (snapshot(world.state) != before)


def test_what_sounds_is_no_change_and_a_new_take_is_one() -> None:
    world = looping_world()
    world.ask(SavePreset("mine", takes=True))
    world.tell(RigWritten(last_job(world)[0], Shelf.PRESETS, "mine"))
    world.ask(Play(1, 1.0))
    world.settle()
    assert not world.state.library.is_dirty
    world.ask(Generate(1))
    world.settle()
    assert world.state.library.is_dirty


# ── states ───────────────────────────────────────────────────────────────────
@given(st.lists(settable(), max_size=8))
@settings(max_examples=30)
def test_a_restored_session_is_the_old_one_in_silence(changes: Sequence[SetValue]) -> None:
    world = looping_world()
    world.ask(StoreScene(5))
    for change in changes:
        world.ask(change)
    world.settle()
    document = state_document(world.state)
    new = World()
    new.tell(Restored(on_disk(new, document)))
    new.settle()
    assert new.sounding == []
    again = state_document(new.state)
    assert again.scenes == document.scenes
    quiet = {number: replace(slot, plays=False) for number, slot in document.rig.slots.items()}
    assert again.rig == replace(document.rig, slots=quiet)
    new.ask(SetValue(0, "quantize", "none"))
    new.ask(RecallScene(5, 0.0))
    new.settle()
    assert len(new.sounding) == 2


def test_slots_that_are_no_more_are_left_out_of_a_restored_state() -> None:
    slots = {SLOTS + 5: SlotRig({"prompt": "x"}, StoredTake(KICK, "far", 100))}
    world = World()
    document: Document[StoredTake] = Document(Rig({"tempo_bpm": 77.0}, slots))
    world.tell(Restored(on_disk(world, document)))
    world.settle()
    assert world.state.transport.tempo_bpm == 77.0
    assert world.memory == set()


def test_a_saved_state_brings_scenes_and_playing_back() -> None:
    world = looping_world()
    world.ask(StoreScene(1))
    world.ask(SaveState("set list"))
    job_id, job = last_job(world)
    assert isinstance(job, WriteRig)
    assert (job.shelf, job.name) == (Shelf.STATES, "set list")
    world.tell(RigWritten(job_id, Shelf.STATES, "set list"))
    assert world.replies("/done")[-1] == ("SaveState", 0, "set list")
    new = World()
    new.ask(LoadState("set list"))
    read(new, job.document, Shelf.STATES)
    new.settle()
    assert len(new.sounding) == 2
    assert new.state.library.scenes.keys() == {1}


def test_sync_waits_for_files_and_recalls() -> None:
    world = World()
    world.ask(LoadPreset("a"))
    world.ask(Sync(5))
    assert world.replies("/synced") == []
    read(world, PRESET)
    assert world.replies("/synced") == []
    world.settle()
    assert world.replies("/synced") == [(5,)]
    world.ask(ErasePreset("a"))
    world.ask(Sync(6))
    assert len(world.replies("/synced")) == 1
    world.tell(PresetsListed(last_job(world)[0], ("b",)))
    assert world.replies("/synced")[-1] == (6,)


def test_the_list_of_presets_is_told_to_who_asked_for_it_and_not_to_who_erased_one() -> None:
    world = World()
    world.ask(AskPresets(), request_id=1)
    world.tell(PresetsListed(last_job(world)[0], ("a", "b")))
    world.ask(ErasePreset("a"), request_id=2)
    world.tell(PresetsListed(last_job(world)[0], ("b",)))
    assert world.state.library.presets == ("b",)
    first, second = world.replies("/done")
    assert first[1:] == (1, 2)
    assert second[1:] == (2,)


def test_two_slots_and_a_scene_share_a_take_after_a_restart() -> None:
    shared = StoredTake(KICK, "one", KICK.frames)
    rig: Rig[StoredTake] = Rig({}, {1: SlotRig({}, shared), 2: SlotRig({}, shared)})
    world = World()
    world.tell(Restored(on_disk(world, Document(rig, {1: rig}))))
    takes: set[Take | None] = {slot.take for slot in world.state.slots}
    assert len(takes) == 1
    assert len(world.told(audio.InstallTake)) == 1


def test_a_restart_knows_which_preset_it_was_and_whether_it_has_changed() -> None:
    world = World()
    world.ask(LoadPreset("a"))
    read(world, PRESET)
    world.settle()
    assert (world.state.library.preset, world.state.library.is_dirty) == ("a", False)
    for is_dirty in (False, True):
        if is_dirty:
            world.ask(SetValue(0, "tempo_bpm", 91.0))
        document = on_disk(world, state_document(world.state))
        assert (document.preset, document.preset_dirty) == ("a", is_dirty)
        new = World()
        new.tell(Restored(on_disk(new, document)))
        new.settle()
        assert (new.state.library.preset, new.state.library.is_dirty) == ("a", is_dirty)
    revision = world.state.library.revision
    world.ask(SavePreset("a", takes=False))
    world.tell(RigWritten(last_job(world)[0], Shelf.PRESETS, "a"))
    assert not world.state.library.is_dirty
    assert world.state.library.revision > revision  # so that this is written down

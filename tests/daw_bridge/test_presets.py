"""Laws of rigs as text: what is written is read again, and everything wrong is told at once."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.commands import COMMANDS
from daw_bridge.errors import PresetError
from daw_bridge.preset_reading import read_document
from daw_bridge.presets import (
    Document,
    FiledTake,
    is_plain_name,
    print_document,
    without_defaults,
)
from daw_bridge.rig import SESSION_ROWS, SLOT_ROWS, Rig, SlotRig, default_of, glides, morph
from daw_bridge.table_rows import Access, Row
from generator.api import Base, GenerationRequest
from generator.keys import KEYS
from tests.daw_bridge.strategies import argument_values

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
EVERY_ROW = {**{f"slot {key}": row for key, row in SLOT_ROWS.items()}, **SESSION_ROWS}


def held(row: Row) -> st.SearchStrategy[Any]:
    values = [argument_values(one) for one in row.arguments]
    return values[0] if len(values) == 1 else st.tuples(*values)


def values_of(rows: dict[str, Row]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={row.field: held(row) for row in rows.values()})


takes = st.builds(
    FiledTake,
    st.builds(
        GenerationRequest,
        prompt=TEXTS,
        seed=st.integers(0, 2**31 - 1),
        seconds=st.floats(0.1, 24.0),
        steps=st.integers(1, 8),
        tempo_bpm=st.none() | st.floats(60.0, 200.0),
        key=st.none() | st.sampled_from(KEYS),
        loop=st.booleans(),
    ),
    st.sampled_from(["", "a.flac"]),
)
slots = st.builds(
    SlotRig,
    values_of(dict(SLOT_ROWS)).map(without_defaults),
    st.none() | takes,
    st.booleans(),
)
rigs = st.builds(
    Rig, values_of(dict(SESSION_ROWS)), st.dictionaries(st.integers(1, 64), slots, max_size=3)
)
documents = st.builds(
    Document,
    rigs,
    st.dictionaries(st.integers(1, 16), rigs, max_size=2),
    TEXTS,
    TEXTS,
    TEXTS,
)


def rounded(document: Document[FiledTake]) -> Document[FiledTake]:
    """The document with the short numbers that stand in a file."""
    return read_document(print_document(document))


def near(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=1e-7, abs_tol=1e-44)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(near, one, other))
    return type(one) is type(other) and one == other


def near_rigs(one: Rig[FiledTake], other: Rig[FiledTake]) -> bool:
    def near_values(some: Any, others: Any) -> bool:
        return some.keys() == others.keys() and all(near(some[key], others[key]) for key in some)

    return (
        near_values(one.values, other.values)
        and one.slots.keys() == other.slots.keys()
        and all(
            near_values(slot.values, other.slots[number].values)
            and (slot.take, slot.plays) == (other.slots[number].take, other.slots[number].plays)
            for number, slot in one.slots.items()
        )
    )


@given(documents)
def test_what_is_written_is_read_again(document: Document[FiledTake]) -> None:
    once = rounded(document)
    assert rounded(once) == once
    assert near_rigs(once.rig, document.rig)
    assert once.scenes.keys() == document.scenes.keys()
    assert all(near_rigs(once.scenes[n], rig) for n, rig in document.scenes.items())
    texts = (document.description, document.model, document.model_sha256)
    assert (once.description, once.model, once.model_sha256) == texts


def test_every_value_that_can_be_set_is_kept_unless_its_row_says_no() -> None:
    settable = [row for row in COMMANDS if row.access is Access.VALUE]
    assert {row.path for row in EVERY_ROW.values()} == {row.path for row in settable if row.is_kept}
    passing = {"/tempo/source", "/tempo/nudge", "/xruns"}
    assert passing <= {row.path for row in settable if not row.is_kept}


GOOD = """format = "daw-bridge rig"
version = 1
[session]
tempo = 120.0
[slot.1]
prompt = "kick"
[slot.1.take]
prompt = "kick"
seed = 1
"""


def faults(text: str) -> list[str]:
    with pytest.raises(PresetError) as caught:
        read_document(text)
    return str(caught.value).splitlines()


def test_everything_wrong_is_told_at_once_with_the_nearest_name() -> None:
    text = (
        GOOD.replace("tempo", "temop", 1)
        .replace('prompt = "kick"', 'promt = "kick"\ngain = 99\nmode = "lop"', 1)
        .replace("seed = 1", 'seed = -1\nfile = "../x"')
    )
    text += "[slot.0]\n[slot.2]\nplays = 1\n[scene.1.slots.1]\n[extra]\n"
    told = faults(text)
    for part in (
        "session.temop is unknown: did you mean tempo?",
        "slot.1.promt is unknown: did you mean prompt?",
        "slot.1.gain: gain is 99",
        "slot.1.mode: mode is 'lop'; it may be oneshot",
        "slot.1.take.file is '../x'",
        "slot.1.take: The seed is -1",
        "slot.0 is unknown: numbers go from 1 to 64",
        "slot.2.plays is 1",
        "scene.1.slots is unknown: did you mean slot?",
        "extra is unknown",
    ):
        assert [line for line in told if part in line], part
    assert len(told) == 10


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("= broken", "no TOML"),
        ("", "first line"),
        (GOOD.replace("version = 1", "version = 2"), "newer"),
        (GOOD.replace("[slot.1]", "[[slot.1]]"), "must be a table"),
        (GOOD.replace("seed = 1", ""), "no seed"),
        (GOOD.replace('"kick"', "3", 1), "send text"),
        ("a = " + "[" * 5000, "no TOML"),
    ],
)
def test_what_is_no_rig_is_refused(text: str, reason: str) -> None:
    assert reason in "\n".join(faults(text))


@given(st.binary(max_size=200))
def test_no_text_does_anything_but_be_refused(noise: bytes) -> None:
    with contextlib.suppress(PresetError):
        read_document(noise.decode("utf-8", "replace"))


@given(st.text(max_size=12))
def test_a_plain_name_is_one_part_of_a_path(name: str) -> None:
    if is_plain_name(name):
        assert "/" not in name
        assert "\\" not in name
        assert name not in {".", ".."}


@pytest.mark.parametrize("row", EVERY_ROW.values(), ids=EVERY_ROW)
@given(data=st.data())
def test_a_morph_stays_between_its_ends_and_arrives(row: Row, data: st.DataObject) -> None:
    start, end = data.draw(held(row)), data.draw(held(row))
    share = data.draw(st.floats(0.0, 1.0, exclude_max=True))
    assert morph(row, start, end, 1.0) == end
    between = morph(row, start, end, share)
    if not glides(row):
        assert between == end
    elif isinstance(between, float):
        lowest = (
            min(max(start, -90.0), max(end, -90.0))
            if row.arguments[0].unit == "dB"
            else min(start, end)
        )
        highest = max(start, end, lowest)
        assert lowest - 1e-4 * abs(lowest) <= between <= highest + 1e-4 * abs(highest)


def test_a_take_made_from_another_one_is_written_without_it() -> None:
    base = Base("0" * 32, change=0.5)
    made = FiledTake(GenerationRequest("kick", 7, base=base), "a.flac")
    document = rounded(Document(Rig({}, {1: SlotRig({}, made)})))
    assert document.rig.slots[1].take == FiledTake(GenerationRequest("kick", 7), "a.flac")


def test_every_default_is_one_that_the_row_allows() -> None:
    for row in EVERY_ROW.values():
        assert default_of(row) is not None, row.path

"""Laws of the shelf: a document and its takes are there whole or not at all, and stay in place."""

from pathlib import Path

import numpy as np
import pytest

from daw_bridge.errors import CommandError, Fault, PresetError
from daw_bridge.presets import Document, FiledTake, print_document, takes_of, with_takes
from daw_bridge.rig import Rig, SlotRig
from daw_bridge.shelf import Shelf, folder_of_takes
from generator.api import FloatArray, GenerationRequest

KICK = GenerationRequest("kick", 1)


def audio(seed: int) -> FloatArray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (100, 2)).astype(np.float32)


def document(*takes: FiledTake | None) -> Document[FiledTake]:
    slots = {n: SlotRig({"prompt": f"sound {n}"}, take) for n, take in enumerate(takes, 1)}
    return Document(Rig({}, slots))


def test_what_is_written_is_listed_read_and_deleted(tmp_path: Path) -> None:
    shelf = Shelf("preset", tmp_path / "own")
    assert shelf.names() == ()
    path = shelf.own_path("late night")
    kept = document(FiledTake(KICK, shelf.keep_take(path, audio(1))), None)
    shelf.write(path, kept)
    assert shelf.names() == ("late night",)
    assert shelf.read(shelf.path_of("late night")) == kept
    shelf.delete("late night")
    assert shelf.names() == ()
    assert list((tmp_path / "own").iterdir()) == []


def test_takes_are_kept_once_and_those_that_are_needed_no_more_go(tmp_path: Path) -> None:
    shelf = Shelf("preset", tmp_path)
    path = shelf.own_path("a")
    names = [shelf.keep_take(path, audio(seed)) for seed in (1, 2, 1)]
    assert names[0] == names[2] != names[1]
    shelf.write(path, document(*(FiledTake(KICK, name) for name in names[:2])))
    shelf.write(path, document(FiledTake(KICK, names[1])))
    assert [one.name for one in folder_of_takes(path).iterdir()] == [names[1]]
    shelf.write(path, document())
    assert not folder_of_takes(path).exists()


def test_the_shipped_ones_come_first_and_stay(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "zebra.toml").write_text(print_document(document()))
    shelf = Shelf("preset", tmp_path / "own", shipped)
    shelf.write(shelf.own_path("ant"), document())
    assert shelf.names() == ("zebra", "ant")
    for change in (shelf.own_path, shelf.delete):
        with pytest.raises(CommandError, match="stays") as caught:
            change("zebra")
        assert caught.value.fault is Fault.FORBIDDEN
    assert shelf.read(shelf.path_of("zebra")) == document()


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "a/b", "..", ".hidden", "", "a\n", "con:"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    shelf = Shelf("preset", tmp_path)
    for look in (shelf.path_of, shelf.own_path, shelf.delete):
        with pytest.raises(CommandError, match="cannot be used"):
            look(name)


def test_what_is_not_there_or_broken_is_told_by_name(tmp_path: Path) -> None:
    shelf = Shelf("preset", tmp_path)
    (tmp_path / "broken.toml").write_text("= 1")
    with pytest.raises(CommandError, match="There is: broken"):
        shelf.path_of("kit")
    with pytest.raises(PresetError, match=r"broken\.toml"):
        shelf.read(shelf.path_of("broken"))
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PresetError, match=r"latin\.toml"):
        shelf.read(shelf.path_of("latin"))


def test_takes_are_found_in_scenes_too_and_exchanged_everywhere() -> None:
    nothing: str | None = None
    rig = Rig({}, {1: SlotRig({}, "a", plays=True), 2: SlotRig({}, nothing)})
    both = Document(rig, {3: rig}, "text")
    assert list(takes_of(both)) == ["a", "a"]
    exchanged = with_takes(both, str.upper)
    assert list(takes_of(exchanged)) == ["A", "A"]
    assert exchanged.rig.slots[1].plays
    assert with_takes(exchanged, str.lower) == both

"""Laws of changing the model while it plays, proved on real child processes and hostile files."""

import json
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from daw_bridge.generator_events import ModelLoaded, ModelRefused, TakeReady
from daw_bridge.generator_process import GeneratorProcess
from generator.checkpoint import (
    DECODER_FILE,
    MANIFEST_FILE,
    TRANSFORMER_FILE,
    WEIGHTS_FILE,
    read_checkpoint,
    write_checkpoint,
)
from generator.errors import CheckpointError
from generator.loading import load_generator
from tests.daw_bridge.test_generator_process import KICK, LONG, Listener, audio_of
from tests.daw_bridge.test_generator_process import process as process  # a fixture
from tests.models import tiny_checkpoint


def verdict(listener: Listener, job_id: int) -> ModelLoaded | ModelRefused:
    def found(events: list[object]) -> list[ModelLoaded | ModelRefused]:
        kinds = [e for e in events if isinstance(e, ModelLoaded | ModelRefused)]
        return [e for e in kinds if e.job_id == job_id]

    return found([*listener.until(lambda events: bool(found([*events])))])[0]


def test_the_old_model_plays_until_the_new_one_takes_over(
    process: GeneratorProcess, tmp_path: Path
) -> None:
    old, new = (
        tiny_checkpoint(tmp_path / name, seed=seed, name=name).folder
        for seed, name in ((1, "old"), (2, "new"))
    )
    listener = Listener(process)
    process.start(str(old))
    listener.ready()
    process.submit(1, LONG)
    process.submit(2, KICK)
    listener.begun(1)
    process.try_model(7, str(new))
    # What was begun is ended by the model that began it.
    long_take = audio_of(listener.ending_of(1))
    np.testing.assert_array_equal(long_take, load_generator(old, threads=1).generate(LONG).audio)
    loaded = verdict(listener, 7)
    assert isinstance(loaded, ModelLoaded)
    assert (loaded.asked, loaded.model) == (str(new), "new")
    audio_of(listener.ending_of(2))
    process.submit(3, KICK)
    np.testing.assert_array_equal(
        audio_of(listener.ending_of(3)), load_generator(new, threads=1).generate(KICK).audio
    )


def test_a_model_that_was_left_never_plays(process: GeneratorProcess, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "new").folder
    listener = Listener(process)
    process.start("tone")
    listener.ready()
    process.try_model(7, str(folder))
    process.leave_model(7)
    process.try_model(8, str(folder))
    process.try_model(9, str(folder))
    assert isinstance(verdict(listener, 9), ModelLoaded)
    verdicts = [e for e in listener.events if isinstance(e, ModelLoaded | ModelRefused)]
    assert [event.job_id for event in verdicts] == [9]


def test_a_model_that_dies_for_good_gives_way_to_the_one_before(
    process: GeneratorProcess, tmp_path: Path
) -> None:
    folder = tiny_checkpoint(tmp_path / "new").folder
    listener = Listener(process)
    process.start("tone")
    listener.ready()
    process.try_model(7, str(folder))
    assert isinstance(verdict(listener, 7), ModelLoaded)
    (folder / MANIFEST_FILE).write_text("{}")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    listener.ready(2)
    process.submit(1, KICK)
    np.testing.assert_array_equal(
        audio_of(listener.ending_of(1)), load_generator("tone").generate(KICK).audio
    )


# ── hostile checkpoints ──────────────────────────────────────────────────────
def truncated(folder: Path) -> None:
    path = folder / DECODER_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def tampered(folder: Path) -> None:
    path = folder / TRANSFORMER_FILE
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _rewrite(folder: Path, name: str, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change a graph and seal the folder anew, as somebody who means harm would."""
    manifest = read_checkpoint(folder).manifest
    model = onnx.load(str(folder / name))
    change(model)
    (folder / name).write_bytes(model.SerializeToString())
    write_checkpoint(folder, manifest, list(manifest.files))


def _replace_weight(model: onnx.ModelProto, name: str, value: np.ndarray) -> None:
    for weight in model.graph.initializer:
        if weight.name == name:
            weight.CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))


def of_other_shape(folder: Path) -> None:
    wrong = np.ones((7, 5))
    _rewrite(folder, TRANSFORMER_FILE, lambda m: _replace_weight(m, "text_weight", wrong))


def without_numbers(folder: Path) -> None:
    nothing = np.array(np.nan)
    _rewrite(folder, TRANSFORMER_FILE, lambda m: _replace_weight(m, "small", nothing))


def with_an_outside_path(folder: Path) -> None:
    def point_outside(model: onnx.ModelProto) -> None:
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        entry = weight.external_data.add()
        entry.key, entry.value = "location", "../../../../etc/passwd"

    _rewrite(folder, TRANSFORMER_FILE, point_outside)


def with_a_name_outside(folder: Path) -> None:
    content = json.loads((folder / MANIFEST_FILE).read_text())
    content["files"]["../../etc/passwd"] = content["files"][DECODER_FILE]
    (folder / MANIFEST_FILE).write_text(json.dumps(content))


def with_words_without_end(folder: Path) -> None:
    content = json.loads((folder / MANIFEST_FILE).read_text())
    content |= {f"field\n{number}\ud800": 0 for number in range(20_000)}
    (folder / MANIFEST_FILE).write_text(json.dumps(content))


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self.path, "ran")


def with_a_pickle(folder: Path) -> None:
    manifest = read_checkpoint(folder).manifest
    (folder / WEIGHTS_FILE).write_bytes(pickle.dumps(Bomb(folder.parent / "ran")))
    kept = [name for name in manifest.files if name not in {TRANSFORMER_FILE, DECODER_FILE}]
    write_checkpoint(folder, manifest, [*kept, WEIGHTS_FILE])


HOSTILE: tuple[tuple[Callable[[Path], None], str], ...] = (
    (truncated, "not the one that was written"),
    (tampered, "not the one that was written"),
    (of_other_shape, "Incompatible dimensions"),
    (without_numbers, "first take failed. The model made numbers that are no sound"),
    (with_an_outside_path, "another file"),
    (with_a_name_outside, "only .onnx"),
    (with_words_without_end, "unknown fields"),
)


def test_hostile_checkpoints_are_refused_and_the_old_model_plays_on(
    process: GeneratorProcess, tmp_path: Path
) -> None:
    listener = Listener(process)
    process.start(str(tiny_checkpoint(tmp_path / "good").folder))
    process.submit(1, KICK)
    before = audio_of(listener.ending_of(1))
    for job_id, (spoil, text) in enumerate(HOSTILE, 10):
        folder = tiny_checkpoint(tmp_path / spoil.__name__).folder
        spoil(folder)
        process.try_model(job_id, str(folder))
        refused = verdict(listener, job_id)
        assert isinstance(refused, ModelRefused), spoil.__name__
        assert text in refused.text
        # Any controller must be able to show it.
        assert refused.text.isprintable()
        assert len(refused.text) < 1000
        process.submit(job_id, KICK)
        event = listener.ending_of(job_id)
        assert isinstance(event, TakeReady)
        np.testing.assert_array_equal(audio_of(event), before)


def test_a_pickle_in_the_place_of_weights_is_never_run(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "pickled").folder
    with_a_pickle(folder)
    with pytest.raises(CheckpointError, match="no weights"):
        load_generator(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["no such model", "", "/dev/null"])
def test_what_is_no_model_is_refused(process: GeneratorProcess, name: str) -> None:
    listener = Listener(process)
    process.start("tone")
    process.try_model(1, name)
    assert isinstance(verdict(listener, 1), ModelRefused)

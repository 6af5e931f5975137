"""Laws of an imported model's export: it says what its modules say, and plays without torch."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from generator.api import Base, GenerationRequest, hear
from generator.checkpoint import (
    MANIFEST_FILE,
    SOUND_ENCODER_FILE,
    TRANSFORMER_FILE,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from generator.errors import CheckpointError, RequestError
from generator.loading import load_generator
from generator.stable_audio.files import FAMILY, KNOWN_LICENCE, open_folder
from generator.stable_audio.onnx_networks import FACES
from generator.stable_audio.sizes import ClipSizes
from generator.stable_audio.weights import load_model
from tests.generator.stable_audio.published import Published, publish
from training.export_stable_audio import main, seal, write_graphs
from training.onnx_graphs import signal_to_noise_db

SIZES = [part.name for part in fields(ClipSizes)]
REQUEST = GenerationRequest("warm pad", 3, 1.0, steps=2, tempo_bpm=120)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("open-small"))


@pytest.fixture(scope="module")
def graphs(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    write_graphs(load_model(open_folder(published.folder)), folder)
    return folder


@pytest.fixture(scope="module", params=["fp32", "int8"])
def exported(
    request: pytest.FixtureRequest,
    published: Published,
    graphs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Checkpoint:
    brought = open_folder(published.folder)
    folder = tmp_path_factory.mktemp("exported") / request.param
    return seal(load_model(brought), brought, graphs, folder, quantised=request.param == "int8")


def is_int8(checkpoint: Checkpoint) -> bool:
    return checkpoint.manifest.precision.startswith("int8")


def test_graphs_say_what_their_modules_say(exported: Checkpoint) -> None:
    """At lengths that were not traced; 90 dB is four and a half digits."""
    levels = exported.manifest.metrics
    assert set(levels) == {f"{name.removesuffix('.onnx')} SNR dB" for name in FACES}
    assert min(levels.values()) > (20.0 if is_int8(exported) else 90.0)
    assert levels["decoder SNR dB"] > 90.0


def test_a_take_is_near_that_of_torch(exported: Checkpoint, published: Published) -> None:
    edge = load_generator(exported.folder, threads=1)
    found = edge.generate(REQUEST).audio
    wanted = load_generator(published.folder).generate(REQUEST).audio
    # Random networks pass every error on; trained ones lose more of it.
    assert signal_to_noise_db(wanted, found) > (8.0 if is_int8(exported) else 60.0)
    np.testing.assert_array_equal(edge.generate(REQUEST).audio, found)


def test_int8_is_smaller(exported: Checkpoint, graphs: Path) -> None:
    full_bytes = (graphs / TRANSFORMER_FILE).stat().st_size
    size_bytes = exported.manifest.files[TRANSFORMER_FILE].size_bytes
    assert size_bytes < 0.4 * full_bytes if is_int8(exported) else size_bytes == full_bytes


def test_the_licence_goes_with_the_copy(exported: Checkpoint) -> None:
    assert [licence.licence for licence in exported.manifest.licences] == [KNOWN_LICENCE]


def test_it_plays_where_there_is_no_torch(exported: Checkpoint) -> None:
    code = (
        "import sys; from generator.loading import load_generator as l;"
        "from generator.api import GenerationRequest as R;"
        f"print(len(l({str(exported.folder)!r}).generate(R('kick', 1, 0.5)).audio));"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["22050", "False"]


def test_what_was_tampered_with_is_refused(exported: Checkpoint, tmp_path: Path) -> None:
    for file in exported.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / TRANSFORMER_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match="not the one that was written"):
        load_generator(tmp_path)


@pytest.mark.parametrize("sizes", [{}, {"channels": 4}, dict.fromkeys(SIZES, 10**9)])
def test_a_clip_without_sizes_is_refused(
    exported: Checkpoint, tmp_path: Path, sizes: dict[str, int]
) -> None:
    for file in exported.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    content["architecture"] = {FAMILY: sizes}
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="sizes of its clip"):
        load_generator(tmp_path)


def test_swapped_graphs_are_refused(exported: Checkpoint, tmp_path: Path) -> None:
    for file in exported.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    manifest = read_checkpoint(exported.folder).manifest
    (tmp_path / TRANSFORMER_FILE).write_bytes((exported.path("decoder.onnx")).read_bytes())
    write_checkpoint(tmp_path, manifest, list(manifest.files))
    with pytest.raises(CheckpointError, match="speaks of latents"):
        load_generator(tmp_path)


def test_an_export_begins_from_the_sound_that_torch_begins_from(
    exported: Checkpoint, published: Published
) -> None:
    request = replace(REQUEST, steps=1)
    sound = np.random.default_rng(1).normal(0, 0.2, (request.frames, 2)).astype(np.float32)
    takes = []
    for generator in (load_generator(exported.folder), load_generator(published.folder)):
        base = Base(hear(generator, sound), 0.1)
        takes.append(generator.generate(replace(request, base=base)).audio)
    assert signal_to_noise_db(takes[1], takes[0]) > (30 if is_int8(exported) else 80)


def test_an_export_without_an_encoder_plays_but_does_not_hear(
    exported: Checkpoint, tmp_path: Path
) -> None:
    manifest = read_checkpoint(exported.folder).manifest
    names = [name for name in manifest.files if name != SOUND_ENCODER_FILE]
    for name in names:
        (tmp_path / name).write_bytes(exported.path(name).read_bytes())
    write_checkpoint(tmp_path, manifest, names)
    generator = load_generator(tmp_path)
    assert generator.generate(REQUEST).audio.any()
    with pytest.raises(RequestError, match="Export it again"):
        hear(generator, np.ones((1000, 2), np.float32))


def test_an_encoder_that_is_gone_when_it_is_wanted_is_told(
    exported: Checkpoint, tmp_path: Path
) -> None:
    for file in exported.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    generator = load_generator(tmp_path)
    sound = np.random.default_rng(1).normal(0, 0.2, (1000, 2)).astype(np.float32)
    base = Base(hear(generator, sound), 0.5)
    (tmp_path / SOUND_ENCODER_FILE).unlink()
    with pytest.raises(CheckpointError, match=r"encoder\.onnx of the checkpoint"):
        generator.generate(replace(REQUEST, base=base))
    assert generator.generate(REQUEST).audio.any()


def test_the_command_refuses_in_words(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert "no Stable Audio model" in capsys.readouterr().err
    (tmp_path / "model_config.json").write_text("{}")
    assert main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert KNOWN_LICENCE in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

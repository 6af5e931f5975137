"""Laws of opening what a user brings: the same take from either format, and nothing run from it."""

import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.api import Base, FloatArray, GenerationRequest, hear
from generator.errors import CheckpointError, RequestError
from generator.finishing import finish
from generator.loading import load_generator
from generator.memory import SoundMemory
from generator.stable_audio.files import KNOWN_LICENCE, LICENCE_FILE, open_folder
from generator.stable_audio.pipeline import StableAudioGenerator
from tests.generator.stable_audio.published import TEXT_MODEL, Published

REQUEST = GenerationRequest("warm pad", 3, 0.3, steps=2, tempo_bpm=120, key="Am")
WEIGHTS = "model.safetensors"


def test_a_folder_becomes_a_generator(published: Published) -> None:
    generator = load_generator(published.folder)
    take = generator.generate(REQUEST)
    assert take.audio.shape == (REQUEST.frames, 2)
    assert np.isfinite(take.audio).all()
    assert np.abs(take.audio).max() > 0.1
    np.testing.assert_array_equal(generator.generate(REQUEST).audio, take.audio)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"prompt": "kick"},
        {"seconds": 0.31},
        {"steps": 1},
        {"key": "C"},
        {"tempo_bpm": 90},
    ],
)
def test_a_take_follows_from_its_request(published: Published, change: dict[str, Any]) -> None:
    generator = load_generator(published.folder)
    fields = {"prompt": "warm pad", "seed": 3, "seconds": 0.3, "steps": 2, "tempo_bpm": 120,
              "key": "Am"}  # fmt: skip
    other = generator.generate(GenerationRequest(**(fields | change)))  # type: ignore[arg-type]
    frames = min(len(other.audio), REQUEST.frames)
    assert not np.array_equal(other.audio[:frames], generator.generate(REQUEST).audio[:frames])


def test_a_take_longer_than_the_clip_is_refused(published: Published) -> None:
    generator = load_generator(published.folder)
    with pytest.raises(RequestError, match=r"at most 2\.3 seconds"):
        generator.generate(GenerationRequest("pad", 1, 2.4))


def test_a_take_from_a_take_keeps_what_it_should(published: Published) -> None:
    generator = load_generator(published.folder)
    first = GenerationRequest("warm pad", 3, 2.0, steps=2)
    source = generator.generate(first).audio

    def distance(base: Base, part: slice = slice(None)) -> float:
        other = generator.generate(replace(first, seed=4, base=base)).audio
        # Each take is brought to a level of its own.
        a, b = other[part].ravel(), source[part].ravel()
        return 1.0 - float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))

    faint, bold = (distance(Base(first.identity, change)) for change in (0.02, 1.0))
    assert faint < 0.25 * bold
    keep = Base(first.identity, 1.0, ((0.0, 1.0),))
    middle, end = slice(0, 40_000), slice(48_000, 88_000)
    assert distance(keep, middle) < 1e-3
    assert distance(keep, end) > 0.1


def noise_burst(frames: int, seed: int) -> FloatArray:
    noise = np.random.default_rng(seed).normal(0.0, 0.2, (frames, 2)).astype(np.float32)
    noise[:, 1] *= 0.5
    return noise


def likeness(a: FloatArray, b: FloatArray) -> float:
    """The cosine between two sounds: each take is brought to a level of its own."""
    return float((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_a_take_from_a_sound_is_near_what_the_autoencoder_makes_of_it(published: Published) -> None:
    generator = load_generator(published.folder)
    assert isinstance(generator, StableAudioGenerator)
    request = GenerationRequest("warm pad", 3, 2.0)
    sound = noise_burst(request.frames, 1)
    memory = SoundMemory()
    levelled = memory.recall(memory.keep(sound))
    assert levelled is not None
    rest = ((0, generator.sizes.frames - len(sound)), (0, 0))
    coded = generator.networks.decode(generator.networks.hear(np.pad(levelled, rest)))
    identity = hear(generator, sound)
    takes = [
        generator.generate(replace(request, base=Base(identity, change))).audio
        for change in (0.02, 0.3, 1.0)
    ]
    faint, middle, bold = (likeness(take, finish(coded, request)) for take in takes)
    assert faint > 0.95
    assert faint > middle > bold
    np.testing.assert_array_equal(takes[2], generator.generate(request).audio)


@pytest.mark.parametrize("loop", [False, True])
def test_only_what_fills_the_take_is_heard_of_a_sound(published: Published, loop: bool) -> None:
    generator = load_generator(published.folder)
    request = GenerationRequest("warm pad", 3, 1.0, loop=loop)
    sound = noise_burst(request.frames, 1)
    longer = np.concatenate([sound, sound[::-1]])
    one, other = (
        generator.generate(replace(request, base=Base(hear(generator, heard), 0.2))).audio
        for heard in (sound, longer)
    )
    # Their levels are set before they are cut, so that the two may differ by a rounding.
    assert likeness(one, other) > 0.999


def test_silence_is_nothing_to_begin_from(published: Published) -> None:
    generator = load_generator(published.folder)
    with pytest.raises(RequestError, match="silent"):
        hear(generator, np.zeros((1000, 2), np.float32))


@pytest.mark.parametrize("fields", [{"is_open": True}, {"follows": "0" * 32}])
def test_what_the_model_cannot_do_is_refused(published: Published, fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="takes that end"):
        load_generator(published.folder).generate(GenerationRequest("pad", 1, 0.5, **fields))


def test_both_formats_are_the_same_take(published: Published, brought: Path) -> None:
    tensors = load_file(brought / WEIGHTS)
    (brought / WEIGHTS).unlink()
    torch.save({"state_dict": tensors, "epoch": 3}, brought / "model.ckpt")
    text = brought / TEXT_MODEL / WEIGHTS
    torch.save(load_file(text), brought / TEXT_MODEL / "pytorch_model.bin")
    text.unlink()
    np.testing.assert_array_equal(
        load_generator(brought).generate(REQUEST).audio,
        load_generator(published.folder).generate(REQUEST).audio,
    )


def test_the_new_names_of_weight_norm_are_known(published: Published, brought: Path) -> None:
    tensors = load_file(brought / WEIGHTS)
    (brought / WEIGHTS).unlink()
    stem = "parametrizations.weight.original"
    renamed = {
        name.replace("weight_g", f"{stem}0").replace("weight_v", f"{stem}1"): value
        for name, value in tensors.items()
    }
    assert set(renamed) != set(tensors)
    save_file(renamed, brought / WEIGHTS)
    np.testing.assert_array_equal(
        load_generator(brought).generate(REQUEST).audio,
        load_generator(published.folder).generate(REQUEST).audio,
    )


class Bomb:
    """Would write a file, were it unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.path, "ran")


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("part", ["", TEXT_MODEL])
def test_a_file_that_would_run_a_program_is_refused(
    brought: Path, tmp_path: Path, part: str, *, plain: bool
) -> None:
    mark = tmp_path / "ran"
    (brought / part / WEIGHTS).unlink()
    path = brought / part / ("pytorch_model.bin" if part else "model.ckpt")
    content = {"state_dict": {"a": torch.zeros(2)}, "callback": Bomb(mark)}
    if plain:
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path)
    with pytest.raises(CheckpointError, match="could run any program") as refused:
        load_generator(brought)
    # Torch tells how to run it all the same.
    assert "weights_only" not in str(refused.value)
    assert not mark.exists()
    # The same file does run its program where it is trusted.
    if not plain:
        torch.load(path, weights_only=False)
        assert mark.exists()


def test_a_packed_file_is_not_unpacked(brought: Path, tmp_path: Path) -> None:
    (brought / WEIGHTS).unlink()
    torch.save({"a": torch.zeros(2)}, tmp_path / "small.ckpt")
    with (
        zipfile.ZipFile(tmp_path / "small.ckpt") as small,
        zipfile.ZipFile(brought / "model.ckpt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in small.namelist():
            packed.writestr(name, bytes(2**22) if name.endswith("/data.pkl") else small.read(name))
    with pytest.raises(CheckpointError, match="is packed"):
        load_generator(brought)


def test_only_plain_tensors_of_a_checkpoint_are_weights(brought: Path) -> None:
    tensors: dict[Any, Any] = dict(load_file(brought / WEIGHTS))
    (brought / WEIGHTS).unlink()
    torch.save(tensors | {3: torch.zeros(1), "step": 7}, brought / "model.ckpt")
    assert load_generator(brought).generate(REQUEST).audio.any()
    torch.save(tensors | {NAME: tensors[NAME].to_sparse()}, brought / "model.ckpt")
    with pytest.raises(CheckpointError, match=r"to_qkv\.weight is missing"):
        load_generator(brought)


def test_a_tokeniser_of_another_encoder_is_refused(brought: Path) -> None:
    path = brought / TEXT_MODEL / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"] += [[f"word {number}", -1.0] for number in range(9)]
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="belongs to it"):
        load_generator(brought)


def rewritten(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    (folder / WEIGHTS).unlink()
    save_file(tensors, folder / WEIGHTS)


NAME = "model.model.transformer.layers.1.self_attn.to_qkv.weight"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda tensors: tensors.pop(NAME), "to_qkv.weight is missing"),
        (lambda tensors: tensors.update({NAME: torch.zeros(3, 3)}), r"\[3, 3\] where \[384, 128\]"),
        (lambda tensors: tensors[NAME].fill_(float("nan")), "no number"),
        (
            lambda tensors: tensors.update(
                {NAME: torch.full((384, 128), float("nan")).to(torch.float8_e4m3fn)}
            ),
            "no number",
        ),
        (lambda tensors: tensors.update({NAME: tensors[NAME].int()}), "torch.int32"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    brought: Path, change: Callable[[dict[str, Tensor]], None], text: str
) -> None:
    rewritten(brought, change)
    with pytest.raises(CheckpointError, match=text):
        load_generator(brought)


@pytest.mark.parametrize("keep", [0, 7, 1000])
@pytest.mark.parametrize("name", [WEIGHTS, "model.ckpt"])
def test_cut_off_weights_are_refused(brought: Path, name: str, keep: int) -> None:
    whole = (brought / WEIGHTS).read_bytes()
    if name == "model.ckpt":
        torch.save(load_file(brought / WEIGHTS), brought / name)
        whole = (brought / name).read_bytes()
    (brought / WEIGHTS).unlink()
    (brought / name).write_bytes(whole[:keep])
    with pytest.raises(CheckpointError):
        load_generator(brought)


@pytest.mark.parametrize(
    ("module", "text"), [(None, "not installed"), (ModuleType("opening"), "does not start here")]
)
def test_it_is_told_whether_torch_is_missing_or_broken(
    brought: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType | None, text: str
) -> None:
    monkeypatch.setitem(sys.modules, "generator.stable_audio.opening", module)
    with pytest.raises(CheckpointError, match=text):
        load_generator(brought)


def test_nobody_confirms_the_licence_of_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no model_config\.json"):
        open_folder(tmp_path)


def test_the_licence_must_be_confirmed_by_its_name(brought: Path) -> None:
    for content in (None, "", "  \n"):
        (brought / LICENCE_FILE).unlink(missing_ok=True)
        if content is not None:
            (brought / LICENCE_FILE).write_text(content)
        with pytest.raises(CheckpointError, match=KNOWN_LICENCE) as refused:
            load_generator(brought)
        assert f'> "{brought / LICENCE_FILE}"' in str(refused.value)


@pytest.mark.parametrize(
    "missing", [WEIGHTS, f"{TEXT_MODEL}/{WEIGHTS}", f"{TEXT_MODEL}/config.json",
                f"{TEXT_MODEL}/tokenizer.json"]
)  # fmt: skip
def test_a_missing_file_is_named(brought: Path, missing: str) -> None:
    (brought / missing).unlink()
    with pytest.raises(CheckpointError, match=missing.rpartition("/")[2]):
        load_generator(brought)


def edit(folder: Path, path: str, value: object) -> None:
    """Set, or delete where the value is None, one place of model_config.json."""
    file = folder / "model_config.json"
    content = json.loads(file.read_text())
    *way, last = path.split(".")
    place = content
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    file.write_text(json.dumps(content))


DIT = "model.diffusion.config"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("model_type", "autoencoder", "diffusion_cond"),
        ("sample_rate", 48_000, "44100"),
        ("sample_size", "long", "type int"),
        ("sample_size", 3, "shorter than one latent"),
        ("model", [], "no object"),
        ("model.diffusion.diffusion_objective", "v", "rf_denoiser"),
        ("model.diffusion.type", "unet", "dit"),
        ("model.diffusion.prepend_cond_ids", ["prompt"], "prepend_cond_ids"),
        ("model.diffusion.cross_attention_cond_ids", ["mood"], "mood"),
        ("model.diffusion.cross_attention_cond_ids", ["seconds_total"], "read by attention"),
        (f"{DIT}.global_cond_type", "adaLN", "prepend"),
        (f"{DIT}.num_memory_tokens", 64, "num_memory_tokens"),
        (f"{DIT}.attn_kwargs", {"qk_norm": "ln", "differential": True}, "differential"),
        (f"{DIT}.flux", 1, "flux"),
        (f"{DIT}.num_heads", 3, "heads"),
        (f"{DIT}.num_heads", True, "type int"),
        (f"{DIT}.embed_dim", -8, "at least 1"),
        (f"{DIT}.depth", 10**9, "too large"),
        (f"{DIT}.io_channels", 8, "agree"),
        (f"{DIT}.cond_token_dim", 100, "width"),
        (f"{DIT}.depth", None, "depth"),
        ("model.pretransform.config.decoder.config.strides", [8, 4, 4, 2], "other sizes"),
        ("model.pretransform.config.decoder.config.use_snake", False, "use_snake"),
        ("model.pretransform.config.bottleneck.type", "rvq", "vae"),
        ("model.conditioning.configs.0.type", "clap_text", "t5"),
        ("model.conditioning.configs.0.config.t5_model_name", "../../etc", "missing"),
        ("model.conditioning.configs.1.id", "mood", "mood"),
        ("model.conditioning.configs.1.config.max_val", -1, "goes from"),
    ],
)
def test_another_kind_of_model_is_refused_by_name(
    brought: Path, path: str, value: object, text: str
) -> None:
    edit(brought, path, value)
    with pytest.raises(CheckpointError, match=text):
        load_generator(brought)


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, "{}", '{"a": NaN}'])
def test_a_damaged_configuration_is_refused(brought: Path, content: str) -> None:
    for file in (brought / "model_config.json", brought / TEXT_MODEL / "config.json",
                 brought / TEXT_MODEL / "tokenizer.json"):  # fmt: skip
        good = file.read_text()
        file.write_text(content)
        with pytest.raises(CheckpointError):
            load_generator(brought)
        file.write_text(good)


def test_depth_and_tanh_of_the_configuration_are_obeyed(brought: Path) -> None:
    plain = load_generator(brought).generate(REQUEST).audio
    edit(brought, "model.pretransform.config.decoder.config.final_tanh", value=True)
    bent = load_generator(brought).generate(REQUEST).audio
    assert not np.allclose(plain, bent)
    edit(brought, f"{DIT}.depth", 1)
    assert not np.allclose(load_generator(brought).generate(REQUEST).audio, bent)

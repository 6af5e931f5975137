"""Reads `model_config.json` and the text encoder's `config.json` into sizes.

The published layout is read strictly: a setting that would change the sound and that we do not know
is refused by its name, never skipped. Knows no torch; weights.py fills what is described here.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from generator.api import CHANNELS, MAX_SECONDS, SAMPLE_RATE_HZ
from generator.errors import CheckpointError
from generator.stable_audio.sizes import (
    MAX_SIZE,
    AutoencoderSizes,
    NumberRange,
    StableAudioConfig,
    TextSizes,
    TransformerSizes,
)

CONFIG_FILE = "model_config.json"
TEXT_CONFIG_FILE = "config.json"
MAX_CONFIG_BYTES = 1_000_000
MAX_LAYERS = 200

T = TypeVar("T")


class _Section:
    """One object of the file; every key must be asked for, or the file is refused."""

    def __init__(self, content: object, place: str) -> None:
        if not isinstance(content, dict):
            raise CheckpointError(f"{place} is no object but {content!r:.60}.")
        self._content: dict[str, Any] = dict(content)
        self._place = place

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self._content.pop(key, default)
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise CheckpointError(
                f"{self._place} has {key!r} = {value!r:.60}; a value of type {kind.__name__} is "
                "needed there."
            )
        return kind(value)  # type: ignore[call-arg]

    def count(self, key: str, default: int | None = None, *, most: int = MAX_SIZE) -> int:
        value = self.take(key, int, default)
        if value < 1:
            raise CheckpointError(f"{self._place} has {key!r} = {value}; it must be at least 1.")
        if value > most:
            raise CheckpointError(f"{self._place} has {key!r} = {value}, which is too large.")
        return value

    def counts(self, key: str) -> tuple[int, ...]:
        values = self.take(key, list)
        if not 0 < len(values) < MAX_LAYERS or not all(map(_is_size, values)):
            raise CheckpointError(f"{self._place} has {key!r} = {values!r:.60}; give counts.")
        return tuple(values)

    def names(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise CheckpointError(f"{self._place} has {key!r} = {values!r:.60}; give names.")
        return tuple(values)

    def section(self, key: str) -> "_Section":
        return _Section(self._content.pop(key, None), f"{self._place}.{key}")

    def expect(self, key: str, *allowed: object, default: object = None) -> Any:
        value = self._content.pop(key, default)
        if value not in allowed:
            raise CheckpointError(
                f"{self._place} has {key!r} = {value!r:.60}; this program knows "
                f"{' and '.join(map(repr, allowed))}."
            )
        return value

    def skip(self, *keys: str) -> None:
        for key in keys:
            self._content.pop(key, None)

    def end(self) -> None:
        if self._content:
            raise CheckpointError(
                f"{self._place} has settings that this program does not know: "
                f"{', '.join(sorted(self._content))}."
            )


def _is_size(value: object) -> bool:
    return type(value) is int and 0 < value <= MAX_SIZE


def read_config(folder: Path) -> StableAudioConfig:
    """Read a model's configuration.

    Args:
        folder: Where CONFIG_FILE lies.

    Returns:
        The sizes of everything that must be built.

    Raises:
        CheckpointError: The file is missing, damaged, or describes another kind of model.
    """
    return _read(folder / CONFIG_FILE, _config_of)


def read_text_sizes(folder: Path) -> TextSizes:
    """Read the sizes of a T5 encoder.

    Args:
        folder: Where TEXT_CONFIG_FILE lies.

    Returns:
        Its sizes.

    Raises:
        CheckpointError: The file is missing, damaged, or describes no T5 of the first kind.
    """
    return _read(folder / TEXT_CONFIG_FILE, _text_sizes_of)


def _read(path: Path, parse: Callable[[_Section], T]) -> T:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise CheckpointError(f"{path} is no configuration: over {MAX_CONFIG_BYTES} bytes.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    return parse(_Section(content, path.name))


def _config_of(top: _Section) -> StableAudioConfig:
    top.expect("model_type", "diffusion_cond")
    top.expect("sample_rate", SAMPLE_RATE_HZ)
    top.expect("audio_channels", CHANNELS, default=CHANNELS)
    clip_frames = top.count("sample_size", most=int(MAX_SECONDS * SAMPLE_RATE_HZ))
    model = top.section("model")
    autoencoder = _autoencoder_of(model.section("pretransform"))
    channels = model.count("io_channels")
    conditioning = model.section("conditioning")
    condition_width = conditioning.count("cond_dim")
    text, numbers = _conditions_of(conditioning.take("configs", list))
    conditioning.skip("default_keys", "pre_encoded_keys")
    conditioning.end()
    diffusion = model.section("diffusion")
    diffusion.expect("type", "dit")
    diffusion.expect("diffusion_objective", "rectified_flow", "rf_denoiser")
    transformer = _transformer_of(diffusion.section("config"))
    cross_ids = diffusion.names("cross_attention_cond_ids")
    global_ids = diffusion.names("global_cond_ids")
    diffusion.expect("input_concat_ids", [], default=[])
    diffusion.expect("prepend_cond_ids", [], default=[])
    diffusion.end()
    # How it was trained does not change how it sounds.
    model.end()
    config = StableAudioConfig(
        transformer, autoencoder, *text, condition_width, numbers, cross_ids, global_ids,
        clip_frames,
    )  # fmt: skip
    _check_whole(config, channels)
    return config


def _check_whole(config: StableAudioConfig, channels: int) -> None:
    transformer, latents = config.transformer, config.autoencoder.latent_channels
    if not channels == transformer.channels == latents:
        raise CheckpointError(
            f"{CONFIG_FILE} gives the latents {channels}, {transformer.channels} and {latents} "
            "channels in three places; they must agree."
        )
    if transformer.width % transformer.heads:
        raise CheckpointError(
            f"{CONFIG_FILE} splits a width of {transformer.width} into {transformer.heads} heads, "
            "which leaves a rest."
        )
    known = {config.text_id, *config.numbers}
    unknown = {*config.cross_ids, *config.global_ids} - known
    if unknown or config.text_id not in config.cross_ids or config.text_id in config.global_ids:
        raise CheckpointError(
            f"{CONFIG_FILE} lets the transformer read {', '.join(config.cross_ids)} and "
            f"{', '.join(config.global_ids)}; the conditions are {', '.join(sorted(known))}, and "
            "the text is read by attention."
        )
    widths = (transformer.condition_width, transformer.global_width)
    if widths != (config.condition_width, config.condition_width * len(config.global_ids)):
        raise CheckpointError(
            f"{CONFIG_FILE} has conditions of width {config.condition_width} where the "
            f"transformer reads {widths[0]} and {widths[1]}."
        )
    if config.clip.latent_frames < 1:
        raise CheckpointError(f"{CONFIG_FILE} has a clip shorter than one latent frame.")


def _transformer_of(section: _Section) -> TransformerSizes:
    section.expect("transformer_type", "continuous_transformer", default="continuous_transformer")
    section.expect("global_cond_type", "prepend", default="prepend")
    section.expect("timestep_cond_type", "global", default="global")
    section.expect("patch_size", 1, default=1)
    section.expect("project_cond_tokens", True, default=True)
    section.expect("project_global_cond", True, default=True)
    section.expect("num_memory_tokens", 0, default=0)
    section.skip("zero_init_branch_outputs", "diffusion_objective")
    attention = _Section(section.take("attn_kwargs", dict, {}), "attn_kwargs")
    norm = attention.expect("qk_norm", "ln", "none", default="none")
    attention.end()
    sizes = TransformerSizes(
        channels=section.count("io_channels"),
        width=section.count("embed_dim"),
        depth=section.count("depth", most=MAX_LAYERS),
        heads=section.count("num_heads"),
        condition_width=section.count("cond_token_dim"),
        global_width=section.count("global_cond_dim"),
        qk_norm=norm == "ln",
    )
    section.end()
    return sizes


def _autoencoder_of(section: _Section) -> AutoencoderSizes:
    section.expect("type", "autoencoder")
    # These choose a precision or spare memory; the sound is the same.
    section.skip("iterate_batch", "model_half", "chunked", "enable_grad")
    scale = section.take("scale", float, 1.0)
    config = section.section("config")
    section.end()
    latent_channels = config.count("latent_dim")
    hop_frames = config.count("downsampling_ratio")
    config.expect("io_channels", CHANNELS)
    bottleneck = config.section("bottleneck")
    bottleneck.expect("type", "vae")
    bottleneck.skip("config", "requires_grad")
    bottleneck.end()
    encoder = _half_of(config.section("encoder"), "in_channels", 2 * latent_channels)
    decoder = _half_of(config.section("decoder"), "out_channels", latent_channels)
    config.end()
    sizes = AutoencoderSizes(*decoder[:3], latent_channels, decoder[3], scale)
    if encoder[:3] != decoder[:3] or sizes.hop_frames != hop_frames:
        raise CheckpointError(
            f"{CONFIG_FILE} has an encoder and a decoder of other sizes, or strides that do not "
            f"make {hop_frames} frames."
        )
    return sizes


def _half_of(
    section: _Section, side: str, latents: int
) -> tuple[int, tuple[int, ...], tuple[int, ...], bool]:
    section.expect("type", "oobleck")
    section.skip("requires_grad")
    section.expect("soft_clip", False, default=False)
    config = section.section("config")
    section.end()
    config.expect(side, CHANNELS)
    config.expect("latent_dim", latents)
    config.expect("use_snake", True)
    config.expect("antialias_activation", False, default=False)
    config.expect("use_nearest_upsample", False, default=False)
    final_tanh = config.take("final_tanh", bool, True)
    half = (config.count("channels"), config.counts("c_mults"), config.counts("strides"))
    config.end()
    if len(half[1]) != len(half[2]):
        raise CheckpointError(f"{CONFIG_FILE} has {half[1]} and {half[2]}: give a stride for each.")
    return (*half, final_tanh)


def _conditions_of(
    entries: list[Any],
) -> tuple[tuple[str, str, int], dict[str, NumberRange]]:
    texts: list[tuple[str, str, int]] = []
    numbers: dict[str, NumberRange] = {}
    for position, entry in enumerate(entries):
        section = _Section(entry, f"conditioning.configs[{position}]")
        name = section.take("id", str)
        kind = section.expect("type", "t5", "number")
        config = section.section("config")
        section.end()
        if kind == "t5":
            config.expect("project_out", False, default=False)
            config.skip("enable_grad")
            model = config.take("t5_model_name", str, "t5-base")
            texts.append((name, model, config.count("max_length", 128)))
        else:
            low, high = config.take("min_val", float, 0.0), config.take("max_val", float, 1.0)
            if not low < high:
                raise CheckpointError(f"{CONFIG_FILE}: {name} goes from {low} to {high}.")
            numbers[name] = NumberRange(low, high)
        config.end()
    unknown = set(numbers) - {"seconds_start", "seconds_total"}
    if len(texts) != 1 or unknown:
        raise CheckpointError(
            f"{CONFIG_FILE} has {len(texts)} texts and the numbers {', '.join(sorted(numbers))} "
            "as conditions; this program knows one text, seconds_start and seconds_total."
        )
    return texts[0], numbers


def _text_sizes_of(top: _Section) -> TextSizes:
    top.expect("model_type", "t5")
    top.expect("feed_forward_proj", "relu", default="relu")
    return TextSizes(
        vocabulary=top.count("vocab_size"),
        width=top.count("d_model"),
        head_width=top.count("d_kv"),
        heads=top.count("num_heads"),
        hidden_width=top.count("d_ff"),
        layers=top.count("num_layers", most=MAX_LAYERS),
        buckets=top.count("relative_attention_num_buckets", 32),
        farthest=top.count("relative_attention_max_distance", 128),
        epsilon=top.take("layer_norm_epsilon", float, 1e-6),
    )

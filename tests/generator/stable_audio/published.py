"""The public package `stable-audio-tools` with random weights, as the oracle of these tests.

Installed without its dependencies (requirements-nodeps.txt). What its files import but these tests
never run (resampling, other samplers, other activations) is answered by empty modules while it is
imported; every line that is compared is its own.
"""

import contextlib
import importlib
import io
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor, nn

from generator.stable_audio.files import KNOWN_LICENCE, LICENCE_FILE

NEVER_RUN = {
    "alias_free_torch": ("Activation1d",),
    "einops_exts": ("rearrange_many",),
    "k_diffusion": (),
    "torchaudio": ("transforms",),
    "torchaudio.transforms": ("Resample",),
}
# The name decides the width that the package expects; everything else of it is small here.
TEXT_MODEL, TEXT_WIDTH = "t5-small", 512
TEXT_TOKENS = 12
CHANNELS, HOP_FRAMES, LATENT_FRAMES = 4, 256, 400
PIECES = ("<pad>", "</s>", "<unk>", "▁", "▁deep", "▁kick", "▁warm", "▁pad", "▁120", "▁bpm", ",")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#.-"

CONFIG: dict[str, Any] = {
    "model_type": "diffusion_cond",
    "sample_size": LATENT_FRAMES * HOP_FRAMES,
    "sample_rate": 44_100,
    "audio_channels": 2,
    "model": {
        "pretransform": {
            "type": "autoencoder",
            "iterate_batch": True,
            "config": {
                "encoder": {
                    "type": "oobleck",
                    "requires_grad": False,
                    "config": {
                        "in_channels": 2,
                        "channels": 4,
                        "c_mults": [1, 2, 4, 4],
                        "strides": [2, 4, 4, 8],
                        "latent_dim": 2 * CHANNELS,
                        "use_snake": True,
                    },
                },
                "decoder": {
                    "type": "oobleck",
                    "config": {
                        "out_channels": 2,
                        "channels": 4,
                        "c_mults": [1, 2, 4, 4],
                        "strides": [2, 4, 4, 8],
                        "latent_dim": CHANNELS,
                        "use_snake": True,
                        "final_tanh": False,
                    },
                },
                "bottleneck": {"type": "vae"},
                "latent_dim": CHANNELS,
                "downsampling_ratio": HOP_FRAMES,
                "io_channels": 2,
            },
        },
        "conditioning": {
            "configs": [
                {
                    "id": "prompt",
                    "type": "t5",
                    "config": {"t5_model_name": TEXT_MODEL, "max_length": TEXT_TOKENS},
                },
                {
                    "id": "seconds_total",
                    "type": "number",
                    "config": {"min_val": 0, "max_val": 256},
                },
            ],
            "cond_dim": TEXT_WIDTH,
        },
        "diffusion": {
            "cross_attention_cond_ids": ["prompt", "seconds_total"],
            "global_cond_ids": ["seconds_total"],
            "diffusion_objective": "rf_denoiser",
            "type": "dit",
            "config": {
                "io_channels": CHANNELS,
                "embed_dim": 128,
                "depth": 2,
                "num_heads": 2,
                "cond_token_dim": TEXT_WIDTH,
                "global_cond_dim": TEXT_WIDTH,
                "transformer_type": "continuous_transformer",
                "attn_kwargs": {"qk_norm": "ln"},
            },
        },
        "io_channels": CHANNELS,
    },
    "training": {"learning_rate": 1e-4},
}


@dataclass(frozen=True, slots=True)
class Published:
    """The package's own model and the folder in which its files lie, as a user would bring them."""

    model: Any
    sampling: Any
    folder: Path


def publish(folder: Path) -> Published:
    """Build the package's model with random weights everywhere and write its files."""
    torch.manual_seed(7)
    write_text_encoder(folder / TEXT_MODEL)
    (folder / "model_config.json").write_text(json.dumps(CONFIG))
    (folder / LICENCE_FILE).write_text(KNOWN_LICENCE + "\n")
    with _stand_ins(), contextlib.chdir(folder), silence():
        factory = importlib.import_module("stable_audio_tools.models.factory")
        sampling = importlib.import_module("stable_audio_tools.inference.sampling")
        model = factory.create_model_from_config(json.loads(json.dumps(CONFIG)))
    fill_with_noise(model)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()},
              folder / "model.safetensors")  # fmt: skip
    return Published(model.eval().requires_grad_(False), sampling, folder)


def fill_with_noise(model: nn.Module) -> None:
    """Give every parameter a value of its own: layers that begin at zero would hide faults."""
    for name, value in model.named_parameters():
        with torch.no_grad():
            if name.endswith(("timestep_features.weight", "embedding.0.weights")):
                continue
            # A longer weight norm would make sines of large numbers, which magnify any rounding.
            is_length = name.endswith("weight_g")
            spread = 0.1 if value.ndim < 2 or is_length else (2.0 / value[0].numel()) ** 0.5
            centre = 0.5 if is_length else float(name.endswith(("gamma", "norm.weight")))
            value.copy_(centre + spread * torch.randn_like(value))


def write_text_encoder(folder: Path) -> None:
    """Write a small T5 with random weights and a tokeniser, as `transformers` would."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(PIECES) + len(LETTERS) + 3,
        d_model=TEXT_WIDTH,
        d_kv=16,
        d_ff=96,
        num_layers=2,
        num_heads=3,
    )
    encoder = T5EncoderModel(config)
    for value in encoder.parameters():
        torch.nn.init.normal_(value, std=0.1 if value.ndim > 1 else 1.0)
        # The package keeps this encoder in half precision: what is written must survive that.
        value.data = value.data.half().float()
    encoder.save_pretrained(folder)
    scores = [(piece, -1.0 - place / 100) for place, piece in enumerate((*PIECES, *LETTERS))]
    tokenizer = Tokenizer(models.Unigram(scores, PIECES.index("<unk>")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", PIECES.index("</s>"))]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "extra_ids": 0}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special})
    )


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Return the size of the difference over the size of what was wanted."""
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    """Let the package be imported without what it would need for other things."""
    made = []
    for name, members in NEVER_RUN.items():
        if name not in sys.modules:
            module = ModuleType(name)
            for member in members:
                setattr(module, member, None)
            sys.modules[name] = module
            made.append(name)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep the deprecations and the prints of the package out of our report."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield

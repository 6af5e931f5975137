"""Every stage of the imported model against the package that published it, in fp32."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.api import GenerationRequest
from generator.noise import seeded_noise
from generator.stable_audio.files import TOKENIZER_FILE, open_folder
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.opening import open_stable_audio
from generator.stable_audio.tokens import Pieces
from tests.generator.stable_audio.published import (
    CHANNELS,
    HOP_FRAMES,
    LATENT_FRAMES,
    TEXT_MODEL,
    TEXT_TOKENS,
    Published,
    relative_error,
    silence,
)

# What the project promises; fp32 rounds at 1e-7 an operation.
ALLOWED = 1e-4
TEXTS = ("deep kick", "warm pad, 120 bpm", "", "Ünder 1 é  two   spaces kick", "pad " * 40)
SECONDS = (0.1, 1.5, 11.9, 300.0)


def conditions_of(published: Published, text: str, seconds: float) -> dict[str, Any]:
    published.model.conditioner.conditioners["prompt"].model.float()
    told = [{"prompt": text, "seconds_total": seconds}]
    with silence():
        tensors = published.model.conditioner(told, "cpu")
    inputs: dict[str, Any] = published.model.get_conditioning_inputs(tensors)
    return inputs


def pieces_of(published: Published) -> Pieces:
    return Pieces(published.folder / TEXT_MODEL / TOKENIZER_FILE, most=TEXT_TOKENS)


def states_of(published: Published, model: StableAudioModel, text: str) -> Tensor:
    """Ours, padded with zeros as the transformer reads them."""
    ids = torch.from_numpy(pieces_of(published).split(text))[None]
    states = model.text(ids, torch.ones(ids.shape))
    return torch.nn.functional.pad(states, (0, 0, 0, TEXT_TOKENS - ids.shape[1]))


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_the_same(published: Published, text: str) -> None:
    tokenizer = published.model.conditioner.conditioners["prompt"].tokenizer
    wanted = tokenizer([text], truncation=True, max_length=TEXT_TOKENS)["input_ids"][0]
    assert pieces_of(published).split(text).tolist() == wanted


@pytest.mark.parametrize("text", TEXTS)
def test_text_states_are_the_same(published: Published, model: StableAudioModel, text: str) -> None:
    wanted = conditions_of(published, text, 1.0)["cross_attn_cond"][:, :TEXT_TOKENS]
    assert relative_error(states_of(published, model, text), wanted) < ALLOWED


def test_a_padded_batch_of_texts_says_what_each_says_alone(
    published: Published, model: StableAudioModel
) -> None:
    split = [pieces_of(published).split(text) for text in TEXTS]
    ids, mask = (torch.zeros(len(TEXTS), TEXT_TOKENS, dtype=torch.long) for _ in range(2))
    for row, pieces in enumerate(split):
        ids[row, : len(pieces)], mask[row, : len(pieces)] = torch.from_numpy(pieces), 1
    together = model.text(ids, mask)
    for row, text in enumerate(TEXTS):
        assert relative_error(together[row], states_of(published, model, text)[0]) < 1e-5


@pytest.mark.parametrize("seconds", SECONDS)
def test_numbers_are_told_the_same(
    published: Published, model: StableAudioModel, seconds: float
) -> None:
    wanted = conditions_of(published, "", seconds)["global_cond"]
    found = model.velocity.numbers["seconds_total"](torch.tensor([seconds]))
    assert relative_error(found, wanted) < ALLOWED


@pytest.mark.parametrize(("latents", "t"), [(1, 1.0), (37, 0.997), (200, 0.31), (64, 0.0)])
def test_velocities_are_the_same(
    published: Published, model: StableAudioModel, latents: int, t: float
) -> None:
    torch.manual_seed(latents)
    x = torch.randn(1, CHANNELS, latents)
    times = torch.tensor([t])
    inputs = conditions_of(published, "warm pad", 2.5)
    wanted = published.model.model(x, times, **inputs)
    text = states_of(published, model, "warm pad")
    found = model.velocity(x, times, text, torch.tensor([2.5]))
    assert relative_error(found, wanted) < ALLOWED


def test_a_velocity_hears_every_input(published: Published, model: StableAudioModel) -> None:
    x, times = torch.randn(1, CHANNELS, 20), torch.tensor([0.7])
    text, seconds = states_of(published, model, "warm pad"), torch.tensor([2.5])
    found = model.velocity(x, times, text, seconds)
    for other in (
        model.velocity(x + 0.1, times, text, seconds),
        model.velocity(x, times - 0.1, text, seconds),
        model.velocity(x, times, states_of(published, model, "kick"), seconds),
        model.velocity(x, times, text, seconds + 9.0),
    ):
        assert relative_error(other, found) > 100 * ALLOWED


@pytest.mark.parametrize("latents", [1, 9, 50])
def test_decoded_sound_is_the_same(
    published: Published, model: StableAudioModel, latents: int
) -> None:
    torch.manual_seed(latents)
    z = torch.randn(1, CHANNELS, latents)
    wanted = published.model.pretransform.decode(z)
    assert wanted.shape == (1, 2, latents * HOP_FRAMES)
    assert relative_error(model.decoder(z), wanted) < ALLOWED


@pytest.mark.parametrize("latents", [1, 9, 50])
def test_encoded_means_are_the_same(
    published: Published, model: StableAudioModel, latents: int
) -> None:
    torch.manual_seed(latents)
    audio = torch.randn(1, 2, latents * HOP_FRAMES)
    wanted = published.model.pretransform.model.encode(audio, skip_bottleneck=True)
    assert relative_error(model.encoder(audio), wanted[:, :CHANNELS]) < ALLOWED


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_sampled_latents_and_their_sound_are_the_same(
    published: Published, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the words to the samples, with the same noise given to both."""
    request = GenerationRequest("warm pad", 5, 1.0, steps=steps)

    def noise(draw: int) -> Tensor:
        return torch.from_numpy(seeded_noise(5, LATENT_FRAMES, CHANNELS, draw=draw)[None])

    draws = iter([*map(noise, range(1, steps)), torch.zeros(1)])
    monkeypatch.setattr(torch, "randn_like", lambda _x: next(draws))
    inputs = conditions_of(published, "warm pad", 1.0)
    sampled = published.sampling.sample_rf(
        published.model.model, noise(0), steps=steps, sampler_type="pingpong", **inputs
    )
    wanted = published.model.pretransform.decode(sampled)[0].T

    generator = open_stable_audio(open_folder(published.folder), device="cpu")
    latents = noise(0).numpy()
    text = generator.text_states("warm pad")
    for step in range(steps):
        latents = generator.refine(latents, request, text, step=step)
    assert relative_error(torch.from_numpy(latents), sampled) < ALLOWED
    found = generator.networks.decode(latents)
    assert relative_error(torch.from_numpy(found), wanted) < ALLOWED


def test_the_start_decoded_alone_is_the_start_of_the_whole(model: StableAudioModel) -> None:
    torch.manual_seed(2)
    sizes = model.config.autoencoder
    z = torch.randn(1, CHANNELS, 60)
    whole = model.decoder(z)
    for needed in (1, 7, 30):
        part = model.decoder(z[:, :, : needed + sizes.reach_latents])
        frames = needed * HOP_FRAMES
        np.testing.assert_allclose(part[:, :, :frames], whole[:, :, :frames], atol=1e-5)
    short = model.decoder(z[:, :, : 7 + sizes.reach_latents - 3])[:, :, : 7 * HOP_FRAMES]
    # The reach is not far larger than needed.
    assert relative_error(short, whole[:, :, : 7 * HOP_FRAMES]) > 0.0

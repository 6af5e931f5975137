"""Laws of the autoencoder's modules: exact transforms, and the torch twin equals numpy."""

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import (
    AutoencoderConfig,
    Decoder,
    Encoder,
    centred_stft,
    mel_filters,
    overlap_add,
    slopes_of,
    synthesise,
)
from generator.hearing import TONES
from generator.phase_walk import NOISE_REACH, blur_noise
from generator.pipeline import REACH_LATENTS
from generator.spectral import BINS, FRAMES_PER_LATENT, SpectralFrames
from generator.synthesis import synthesise as synthesise_numpy

TINY = AutoencoderConfig(
    latent_channels=8, mel_bands=16, side_mel_bands=8,
    latent_width=24, latent_blocks=1, decoder_width=16, decoder_blocks=1, head_width=24,
)  # fmt: skip


def test_transform_and_its_inverse_are_exact() -> None:
    audio = torch.randn(2, 16384)
    spectrum = centred_stft(audio, 2048, 512, torch.hann_window(2048))
    torch.testing.assert_close(overlap_add(spectrum), audio, atol=1e-5, rtol=0.0)


def test_every_mel_band_hears_something() -> None:
    for bands, n_fft in ((256, 4096), (128, 2048), (96, 1024), (32, 256)):
        assert bool((mel_filters(bands, n_fft, SAMPLE_RATE_HZ).sum(0) > 0.5).all()), (bands, n_fft)


def test_sizes_of_latents_and_frames() -> None:
    encoder, decoder = Encoder(TINY, SAMPLE_RATE_HZ).eval(), Decoder(TINY, SAMPLE_RATE_HZ).eval()
    latents = encoder(torch.randn(2, 2, 5 * 4096))
    assert latents.shape == (2, 8, 5)
    shapes = [tuple(output.shape) for output in decoder(latents)]
    assert shapes == [(2, 40, 2, BINS), (2, 40, BINS), (2, 40, BINS), (2, 40, 2, BINS), (2, 40)]


def test_torch_and_numpy_make_the_same_sound() -> None:
    with torch.no_grad():
        outputs = Decoder(TINY, SAMPLE_RATE_HZ)(torch.randn(1, 8, 6))
    uniform = blur_noise(9, 48) / np.float32(2**15)
    noise = torch.from_numpy(NOISE_REACH * uniform)[None]
    starts = outputs[4] > 0.0
    starts[:, 0] = True
    mid, side = synthesise(outputs, noise, starts)[0].numpy()
    frames = SpectralFrames(*(output[0].numpy() for output in outputs))
    made = synthesise_numpy(frames, 9)
    np.testing.assert_allclose(made[:, 0], mid + side, atol=1e-5)
    np.testing.assert_allclose(made[:, 1], mid - side, atol=1e-5)


def test_no_latent_is_heard_further_than_the_runtime_believes() -> None:
    """A take that follows another one is decoded with so much of it and no more."""
    sizes = AutoencoderConfig(decoder_width=16, latent_width=16, head_width=8)
    decoder = Decoder(sizes, SAMPLE_RATE_HZ).eval()
    latents = torch.randn(1, sizes.latent_channels, 60)
    for changed in (slice(None, 20), slice(40, None)):
        other = latents.clone()
        other[..., changed] += 1.0
        with torch.no_grad():
            moved = (decoder.hidden(latents) != decoder.hidden(other)).any(dim=2)[0]
        heard = moved.nonzero()[:, 0] // FRAMES_PER_LATENT
        assert int(heard.max()) < 20 + REACH_LATENTS or changed.start == 40
        assert int(heard.min()) >= 40 - REACH_LATENTS or changed.stop == 20


def test_a_far_latent_does_not_change_a_frame() -> None:
    decoder = Decoder(TINY, SAMPLE_RATE_HZ).eval()
    latents = torch.randn(1, 8, 40)
    other = latents.clone()
    other[..., 30:] += 1.0
    with torch.no_grad():
        a, b = decoder(latents), decoder(other)
    for one, two in zip(a, b, strict=True):
        torch.testing.assert_close(one[:, : 20 * 8], two[:, : 20 * 8], atol=1e-6, rtol=0.0)


def test_a_smooth_spectrum_comes_back_from_its_bands() -> None:
    filters = mel_filters(128, 2048, SAMPLE_RATE_HZ)
    slow = torch.sin(torch.log1p(torch.arange(BINS) / 40.0))
    back = (slow @ filters) @ slopes_of(filters)
    assert float((back - slow)[2:-8].abs().max()) < 0.02


def test_a_tone_stands_out_at_its_pitch_in_every_octave() -> None:
    encoder = Encoder(TINY, SAMPLE_RATE_HZ)
    t = torch.arange(8 * 4096) / SAMPLE_RATE_HZ
    for semitones in (0, 7, 12, 19):
        tone = 0.5 * torch.sin(2 * torch.pi * 440.0 * 2 ** (semitones / 12) * t)
        found = encoder.salience(tone[None])[0, 4]
        assert abs(int(found.argmax()) - 4 * (semitones % 12)) <= 1, semitones
        assert found.shape == (TONES,)

"""The autoencoder stage: losses as pure functions, the discriminator, and the stage itself.

First encoder and decoder learn together, from the frames of the STFT alone, which costs no
synthesis, then also from the sound; then the encoder is frozen, so that the latents stay what they
are while everything behind them trains, and the decoder goes on against a spectrogram
discriminator. Knows nothing of text. Its product feeds `training/teacher.py` and
`training/export.py`.

References:
    Multi-resolution STFT loss: Yamamoto et al. 2020, arXiv 1910.11480. Spectrogram discriminator
    with feature matching: Defossez et al. 2022, arXiv 2210.13438, equations 2 to 4, here with the
    least-squares form. Phase advance as a circular law with its own spread: ours
    (`docs/decisions/005-phase-as-a-sum.md`).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.autoencoder import (
    AutoencoderConfig,
    Decoder,
    Encoder,
    Outputs,
    centred_stft,
    magnitude,
    mel_filters,
    mid_side,
    running_phase,
    synthesise,
)
from generator.spectral import BINS, FRAMES_PER_LATENT, HOP_FRAMES, N_FFT, NOISE_REACH, PARTS
from training.checkpoints import STATE_FILE, State, load_state
from training.config import AutoencoderRun
from training.errors import TrainingError
from training.loop import StepDraws, learning_rate, update, update_average

MEL_RESOLUTIONS = ((4096, 256), (1024, 96), (256, 32))
LOG_OFFSET = 1e-4
ATTACK_FLOOR = 1e-3
ATTACK_RISE = 0.5


@dataclass(frozen=True, slots=True)
class MelScale:
    """One resolution of the multi-resolution loss."""

    n_fft: int
    window: Tensor
    filters: Tensor


def mel_scales(sample_rate_hz: float) -> tuple[MelScale, ...]:
    """Return the resolutions of `mel_distance`, finest pitch first."""
    return tuple(
        MelScale(n_fft, torch.hann_window(n_fft), mel_filters(bands, n_fft, sample_rate_hz))
        for n_fft, bands in MEL_RESOLUTIONS
    )


def log_mel(audio: Tensor, scale: MelScale) -> Tensor:
    """Return log-mel magnitudes; a full-scale sine peaks near 0.

    Shapes:
        audio: [batch, frames]  ->  [batch, n, bands]
    """
    spectrum = centred_stft(audio, scale.n_fft, scale.n_fft // 4, scale.window)
    power = spectrum.real.square() + spectrum.imag.square()
    magnitude = (power + 1e-9).sqrt() * (4.0 / scale.n_fft)
    return (magnitude @ scale.filters + LOG_OFFSET).log()


def mel_distance(made: Tensor, real: Tensor, scales: tuple[MelScale, ...]) -> Tensor:
    """Return the mean absolute log-mel difference over all resolutions, in nepers.

    Shapes:
        made, real: [batch, frames]  ->  a number.
    """
    terms = [functional.l1_loss(log_mel(made, s), log_mel(real, s)) for s in scales]
    return torch.stack(terms).mean()


def convergence(made: Tensor, real: Tensor, window: Tensor) -> Tensor:
    """Return the spectral convergence ``|| |S| - |S'| || / || |S| ||``, mean over the batch.

    Shapes:
        made, real: [batch, frames]  ->  a number.
    """
    n_fft = window.shape[0]
    made_s = magnitude(centred_stft(made, n_fft, n_fft // 4, window) + 1e-6)
    real_s = magnitude(centred_stft(real, n_fft, n_fft // 4, window))
    error = (made_s - real_s).flatten(1).norm(dim=1)
    relative: Tensor = error / real_s.flatten(1).norm(dim=1).clamp_min(1.0)
    return relative.mean()


@dataclass(frozen=True, slots=True)
class RealSpectrum:
    """The STFT of mid and side, and its magnitude.

    Shapes:
        value: [batch, n, 2, bins] complex; size: [batch, n, 2, bins]
    """

    value: Tensor
    size: Tensor


def real_spectrum(audio: Tensor) -> RealSpectrum:
    """Return the STFT on the decoder's own grid.

    Shapes:
        audio: [batch, 2, frames], mid and side
    """
    window = torch.hann_window(N_FFT, device=audio.device)
    value = centred_stft(audio.flatten(0, 1), N_FFT, HOP_FRAMES, window)
    value = value.reshape(audio.shape[0], 2, -1, BINS).transpose(1, 2).contiguous()
    return RealSpectrum(value, magnitude(value))


def bin_weights(device: torch.device) -> Tensor:
    """Return how much each bin counts, [bins], 1 on average: below 700 Hz alike, then falling."""
    weights = 1.0 / (1.0 + torch.arange(BINS, device=device) / 32.0)
    return weights / weights.mean()


def magnitude_loss(outputs: Outputs, real: RealSpectrum) -> Tensor:
    """Return the mean absolute log difference of the magnitudes, each octave counting alike."""
    wanted = (real.size + LOG_OFFSET * N_FFT / 4).log()
    made = (outputs[0].exp() + LOG_OFFSET * N_FFT / 4).log()
    return ((made - wanted).abs() * bin_weights(made.device)).mean()


def peak_loss(outputs: Outputs, real: RealSpectrum) -> Tensor:
    """Return the relative root-mean-square difference of root magnitudes, mean over the batch.

    Loud partials count most; a mean is wanted where an absolute difference would settle for the
    floor between partials that are not found yet.
    """
    wanted = (real.size + 1e-6).sqrt()
    error = ((0.5 * outputs[0]).exp() - wanted).flatten(1).norm(dim=1)
    relative: Tensor = error / wanted.flatten(1).norm(dim=1).clamp_min(1.0)
    return relative.mean()


def agreement(angle: Tensor, product: Tensor, size: Tensor) -> Tensor:
    """Return the cosine between predicted angles and those of complex numbers of known size."""
    along = angle.cos() * product.real + angle.sin() * product.imag
    return along / size.clamp_min(1e-12)


def advance_loss(outputs: Outputs, real: RealSpectrum, starts: Tensor) -> Tensor:
    """Return the negative log-likelihood of the mid's phase advance under a circular law.

    A frame in which an attack begins has no frame before it that counts. The law is von Mises with
    the predicted advance as its mean and one over the predicted spread squared as its concentration
    (its norm ``I0(k) exp(-k)`` taken as ``(1 + 2 pi k)^-1/2``, exact at both ends); each bin counts
    by the root of its magnitude. So a tone learns its frequency, and a hiss that it has none.

    Shapes:
        starts: [batch, n] booleans.
    """
    mid, size = real.value[:, :, 0], real.size[:, :, 0]
    product = mid[:, 1:] * mid[:, :-1].conj()
    centre = (torch.arange(BINS, device=mid.device) % PARTS) * (2.0 * torch.pi / PARTS)
    cosine = agreement(outputs[1][:, 1:] + centre, product, size[:, 1:] * size[:, :-1])
    kappa = outputs[2][:, 1:].square().clamp_min(1e-3).reciprocal()
    log_density = kappa * (cosine - 1.0) + 0.5 * torch.log1p(2.0 * torch.pi * kappa)
    weight = size[:, 1:].sqrt() * ~starts[:, 1:, None]
    likelihood: Tensor = (weight * log_density).sum() / weight.sum().clamp_min(1.0)
    return -likelihood


def vertical_loss(outputs: Outputs, real: RealSpectrum, starts: Tensor) -> Tensor:
    """Return one minus the cosine between predicted and real phase steps from bin to bin.

    The step between neighbouring bins says where in the frame a click lies.

    Shapes:
        starts: [batch, n] booleans.
    """
    phase = running_phase(outputs[1][:, :, None].detach(), outputs[3], starts)
    product = real.value[..., 1:] * real.value[..., :-1].conj()
    size = real.size[..., 1:] * real.size[..., :-1]
    weight = size.sqrt().sqrt()
    wrong = 1.0 - agreement(phase[..., 1:] - phase[..., :-1], product, size)
    return (weight * wrong).sum() / weight.sum().clamp_min(1.0)


def attack_frames(size: Tensor, filters: Tensor) -> Tensor:
    """Return the frames in which an attack begins: a local peak of the rise of the log-mel bands.

    Shapes:
        size: [batch, n, bins] magnitudes of mid; filters: [bins, bands]  ->  [batch, n] booleans.
    """
    level = (size @ filters * (4.0 / N_FFT) + ATTACK_FLOOR).log()
    before = functional.pad(level[:, :-1], (0, 0, 1, 0), value=float(np.log(ATTACK_FLOOR)))
    rise = (level - before).clamp_min(0.0).mean(dim=-1)
    peak = functional.max_pool1d(rise[:, None], 5, stride=1, padding=2)[:, 0]
    return (rise >= peak) & (rise > ATTACK_RISE)


def attack_loss(outputs: Outputs, starts: Tensor) -> Tensor:
    """Return the cross-entropy of the onset logits; a crop's own first frame says nothing.

    Shapes:
        starts: [batch, n] booleans.
    """
    return functional.binary_cross_entropy_with_logits(outputs[4][:, 1:], starts[:, 1:].float())


def audible(audio: Tensor) -> Tensor:
    """Return which rows hold any sound: the side of a mono clip costs no transforms.

    Shapes:
        audio: [batch, frames]  ->  [batch] of booleans.
    """
    return audio.abs().amax(dim=-1) > LOG_OFFSET


class SpectrogramDiscriminator(nn.Module):
    """Judges sound by its complex STFT at one resolution, a score per patch, with its features."""

    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        sizes = (3, width, width, 2 * width, 2 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, (7, 3), stride=(3, 1) if i < 3 else 1, padding=(3, 1))
            for i, (a, b) in enumerate(pairwise(sizes))
        )
        self.score = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Return the feature maps, the score map last.

        Shapes:
            audio: [batch, frames]  ->  maps of [batch, channels, bins, frames]
        """
        window = self.get_buffer("window")
        spectrum = centred_stft(audio, self.n_fft, self.n_fft // 4, window) * (4.0 / self.n_fft)
        size = (spectrum.abs().square() + 1e-9).sqrt()
        compressed = spectrum * (size.pow(-0.7))
        x = torch.stack((compressed.real, compressed.imag, size.add(1e-4).log() * 0.1), dim=1)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return [*features, self.score(x)]


class MultiResolutionDiscriminator(nn.Module):
    """Several spectrogram discriminators side by side."""

    def __init__(self, width: int, resolutions: tuple[int, ...] = (2048, 1024, 512)) -> None:
        super().__init__()
        self.parts = nn.ModuleList(SpectrogramDiscriminator(n, width) for n in resolutions)

    def forward(self, audio: Tensor) -> list[list[Tensor]]:
        """Shapes: audio: [batch, frames] -> for each resolution, its maps with the score last."""
        return [part(audio) for part in self.parts]


def discriminator_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Return the least-squares loss of the discriminator: real to one, made to zero."""
    terms = [
        (1.0 - r[-1]).square().mean() + m[-1].square().mean()
        for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_loss(made: list[list[Tensor]]) -> Tensor:
    """Return the decoder's side of `discriminator_loss`: made to one."""
    return torch.stack([(1.0 - m[-1]).square().mean() for m in made]).mean()


def feature_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Return the mean relative difference of the features of real and made sound."""
    terms = [
        functional.l1_loss(m, r.detach()) / r.detach().abs().mean().clamp_min(1e-3)
        for real_part, made_part in zip(real, made, strict=True)
        for r, m in zip(real_part[:-1], made_part[:-1], strict=True)
    ]
    return torch.stack(terms).mean()


def uniform_noise(shape: torch.Size, draws: StepDraws) -> Tensor:
    """Return noise of unit variance as `generator.spectral` draws it."""
    return NOISE_REACH * (2.0 * torch.rand(shape, generator=draws.torch) - 1.0)


def spectral_terms(outputs: Outputs, real: RealSpectrum, starts: Tensor) -> dict[str, Tensor]:
    """Return the terms that compare the decoder's frames with the real STFT.

    Shapes:
        starts: [batch, n] booleans.
    """
    return {
        "magnitude": magnitude_loss(outputs, real),
        "peaks": peak_loss(outputs, real),
        "advance": advance_loss(outputs, real, starts),
        "vertical": vertical_loss(outputs, real, starts),
        "attack": attack_loss(outputs, starts),
    }


class AutoencoderStage:
    """Trains encoder and decoder on random crops (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: AutoencoderRun,
        crops: Callable[[np.random.Generator, int, int], Tensor],
        sample_rate_hz: float,
    ) -> None:
        """Build the networks from the run's seed.

        Args:
            run: Sizes, rates and weights.
            crops: Draws ``(rng, batch, frames)`` -> stereo sound [batch, 2, frames].
            sample_rate_hz: Rate of that sound.
        """
        torch.manual_seed(run.seed)
        sizes = AutoencoderConfig(**run.model.model_dump())
        self.config = run
        self.crops = crops
        self.encoder = Encoder(sizes, sample_rate_hz)
        self.decoder = Decoder(sizes)
        self.average = copy.deepcopy(self.decoder).requires_grad_(False)
        self.judge = MultiResolutionDiscriminator(run.discriminator_width)
        self.scales = mel_scales(sample_rate_hz)
        both = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimiser = torch.optim.AdamW(both, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
        self.judge_optimiser = torch.optim.AdamW(
            self.judge.parameters(), betas=(0.8, 0.99), fused=True
        )

    def encode(self, audio: Tensor, *, frozen: bool) -> Tensor:
        """Return latents; a frozen encoder is in evaluation mode and takes no gradient."""
        self.encoder.train(not frozen)
        with torch.set_grad_enabled(not frozen), self.autocast():
            return self.encoder(audio).float()  # type: ignore[no-any-return]

    def autocast(self) -> torch.autocast:
        """Return bfloat16 matrix products, when the run asks for them."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.config.bfloat16)

    def decode(self, latents: Tensor) -> Outputs:
        """Return the decoder's outputs in float32."""
        with self.autocast():
            hidden = self.decoder.hidden(latents)
        outputs: Outputs = self.decoder.name_bins(hidden.float())
        return outputs

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Update the decoder, the encoder until it is frozen, the discriminator in its time."""
        run = self.config
        frozen = step >= run.freeze_encoder_from
        audio = self.crops(
            draws.numpy, run.batch, run.crop_latents * FRAMES_PER_LATENT * HOP_FRAMES
        )
        latents = self.encode(audio, frozen=frozen)
        level = torch.rand(run.batch, 1, 1, generator=draws.torch) * run.latent_noise
        noisy = latents + level * torch.randn(latents.shape, generator=draws.torch)
        outputs = self.decode(noisy)
        real = torch.stack(mid_side(audio), dim=1)
        spectrum = real_spectrum(real)
        starts = attack_frames(spectrum.size[:, :, 0], self.encoder.get_buffer("mid_filters"))
        terms = spectral_terms(outputs, spectrum, starts)
        if step >= run.sound_from:
            made = self.synthesise(outputs, starts, draws)
            terms |= self.sound_terms(made, real.flatten(0, 1))
            if step >= run.adversarial_from:
                terms |= self.adversarial_terms(made, real.flatten(0, 1))
        weights = run.weights.model_dump()
        loss = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
        rate = learning_rate(run.rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        update_average(self.average, self.decoder, decay=run.average_decay, step=step)
        return {name: value.detach() for name, value in terms.items()} | {
            "loss": loss.detach(),
            "gradient": norm,
        }

    def synthesise(self, outputs: Outputs, starts: Tensor, draws: StepDraws) -> Tensor:
        """Return mid and side sound, [2 batch, frames].

        The advance learns from `advance_loss` alone: through the running sum every later frame
        would pull at it.
        """
        noise = uniform_noise(outputs[0].shape, draws)
        held = (outputs[0], outputs[1].detach(), outputs[2].detach(), outputs[3], outputs[4])
        return synthesise(held, noise, starts).flatten(0, 1)

    def sound_terms(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Return the terms that compare sounds, [2 batch, frames] each."""
        sounding = audible(real)
        made, real = made[sounding], real[sounding]
        return {
            "mel": mel_distance(made, real, self.scales),
            "convergence": convergence(made, real, torch.hann_window(N_FFT)),
        }

    def adversarial_terms(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Update the discriminator, then return what it says of the decoder.

        Shapes:
            made, real: [2 batch, frames].
        """
        sounding = audible(real)
        made, real = made[sounding], real[sounding]
        loss = discriminator_loss(self.judge(real), self.judge(made.detach()))
        update(self.judge_optimiser, loss, rate=self.config.discriminator_rate)
        self.judge.requires_grad_(False)
        judged, wanted = self.judge(made), self.judge(real)
        self.judge.requires_grad_(True)
        return {"adversarial": adversarial_loss(judged), "features": feature_loss(wanted, judged)}

    def state(self) -> State:
        """Return all weights and optimiser states."""
        return {
            "sizes": self.config.model.model_dump(),
            "encoder": self.encoder.state_dict(),
            "decoder": self.decoder.state_dict(),
            "average": self.average.state_dict(),
            "judge": self.judge.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "judge_optimiser": self.judge_optimiser.state_dict(),
        }

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        for name in self.state().keys() - {"sizes"}:
            getattr(self, name).load_state_dict(state[name])


def load_encoder(folder: Path, sample_rate_hz: float) -> Encoder:
    """Return the trained encoder of a stage folder.

    Args:
        folder: Where the stage's state lies.
        sample_rate_hz: Of the sound that it will encode.

    Returns:
        The encoder, in evaluation mode.

    Raises:
        TrainingError: There is no state, or it holds no autoencoder.
    """
    state = load_state(folder / STATE_FILE)
    sizes, weights = state.get("sizes"), state.get("encoder")
    if not isinstance(sizes, dict) or not isinstance(weights, dict):
        raise TrainingError(f"{folder / STATE_FILE} holds no autoencoder: train that stage first")
    encoder = Encoder(AutoencoderConfig(**sizes), sample_rate_hz)
    encoder.load_state_dict(weights)
    return encoder.eval()

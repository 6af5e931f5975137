"""Losses that compare the decoder's frames with the real STFT, with no synthesis between.

Pure functions; they know no network. What each output means stands in `generator/spectral.py`, why
phase is a sum in `docs/decisions/005-phase-as-a-sum.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from generator.autoencoder import Outputs, centred_stft, magnitude, running_phase
from generator.spectral import BINS, HOP_FRAMES, N_FFT, PARTS
from training.sound_losses import LOG_OFFSET

ATTACK_FLOOR = 1e-3
ATTACK_RISE = 0.5


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


def band_loss(outputs: Outputs, real: RealSpectrum, filters: Sequence[Tensor]) -> Tensor:
    """Return the mean absolute log difference of the power in bands, over several widths of band.

    Partials carry a band's power: one that is missing costs its whole level, where a difference bin
    by bin is content with the floor between partials.

    Shapes:
        filters: [bins, bands] each, from wide bands to narrow ones.
    """
    made, wanted = (2.0 * outputs[0]).exp(), real.size.square()
    floor = (LOG_OFFSET * N_FFT / 4) ** 2
    terms = [
        0.5 * ((made @ f + floor).log() - (wanted @ f + floor).log()).abs().mean() for f in filters
    ]
    return torch.stack(terms).mean()


def missing_db(outputs: Outputs, real: RealSpectrum) -> Tensor:
    """Return by how many dB the loudest cells are too loud, below 0 where partials are missing.

    A figure to watch, not a loss.
    """
    loud = loudest(real)
    error = outputs[0].detach() - real.size.clamp_min(1e-6).log()
    return 8.685889638 * (error * loud).sum() / loud.sum().clamp_min(1)


def loudest(real: RealSpectrum) -> Tensor:
    """Return the cells within 20 dB of a crop's loudest, none in silence: booleans, size's."""
    near = real.size > 0.1 * real.size.amax(dim=(1, 2, 3), keepdim=True)
    return near & (real.size > LOG_OFFSET * N_FFT / 4)


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
    weight = advance_weight(real, starts)
    likelihood: Tensor = (weight * log_density).sum() / weight.sum().clamp_min(1.0)
    return -likelihood


def advance_weight(real: RealSpectrum, starts: Tensor) -> Tensor:
    """Return how much each bin counts in `advance_loss`, [batch, n - 1, bins]."""
    return real.size[:, 1:, 0].sqrt() * ~starts[:, 1:, None]


def vertical_loss(outputs: Outputs, real: RealSpectrum, starts: Tensor) -> Tensor:
    """Return one minus the cosine between predicted and real phase steps from bin to bin.

    The step between neighbouring bins says where in the frame a click lies.

    Shapes:
        starts: [batch, n] booleans.
    """
    phase = running_phase(outputs[1][:, :, None].detach(), outputs[3], starts)
    product = real.value[..., 1:] * real.value[..., :-1].conj()
    size = real.size[..., 1:] * real.size[..., :-1]
    weight = vertical_weight(real)
    wrong = 1.0 - agreement(phase[..., 1:] - phase[..., :-1], product, size)
    return (weight * wrong).sum() / weight.sum().clamp_min(1.0)


def vertical_weight(real: RealSpectrum) -> Tensor:
    """Return how much each pair of bins counts in `vertical_loss`, [batch, n, 2, bins - 1]."""
    return (real.size[..., 1:] * real.size[..., :-1]).sqrt().sqrt()


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


def spectral_terms(
    outputs: Outputs, real: RealSpectrum, starts: Tensor, filters: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Return the terms that compare the decoder's frames with the real STFT.

    Shapes:
        starts: [batch, n] booleans; filters: see `band_loss`.
    """
    return {
        "bands": band_loss(outputs, real, filters),
        "magnitude": magnitude_loss(outputs, real),
        "peaks": peak_loss(outputs, real),
        "advance": advance_loss(outputs, real, starts),
        "vertical": vertical_loss(outputs, real, starts),
        "attack": attack_loss(outputs, starts),
    }

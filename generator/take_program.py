"""A whole take as tensors of fixed shapes: text, transformer, decoder and sound on one device.

Two stages with nothing of the host between them: `Making` goes from word pieces to what the bins
are read from, `Sounding` from there to samples. generator/cuda_graph.py records each once per
bucket of lengths; generator/torch_generator.py fills the inputs. The arithmetic is that of the edge
backend: the same noise, the same whole-number phases (generator/spectral.py), so that a seed means
the same take everywhere, up to rounding.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator import interpolant
from generator.autoencoder import Decoder, overlap_add
from generator.backbone import Backbone, Conditions
from generator.minilm import MiniLm
from generator.phase_walk import NOISE_REACH, UNITS_PER_RADIAN, UNITS_PER_TURN
from generator.speaking import CREST, FIRST_CHUNK_FRAMES, PROBED_EVERY_FRAMES, SILENT
from generator.spectral import (
    AUDIBLE_LOG_MAGNITUDE,
    AUDIBLE_STEP,
    BINS,
    FRAMES_PER_LATENT,
    HOP_FRAMES,
    LATE,
    N_FFT,
    PARTS,
)
from generator.text import MAX_TOKENS

INT16_REACH = 2**15


@dataclass(frozen=True, slots=True)
class Bucket:
    """The fixed shapes of one recording: how many takes at once, how long, in how many steps.

    Of the ``latents`` that are made the last ``margin`` are not heard.
    """

    batch: int
    latents: int
    steps: int
    margin: int = 0

    @property
    def frames(self) -> int:
        """Number of spectral frames of each take."""
        return FRAMES_PER_LATENT * (self.latents - self.margin)


@dataclass(frozen=True, slots=True)
class MakingInputs:
    """What `Making` reads.

    Shapes:
        ids: int64 [batch, MAX_TOKENS]; mask: [batch, MAX_TOKENS], 1 for a real piece; has_words:
            [batch], 0 for a prompt without words; seconds, tempo_bpm: [batch]; key: int64 [batch];
            note: [batch]; noise: [steps, batch, channels, latents].
    """

    ids: Tensor
    mask: Tensor
    has_words: Tensor
    seconds: Tensor
    tempo_bpm: Tensor
    key: Tensor
    note: Tensor
    noise: Tensor

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all of them in order."""
        return tuple(getattr(self, part.name) for part in fields(self))


def empty_inputs(bucket: Bucket, channels: int, device: torch.device) -> MakingInputs:
    """Return inputs of a bucket's shapes, all zero, to be written over."""
    batch = bucket.batch

    def number() -> Tensor:
        return torch.zeros(batch, device=device)

    return MakingInputs(
        torch.zeros(batch, MAX_TOKENS, dtype=torch.int64, device=device),
        torch.zeros(batch, MAX_TOKENS, device=device),
        number(),
        number(),
        number(),
        torch.zeros(batch, dtype=torch.int64, device=device),
        number(),
        torch.zeros(bucket.steps, batch, channels, bucket.latents, device=device),
    )


class Making(nn.Module):
    """From word pieces to clean latents and what the bins are read from.

    Args:
        text: The text encoder.
        backbone: The transformer.
        decoder: The decoder.
    """

    def __init__(self, text: MiniLm, backbone: Backbone, decoder: Decoder) -> None:
        super().__init__()
        self.text, self.backbone, self.decoder = text, backbone, decoder

    def forward(self, inputs: MakingInputs, margin: int) -> tuple[Tensor, Tensor]:
        """Run every network once, the transformer once a step.

        Shapes:
            returns: latents [batch, channels, n] in float32, without the last ``margin`` of them;
            hidden [batch, 8 n, width]
        """
        dtype = self.backbone.leave.weight.dtype
        states = self.text(inputs.ids, inputs.mask) * inputs.mask[..., None].to(dtype)
        noise = inputs.noise
        conditions = Conditions(
            states,
            (inputs.mask * inputs.has_words[:, None]).to(dtype),
            inputs.seconds,
            inputs.tempo_bpm,
            inputs.key,
            inputs.note,
            torch.zeros_like(inputs.seconds),
            torch.zeros_like(noise[0], dtype=dtype),
            torch.zeros_like(noise[0, :, :1], dtype=dtype),
        )
        times = interpolant.ping_pong_times(noise.shape[0])
        latents = noise[0]
        for step, t in enumerate(times[:-1]):
            noised = latents if step == 0 else interpolant.mix(latents, noise[step], t)
            moment = torch.full_like(inputs.seconds, t)
            v = self.backbone(noised.to(dtype), moment, conditions).float()
            latents = interpolant.data_from_velocity(noised, v, t)
        latents = latents[..., : latents.shape[2] - margin]
        return latents, self.decoder.hidden(latents.to(dtype))


class Sounding(nn.Module):
    """From what the bins are read from to samples.

    Args:
        decoder: Its head is run in float32: an offset may be many turns.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, hidden: Tensor, blur: Tensor) -> tuple[Tensor, Tensor]:
        """Name the bins, walk their phases, add the windows up.

        Shapes:
            hidden: [batch, n, width]; blur: int16 [batch, n, 2, bins], the phases' noise
                ->  left and right [batch, n * HOP_FRAMES, 2], expected peaks [batch]
        """
        log_magnitude, advance, spread, offset, onset = self.decoder.name_bins(hidden.float())
        log_magnitude = torch.cat(
            (torch.full_like(log_magnitude[..., :1], float(SILENT)), log_magnitude[..., 1:]), dim=-1
        )
        heard = audible(log_magnitude)
        phase = walk_phases(advance, spread, onset, blur, heard) + offset
        magnitude = log_magnitude.exp() * heard
        # A half spectrum has no sine at its two ends; not every library passes over one there.
        has_sine = torch.ones(BINS, device=phase.device)
        has_sine[0] = has_sine[-1] = 0.0
        parts = (magnitude * phase.cos(), magnitude * phase.sin() * has_sine)
        spectrum = torch.complex(*parts).transpose(1, 2)
        batch, _, count, _ = spectrum.shape
        sound = overlap_add(spectrum.flatten(0, 1)).reshape(batch, 2, count * HOP_FRAMES)
        mid, side = sound[:, 0], sound[:, 1]
        stereo = torch.stack((mid + side, mid - side), dim=-1)
        return stereo, expected_peak(stereo, log_magnitude)


def audible(log_magnitude: Tensor) -> Tensor:
    """Tell which bins are not above the highest audible one of their frame and channel.

    The twin of `spectral.SpectralFrames.audible`.

    Shapes:
        log_magnitude: [batch, n, 2, bins]  ->  booleans, the same
    """
    loud = functional.pad(log_magnitude >= AUDIBLE_LOG_MAGNITUDE, (0, -BINS % AUDIBLE_STEP))
    groups = loud.reshape(*loud.shape[:3], -1, AUDIBLE_STEP).any(dim=-1)
    heard = groups.flip(-1).cumsum(dim=-1).flip(-1) > 0
    bins: Tensor = heard.repeat_interleave(AUDIBLE_STEP, dim=-1)[..., :BINS]
    return bins


def walk_phases(
    advance: Tensor, spread: Tensor, onset: Tensor, blur: Tensor, heard: Tensor
) -> Tensor:
    """Return the phase of every bin without its offset: the twin of `phase_walk.PhaseWalk`.

    Shapes:
        advance, spread: [batch, n, bins]; onset: [batch, n]; blur: int16 [batch, n, 2, bins];
        heard: booleans [batch, n, 2, bins], whether a bin walks  ->  [batch, n, 2, bins] radians
    """
    count, device = advance.shape[1], advance.device
    steps = blur.float() * (spread * (NOISE_REACH * UNITS_PER_RADIAN / INT16_REACH))[:, :, None]
    steps = (steps + (advance * UNITS_PER_RADIAN)[:, :, None]).to(torch.int64) * heard
    frame = torch.arange(count, device=device)
    begins = (onset > 0.0) | (frame == 0)
    steps = steps.masked_fill(begins[:, :, None, None], 0)
    latest = torch.where(begins, frame, torch.zeros_like(frame)).cummax(dim=1).values
    sums = steps.cumsum(dim=1)
    at_start = latest[:, :, None, None].expand(-1, -1, *sums.shape[2:])
    bins = torch.arange(BINS, device=device)
    quarters = torch.outer(frame + LATE, bins) % PARTS * (UNITS_PER_TURN // PARTS)
    # The wrap of 32 bits, as on the edge: whole turns fall away, nothing is lost.
    walked = (sums - sums.gather(1, at_start) + quarters[:, None]).to(torch.int32)
    return walked.float() * (1.0 / UNITS_PER_RADIAN)


def expected_peak(stereo: Tensor, log_magnitude: Tensor) -> Tensor:
    """Return how loud each take will be, as the edge judges it from its first chunk.

    Shapes:
        stereo: [batch, frames, 2]; log_magnitude: [batch, n, 2, bins]  ->  [batch]
    """
    first = min(FIRST_CHUNK_FRAMES, log_magnitude.shape[1])
    known = stereo[:, : max(0, first - LATE) * HOP_FRAMES].abs().amax(dim=(1, 2))
    rest = log_magnitude[:, FIRST_CHUNK_FRAMES::PROBED_EVERY_FRAMES, :, 1:]
    if not rest.shape[1]:
        return known
    power = (2.0 * rest).exp().sum(dim=(2, 3))
    loudest = (power * (2.0 / (0.375 * N_FFT * N_FFT))).sqrt().amax(dim=1)
    return torch.maximum(known, CREST * loudest)

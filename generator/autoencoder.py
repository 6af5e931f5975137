"""The autoencoder's torch modules: mid/side sound -> latents at 10.77 Hz -> spectral frames.

Both halves work at frame rate (hop 512), never at waveform rate: that is what a laptop can afford.
The encoder is a linear code of bands and tones; the decoder names, for each frame and bin,
magnitude, phase advance with its spread, and offset (`generator/synthesis.py` turns those
into sound). Nothing here knows of losses, prompts, files or numpy. Trained by
`training/autoencoder.py`, exported by `training/export.py`.

References:
    ConvNeXt at hop rate with an inverse-STFT head: Siuzdak 2023, arXiv 2306.00814 (Vocos). Ours
    predicts the phase as a running sum of an advance with a spread, where Vocos predicts it anew in
    each frame.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator import hearing
from generator.hearing import (
    FLOOR,
    LONG_N_FFT,
    QUIET_POWER,
    TONE_OCTAVES,
    TONE_WEIGHT,
    TONES,
    tone_filters,
)
from generator.spectral import (
    BINS,
    FRAMES_PER_LATENT,
    HEAD_WIDTH,
    HIGHEST_LOG_MAGNITUDE,
    HOP_FRAMES,
    LATE,
    N_FFT,
    PARTS,
)

Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
# Bands in nepers to about the size of the network's own words, so that int8 serves both.
BAND_SCALE = 0.3


@dataclass(frozen=True, slots=True)
class AutoencoderConfig:
    """Sizes of both halves; every field is a count."""

    latent_channels: int = 96
    mel_bands: int = 128
    side_mel_bands: int = 48
    latent_width: int = 384
    latent_blocks: int = 2
    decoder_width: int = 256
    decoder_blocks: int = 6
    head_width: int = 512

    @property
    def bands(self) -> int:
        """Return the number of log-mel bands of a frame, of mid and side together."""
        return self.mel_bands + self.side_mel_bands

    @property
    def hidden(self) -> int:
        """Return how many numbers the bins of a frame are read from."""
        return self.bands + self.head_width

    @property
    def features(self) -> int:
        """Return how many numbers the code keeps a projection of, for each latent frame."""
        return FRAMES_PER_LATENT * self.bands + TONES


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a perceptron over channels, added to the input."""

    def __init__(self, width: int, *, kernel: int = 7, expansion: int = 3) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: [batch, frames, width] -> the same."""
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        y = self.narrow(functional.gelu(self.widen(self.norm(y)), approximate="tanh"))
        scaled: Tensor = self.scale * y
        return x + scaled


def mel_filters(bands: int, n_fft: int, sample_rate_hz: float, low_hz: float = 20.0) -> Tensor:
    """Return `hearing.mel_filters` as a tensor, [bins, bands]."""
    return torch.from_numpy(hearing.mel_filters(bands, n_fft, sample_rate_hz, low_hz))


def log_bands(spectrum: Tensor, filters: Tensor) -> Tensor:
    """Return the level of bands in nepers, never below the floor.

    Shapes:
        spectrum: [batch, n, bins] complex; filters: [bins, bands]  ->  [batch, n, bands]
    """
    power = spectrum.real.square() + spectrum.imag.square()
    return 0.5 * (power @ filters + FLOOR**2).log()


def centred_stft(audio: Tensor, n_fft: int, hop_frames: int, window: Tensor) -> Tensor:
    """Return the complex STFT whose frame j is centred on audio frame ``j * hop_frames``.

    Shapes:
        audio: [batch, frames]  ->  [batch, frames // hop_frames, bins], zeros beyond both ends.
    """
    padded = functional.pad(audio, (n_fft // 2, n_fft // 2 - hop_frames))
    spectrum = torch.stft(
        padded, n_fft, hop_frames, window=window, center=False, return_complex=True
    )
    return spectrum.transpose(1, 2)


def magnitude(spectrum: Tensor) -> Tensor:
    """Return absolute values; several times faster than `torch.abs` of complex numbers."""
    return (spectrum.real.square() + spectrum.imag.square()).sqrt()


class Encoder(nn.Module):
    """Stereo sound to latents by a linear code of what is heard; nothing in it is trained.

    A latent frame is a projection of eight frames of log-mel bands of mid and side, and of how much
    each quarter of a semitone stands out of its surroundings. Mean and projection are principal
    components of a corpus (`training/linear_code.py`).
    """

    def __init__(self, config: AutoencoderConfig, sample_rate_hz: float) -> None:
        super().__init__()
        self.config = c = config
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.register_buffer("long_window", torch.hann_window(LONG_N_FFT), persistent=False)
        mid = mel_filters(c.mel_bands, N_FFT, sample_rate_hz)
        side = mel_filters(c.side_mel_bands, N_FFT, sample_rate_hz)
        self.register_buffer("mid_filters", mid, persistent=False)
        self.register_buffer("side_filters", side, persistent=False)
        for name, filters in zip(("tones", "around"), tone_filters(sample_rate_hz), strict=True):
            self.register_buffer(name, torch.from_numpy(filters), persistent=False)
        self.register_buffer("mean", torch.zeros(c.features))
        self.register_buffer("projection", torch.zeros(c.features, c.latent_channels))

    def features(self, audio: Tensor) -> Tensor:
        """Return what is coded of each latent frame: bands in nepers, frame by frame, then tones.

        Shapes:
            audio: [batch, 2, n * 4096] left, right  ->  [batch, n, config.features]
        """
        mid, side = mid_side(audio)
        window = self.get_buffer("window")
        bands = (
            log_bands(centred_stft(mid, N_FFT, HOP_FRAMES, window), self.get_buffer("mid_filters")),
            log_bands(
                centred_stft(side, N_FFT, HOP_FRAMES, window), self.get_buffer("side_filters")
            ),
        )
        tones = self.salience(mid)
        patches = torch.cat(bands, dim=-1).reshape(*tones.shape[:2], -1)
        return torch.cat((patches, tones), dim=-1)

    def salience(self, mid: Tensor) -> Tensor:
        """Return how far each quarter of a semitone stands out, octaves summed, about unit scale.

        Shapes:
            mid: [batch, n * 4096]  ->  [batch, n, TONES]
        """
        half = FRAMES_PER_LATENT * HOP_FRAMES // 2
        spectrum = centred_stft(mid, LONG_N_FFT, half, self.get_buffer("long_window"))[:, 1::2]
        power = spectrum.real.square() + spectrum.imag.square() + QUIET_POWER
        standing = (power @ self.get_buffer("tones")) / (power @ self.get_buffer("around"))
        octaves = standing.reshape(*standing.shape[:2], TONE_OCTAVES, TONES)
        return TONE_WEIGHT * (octaves.mean(dim=-2) + 0.1).log()

    def forward(self, audio: Tensor) -> Tensor:
        """Return latents of zero mean and about unit variance.

        Shapes:
            audio: [batch, 2, n * 4096]  ->  [batch, latent_channels, n]
        """
        centred = self.features(audio) - self.get_buffer("mean")
        return (centred @ self.get_buffer("projection")).transpose(1, 2)


class Decoder(nn.Module):
    """Latents to spectral frames; its reach is limited, so that a part can be decoded alone.

    The bands that the code kept come back by one linear layer; the network reads them, frame by
    frame, and adds what bands cannot say: fine structure and phase.
    """

    def __init__(self, config: AutoencoderConfig, sample_rate_hz: float) -> None:
        super().__init__()
        self.config = c = config
        self.uncode = nn.Linear(c.latent_channels, FRAMES_PER_LATENT * c.bands)
        self.enter = nn.Linear(c.latent_channels, c.latent_width)
        self.slow = nn.Sequential(
            *(ConvNeXtBlock(c.latent_width, kernel=5) for _ in range(c.latent_blocks))
        )
        self.unfold = nn.Linear(c.latent_width, FRAMES_PER_LATENT * c.decoder_width)
        self.read = nn.Linear(c.bands, c.decoder_width)
        self.fast = nn.Sequential(
            *(ConvNeXtBlock(c.decoder_width) for _ in range(c.decoder_blocks))
        )
        self.norm = nn.LayerNorm(c.decoder_width)
        self.widen = nn.Linear(c.decoder_width, c.head_width)
        self.head = nn.Linear(c.hidden, HEAD_WIDTH)
        mid = slopes_of(mel_filters(c.mel_bands, N_FFT, sample_rate_hz)) / BAND_SCALE
        side = slopes_of(mel_filters(c.side_mel_bands, N_FFT, sample_rate_hz)) / BAND_SCALE
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.weight[:, : c.bands] = 0.0
            self.head.weight[:BINS, : c.mel_bands] = mid.T
            self.head.weight[BINS : 2 * BINS, c.mel_bands : c.bands] = side.T
            self.head.bias.zero_()
            self.head.bias[3 * BINS : 4 * BINS] = -1.0

    def forward(self, latents: Tensor) -> Outputs:
        """Return the fields of `generator.spectral.SpectralFrames`, in their order.

        Shapes:
            latents: [batch, latent_channels, n]  ->  [batch, 8 n, 2, bins], [batch, 8 n, bins],
            [batch, 8 n, bins], [batch, 8 n, 2, bins], [batch, 8 n]
        """
        return self.name_bins(self.hidden(latents))

    def hidden(self, latents: Tensor) -> Tensor:
        """Return what the bins are read from: the bands, then the network's own words.

        Shapes:
            latents: [batch, latent_channels, n]  ->  [batch, 8 n, config.hidden]
        """
        bands = self.bands(latents)
        return torch.cat((bands, self.words(latents, bands)), dim=-1)

    def bands(self, latents: Tensor) -> Tensor:
        """Return the scaled level of the bands, [batch, 8 n, bands]."""
        patches: Tensor = BAND_SCALE * self.uncode(latents.transpose(1, 2))
        return patches.reshape(patches.shape[0], -1, self.config.bands)

    def words(self, latents: Tensor, bands: Tensor) -> Tensor:
        """Return what bands cannot say, [batch, 8 n, head_width]."""
        slow = self.unfold(self.slow(self.enter(latents.transpose(1, 2))))
        x = slow.reshape(*bands.shape[:2], -1) + self.read(bands)
        return functional.gelu(self.widen(self.norm(self.fast(x))), approximate="tanh")

    def name_bins(self, hidden: Tensor) -> Outputs:
        """Return the outputs; in training always float32, since an offset may be many turns."""
        z = self.head(hidden)
        y = z[..., :-1].reshape(z.shape[0], z.shape[1], 6, BINS)
        log_magnitude = y[:, :, 0:2].clamp(max=HIGHEST_LOG_MAGNITUDE)
        advance = torch.pi * torch.tanh(y[:, :, 2])
        spread = 2.0 * torch.sigmoid(y[:, :, 3])
        return log_magnitude, advance, spread, torch.pi * y[:, :, 4:6], z[..., -1]


def slopes_of(filters: Tensor) -> Tensor:
    """Return what spreads band levels over bins, linear between the bands' centres.

    Shapes:
        filters: [bins, bands]  ->  [bands, bins]
    """
    bins = torch.arange(filters.shape[0], dtype=filters.dtype)
    centres = (bins @ filters).contiguous()
    right = torch.searchsorted(centres, bins).clamp(1, len(centres) - 1)
    share = ((bins - centres[right - 1]) / (centres[right] - centres[right - 1])).clamp(0.0, 1.0)
    slopes = torch.zeros(len(centres), len(bins))
    places = torch.arange(len(bins))
    slopes[right - 1, places] = 1.0 - share
    slopes[right, places] = share
    return slopes


def mid_side(audio: Tensor) -> tuple[Tensor, Tensor]:
    """Return half the sum and half the difference of left and right, each [batch, frames]."""
    return 0.5 * (audio[:, 0] + audio[:, 1]), 0.5 * (audio[:, 0] - audio[:, 1])


def running_phase(advance: Tensor, offset: Tensor, starts: Tensor) -> Tensor:
    """Return the phase of every bin: the torch twin of `generator.phase_walk.PhaseWalk`.

    Shapes:
        advance (blurred or not): [batch, n, 1 or 2, bins]; offset: [batch, n, 2, bins]; starts:
        [batch, n] booleans, where the sum begins anew  ->  offset's.
    """
    count, device = advance.shape[1], advance.device
    frame = torch.arange(count, device=device)
    latest = torch.where(starts, frame, torch.zeros_like(frame)).cummax(dim=1).values
    walked = torch.cumsum(advance, dim=1)
    at_start = latest[:, :, None, None].expand(-1, -1, *walked.shape[2:])
    walked = walked - walked.gather(1, at_start)
    quarter_turns = torch.outer(frame + LATE, torch.arange(BINS, device=device)) % PARTS
    centre = quarter_turns.to(advance.dtype) * (2.0 * torch.pi / PARTS)
    return walked + centre[:, None] + offset


def synthesise(outputs: Outputs, noise: Tensor, starts: Tensor) -> Tensor:
    """Return mid and side samples: the torch twin of `synthesis.synthesise`, for training.

    Shapes:
        outputs of n frames; noise of unit variance: [batch, n, 2, bins]; starts: [batch, n]
        booleans ->  [batch, 2, n * HOP_FRAMES]
    """
    log_magnitude, advance, spread, offset, _ = outputs
    phase = running_phase(advance[:, :, None] + spread[:, :, None] * noise, offset, starts)
    spectrum = torch.polar(log_magnitude.exp(), phase).transpose(1, 2)
    batch, _, count, _ = spectrum.shape
    return overlap_add(spectrum.flatten(0, 1)).reshape(batch, 2, count * HOP_FRAMES)


def overlap_add(spectrum: Tensor) -> Tensor:
    """Invert a centred STFT by windowed overlap-add.

    Shapes:
        spectrum: [batch, n, bins]  ->  [batch, n * HOP_FRAMES]
    """
    window = torch.hann_window(N_FFT, device=spectrum.device)
    count = spectrum.shape[1]
    quarters = (torch.fft.irfft(spectrum, n=N_FFT) * window).reshape(-1, count, PARTS, HOP_FRAMES)
    squared = (window * window).reshape(PARTS, 1, HOP_FRAMES).expand(PARTS, count, HOP_FRAMES)
    total = sum_shifted(quarters.unbind(2), count + PARTS)
    weight = sum_shifted(squared.unbind(0), count + PARTS)
    audio = (total / weight.clamp_min(1e-3)).flatten(-2)
    start = N_FFT // 2
    return audio[:, start : start + count * HOP_FRAMES]


def sum_shifted(parts: tuple[Tensor, ...], length: int) -> Tensor:
    """Add the parts, the i-th moved i places along the second last axis of ``length`` places."""
    placed = [
        functional.pad(part, (0, 0, i, length - part.shape[-2] - i)) for i, part in enumerate(parts)
    ]
    return torch.stack(placed).sum(0)

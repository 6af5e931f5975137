"""The autoencoder's torch modules: mid/side sound -> latents at 10.77 Hz -> spectral frames.

Both halves work at frame rate (hop 512), never at waveform rate: that is what a laptop can afford.
The encoder reads log-mel and low log-linear bands; the decoder names, for each frame and bin,
magnitude, phase advance with its spread, and offset (`generator/spectral.py` turns those into
sound). Nothing here knows of losses, prompts, files or numpy. Trained by `training/autoencoder.py`,
exported by `training/export.py`.

References:
    ConvNeXt at hop rate with an inverse-STFT head: Siuzdak 2023, arXiv 2306.00814 (Vocos). Ours
    predicts the phase as a running sum of an advance with a spread, where Vocos predicts it anew in
    each frame.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.spectral import BINS, FRAMES_PER_LATENT, HOP_FRAMES, LATE, N_FFT, PARTS

Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
LOW_N_FFT = 8192
LOW_BINS = 256
LOG_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class AutoencoderConfig:
    """Sizes of both halves; every field is a count."""

    latent_channels: int = 64
    mel_bands: int = 128
    side_mel_bands: int = 48
    encoder_width: int = 256
    encoder_blocks: int = 4
    latent_width: int = 384
    latent_blocks: int = 2
    decoder_width: int = 256
    decoder_blocks: int = 6
    head_width: int = 512


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
    """Return triangular mel filters of unit area, [bins, bands] (HTK's scale)."""

    def to_mel(hz: Tensor) -> Tensor:
        return 2595.0 * torch.log10(1.0 + hz / 700.0)

    edges_mel = torch.linspace(
        to_mel(torch.tensor(low_hz)).item(),
        to_mel(torch.tensor(sample_rate_hz / 2)).item(),
        bands + 2,
    )
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    spacing = sample_rate_hz / n_fft
    # A band narrower than a bin would be empty: no slope is steeper than one bin.
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    bins = torch.arange(n_fft // 2 + 1)[:, None] * spacing
    rising = (bins - lower) / (centre - lower).clamp_min(spacing)
    falling = (upper - bins) / (upper - centre).clamp_min(spacing)
    filters = torch.minimum(rising, falling).clamp_min(0.0)
    return filters / filters.sum(0, keepdim=True).clamp_min(1e-6)


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


class Standardise(nn.Module):
    """Zero mean and unit variance per channel by running statistics, in training too.

    A batch's own statistics would make a latent depend on its neighbours, and its level with it.
    """

    def __init__(self, channels: int, momentum: float = 0.01) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: [batch, channels, n] -> the same."""
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_var")
        if self.training:
            found = x.detach().float()
            mean.lerp_(found.mean(dim=(0, 2)), self.momentum)
            variance.lerp_(found.var(dim=(0, 2)), self.momentum)
        standard: Tensor = (x - mean[:, None]) * (variance[:, None] + 1e-5).rsqrt()
        return standard


class Encoder(nn.Module):
    """Stereo sound to latents with zero mean and unit variance per channel."""

    def __init__(self, config: AutoencoderConfig, sample_rate_hz: float) -> None:
        super().__init__()
        c = config
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.register_buffer("low_window", torch.hann_window(LOW_N_FFT), persistent=False)
        mid = mel_filters(c.mel_bands, N_FFT, sample_rate_hz)
        side = mel_filters(c.side_mel_bands, N_FFT, sample_rate_hz)
        self.register_buffer("mid_filters", mid, persistent=False)
        self.register_buffer("side_filters", side, persistent=False)
        features = c.mel_bands + c.side_mel_bands + LOW_BINS
        self.enter = nn.Linear(features, c.encoder_width)
        self.fast = nn.Sequential(
            *(ConvNeXtBlock(c.encoder_width) for _ in range(c.encoder_blocks))
        )
        self.pool = nn.Linear(FRAMES_PER_LATENT * c.encoder_width, c.latent_width)
        self.slow = nn.Sequential(
            *(ConvNeXtBlock(c.latent_width, kernel=5) for _ in range(c.latent_blocks))
        )
        self.norm = nn.LayerNorm(c.latent_width)
        self.leave = nn.Linear(c.latent_width, c.latent_channels)
        # A power constraint: with fixed noise on top, the latents are a Gaussian channel.
        self.standardise = Standardise(c.latent_channels)

    def features(self, audio: Tensor) -> Tensor:
        """Return log bands of mid and side, about unit scale.

        Shapes:
            audio: [batch, 2, latent_frames * 4096] left, right  ->  [batch, frames, features]
        """
        mid, side = mid_side(audio)
        window, low_window = self.get_buffer("window"), self.get_buffer("low_window")
        mid_size = magnitude(centred_stft(mid, N_FFT, HOP_FRAMES, window))
        side_size = magnitude(centred_stft(side, N_FFT, HOP_FRAMES, window))
        low = magnitude(centred_stft(mid, LOW_N_FFT, HOP_FRAMES, low_window))
        bands = (
            mid_size @ self.get_buffer("mid_filters"),
            side_size @ self.get_buffer("side_filters"),
            low[..., 1 : LOW_BINS + 1] * 0.25,
        )
        return (torch.cat(bands, dim=-1).clamp_min(LOG_FLOOR).log() + 4.0) / 4.0

    def forward(self, audio: Tensor) -> Tensor:
        """Return standardised latents.

        Shapes:
            audio: [batch, 2, latent_frames * 4096]  ->  [batch, latent_channels, latent_frames]
        """
        x = self.fast(self.enter(self.features(audio)))
        batch, frames, width = x.shape
        x = self.pool(x.reshape(batch, frames // FRAMES_PER_LATENT, FRAMES_PER_LATENT * width))
        x = self.leave(self.norm(self.slow(x)))
        standardised: Tensor = self.standardise(x.transpose(1, 2))
        return standardised


class Decoder(nn.Module):
    """Latents to spectral frames; its reach is limited, so that a part can be decoded alone."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = c = config
        self.enter = nn.Linear(c.latent_channels, c.latent_width)
        self.slow = nn.Sequential(
            *(ConvNeXtBlock(c.latent_width, kernel=5) for _ in range(c.latent_blocks))
        )
        self.unfold = nn.Linear(c.latent_width, FRAMES_PER_LATENT * c.decoder_width)
        self.fast = nn.Sequential(
            *(ConvNeXtBlock(c.decoder_width) for _ in range(c.decoder_blocks))
        )
        self.norm = nn.LayerNorm(c.decoder_width)
        # A harmonic series at any pitch is no low-rank thing: one more layer before the bins.
        self.widen = nn.Linear(c.decoder_width, c.head_width)
        self.head = nn.Linear(c.head_width, 6 * BINS + 1)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.bias.zero_()
            self.head.bias[: 2 * BINS] = -2.0
            self.head.bias[3 * BINS : 4 * BINS] = -1.0

    def forward(self, latents: Tensor) -> Outputs:
        """Return the fields of `generator.spectral.SpectralFrames`, in their order.

        Shapes:
            latents: [batch, latent_channels, n]  ->  [batch, 8 n, 2, bins], [batch, 8 n, bins],
            [batch, 8 n, bins], [batch, 8 n, 2, bins], [batch, 8 n]
        """
        return self.name_bins(self.hidden(latents))

    def hidden(self, latents: Tensor) -> Tensor:
        """Return what the bins are read from, [batch, 8 n, head_width]."""
        x = self.unfold(self.slow(self.enter(latents.transpose(1, 2))))
        batch, count, _ = x.shape
        x = x.reshape(batch, count * FRAMES_PER_LATENT, -1)
        return functional.gelu(self.widen(self.norm(self.fast(x))), approximate="tanh")

    def name_bins(self, hidden: Tensor) -> Outputs:
        """Return the outputs; in training always float32, since an offset may be many turns."""
        z = self.head(hidden)
        y = z[..., :-1].reshape(z.shape[0], z.shape[1], 6, BINS)
        log_magnitude = y[:, :, 0:2].clamp(max=7.0)
        advance = torch.pi * torch.tanh(y[:, :, 2])
        spread = 2.0 * torch.sigmoid(y[:, :, 3])
        return log_magnitude, advance, spread, torch.pi * y[:, :, 4:6], z[..., -1]


def mid_side(audio: Tensor) -> tuple[Tensor, Tensor]:
    """Return half the sum and half the difference of left and right, each [batch, frames]."""
    return 0.5 * (audio[:, 0] + audio[:, 1]), 0.5 * (audio[:, 0] - audio[:, 1])


def running_phase(advance: Tensor, offset: Tensor, starts: Tensor) -> Tensor:
    """Return the phase of every bin: the torch twin of `generator.spectral.SpectralStream`.

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
    """Return mid and side samples: the torch twin of `generator.spectral.synthesise`, for training.

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

"""The autoencoder stage.

The encoder is a linear code of the corpus, made before the first step and never trained
(`training/linear_code.py`), so that whatever stands behind the latents can train at the same time.
The decoder starts from that code's inverse and learns what bands cannot say: first from the frames
of the STFT alone, which costs no synthesis, then also from the sound, then against a spectrogram
discriminator. Knows nothing of text. Crops and noise are drawn on the processor, all else is where
the `Place` says; several processes share the rows of each batch. Its product feeds
`training/latents.py`, and through `training/release.py` the checkpoint.
"""

import copy
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from generator.api import LATENT_HOP_FRAMES
from generator.autoencoder import (
    AutoencoderConfig,
    Decoder,
    Encoder,
    Outputs,
    mel_filters,
    mid_side,
    synthesise,
)
from generator.phase_walk import NOISE_REACH
from generator.spectral import N_FFT
from training.checkpoints import State, load_state
from training.config import AutoencoderRun
from training.errors import TrainingError
from training.frame_losses import (
    advance_weight,
    attack_frames,
    loudest,
    missing_db,
    real_spectrum,
    spectral_terms,
    vertical_weight,
)
from training.judge import (
    MultiResolutionDiscriminator,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from training.linear_code import LinearCode, principal_components, take_code
from training.loop import StepDraws, learning_rate, make_optimiser, update, update_average
from training.place import HERE, Place, Rows, autocast
from training.sound_losses import audible, convergence, mel_distance, mel_scales

# Bands of the frames' losses, wide to narrow: the wide ones pull a partial from afar.
BANDS = (24, 96, 256)
BETAS = (0.8, 0.99)


def uniform_noise(shape: torch.Size, draws: StepDraws) -> Tensor:
    """Return noise of unit variance as `generator.spectral` draws it."""
    return NOISE_REACH * (2.0 * torch.rand(shape, generator=draws.torch) - 1.0)


class AutoencoderStage:
    """Trains encoder and decoder on random crops (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: AutoencoderRun,
        crops: Callable[[np.random.Generator, int, int], Tensor],
        sample_rate_hz: float,
        place: Place = HERE,
    ) -> None:
        """Build the networks from the run's seed.

        Args:
            run: Sizes, rates and weights.
            crops: Draws ``(rng, batch, frames)`` -> stereo sound [batch, 2, frames].
            sample_rate_hz: Rate of that sound.
            place: Where.
        """
        torch.manual_seed(run.seed)
        sizes = AutoencoderConfig(**run.model.model_dump())
        self.config = run
        self.place = place
        self.device = place.device
        self.crops = crops
        self.encoder = Encoder(sizes, sample_rate_hz)
        self.decoder = Decoder(sizes, sample_rate_hz)
        if run.start is not None:
            state: dict[str, Any] = load_state(run.start)
            self.encoder.load_state_dict(state["encoder"])
            self.decoder.load_state_dict(state["decoder"])
        self.encoder.to(self.device)
        self.decoder.to(self.device)
        self.average = copy.deepcopy(self.decoder).requires_grad_(False)
        self.judge = MultiResolutionDiscriminator(run.discriminator_width).to(self.device)
        filters = (mel_filters(count, N_FFT, sample_rate_hz) for count in BANDS)
        self.bands = [bands.to(self.device) for bands in filters]
        self.scales = tuple(scale.to(self.device) for scale in mel_scales(sample_rate_hz))
        self.optimiser = make_optimiser(self.decoder.parameters(), BETAS, weight_decay=1e-3)
        self.judge_optimiser = make_optimiser(self.judge.parameters(), BETAS)

    def make_code(self, rng: np.random.Generator) -> None:
        """Set the encoder, and the first layer of the decoder, to the best linear code of crops.

        Every process makes it, since all draw alike; the leading one's holds, for on another
        machine an axis may point the other way.
        """
        run = self.config
        frames = run.crop_latents * LATENT_HOP_FRAMES
        features = [
            self.encoder.features(self.crops(rng, run.batch, frames).to(self.device)).flatten(0, 1)
            for _ in range(-(-run.code_frames // (run.batch * run.crop_latents)))
        ]
        own = principal_components(torch.cat(features), run.model.latent_channels)
        code = LinearCode(*map(self.place.leading, (own.mean, own.axes, own.deviation)))
        take_code(self.encoder, self.decoder, code)
        take_code(self.encoder, self.average, code)

    def decode(self, latents: Tensor) -> Outputs:
        """Return the decoder's outputs in float32."""
        bands = self.decoder.bands(latents)
        with autocast(latents, bfloat16=self.config.bfloat16):
            words = self.decoder.words(latents, bands)
        outputs: Outputs = self.decoder.name_bins(torch.cat((bands, words.float()), dim=-1))
        return outputs

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Update the decoder, and the discriminator in its time."""
        run = self.config
        if step == 0 and run.start is None:
            self.make_code(draws.numpy)
        crops = self.crops(draws.numpy, run.batch, run.crop_latents * LATENT_HOP_FRAMES)
        rows = self.place.rows(run.batch)
        audio = rows.of(crops)
        latents = self.encoder(audio)
        level = rows.of(torch.rand(run.batch, 1, 1, generator=draws.torch) * run.latent_noise)
        outputs = self.decode(latents + level * rows.normal(latents, draws.torch))
        real = torch.stack(mid_side(audio), dim=1)
        spectrum = real_spectrum(real)
        starts = attack_frames(spectrum.size[:, :, 0], self.encoder.get_buffer("mid_filters"))
        shares = defaultdict(lambda: rows.part) | {
            "advance": rows.share(advance_weight(spectrum, starts).sum()),
            "vertical": rows.share(vertical_weight(spectrum).sum()),
        }
        terms = spectral_terms(outputs, spectrum, starts, self.bands)
        if step >= run.sound_from:
            made = self.synthesise(outputs, starts, rows, draws)
            mine = crops[rows.first : rows.last]
            sounding = audible(torch.stack(mid_side(mine), dim=1).flatten(0, 1))
            shares["mel"] = shares["convergence"] = rows.share(float(sounding.sum()))
            terms |= self.sound_terms(made, real.flatten(0, 1), sounding)
            if step >= run.adversarial_from:
                terms |= self.adversarial_terms(made, real.flatten(0, 1), rows)
        terms = {name: shares[name] * value for name, value in terms.items()}
        weights = run.weights.model_dump()
        loss = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
        rate = learning_rate(run.rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        update_average(self.average, self.decoder, decay=run.average_decay, step=step)
        return {name: value.detach() for name, value in terms.items()} | {
            "missing_db": missing_db(outputs, spectrum) * rows.share(loudest(spectrum).sum()),
            "loss": loss.detach(),
            "gradient": norm,
        }

    def synthesise(self, outputs: Outputs, starts: Tensor, rows: Rows, draws: StepDraws) -> Tensor:
        """Return mid and side sound, [2 batch, frames].

        The advance learns from `advance_loss` alone: through the running sum every later frame
        would pull at it.
        """
        whole = torch.Size((rows.total, *outputs[0].shape[1:]))
        noise = rows.of(uniform_noise(whole, draws))
        held = (outputs[0], outputs[1].detach(), outputs[2].detach(), outputs[3], outputs[4])
        return synthesise(held, noise, starts).flatten(0, 1)

    def sound_terms(self, made: Tensor, real: Tensor, sounding: Tensor) -> dict[str, Tensor]:
        """Return the terms that compare the sounds of the rows that sound.

        Shapes:
            made, real: [2 batch, frames]; sounding: [2 batch] booleans, on the processor, so that
            nobody waits for the device to count them.
        """
        heard = sounding.nonzero()[:, 0].to(self.device)
        if len(heard) == 0:
            # Of several processes one may have drawn silence alone.
            nothing = 0.0 * made.sum()
            return {"mel": nothing, "convergence": nothing}
        made, real = made[heard], real[heard]
        window = torch.hann_window(N_FFT, device=self.device)
        return {
            "mel": mel_distance(made, real, self.scales),
            "convergence": convergence(made, real, window),
        }

    def adversarial_terms(self, made: Tensor, real: Tensor, rows: Rows) -> dict[str, Tensor]:
        """Update the discriminator, then return what it says of the decoder's mid signal.

        Shapes:
            made, real: [2 batch, frames], mid and side by turns.
        """
        made, real = made[::2], real[::2]
        loss = discriminator_loss(self.judge(real), self.judge(made.detach()))
        update(self.judge_optimiser, rows.part * loss, rate=self.config.discriminator_rate)
        self.judge.requires_grad_(False)
        judged, wanted = self.judge(made), self.judge(real)
        self.judge.requires_grad_(True)
        return {
            "adversarial": adversarial_loss(judged),
            "features": feature_loss(wanted, judged, rows.mean),
        }

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


def load_encoder(path: Path, sample_rate_hz: float) -> Encoder:
    """Return the encoder of an autoencoder's state.

    Args:
        path: The state.
        sample_rate_hz: Of the sound that it will encode.

    Returns:
        The encoder, in evaluation mode.

    Raises:
        TrainingError: There is no state, or it holds no autoencoder.
    """
    state = load_state(path)
    sizes, weights = state.get("sizes"), state.get("encoder")
    if not isinstance(sizes, dict) or not isinstance(weights, dict):
        raise TrainingError(f"{path} holds no autoencoder: train that stage first")
    encoder = Encoder(AutoencoderConfig(**sizes), sample_rate_hz)
    encoder.load_state_dict(weights)
    return encoder.eval()

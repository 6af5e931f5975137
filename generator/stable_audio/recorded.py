"""An imported model on a GPU: a whole take recorded once and replayed, without the host between.

The counterpart of generator/torch_generator.py. Needs nothing of CUDA itself: elsewhere the same
computation is run again (generator/cuda_graph.py), too slowly to be of use, but the same.
"""

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from generator import interpolant
from generator.api import CHANNELS, FloatArray, GenerationRequest, IntArray
from generator.cuda_graph import Recording
from generator.finishing import finish
from generator.memory import Remembered
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.pipeline import StableAudioGenerator, words_of
from generator.stable_audio.sizes import ClipSizes
from generator.stable_audio.tokens import Pieces
from generator.stable_audio.torch_networks import TorchNetworks

KEPT_RECORDINGS = 8
# Decoded lengths come in so many parts of a clip, so that a few recordings serve all.
LENGTHS = 8


class WholeTake(nn.Module):
    """From pieces and noise to latents and samples.

    Args:
        model: Every network.
        needed: How many latents are decoded.
    """

    def __init__(self, model: StableAudioModel, needed: int) -> None:
        super().__init__()
        self.model = model
        self.needed = needed

    def forward(
        self, ids: Tensor, mask: Tensor, seconds: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run every network once, the transformer once a step.

        Shapes:
            ids, mask: [1, text_tokens]; seconds: [1]; noise: [steps, 1, channels, n] float32
                ->  latents [1, channels, n], sound [1, 2, needed * hop_frames], both float32
        """
        text = self.model.text(ids, mask)
        latents = noise[0]
        for step, t in enumerate(interpolant.ping_pong_times(noise.shape[0])[:-1]):
            noised = latents if step == 0 else interpolant.mix(latents, noise[step], t)
            time = torch.full_like(seconds, t)
            v = self.model.velocity(noised.to(text.dtype), time, text, seconds).float()
            latents = interpolant.data_from_velocity(noised, v, t)
        sound = self.model.decoder(latents[:, :, : self.needed].to(text.dtype))
        return latents, sound.float()


class Shelf:
    """The tensors of one kind of take that never move, and its recording."""

    def __init__(self, take: WholeTake, sizes: ClipSizes, steps: int, device: torch.device) -> None:
        self.ids = torch.zeros(1, sizes.text_tokens, dtype=torch.int64, device=device)
        self.mask = torch.zeros(1, sizes.text_tokens, device=device)
        self.seconds = torch.zeros(1, device=device)
        self.noise = torch.zeros(steps, 1, sizes.channels, sizes.latent_frames, device=device)
        self.recording = Recording(
            lambda: take(self.ids, self.mask, self.seconds, self.noise), device
        )

    def make(
        self, ids: IntArray, seconds: float, noise: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return latents [1, channels, n] and sound [frames, 2]; the host waits once, here."""
        self.ids.zero_()
        self.mask.zero_()
        self.ids[0, : len(ids)].copy_(torch.from_numpy(ids), non_blocking=True)
        self.mask[0, : len(ids)] = 1.0
        self.seconds.fill_(seconds)
        self.noise.copy_(torch.from_numpy(noise), non_blocking=True)
        latents, sound = self.recording.replay()
        return latents.cpu().numpy().copy(), np.ascontiguousarray(sound[0].T.cpu().numpy())


class RecordedStableAudio(StableAudioGenerator):
    """Makes takes with recordings where it can, in the general way where it must.

    Args:
        name: The identity of the model, as shown to people.
        model: The filled model.
        pieces: Its tokeniser.
        device: Where to run.
    """

    def __init__(self, name: str, model: StableAudioModel, pieces: Pieces, *, device: str) -> None:
        networks = TorchNetworks(model, device=device)
        super().__init__(name, model.config.clip, pieces, networks)
        self._model, self._device = networks.model, torch.device(device)
        self._shelves: OrderedDict[tuple[int, int], Shelf] = OrderedDict()

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take; an empty chunk marks the end of a stage, where a caller may stop.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """
        if request.base is not None:
            yield from super().stream(request)
            return
        heard = self.heard_latents(request)
        shelf = self._shelf(request.steps, heard)
        noise = np.stack([self.noise(request, draw) for draw in range(request.steps)])
        ids = self.pieces.split(words_of(request))
        latents, sound = shelf.make(ids, request.duration_s, noise)
        self.memory.keep(request.identity, Remembered(latents, heard, None))
        yield np.zeros((0, CHANNELS), np.float32)
        yield finish(sound, request)

    def _shelf(self, steps: int, heard: int) -> Shelf:
        whole = self.sizes.latent_frames
        part = -(-whole // LENGTHS)
        needed = min(whole, -(-(heard + self.sizes.reach_latents) // part) * part)
        kind = (steps, needed)
        if kind not in self._shelves:
            take = WholeTake(self._model, needed)
            self._shelves[kind] = Shelf(take, self.sizes, steps, self._device)
        self._shelves.move_to_end(kind)
        if len(self._shelves) > KEPT_RECORDINGS:
            self._shelves.popitem(last=False)
        return self._shelves[kind]

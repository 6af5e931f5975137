"""Takes on an accelerator: recorded once for every length, several requests at once.

Fills the inputs of generator/take_program.py and gives its sound the last hand. A request that is
made from another take, stays open or follows one goes the general way of generator/pipeline.py.
The host waits for the device once, at the end. Flow: requests → TakeMaker → finishing.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generator.api import (
    CHANNELS,
    LATENT_HOP_FRAMES,
    MAX_AT_ONCE,
    AudioClip,
    FloatArray,
    GenerationRequest,
    collect_clip,
)
from generator.canvas import margin_of, told_seconds
from generator.checkpoint import Manifest
from generator.cuda_graph import Recording
from generator.finishing import Finisher, finish
from generator.keys import key_index
from generator.levels import level_gain
from generator.memory import Remembered
from generator.noise import seeded_noise
from generator.notes import note_number
from generator.phase_walk import blur_noise
from generator.pipeline import Encoder, LatentGenerator, Networks, learnt_tempo_bpm
from generator.spectral import BINS
from generator.take_program import Bucket, Making, MakingInputs, Sounding, empty_inputs
from generator.text import MAX_TOKENS, TextEncoder

# A recording keeps its activations; an old length is recorded again when it is wanted again.
KEPT_RECORDINGS = 32


@dataclass(frozen=True, slots=True)
class Made:
    """One take before the last hand.

    Shapes:
        latents: [1, channels, n]; raw: [frames, 2]

    Attributes:
        peak: How loud the take will be, as every backend judges it.
    """

    latents: FloatArray
    raw: FloatArray
    peak: float


class Shelf:
    """The tensors of one bucket that never move, and its two recordings."""

    def __init__(
        self, making: Making, sounding: Sounding, bucket: Bucket, device: torch.device
    ) -> None:
        channels = making.backbone.config.latent_channels
        self.inputs = empty_inputs(bucket, channels, device)
        self.making = Recording(lambda: making(self.inputs, bucket.margin), device)
        shape = (bucket.batch, bucket.frames, 2, BINS)
        self.blur = torch.zeros(shape, dtype=torch.int16, device=device)
        # The second recording reads where the first one writes, on a GPU always the same place.
        self.sounding = Recording(lambda: sounding(self.making.outputs[1], self.blur), device)


class TakeMaker:
    """Makes takes of one length at once.

    Args:
        making: The networks.
        sounding: From the decoder to samples.
        text: Splits prompts into pieces.
        device: Where the modules lie.
    """

    def __init__(
        self, making: Making, sounding: Sounding, text: TextEncoder, device: torch.device
    ) -> None:
        self.making, self._sounding = making, sounding
        self._text = text
        self._device = device
        self._channels = making.backbone.config.latent_channels
        self._shelves: OrderedDict[Bucket, Shelf] = OrderedDict()

    @property
    def recorded(self) -> tuple[Bucket, ...]:
        """What is recorded, the last used last."""
        return tuple(self._shelves)

    def make(self, requests: Sequence[GenerationRequest], latents: int) -> list[Made]:
        """Make takes; all queued work is one flow, waited for once.

        Args:
            requests: At most MAX_AT_ONCE, of equal latents and steps, all loops or none.
            latents: How many latent frames the sound of each takes.

        Returns:
            The takes, in order.
        """
        margin = margin_of(requests[0])
        bucket = Bucket(batch_of(len(requests)), latents + margin, requests[0].steps, margin)
        filled = [*requests, *[requests[-1]] * (bucket.batch - len(requests))]
        shelf = self._shelf(bucket)
        for target, value in zip(
            shelf.inputs.tensors(), self._inputs(filled, bucket.latents), strict=True
        ):
            self._send(target, value)
        clean, _ = shelf.making.replay()
        # The host draws the noise of the phases while the device makes what they belong to.
        self._send(shelf.blur, np.stack([blur_noise(r.seed, bucket.frames) for r in filled]))
        stereo, peaks = shelf.sounding.replay()
        fetched = [self._fetch(value) for value in (clean, stereo, peaks)]
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()
        codes, sounds, levels = (value.numpy() for value in fetched)
        return [
            Made(codes[row : row + 1], sounds[row], float(levels[row]))
            for row in range(len(requests))
        ]

    def keep_warm(self) -> None:
        """Replay the smallest recording, so that the device does not fall asleep between takes."""
        if self._shelves:
            smallest = min(self._shelves, key=lambda bucket: bucket.batch * bucket.latents)
            self._shelves[smallest].making.replay()

    def _shelf(self, bucket: Bucket) -> Shelf:
        if bucket not in self._shelves:
            self._shelves[bucket] = Shelf(self.making, self._sounding, bucket, self._device)
        self._shelves.move_to_end(bucket)
        if len(self._shelves) > KEPT_RECORDINGS:
            self._shelves.popitem(last=False)
        return self._shelves[bucket]

    def _inputs(
        self, requests: Sequence[GenerationRequest], latents: int
    ) -> list[npt.NDArray[np.generic]]:
        """Return the values of MakingInputs in order."""
        ids = np.zeros((len(requests), MAX_TOKENS), np.int64)
        mask = np.zeros((len(requests), MAX_TOKENS), np.float32)
        for row, request in enumerate(requests):
            pieces = self._text.token_ids(request.prompt)
            ids[row, : len(pieces)], mask[row, : len(pieces)] = pieces, 1.0
        noise = [
            [seeded_noise(r.seed, latents, self._channels, draw=draw) for r in requests]
            for draw in range(requests[0].steps)
        ]
        values: dict[str, npt.NDArray[np.generic]] = {
            "ids": ids,
            "mask": mask,
            "has_words": np.array([bool(r.prompt.strip()) for r in requests], np.float32),
            "seconds": np.array([told_seconds(r, latents) for r in requests], np.float32),
            "tempo_bpm": np.array([learnt_tempo_bpm(r.tempo_bpm) for r in requests], np.float32),
            "key": np.array([key_index(r.key) for r in requests], np.int64),
            "note": np.array([note_number(r.prompt) for r in requests], np.float32),
            "noise": np.array(noise),
        }
        return [values[part.name] for part in fields(MakingInputs)]

    def _send(self, target: Tensor, value: npt.NDArray[np.generic]) -> None:
        source = torch.from_numpy(value)
        if self._device.type == "cuda":
            source = source.pin_memory()
        target.copy_(source, non_blocking=True)

    def _fetch(self, value: Tensor) -> Tensor:
        if self._device.type != "cuda":
            return value.clone()
        target = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
        return target.copy_(value, non_blocking=True)


class TorchGenerator(LatentGenerator):
    """Makes takes with recordings where it can, in the general way where it must.

    Args:
        manifest: What the checkpoint says of itself.
        text: Its text encoder.
        networks: Its networks, for the general way.
        maker: Makes plain takes of the same networks.
        encoder: Its encoder, where it has one.
    """

    def __init__(
        self,
        manifest: Manifest,
        text: TextEncoder,
        networks: Networks,
        maker: TakeMaker,
        encoder: Encoder | None = None,
    ) -> None:
        super().__init__(manifest, text, networks, encoder=encoder)
        self.maker = maker

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take; an empty chunk marks the end of a stage, where a caller may stop.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """
        if not is_plain(request):
            yield from super().stream(request)
            return
        made = self.maker.make([request], self.latent_frames(request))
        yield np.zeros((0, CHANNELS), np.float32)
        yield self._finished(request, made[0])

    def generate_many(self, requests: Sequence[GenerationRequest]) -> list[AudioClip]:
        """Make the takes of several slots, those of equal length and steps at once.

        Args:
            requests: What to make.

        Returns:
            The takes, in order.
        """
        alike: dict[tuple[int, int, bool], list[int]] = defaultdict(list)
        clips: dict[int, AudioClip] = {}
        for place, request in enumerate(requests):
            if is_plain(request):
                alike[self.latent_frames(request), request.steps, request.loop].append(place)
            else:
                clips[place] = self.generate(request)
        for (latents, _, _), places in alike.items():
            for start in range(0, len(places), MAX_AT_ONCE):
                group = places[start : start + MAX_AT_ONCE]
                made = self.maker.make([requests[place] for place in group], latents)
                for place, take in zip(group, made, strict=True):
                    request = requests[place]
                    clips[place] = collect_clip(request, [self._finished(request, take)])
        return [clips[place] for place in range(len(requests))]

    def keep_warm(self) -> None:
        """Do a little work, so that the device does not fall asleep between takes."""
        self.maker.keep_warm()

    def _finished(self, request: GenerationRequest, made: Made) -> FloatArray:
        heard = request.frames // LATENT_HOP_FRAMES
        self._memory.keep(request.identity, Remembered(made.latents, heard, None))
        if request.loop:
            return finish(made.raw, request)
        return Finisher(level_gain(made.peak), request.frames).push(made.raw)


def is_plain(request: GenerationRequest) -> bool:
    """Return whether a take is made from nothing but its own words and seed, and ends."""
    is_alone = request.base is None and not request.follows and not request.is_open
    return is_alone and not request.blend and not request.variation


def batch_of(count: int) -> int:
    """Return the size of the recording that makes so many takes: a power of two.

    >>> [batch_of(count) for count in (1, 2, 3, 5, 8)]
    [1, 2, 4, 8, 8]
    """
    return 1 << (count - 1).bit_length()

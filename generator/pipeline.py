"""From words to a finished take: the order of the stages, for whatever runs the networks.

Knows what goes in and out of the networks, not what they compute nor on which machine. Every take
is made alone: an int8 graph scales its activations by all that it sees at once, so a batch would
make a take depend on its neighbours. Flow: text → steps of the transformer → decoder → synthesis
→ finishing.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from generator import interpolant
from generator.api import (
    CHANNELS,
    LATENT_HOP_FRAMES,
    SAMPLE_RATE_HZ,
    AudioClip,
    FloatArray,
    GenerationRequest,
    collect_clip,
)
from generator.canvas import Canvas, canvas_after, canvas_from, empty_canvas, margin_of
from generator.checkpoint import Manifest
from generator.errors import RequestError
from generator.finishing import frames_to_decode
from generator.keys import key_index
from generator.memory import Remembered, SoundMemory, TakeMemory
from generator.noise import varied_noise
from generator.notes import note_number
from generator.speaking import AHEAD_FRAMES, Ending, Speaker
from generator.spectral import FRAMES_PER_LATENT
from generator.text import TextEncoder

Array = npt.NDArray[Any]
# How far a latent is heard, at most; more than the reach of the decoder's convolutions.
REACH_LATENTS = 8
# No clip of a corpus is marked faster.
FASTEST_LEARNT_BPM = 400.0


def learnt_tempo_bpm(tempo_bpm: float | None) -> float:
    """Return a tempo as the model knows it: 0 for none, and half of what is too fast for it.

    Every beat of half a tempo is a beat of the whole one, so the sound keeps its grid.

    >>> learnt_tempo_bpm(124.0), learnt_tempo_bpm(999.0), learnt_tempo_bpm(None)
    (124.0, 249.75, 0.0)
    """
    learnt_bpm = tempo_bpm or 0.0
    while learnt_bpm > FASTEST_LEARNT_BPM:
        learnt_bpm /= 2.0
    return learnt_bpm


class Networks(Protocol):
    """The two networks of a checkpoint, ready to run."""

    def velocity(self, x: FloatArray, t: float, conditions: Mapping[str, Array]) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]  ->  the same
        """

    def hidden(self, latents: FloatArray) -> FloatArray:
        """Return what the spectral frames of clean latents are read from.

        Shapes:
            latents: [1, channels, n]  ->  [8 n, width]
        """

    def bins(self, hidden: FloatArray) -> FloatArray:
        """Return what is said of the bins of spectral frames, each from its own row.

        Shapes:
            hidden: [m, width], a part of what `hidden` gave  ->  [m, HEAD_WIDTH or more], to be
            used up; see `SpectralFrames.named`
        """


class Encoder(Protocol):
    """What makes latents of a sound."""

    def encode(self, audio: FloatArray) -> FloatArray:
        """Return the latents of a sound.

        Shapes:
            audio: [n * LATENT_HOP_FRAMES, 2]  ->  [1, channels, n]
        """


class LatentGenerator:
    """Makes takes with the networks of a checkpoint.

    Args:
        manifest: What the checkpoint says of itself.
        text: Its text encoder.
        networks: Its networks.
        encoder: Its encoder, where it has one: without it no take can begin from a sound.
        threads: Number of threads that make sound.
    """

    def __init__(
        self,
        manifest: Manifest,
        text: TextEncoder,
        networks: Networks,
        *,
        encoder: Encoder | None = None,
        threads: int = 1,
    ) -> None:
        self._manifest = manifest
        self._text = text
        self._networks = networks
        self._encoder = encoder
        self._memory: TakeMemory[Ending] = TakeMemory()
        self._sounds = SoundMemory()
        self._helper = ThreadPoolExecutor(1, "sound") if threads > 1 else None

    @property
    def name(self) -> str:
        """The identity of the model, as shown to people."""
        return self._manifest.name

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take; an empty chunk marks the end of a stage, where a caller may stop.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """
        nothing = np.zeros((0, CHANNELS), np.float32)
        canvas = self.canvas(request)
        conditions = self.conditions(request, canvas)
        yield nothing
        latents = self._start(request, canvas)
        for step in range(request.steps):
            latents = self.refine(latents, request, conditions, step=step)
            yield nothing
        yield from self.sound(latents, request, canvas)

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""
        return collect_clip(request, self.stream(request))

    def hear(self, audio: FloatArray) -> str:
        """Take in a sound, so that takes may begin from it.

        Shapes:
            audio: [frames, 2]

        Args:
            audio: Any sound.

        Returns:
            Its identity (see `generator.api.Listener`).

        Raises:
            RequestError: The checkpoint holds no encoder, or there is nothing to be heard.
        """
        if self._encoder is None:
            raise RequestError(
                f"The checkpoint {self.name!r} holds no encoder, so no take can begin from a "
                "sound. Export it again with this version."
            )
        return self._sounds.keep(audio)

    def latent_frames(self, request: GenerationRequest) -> int:
        """Return how many latent frames the sound of a request takes, from its first frame on."""
        count = -(-frames_to_decode(request) // self._manifest.latent_hop_frames)
        return count + (REACH_LATENTS if request.is_open else 0)

    def canvas(self, request: GenerationRequest) -> Canvas:
        """Lay out the latents of a request.

        Args:
            request: What is asked for.

        Returns:
            What is given of them, and how many there are.

        Raises:
            SourceError: What it is made from is not remembered, or too short, or has ended.
        """
        count, channels = self.latent_frames(request), self._manifest.latent_channels
        margin = margin_of(request)
        if request.follows:
            return canvas_after(self._memory.recall(request.follows), count, margin)
        if request.base is None:
            return empty_canvas(count + margin, channels)
        source = self._source(request, request.base.source)
        return canvas_from(source, request.base, count + margin, request.duration_s)

    def _source(self, request: GenerationRequest, identity: str) -> FloatArray:
        """Return the latents that a take begins from, beyond its end as well.

        There a loop's go on from its beginning, all others as they end.
        """
        count = self.latent_frames(request)
        source = self._heard_source(request, identity, count)
        if source.shape[2] < count:
            return source
        rest = ((0, 0), (0, 0), (0, margin_of(request)))
        return np.pad(source[..., :count], rest, mode="wrap" if request.loop else "edge")

    def _heard_source(self, request: GenerationRequest, identity: str, count: int) -> FloatArray:
        """Return the latents of a take that was made, or of a sound as long as the take's own."""
        sound = self._sounds.recall(identity)
        if sound is None or self._encoder is None:
            return self._memory.recall(identity).latents
        stretch = sound[: request.frames]
        frames = count * LATENT_HOP_FRAMES
        # What follows the last frame of a loop is its first; after anything else there is silence.
        loops = request.loop and len(stretch) == request.frames
        rest = ((0, frames - len(stretch)), (0, 0))
        return self._encoder.encode(np.pad(stretch, rest, mode="wrap" if loops else "constant"))

    def conditions(
        self, request: GenerationRequest, canvas: Canvas | None = None
    ) -> dict[str, Array]:
        """Return everything but the latents and the time that the transformer reads.

        A prompt without words is no text at all, as in training without captions.

        Shapes:
            returns: text [1, tokens, 384], text_mask [1, tokens]; seconds, tempo_bpm, key, note and
                origin_s [1]; known [1, channels, n], known_mask [1, 1, n]
        """
        canvas = canvas or self.canvas(request)
        blend = request.blend or ((request.prompt, 1.0),)
        states, mask = self._text.encode_blend(blend)
        has_words = bool(request.blend or request.prompt.strip())
        return {
            "text": states,
            "text_mask": mask * np.float32(has_words),
            "seconds": np.array([canvas.told_s(request)], np.float32),
            "tempo_bpm": np.array([learnt_tempo_bpm(request.tempo_bpm)], np.float32),
            "key": np.array([key_index(request.key)], np.int64),
            "note": np.array([note_number(*(text for text, _ in blend))], np.float32),
            "origin_s": np.array([canvas.first * LATENT_HOP_FRAMES / SAMPLE_RATE_HZ], np.float32),
            "known": canvas.known,
            "known_mask": canvas.known_mask,
        }

    def _start(self, request: GenerationRequest, canvas: Canvas) -> FloatArray:
        """Return the noise, or the noised source, that the first step sees."""
        noise = self._noise(request, canvas.known.shape[2], 0)
        if canvas.source is None or canvas.change == 1.0:
            return noise
        return interpolant.mix(canvas.source, noise, canvas.change)

    def sound(
        self, latents: FloatArray, request: GenerationRequest, canvas: Canvas | None = None
    ) -> Iterator[FloatArray]:
        """Decode and finish a take chunk by chunk, and remember it.

        Shapes:
            latents: [1, channels, n]; yields: [chunk_frames, 2]

        Args:
            latents: Clean latents.
            request: What they were made for.
            canvas: How they are laid out, by default from the first frame on.

        Yields:
            Sound; an empty chunk when the decoder has worked.
        """
        canvas = canvas or self.canvas(request)
        heard = canvas.first + request.frames // LATENT_HOP_FRAMES
        if margin_of(request):
            latents = latents[..., : canvas.first + self.latent_frames(request)]
        begin = max(0, canvas.first - REACH_LATENTS)
        before = canvas.before.ending if canvas.before is not None else None
        start = (canvas.first - begin) * FRAMES_PER_LATENT + (AHEAD_FRAMES if before else 0)
        stop = (heard - begin) * FRAMES_PER_LATENT + AHEAD_FRAMES if request.is_open else None
        hidden = self._networks.hidden(latents[..., begin:])[start:stop]
        yield np.zeros((0, CHANNELS), np.float32)
        speaker = Speaker(self._networks, hidden, self._helper)
        yield from speaker.speak(request, deepcopy(before))
        self._memory.keep(request.identity, Remembered(latents, heard, speaker.ending))

    def refine(
        self,
        latents: FloatArray,
        request: GenerationRequest,
        conditions: Mapping[str, Array],
        *,
        step: int,
    ) -> FloatArray:
        """Take one step of ping-pong sampling.

        Shapes:
            latents: [1, channels, n]  ->  [1, channels, n]

        Args:
            latents: Noise at step 0, later the clean latents of the step before.
            request: What decides the schedule and the fresh noise.
            conditions: What `conditions` returned.
            step: Number of the step, from 0.

        Returns:
            Clean latents as this step sees them.

        References:
            Novack et al. 2025, arXiv 2505.08175, section 3.3.
        """
        # A variation starts from a noised source: the same schedule, on what is left of the way.
        change = request.base.change if request.base is not None else 1.0
        t = change * interpolant.ping_pong_times(request.steps)[step]
        noised = latents
        if step > 0:
            noised = interpolant.mix(latents, self._noise(request, latents.shape[2], step), t)
        v = self._networks.velocity(noised, t, conditions)
        clean = interpolant.data_from_velocity(noised, v, t)
        free: FloatArray = np.float32(1.0) - conditions["known_mask"]
        kept: FloatArray = conditions["known"] + clean * free
        return kept

    def _noise(self, request: GenerationRequest, count: int, draw: int) -> FloatArray:
        channels = self._manifest.latent_channels
        return varied_noise(request, count, channels, draw=draw)[None]

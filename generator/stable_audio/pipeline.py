"""From words to a finished take with an imported model: the order of the stages, for any backend.

The counterpart of generator/pipeline.py. The model always fills its whole clip, as it was trained;
only the latents that a take needs are decoded. It has no input for tempo and key: they are said
in words after the prompt, which is how its users say them.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from generator import interpolant
from generator.api import (
    CHANNELS,
    SAMPLE_RATE_HZ,
    AudioClip,
    FloatArray,
    GenerationRequest,
    IntArray,
    collect_clip,
)
from generator.errors import RequestError
from generator.finishing import finish, frames_to_decode
from generator.memory import Remembered, SoundMemory, TakeMemory
from generator.noise import seeded_noise
from generator.stable_audio.sizes import ClipSizes
from generator.stable_audio.tokens import Pieces

CACHED_TEXTS = 256


class Networks(Protocol):
    """The networks of an imported model, ready to run.

    Attributes:
        hears: Whether there is an encoder of sound among them.
    """

    hears: bool

    def encode(self, ids: IntArray) -> FloatArray:
        """Return the states of one text.

        Shapes:
            ids: [pieces]  ->  [pieces, text_width]
        """

    def velocity(self, x: FloatArray, t: float, text: FloatArray, seconds: float) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]; text: [1, text_tokens, text_width]  ->  the shape of x
        """

    def decode(self, latents: FloatArray) -> FloatArray:
        """Return the sound of clean latents.

        Shapes:
            latents: [1, channels, n]  ->  [n * hop_frames, 2]
        """

    def hear(self, audio: FloatArray) -> FloatArray:
        """Return the latents of a sound.

        Shapes:
            audio: [n * hop_frames, 2]  ->  [1, channels, n]
        """


def words_of(request: GenerationRequest) -> str:
    """Return the prompt with tempo and key said in words.

    >>> words_of(GenerationRequest("house drums", 1, tempo_bpm=124, key="Am"))
    'house drums, 124 BPM, A minor'
    """
    parts = [request.prompt.strip()]
    if request.tempo_bpm is not None:
        parts.append(f"{request.tempo_bpm:g} BPM")
    if request.key is not None:
        parts.append(request.key)
    return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Given:
    """What a take is made from.

    Shapes:
        source: [1, channels, latent_frames], silence where the source has ended.
        kept: [1, 1, latent_frames], 1 where the take stays as the source is.

    Attributes:
        change: The time at which sampling starts; 1 is noise.
    """

    source: FloatArray
    kept: FloatArray
    change: float


class StableAudioGenerator:
    """Makes takes with an imported model.

    Args:
        name: The identity of the model, as shown to people.
        sizes: Its clip.
        pieces: Its tokeniser.
        networks: Its networks.
    """

    def __init__(self, name: str, sizes: ClipSizes, pieces: Pieces, networks: Networks) -> None:
        self._name = name
        self.sizes = sizes
        self.pieces = pieces
        self.networks = networks
        self._states: OrderedDict[str, FloatArray] = OrderedDict()
        self.memory: TakeMemory[None] = TakeMemory()
        self._sounds = SoundMemory()

    @property
    def name(self) -> str:
        """The identity of the model, as shown to people."""
        return self._name

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take; an empty chunk marks the end of a stage, where a caller may stop.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long

        Args:
            request: What to make; what the model cannot make is refused.

        Yields:
            The next frames.
        """
        heard = self.heard_latents(request)
        given = self._given(request)
        nothing = np.zeros((0, CHANNELS), np.float32)
        text = self.text_states(words_of(request))
        yield nothing
        latents = self.noise(request, 0)
        for step in range(request.steps):
            latents = self.refine(latents, request, text, step=step, given=given)
            yield nothing
        self.memory.keep(request.identity, Remembered(latents, heard, None))
        needed = min(self.sizes.latent_frames, heard + self.sizes.reach_latents)
        audio = self.networks.decode(np.ascontiguousarray(latents[:, :, :needed]))
        yield nothing
        yield finish(audio, request)

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
            RequestError: The model holds no encoder, or there is nothing to be heard.
        """
        if not self.networks.hears:
            raise RequestError(
                f"The model {self._name} was exported without its encoder, so no take can begin "
                "from a sound. Export it again with this version."
            )
        return self._sounds.keep(audio)

    def text_states(self, text: str) -> FloatArray:
        """Return what the transformer reads of a text; the latest texts are remembered.

        Shapes:
            returns: [1, text_tokens, text_width], zero where the text has ended
        """
        if text not in self._states:
            states = self.networks.encode(self.pieces.split(text))
            padded = np.zeros((1, self.sizes.text_tokens, states.shape[1]), np.float32)
            padded[0, : len(states)] = states
            self._states[text] = padded
        self._states.move_to_end(text)
        if len(self._states) > CACHED_TEXTS:
            self._states.popitem(last=False)
        return self._states[text]

    def refine(
        self,
        latents: FloatArray,
        request: GenerationRequest,
        text: FloatArray,
        *,
        step: int,
        given: Given | None = None,
    ) -> FloatArray:
        """Take one step of ping-pong sampling.

        Shapes:
            latents: [1, channels, n]  ->  the same

        Args:
            latents: Noise at step 0, later the clean latents of the step before.
            request: What decides the schedule, the length and the fresh noise.
            text: What `text_states` returned.
            step: Number of the step, from 0.
            given: What the take is made from, where it is made from another.

        Returns:
            Clean latents as this step sees them.

        References:
            Novack et al. 2025, arXiv 2505.08175, section 3.3. What is kept is put back at every
            noise level (Lugmayr et al. 2022, arXiv 2201.09865): this model has no mask to read.
        """
        start = given.change if given is not None else 1.0
        t = start * interpolant.ping_pong_times(request.steps)[step]
        noise = latents if step == 0 else self.noise(request, step)
        clean = latents
        if given is not None:
            clean = _put_back(given.source if step == 0 else latents, given)
        noised = noise if t == 1.0 else interpolant.mix(clean, noise, t)
        v = self.networks.velocity(noised, t, text, request.duration_s)
        seen = interpolant.data_from_velocity(noised, v, t)
        return seen if given is None else _put_back(seen, given)

    def heard_latents(self, request: GenerationRequest) -> int:
        """Return how many latents a take is heard from.

        Args:
            request: What is asked for.

        Returns:
            Their number.

        Raises:
            RequestError: The model cannot make such a take.
        """
        if request.is_open or request.follows:
            raise RequestError(
                f"The model {self._name} makes takes that end; one that stays open, or follows "
                "another, needs a model that reads what came before, such as house."
            )
        heard = -(-frames_to_decode(request) // self.sizes.hop_frames)
        if heard > self.sizes.latent_frames:
            longest_s = self.sizes.frames / SAMPLE_RATE_HZ
            raise RequestError(
                f"The model {self._name} makes at most {longest_s:.1f} seconds, a loop a little "
                f"less; {request.duration_s:.1f} were asked for. Ask for a shorter take."
            )
        return heard

    def _given(self, request: GenerationRequest) -> Given | None:
        if request.base is None:
            return None
        source = self._source(request, request.base.source)
        kept = np.zeros((1, 1, self.sizes.latent_frames), np.float32)
        latents_per_s = SAMPLE_RATE_HZ / self.sizes.hop_frames
        for start_s, stop_s in request.base.keep_s:
            stop = min(source.heard, math.ceil(stop_s * latents_per_s))
            kept[..., math.floor(start_s * latents_per_s) : stop] = 1.0
        return Given(source.latents, kept, request.base.change)

    def _source(self, request: GenerationRequest, identity: str) -> Remembered[None]:
        """Return what a take begins from: a take of before, or a sound as long as the take."""
        sound = self._sounds.recall(identity)
        if sound is None:
            return self.memory.recall(identity)
        stretch = sound[: request.frames]
        rest = ((0, self.sizes.frames - len(stretch)), (0, 0))
        # What follows the last frame of a loop is its first; after anything else there is silence.
        loops = request.loop and len(stretch) == request.frames
        whole = np.pad(stretch, rest, mode="wrap" if loops else "constant")
        heard = -(-len(stretch) // self.sizes.hop_frames)
        return Remembered(self.networks.hear(whole), heard, None)

    def noise(self, request: GenerationRequest, draw: int) -> FloatArray:
        """Return the noise of a step, [1, channels, latent_frames]."""
        channels, count = self.sizes.channels, self.sizes.latent_frames
        return seeded_noise(request.seed, count, channels, draw=draw)[None]


def _put_back(latents: FloatArray, given: Given) -> FloatArray:
    """Return latents with the kept stretches of the source in their places."""
    free: FloatArray = np.float32(1.0) - given.kept
    mixed: FloatArray = given.source * given.kept + latents * free
    return mixed

"""The cache after the autoencoder: latents of all clips, states of all captions.

Once written, transformer training touches neither sound nor the text encoder. Each text is encoded
by the very encoder that the runtime uses, so that training and playing agree. Read back by
`training/batches.py`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from generator.api import LATENT_HOP_FRAMES
from generator.autoencoder import Encoder
from generator.keys import key_index
from generator.notes import note_number
from generator.text import TextEncoder, encode_captions
from training.corpus.clip import Split
from training.corpus.imagined import caption_list
from training.corpus.shards import Corpus, Entry

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[Sequence[int], str], Iterable[int]]
FADED_DB = -50.0
LAST_MOMENT_S = 0.05
SILENCE_LATENTS = 32
MAX_CAPTIONS = 5
CLIPS_FILE = "clips.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A corpus and how often its clips are drawn, all together, relative to other corpora.

    Only the clips of ``split`` are used; all where it is None. A loop counts ``loops`` times.
    """

    corpus: Corpus
    share: float
    split: Split | None = "train"
    loops: float = 1.0

    def chosen(self) -> list[int]:
        """Return the numbers of the clips that are used."""
        if self.split is None:
            return list(range(len(self.corpus)))
        return [int(index) for index in self.corpus.indices(self.split)]


def has_faded(audio: FloatArray, sample_rate_hz: float) -> bool:
    """Return whether a clip has died away at its end, so that silence may follow it.

    Shapes:
        audio: [frames, channels]
    """
    last = audio[-max(1, int(LAST_MOMENT_S * sample_rate_hz)) :]
    loudest = float(np.abs(audio).max(initial=1e-9))
    return bool(np.sqrt(np.mean(last**2)) < loudest * 10.0 ** (FADED_DB / 20.0))


def on_canvas(audio: FloatArray, *, loops: bool) -> FloatArray:
    """Return a clip filled up to whole latent frames: a loop from its head, others by silence.

    Shapes:
        audio: [frames, 2]  ->  [2, latent_frames * LATENT_HOP_FRAMES]
    """
    missing = -len(audio) % LATENT_HOP_FRAMES
    if loops:
        return np.ascontiguousarray(np.pad(audio, ((0, missing), (0, 0)), mode="wrap").T)
    return np.ascontiguousarray(np.pad(audio, ((0, missing), (0, 0))).T)


@torch.no_grad()
def encode(encoder: Encoder, audio: FloatArray) -> FloatArray:
    """Return the latents of one sound.

    Shapes:
        audio: [2, latent_frames * LATENT_HOP_FRAMES]  ->  [latent_frames, latent_channels]
    """
    device = encoder.get_buffer("mean").device
    made = encoder(torch.from_numpy(audio)[None].to(device))[0].T
    found: FloatArray = made.contiguous().cpu().numpy()
    return found


def silence_latent(encoder: Encoder) -> FloatArray:
    """Return the latent of a moment in long silence, [latent_channels]."""
    silent = np.zeros((2, SILENCE_LATENTS * LATENT_HOP_FRAMES), np.float32)
    middle: FloatArray = encode(encoder, silent)[SILENCE_LATENTS // 2]
    return middle


def write_latents(
    sources: Sequence[Source],
    encoder: Encoder,
    words: TextEncoder,
    folder: Path,
    progress: Progress,
) -> None:
    """Encode the clips of all sources, and their captions, into a cache folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # The table comes last: without it there is no cache.
    (folder / CLIPS_FILE).unlink(missing_ok=True)
    encoder.eval()
    captions: dict[str, int] = {}
    rows, clips, start = [], [], 0
    for source in sources:
        chosen = source.chosen()
        for index in progress(chosen, "latents"):
            entry = source.corpus.entries[index]
            audio = source.corpus.audio(index)
            latents = encode(encoder, on_canvas(audio, loops=entry.bars is not None))
            ids = [
                captions.setdefault(text, len(captions)) for text in entry.captions[:MAX_CAPTIONS]
            ]
            weight = source.loops if entry.bars is not None else 1.0
            row = clip_row(entry, audio, weight * source.share / len(chosen))
            clips.append(row | {"start": start, "frames": len(latents), "captions": ids or [-1]})
            rows.append(latents.astype(np.float16))
            start += len(latents)
    np.save(folder / "latents.npy", np.concatenate(rows).astype(np.float32))
    write_captions(list(captions), words, folder, progress)
    table = {"silence": silence_latent(encoder).tolist(), "clips": clips}
    (folder / CLIPS_FILE).write_text(json.dumps(table), encoding="utf-8")


def clip_row(entry: Entry, audio: FloatArray, share: float) -> dict[str, object]:
    """Return what a batch needs to know of a clip."""
    faded = entry.bars is None and has_faded(audio, entry.frames / entry.seconds)
    return {
        "seconds": entry.seconds,
        "tempo_bpm": entry.tempo_bpm or 0.0,
        "key": key_index(entry.musical_key),
        "note": note_number(str(entry.facts.get("note") or "")),
        "fades": faded,
        "share": share,
    }


def write_captions(
    captions: Sequence[str], words: TextEncoder, folder: Path, progress: Progress
) -> None:
    """Encode captions into a cache folder, in their order, unless the very same are there."""
    texts_file = folder / "texts.json"
    texts = json.dumps(list(captions))
    if texts_file.is_file() and texts_file.read_text(encoding="utf-8") == texts:
        return
    texts_file.unlink(missing_ok=True)
    packed = encode_captions(
        words, [captions[i] for i in progress(range(len(captions)), "captions")]
    )
    np.save(folder / "states.npy", packed.states)
    np.save(folder / "starts.npy", packed.starts)
    texts_file.write_text(texts, encoding="utf-8")


def write_imagined(
    count: int, seed: int, words: TextEncoder, folder: Path, progress: Progress
) -> None:
    """Encode captions without sound, and the conditions that suit them, into a cache folder."""
    folder.mkdir(parents=True, exist_ok=True)
    imagined = caption_list(count, seed)
    table = [
        {
            "text": c.text,
            "seconds": c.seconds,
            "tempo_bpm": c.tempo_bpm or 0.0,
            "key": key_index(c.key),
            "note": note_number(c.text),
        }
        for c in imagined
    ]
    (folder / "captions.json").write_text(json.dumps(table), encoding="utf-8")
    write_captions([c.text for c in imagined], words, folder, progress)


def quietly(items: Sequence[int], _: str) -> Iterator[int]:
    """Show no progress: the plainest `Progress`."""
    yield from items

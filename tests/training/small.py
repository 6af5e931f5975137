"""The smallest working parts for tests of training: a corpus on disk, caches, sizes."""

import json
from pathlib import Path

import numpy as np

from training.config import BackboneSizes
from training.corpus.clip import Clip
from training.corpus.shards import Corpus, write_corpus

RATE_HZ = 44_100
SIZES = BackboneSizes(width=16, blocks=2, heads=2)
CHANNELS = 4


def small_corpus(folder: Path, clips: int = 40) -> Corpus:
    """Write and open a corpus of decaying sines of 0.1 to 0.4 s."""
    rng = np.random.default_rng(11)

    def made(i: int) -> Clip:
        t = np.arange(int(RATE_HZ * rng.uniform(0.1, 0.4))) / RATE_HZ
        wave = 0.8 * np.exp(-t / 0.02) * np.sin(2 * np.pi * rng.uniform(100, 2000) * t)
        audio = np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)
        return Clip(f"c{i}", "test", f"s{i}", "CC0-1.0", "us", audio, (f"sine {i}", "sine"))

    write_corpus((made(i) for i in range(clips)), folder)
    return Corpus(folder)


def small_cache(folder: Path, clips: int = 30) -> Path:
    """Write a latent cache of random latents whose captions have random states."""
    rng = np.random.default_rng(12)
    lengths = rng.integers(2, 6, clips)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    folder.mkdir(parents=True)
    np.save(folder / "latents.npy", rng.standard_normal((starts[-1], CHANNELS)).astype(np.float32))
    table = [
        {
            "start": int(starts[i]), "frames": int(lengths[i]), "captions": [i % 7],
            "fades": bool(i % 2),
            "seconds": float(lengths[i]) * 0.09, "tempo_bpm": 0.0,
            "key": i % 25, "note": i % 3 * 40, "share": 1.0,
        }
        for i in range(clips)
    ]  # fmt: skip
    (folder / "clips.json").write_text(json.dumps({"silence": [0.5] * CHANNELS, "clips": table}))
    np.save(folder / "states.npy", rng.standard_normal((21, 384)).astype(np.float16))
    np.save(folder / "starts.npy", np.arange(0, 22, 3))
    return folder

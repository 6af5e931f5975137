"""A page of spectrograms, one clip a family: ``python -m training.corpus.gallery OUT.png``.

For looking only; knows the synthesiser and matplotlib, which nothing else in the corpus needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.corpus.captions import captions_of
from training.corpus.clip import SAMPLE_RATE_HZ, Clip
from training.corpus.synth import FAMILIES, draw, render

_FFT, _HOP = 2048, 512


def spectrogram_db(clip: Clip) -> torch.Tensor:
    """Spectrogram of the middle channel in dB below its peak, 1025 bins by frames."""
    mono = torch.from_numpy(np.ascontiguousarray(clip.audio.mean(1)))
    window = torch.hann_window(_FFT)
    spectrum = torch.stft(mono, _FFT, _HOP, window=window, return_complex=True, pad_mode="constant")
    magnitude = spectrum.abs()
    return 20.0 * torch.log10(magnitude / magnitude.max() + 1e-5)


def draw_page(clips: Sequence[Clip], path: Path, columns: int = 8) -> None:
    """Draw waveform and spectrogram of clips on one page.

    Args:
        clips: Clips in reading order.
        path: PNG to write.
        columns: Clips in a row.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = -(-len(clips) // columns)
    figure, axes = plt.subplots(rows * 2, columns, figsize=(3.0 * columns, 2.6 * rows), height_ratios=[1, 3] * rows)
    for axis in axes.flat:
        axis.set_axis_off()
    for index, clip in enumerate(clips):
        row, column = divmod(index, columns)
        wave, picture = axes[2 * row][column], axes[2 * row + 1][column]
        wave.plot(clip.audio[:: max(1, len(clip.audio) // 2000)], linewidth=0.4)
        wave.set_ylim(-1, 1)
        caption = clip.captions[-1] if clip.captions else ""
        wave.set_title(f"{clip.facts.get('family')} {clip.seconds:.2f} s\n{caption[:48]}", fontsize=6)
        picture.imshow(spectrogram_db(clip).numpy(), origin="lower", aspect="auto", vmin=-90, vmax=0,
                       extent=(0, clip.seconds, 0, SAMPLE_RATE_HZ / 2000), cmap="magma")  # fmt: skip
        picture.set_yscale("symlog", linthresh=0.5)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main() -> None:
    """Command line: render one clip of each family and draw the page."""
    parser = argparse.ArgumentParser(description="Draw one clip of every family of the synthesiser.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", action="append", help="only this family, eight seeds of it")
    parser.add_argument("--group", help="only the families of this group")
    args = parser.parse_args()
    names = [n for n, f in FAMILIES.items() if args.group in (None, f.group)]
    patches = [draw(name, args.seed) for name in names]
    if args.family:
        patches = [draw(name, args.seed + i) for name in args.family for i in range(8)]
    clips = [clip for _, clip in sorted(render(patches), key=lambda item: item[0]) if isinstance(clip, Clip)]
    worded = [Clip(c.key, c.source, c.stem, c.licence, c.author, c.audio, captions_of(c), facts=c.facts) for c in clips]
    draw_page(worded, args.out)


if __name__ == "__main__":
    main()

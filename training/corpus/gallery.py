"""A page of spectrograms, one clip a family: ``python -m training.corpus.gallery OUT.png``.

For looking only; knows all that renders and matplotlib, which nothing else in the corpus needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ
from training.corpus.captions import captions_of
from training.corpus.clip import Clip
from training.corpus.renderers import RENDERERS
from training.corpus.synth import draw, families, render

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
    from matplotlib import pyplot

    rows = -(-len(clips) // columns)
    size = (3.0 * columns, 2.6 * rows)
    figure, axes = pyplot.subplots(
        rows * 2, columns, figsize=size, height_ratios=[1, 3] * rows, squeeze=False
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for index, clip in enumerate(clips):
        row, column = divmod(index, columns)
        wave, picture = axes[2 * row][column], axes[2 * row + 1][column]
        wave.plot(clip.audio[:: max(1, len(clip.audio) // 2000)], linewidth=0.4)
        wave.set_ylim(-1, 1)
        words = clip.captions[-1][:48] if clip.captions else ""
        name = clip.facts.get("instrument") or clip.facts.get("family")
        wave.set_title(f"{name} {clip.seconds:.2f} s\n{words}", fontsize=6)
        extent = (0, clip.seconds, 0, SAMPLE_RATE_HZ / 2000)
        picture.imshow(
            spectrogram_db(clip).numpy(),
            origin="lower",
            aspect="auto",
            vmin=-90,
            vmax=0,
            extent=extent,
            cmap="magma",
        )
        picture.set_yscale("symlog", linthresh=0.5)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def clips_of_families(seed: int, group: str | None = None) -> list[Clip]:
    """Return one clip of each family of our synthesiser, or of each of a group."""
    names = [n for n, f in families().items() if group in (None, f.group)]
    made = dict(render([draw(name, seed) for name in names]))
    return [clip for _, clip in sorted(made.items()) if isinstance(clip, Clip)]


def clips_of_renderer(name: str, first: int, count: int) -> list[Clip]:
    """Return the clips of a renderer that are not refused, from one seed on."""
    renderer = RENDERERS[name]()
    made = (renderer.render(seed) for seed in range(first, first + count))
    return [clip for clip in made if isinstance(clip, Clip)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Render one clip of each family, or some clips of another renderer, and draw the page."""
    parser = argparse.ArgumentParser(prog="python -m training.corpus.gallery", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--group", help="only the families of this group")
    parser.add_argument("--renderer", choices=RENDERERS, help="clips of this renderer instead")
    parser.add_argument("--clips", type=int, default=48, help="how many clips of the renderer")
    given = parser.parse_args(arguments)
    if given.renderer:
        clips = clips_of_renderer(given.renderer, given.seed, given.clips)
    else:
        clips = clips_of_families(given.seed, given.group)
    draw_page([replace(clip, captions=captions_of(clip)) for clip in clips], given.out)


if __name__ == "__main__":
    main()

"""A text–audio score: two small contrastive heads on frozen embeddings of words and of sound.

Trained on sounds that no generator has seen, so that the score cannot be flattered. Knows neither
the text encoder nor the sound network, only their vectors.

References:
    Symmetric contrastive loss with a learnt temperature: Radford et al. 2021, arXiv 2103.00020,
    figure 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

FloatArray = npt.NDArray[np.float32]
SHARED_WIDTH = 128
HIDDEN_WIDTH = 384
DROPOUT = 0.3
BATCH = 256


@dataclass(frozen=True, slots=True)
class Couples:
    """Sounds with their captions.

    Shapes:
        sounds: [clips, sound_width]; words: [captions, text_width]; clip_of: [captions].
    """

    sounds: FloatArray
    words: FloatArray
    clip_of: npt.NDArray[np.int64]

    def without(self, clips: Sequence[int]) -> "Couples":
        """Return the same without the captions of some clips; their sounds stay, unused."""
        kept = ~np.isin(self.clip_of, np.asarray(clips, np.int64))
        return Couples(self.sounds, self.words[kept], self.clip_of[kept])


class Heads(nn.Module):
    """Maps both kinds of vectors into one space, where fitting ones are near."""

    def __init__(self, sound_width: int, text_width: int) -> None:
        super().__init__()
        self.sound = make_head(sound_width)
        self.text = make_head(text_width)
        self.log_scale = nn.Parameter(torch.tensor(np.log(14.0), dtype=torch.float32))

    def forward(self, sounds: Tensor, words: Tensor) -> Tensor:
        """Return scaled cosines.

        Shapes:
            sounds: [m, sound_width]; words: [n, text_width]  ->  [m, n]
        """
        a = functional.normalize(self.sound(sounds), dim=-1)
        b = functional.normalize(self.text(words), dim=-1)
        scores: Tensor = self.log_scale.clamp(max=4.0).exp() * a @ b.T
        return scores

    @torch.inference_mode()
    def cosines(self, sounds: FloatArray, words: FloatArray) -> FloatArray:
        """Return the cosine of every sound with every text.

        Shapes:
            sounds: [m, sound_width]; words: [n, text_width]  ->  [m, n]
        """
        self.eval()
        scores = self(torch.from_numpy(sounds), torch.from_numpy(words))
        cosines: FloatArray = (scores / self.log_scale.clamp(max=4.0).exp()).numpy()
        return cosines


def make_head(width: int) -> nn.Sequential:
    """Return a small perceptron from standardised vectors to the shared space."""
    return nn.Sequential(
        nn.BatchNorm1d(width),
        nn.Dropout(DROPOUT),
        nn.Linear(width, HIDDEN_WIDTH),
        nn.GELU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN_WIDTH, SHARED_WIDTH),
    )


def contrastive_loss(scores: Tensor, same: Tensor) -> Tensor:
    """Return the symmetric cross-entropy, with others that have the same words left out.

    Shapes:
        scores: [batch, batch], fitting pairs on the diagonal; same: [batch, batch] booleans.
    """
    others = same & ~torch.eye(len(scores), dtype=torch.bool)
    masked = scores.masked_fill(others, float("-inf"))
    target = torch.arange(len(scores))
    return 0.5 * (
        functional.cross_entropy(masked, target) + functional.cross_entropy(masked.T, target)
    )


def train_heads(couples: Couples, *, steps: int, seed: int) -> Heads:
    """Train the heads; the same couples and seed give the same heads."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = Heads(couples.sounds.shape[1], couples.words.shape[1])
        optimiser = torch.optim.AdamW(heads.parameters(), weight_decay=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
        sounds, words = torch.from_numpy(couples.sounds), torch.from_numpy(couples.words)
        heads.train()
        for _ in range(steps):
            chosen = rng.choice(len(words), size=min(BATCH, len(words)), replace=False)
            clips = torch.from_numpy(couples.clip_of[chosen])
            told = words[torch.from_numpy(chosen)]
            equal_words = torch.cdist(told, told) < 1e-3
            same = (clips[:, None] == clips[None]) | equal_words
            loss = contrastive_loss(heads(sounds[clips], told), same)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return heads.eval()

"""The text encoder's torch module: pieces of words -> states. Exported, or run on an accelerator.

Knows nothing of tokenisers or files; training/export_text.py fills it.

References:
    BERT: Devlin et al. 2018, arXiv 1810.04805. MiniLM: Wang et al. 2020, arXiv 2002.10957.
    Deviation: word embeddings are stored as int8 with one scale per word.
"""

import math

import torch
from torch import Tensor, nn

from generator.text import MAX_TOKENS, STATE_WIDTH

HEADS = 12
LAYERS = 6
HIDDEN_WIDTH = 1536
NORM_EPSILON = 1e-12
MASKED_SCORE = -1e4


class WordTable(nn.Module):
    """Word embeddings in int8, one scale per word.

    Shapes:
        ids: int64 [batch, tokens]  ->  [batch, tokens, width]
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.rows: Tensor
        self.scale: Tensor
        self.register_buffer("rows", torch.zeros(vocabulary, STATE_WIDTH, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(vocabulary, 1))

    def forward(self, ids: Tensor) -> Tensor:
        """Look the words up."""
        scale = self.scale[ids]
        return self.rows[ids].to(scale.dtype) * scale


class Layer(nn.Module):
    """One post-norm transformer layer of BERT.

    Shapes:
        x: [batch, tokens, width], bias: [batch, 1, 1, tokens]  ->  [batch, tokens, width]
    """

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.key = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.value = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.out = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.norm_attention = nn.LayerNorm(STATE_WIDTH, eps=NORM_EPSILON)
        self.wide = nn.Linear(STATE_WIDTH, HIDDEN_WIDTH)
        self.narrow = nn.Linear(HIDDEN_WIDTH, STATE_WIDTH)
        self.norm_hidden = nn.LayerNorm(STATE_WIDTH, eps=NORM_EPSILON)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend, then mix."""
        batch, tokens, width = x.shape
        query, key, value = (
            part(x).reshape(batch, tokens, HEADS, width // HEADS).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(width // HEADS) + bias
        mixed = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2)
        x = self.norm_attention(x + self.out(mixed.reshape(batch, tokens, width)))
        hidden: Tensor = self.narrow(nn.functional.gelu(self.wide(x)))
        mended: Tensor = self.norm_hidden(x + hidden)
        return mended


class MiniLm(nn.Module):
    """The encoder: ids and mask to the states of the last layer.

    Shapes:
        input_ids, attention_mask: int64 [batch, tokens]  ->  [batch, tokens, STATE_WIDTH]
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.words = WordTable(vocabulary)
        self.places: Tensor
        self.register_buffer("places", torch.zeros(MAX_TOKENS, STATE_WIDTH))
        self.norm = nn.LayerNorm(STATE_WIDTH, eps=NORM_EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode a batch of texts."""
        x = self.norm(self.words(input_ids) + self.places[: input_ids.shape[1]])
        bias = (1.0 - attention_mask.to(x.dtype))[:, None, None, :] * MASKED_SCORE
        for layer in self.layers:
            x = layer(x, bias)
        states: Tensor = x
        return states

"""The networks as onnxruntime runs them fastest: the same weights, names and functions.

What they compute is what `generator/backbone.py` and `generator/autoencoder.py` say; here stands
only how it is said in fewer and larger operations. Stands between the trained modules and
training/export.py; nothing here is ever trained.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.autoencoder import ConvNeXtBlock, Decoder
from generator.backbone import Attention, Backbone, rotary_angles

# Columns of a matrix that onnxruntime's int8 product works on at once.
COLUMNS = 16


class EdgeAttention(nn.Module):
    """Attention whose heads are never moved apart; for export only, its values mean nothing.

    The names of its parts are those of `Attention`, so that a graph's weights can be found again.
    """

    def __init__(self, whole: Attention) -> None:
        super().__init__()
        self.heads, self.crosses = whole.heads, whole.crosses
        self.to_q, self.to_kv, self.out = whole.to_q, whole.to_kv, whole.out
        self.q_norm, self.k_norm = whole.q_norm, whole.k_norm

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        """Attend.

        Shapes:
            x: [batch, n, width]; context: [batch, m, *]
                bias: [batch, 1, 1, m], added to the scores
        """
        q, (k, v) = self.to_q(x), self.to_kv(context).chunk(2, dim=-1)
        q, k = self.normed(q, self.q_norm), self.normed(k, self.k_norm)
        if not self.crosses:
            q, k = self.rotated(q), self.rotated(k)
        if bias is not None:
            bias = bias.expand(-1, -1, x.shape[1], -1)
        joined: Tensor = self.out(
            torch.onnx.ops.symbolic(
                "com.microsoft::MultiHeadAttention",
                (q, k, v, None, None, bias),
                {"num_heads": self.heads},
                dtype=q.dtype,
                shape=q.shape,
                version=1,
            )
        )
        return joined

    def normed(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Normalise each head of [batch, n, width]."""
        y: Tensor = norm(x.reshape(*x.shape[:2], self.heads, -1)).flatten(2)
        return y

    def rotated(self, x: Tensor) -> Tensor:
        """Turn the first half of each head by its position, as `generator.backbone.rotate` does."""
        angles = rotary_angles(x.shape[1], x.shape[2] // self.heads, x.device)
        first = torch.zeros(1, dtype=torch.int64)
        return torch.onnx.ops.symbolic(
            "com.microsoft::RotaryEmbedding",
            (x, first, angles.cos(), angles.sin()),
            {"num_heads": self.heads, "rotary_embedding_dim": 2 * angles.shape[1]},
            dtype=x.dtype,
            shape=x.shape,
            version=1,
        )


class EdgeConvNeXtBlock(nn.Module):
    """A block whose convolution works on an image of one row, for which there is a faster kernel.

    The scale of what is added lies in the weights.
    """

    def __init__(self, whole: ConvNeXtBlock) -> None:
        super().__init__()
        self.depthwise, self.norm, self.widen = whole.depthwise, whole.norm, whole.widen
        self.narrow = deepcopy(whole.narrow)
        with torch.no_grad():
            self.narrow.weight.mul_(whole.scale[:, None])
            self.narrow.bias.mul_(whole.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: [batch, frames, width] -> the same."""
        row = x.unsqueeze(1).permute(0, 3, 1, 2)
        kernel = self.depthwise.weight[:, :, None]
        reach = (0, kernel.shape[-1] // 2)
        y = functional.conv2d(
            row, kernel, self.depthwise.bias, padding=reach, groups=kernel.shape[0]
        )
        y = y.permute(0, 2, 3, 1).squeeze(1)
        narrowed: Tensor = self.narrow(
            functional.gelu(self.widen(self.norm(y)), approximate="tanh")
        )
        return x + narrowed


def edge_backbone(backbone: Backbone) -> Backbone:
    """Return the transformer with the attention of the edge."""
    edge = deepcopy(backbone)
    _replace_parts(edge)
    return edge


def edge_decoder(decoder: Decoder) -> Decoder:
    """Return the decoder with the blocks of the edge; its head as `edge_head` returns it."""
    edge = deepcopy(decoder)
    _replace_parts(edge)
    edge.head = edge_head(decoder.head)
    return edge


def _replace_parts(module: nn.Module) -> None:
    for name, part in module.named_children():
        if isinstance(part, Attention):
            setattr(module, name, EdgeAttention(part))
        elif isinstance(part, ConvNeXtBlock):
            setattr(module, name, EdgeConvNeXtBlock(part))
        else:
            _replace_parts(part)


def edge_head(head: nn.Linear) -> nn.Linear:
    """Return a layer with as many columns more, which say nothing, as make whole groups of them."""
    more = -head.out_features % COLUMNS
    edge = nn.Linear(head.in_features, head.out_features + more)
    with torch.no_grad():
        edge.weight.copy_(functional.pad(head.weight, (0, 0, 0, more)))
        edge.bias.copy_(functional.pad(head.bias, (0, more)))
    return edge

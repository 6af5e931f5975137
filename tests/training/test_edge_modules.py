"""What the edge runs is what was trained: the oracle is the trained module itself."""

import torch
from torch import nn

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Decoder
from generator.spectral import HEAD_WIDTH
from training.edge_modules import COLUMNS, edge_decoder, edge_head


def test_a_decoder_of_the_edge_hears_the_same() -> None:
    torch.manual_seed(1)
    sizes = AutoencoderConfig(latent_width=16, latent_blocks=2, decoder_width=16, decoder_blocks=2)
    decoder = Decoder(sizes, SAMPLE_RATE_HZ).eval()
    for name, scale in decoder.named_parameters():
        if name.endswith(".scale"):
            nn.init.uniform_(scale, 0.1, 2.0)
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    latents = torch.randn(1, sizes.latent_channels, 9)
    with torch.no_grad():
        found, wanted = edge_decoder(decoder).hidden(latents), decoder.hidden(latents)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in decoder.state_dict().items())


def test_a_head_of_the_edge_says_the_same_first_and_then_nothing() -> None:
    head = nn.Linear(7, HEAD_WIDTH)
    x = torch.randn(3, 7)
    with torch.no_grad():
        said = edge_head(head)(x)
        torch.testing.assert_close(said[:, :HEAD_WIDTH], head(x))
    assert said.shape[1] % COLUMNS == 0
    assert not said[:, HEAD_WIDTH:].any()

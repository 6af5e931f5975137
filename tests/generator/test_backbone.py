"""Laws of the velocity network: sizes, what it listens to, and what it must not."""

import torch

from generator.backbone import Backbone, BackboneConfig, BeatFeatures, Conditions

SIZES = BackboneConfig(latent_channels=4, text_width=8, width=16, blocks=2, heads=2)


def awake(seed: int = 0) -> Backbone:
    """A backbone whose zero-initialised layers speak."""
    torch.manual_seed(seed)
    backbone = Backbone(SIZES).eval()
    with torch.no_grad():
        for parameter in backbone.parameters():
            if float(parameter.abs().sum()) == 0.0:
                parameter.normal_(std=0.2)
    return backbone


def conditions(batch: int, tokens: int, frames: int) -> Conditions:
    source = torch.Generator().manual_seed(4)
    return Conditions(
        torch.randn(batch, tokens, 8, generator=source),
        torch.ones(batch, tokens),
        torch.full((batch,), 1.5),
        torch.full((batch,), 90.0),
        torch.full((batch,), 3),
        torch.full((batch,), 60.0),
        torch.zeros(batch),
        torch.zeros(batch, 4, frames),
        torch.zeros(batch, 1, frames),
    )


def test_a_fresh_network_says_zero() -> None:
    found = Backbone(SIZES)(torch.randn(2, 4, 7), torch.ones(2), conditions(2, 3, 7))
    torch.testing.assert_close(found, torch.zeros(2, 4, 7))


def test_masked_words_change_nothing() -> None:
    backbone, x, t = awake(), torch.randn(1, 4, 6), torch.tensor([0.7])
    short = conditions(1, 3, 6)
    padded_text = torch.cat((short.text, 100.0 * torch.ones(1, 2, 8)), dim=1)
    padded_mask = torch.cat((short.text_mask, torch.zeros(1, 2)), dim=1)
    padded = Conditions(
        padded_text,
        padded_mask,
        short.seconds,
        short.tempo_bpm,
        short.key,
        short.note,
        short.origin_s,
        short.known,
        short.known_mask,
    )
    torch.testing.assert_close(backbone(x, t, short), backbone(x, t, padded), atol=1e-5, rtol=1e-4)


def test_every_condition_is_heard() -> None:
    backbone, x, t = awake(), torch.randn(1, 4, 6), torch.tensor([0.7])
    base = conditions(1, 3, 6)
    heard = backbone(x, t, base)
    for name in ("text", "seconds", "tempo_bpm", "key", "note", "origin_s", "known"):
        changed = {field: getattr(base, field) for field in Conditions.__dataclass_fields__}
        changed[name] = changed[name] + 1
        assert not torch.allclose(backbone(x, t, Conditions(**changed)), heard, atol=1e-4), name
    assert not torch.allclose(backbone(x, t - 0.3, base), heard, atol=1e-4)


def test_items_of_a_batch_do_not_touch() -> None:
    backbone, x, t = awake(), torch.randn(3, 4, 6), torch.tensor([0.2, 0.5, 1.0])
    together = backbone(x, t, conditions(3, 2, 6))
    every = conditions(3, 2, 6)
    alone = Conditions(*(getattr(every, field)[1:2] for field in Conditions.__dataclass_fields__))
    torch.testing.assert_close(backbone(x[1:2], t[1:2], alone), together[1:2], atol=1e-5, rtol=1e-4)


def test_the_place_in_the_bar_is_the_same_four_bars_later() -> None:
    four_bars_s = 16 * 60.0 / 90.0
    tempo = torch.full((1,), 90.0)
    now, later = (BeatFeatures()(tempo, torch.tensor([s]), 9) for s in (0.0, -four_bars_s))
    torch.testing.assert_close(now, later, atol=2e-4, rtol=0.0)
    assert now.std() > 0.5
    assert not BeatFeatures()(torch.zeros(1), torch.zeros(1), 9).any()

"""Adapters begin as nothing, learn alone and share what they stand on."""

import torch
from torch import nn

from tests.training.tiny import CHANNELS, FRAMES, conditions, tiny_backbone
from training.lora import adapt, learnt_state, merged, restore_learnt

LAYERS = ("to_q", "to_kv", "out", "widen", "narrow")


def test_an_adapted_network_begins_equal_and_shares_its_weights() -> None:
    net = tiny_backbone()
    adapted = adapt(net, LAYERS, rank=2, alpha=4.0)
    x, t, c = torch.randn(2, CHANNELS, FRAMES), torch.rand(2), conditions(2)
    torch.testing.assert_close(adapted(x, t, c), net(x, t, c))
    assert adapted.leave.weight is net.leave.weight
    assert set(dict(net.named_parameters())) == set(dict(tiny_backbone().named_parameters()))


def test_only_the_adapters_learn() -> None:
    adapted = adapt(tiny_backbone(), LAYERS, rank=2, alpha=4.0)
    names = set(learnt_state(adapted))
    assert names
    assert all(name.endswith((".down", ".up")) for name in names)
    assert len(names) == 2 * 2 * (3 + 3 + 2)


def test_the_product_has_the_rank_and_the_gain_that_were_asked_for() -> None:
    holder = nn.ModuleDict({"out": nn.Linear(8, 8, bias=False)}).requires_grad_(False)
    adapted = adapt(holder, ("out",), rank=3, alpha=6.0)
    layer = adapted["out"]
    with torch.no_grad():
        layer.get_parameter("up").normal_()
    change = layer(torch.eye(8)) - holder["out"](torch.eye(8))
    assert int(torch.linalg.matrix_rank(change)) == 3
    wanted = 2.0 * (layer.get_parameter("up") @ layer.get_parameter("down")).T
    torch.testing.assert_close(change, wanted)


def test_what_was_learnt_comes_back() -> None:
    first, second = (adapt(tiny_backbone(), LAYERS, rank=2, alpha=4.0) for _ in range(2))
    with torch.no_grad():
        for parameter in first.parameters():
            if parameter.requires_grad:
                parameter.normal_()
    restore_learnt(second, learnt_state(first))
    x, t, c = torch.randn(2, CHANNELS, FRAMES), torch.rand(2), conditions(2)
    torch.testing.assert_close(second(x, t, c), first(x, t, c))


def test_a_merged_network_computes_the_same_without_adapters() -> None:
    adapted = adapt(tiny_backbone(), LAYERS, rank=2, alpha=4.0)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    plain = merged(adapted)
    x, t, c = torch.randn(2, CHANNELS, FRAMES), torch.rand(2), conditions(2)
    torch.testing.assert_close(plain(x, t, c), adapted(x, t, c), atol=1e-5, rtol=1e-4)
    assert set(plain.state_dict()) == set(tiny_backbone().state_dict())

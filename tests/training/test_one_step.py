"""The one-step stages run from config files and caches, one after the other."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from generator.backbone import Backbone, BackboneConfig
from generator.text import TextEncoder
from tests.models import tiny_checkpoint
from tests.training.small import CHANNELS, SIZES, small_cache
from tests.training.tiny import draw_captions, draw_pairs, train
from training.batches import LatentCorpus
from training.checkpoints import save_state
from training.config import Run, read_config
from training.latents import quietly, write_imagined
from training.loop import Stage
from training.one_step import corpus_draw, make_arc, make_vsd, make_warm_up, mixed, words_only
from training.stage_config import ArcRun, VsdRun, WarmUpRun
from training.student import load_backbone

Maker = Callable[..., Stage]


def run_folder(folder: Path) -> Path:
    """A run folder with a teacher and both caches, and the config of a one-step stage."""
    torch.manual_seed(0)
    sizes = BackboneConfig(latent_channels=CHANNELS, **SIZES.model_dump())
    save_state(folder / "teacher.pt", {"step": 1, "average": Backbone(sizes).state_dict()})
    small_cache(folder / "latents")
    words = TextEncoder(tiny_checkpoint(folder / "tiny").folder)
    write_imagined(20, 0, words, folder / "imagined", quietly)
    config = folder / "stage.toml"
    config.write_text(
        f'run_dir = "{folder}"\nteacher = "{folder}/teacher.pt"\nsteps = 50\ntokens = 24\n'
        f"[model]\nwidth = {SIZES.width}\nblocks = {SIZES.blocks}\nheads = {SIZES.heads}\n"
    )
    return config


@pytest.mark.parametrize(
    ("kind", "make"), [(WarmUpRun, make_warm_up), (ArcRun, make_arc), (VsdRun, make_vsd)]
)
def test_each_stage_runs_from_a_config_and_the_next_starts_from_its_average(
    tmp_path: Path, kind: type[Run], make: Maker
) -> None:
    config = run_folder(tmp_path)
    stage = make(read_config(config, kind))
    terms = train(stage, 0, 2)[-1]
    assert all(np.isfinite(value) for value in terms.values())
    save_state(tmp_path / "made.pt", {"step": 2} | stage.state())
    text = config.read_text().replace("steps", f'start = "{tmp_path}/made.pt"\nsteps', 1)
    config.write_text(text)
    following = make_arc(read_config(config, ArcRun))
    started = following.state()["live"]
    made = load_backbone(tmp_path / "made.pt", SIZES).state_dict()
    assert all(torch.equal(started[name], made[name]) for name in made)  # type: ignore[index]


def test_a_student_of_an_earlier_teacher_is_moved_by_what_that_has_learnt_since(
    tmp_path: Path,
) -> None:
    config = run_folder(tmp_path)
    sizes = BackboneConfig(latent_channels=CHANNELS, **SIZES.model_dump())
    weights = {}
    for name in ("earlier", "made"):
        weights[name] = {k: torch.randn_like(v) for k, v in Backbone(sizes).state_dict().items()}
        save_state(tmp_path / f"{name}.pt", {"step": 1, "average": weights[name]})
    named = f'start = "{tmp_path}/made.pt"\nstart_teacher = "{tmp_path}/earlier.pt"\n'
    config.write_text(named + config.read_text())
    started = make_warm_up(read_config(config, WarmUpRun)).state()["live"]
    teacher = load_backbone(tmp_path / "teacher.pt", SIZES).state_dict()
    for name, weight in teacher.items():
        wanted = weights["made"][name] - weights["earlier"][name] + weight
        torch.testing.assert_close(started[name], wanted)  # type: ignore[index]


def test_draws_are_mixed_by_their_share_and_words_have_no_latents() -> None:
    rng = np.random.default_rng(0)
    draw = mixed(draw_captions, draw_pairs, 0.3)
    bare = [draw(rng, 20).x0 is None for _ in range(400)]
    assert 0.2 < np.mean(bare) < 0.4
    assert words_only(draw_pairs)(rng, 20).x0 is None


def test_a_corpus_is_drawn_with_the_shares_of_the_config(tmp_path: Path) -> None:
    corpus = LatentCorpus(small_cache(tmp_path / "latents"))
    rng = np.random.default_rng(0)
    wordless = corpus_draw(corpus, drop_text=1.0, inpaint=1.0)(rng, 24)
    assert not wordless.conditions.text_mask.any()
    told = corpus_draw(corpus, drop_text=0.0, inpaint=0.0)(rng, 24)
    assert bool(told.conditions.text_mask.any())
    assert not told.conditions.known_mask.any()

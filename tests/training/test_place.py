"""Where a process computes: rows are shared without loss, and no tensor stays behind."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from generator.backbone import Backbone, BackboneConfig
from tests.source_tree import ROOT
from tests.training import several
from tests.training.small import RATE_HZ, SIZES, small_cache, small_corpus
from tests.training.test_arc import arc_run
from tests.training.test_autoencoder import TINY
from tests.training.test_fine_tune import own_run
from tests.training.test_vsd import vsd_run
from tests.training.test_warmup import warm_up_run
from tests.training.tiny import CHANNELS, TEXT_WIDTH, draw_captions, draw_pairs
from training.arc import ArcStage
from training.autoencoder import AutoencoderStage
from training.batches import LatentCorpus
from training.config import AutoencoderRun
from training.crops import Crops
from training.errors import TrainingError
from training.fine_tune import FineTuneStage
from training.loop import Stage, step_draws
from training.place import HERE, Place
from training.stage_config import TeacherRun
from training.teacher import TeacherStage
from training.vsd import VsdStage
from training.warmup import WarmUpStage

CPU = torch.device("cpu")
ELSEWHERE = Place(torch.device("meta"))
SLOWLY_EQUAL = 2e-4


@given(size=st.integers(1, 9), more=st.integers(0, 40))
def test_every_row_has_one_process(size: int, more: int) -> None:
    whole = torch.arange(size + more)
    parts = [Place(CPU, rank, size).rows(len(whole)) for rank in range(size)]
    assert torch.equal(torch.cat([part.of(whole) for part in parts]), whole)
    counts = [part.last - part.first for part in parts]
    assert max(counts) - min(counts) <= 1


@given(size=st.integers(1, 5), more=st.integers(0, 20))
def test_the_mean_of_weighted_means_is_the_mean_of_all(size: int, more: int) -> None:
    whole = torch.linspace(-1.0, 2.0, size + more, dtype=torch.float64) ** 3
    rows = [Place(CPU, rank, size).rows(len(whole)) for rank in range(size)]
    means = torch.stack([part.part * part.of(whole).mean() for part in rows])
    torch.testing.assert_close(means.mean(), whole.mean())


def test_noise_is_that_of_the_whole_batch() -> None:
    like = torch.zeros(3, 2, 5)
    whole = HERE.rows(6).normal(torch.zeros(6, 2, 5), torch.Generator().manual_seed(1))
    halves = [
        Place(CPU, rank, 2).rows(6).normal(like, torch.Generator().manual_seed(1))
        for rank in range(2)
    ]
    assert torch.equal(torch.cat(halves), whole)


def test_too_few_rows_name_the_cure() -> None:
    with pytest.raises(TrainingError, match="make the batch"):
        Place(CPU, 0, 3).rows(2)


def test_a_device_that_is_not_there_is_refused() -> None:
    code = """if True:
        from training.place import choose_device
        print(choose_device("auto"), choose_device("cpu"))
        choose_device("cuda")
    """
    hidden = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=hidden, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "cpu cpu\n"
    assert "TrainingError" in done.stderr
    assert "torch finds none" in done.stderr


def test_two_processes_have_the_curve_of_one_with_the_same_batch() -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        "-m", several.__name__,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shared = json.loads(done.stdout.splitlines()[-1])
    assert shared["processes"] == 2
    alone = several.curves()
    for name, rows in alone.items():
        for step, (one, two) in enumerate(zip(rows, shared["curves"][name], strict=True)):
            for term in losses_of(one):
                assert two[term] == pytest.approx(one[term], rel=SLOWLY_EQUAL, abs=1e-6), (
                    f"{name}, step {step}, {term}"
                )


def losses_of(terms: Mapping[str, float]) -> set[str]:
    """What is a mean over the batch; a spread over some rows is no part of that over all."""
    return set(terms) - {"gap", "told", "deviation", "pull", "variation"}


class OneDevice(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses every operation on tensors of two devices; copies and single numbers may cross."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        flat = torch.utils._pytree.tree_leaves((args, kwargs or {}))
        devices = {x.device.type for x in flat if isinstance(x, torch.Tensor) and x.dim() > 0}
        if "copy" not in str(func):
            assert len(devices) <= 1, f"{func} on {devices}"
        return func(*args, **(kwargs or {}))


def elsewhere_teacher() -> Backbone:
    config = BackboneConfig(CHANNELS, TEXT_WIDTH, width=16, blocks=2, heads=2)
    return Backbone(config).requires_grad_(False).to(ELSEWHERE.device)


def teacher_stage(folder: Path) -> Stage:
    run = TeacherRun(run_dir=folder, model=SIZES, tokens=32, bfloat16=False, inpaint=0.5)
    return TeacherStage(run, LatentCorpus(small_cache(folder / "latents")), ELSEWHERE)


def autoencoder_stage(folder: Path) -> Stage:
    """With every term from the second step on; the first makes the code."""
    run = AutoencoderRun(
        run_dir=folder, model=TINY, batch=2, crop_latents=2, code_frames=16, sound_from=0,
        adversarial_from=1, discriminator_width=2, bfloat16=False,
    )  # fmt: skip
    crops = Crops([small_corpus(folder / "corpus")], [1.0])
    return AutoencoderStage(run, crops, float(RATE_HZ), ELSEWHERE)


MAKERS: dict[str, Callable[[Path], Stage]] = {
    "autoencoder": autoencoder_stage,
    "teacher": teacher_stage,
    "warmup": lambda _: WarmUpStage(
        warm_up_run({"solver": "heun"}), draw_captions, elsewhere_teacher(), None, ELSEWHERE
    ),
    "arc": lambda _: ArcStage(
        arc_run(weights={"penalty": 1.0}), draw_pairs, elsewhere_teacher(), None, ELSEWHERE
    ),
    "vsd": lambda _: VsdStage(
        vsd_run(variation_hinge=False), draw_captions, elsewhere_teacher(), None, ELSEWHERE
    ),
    "own sounds": lambda _: FineTuneStage(
        own_run(), draw_pairs, draw_captions, elsewhere_teacher(), ELSEWHERE
    ),
    "vsd, adapters": lambda _: VsdStage(
        vsd_run(tracker="lora", variation_hinge=False),
        draw_captions,
        elsewhere_teacher(),
        None,
        ELSEWHERE,
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_stage_stays_on_its_device(name: str, tmp_path: Path) -> None:
    # The meta device computes no values, and refuses to mix with others as a GPU does.
    stage = MAKERS[name](tmp_path)
    with OneDevice():  # type: ignore[no-untyped-call]
        terms = stage.step(0, step_draws(0, 0))
        if name == "autoencoder":
            assert "adversarial" not in terms
            terms = stage.step(1, step_draws(0, 1))
            assert {"adversarial", "features", "mel", "convergence"} <= terms.keys()
    assert {value.device.type for value in terms.values()} == {"meta"}

"""The chain: all stages from one config, each in its time, and on from where it was cut short."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from generator.checkpoint import read_checkpoint
from tests.models import tiny_checkpoint
from tests.source_tree import ROOT
from tests.training.small import small_corpus
from training.chain import CHAIN_FILE, ChainRun, config_of, run_chain, shortened
from training.checkpoints import STATE_FILE, load_state
from training.config import AutoencoderRun, Strict, read_config
from training.errors import TrainingError
from training.journal import LOG_FILE
from training.screen import Screen
from training.stage_config import ArcRun, VsdRun, WarmUpRun

ORDER = ("autoencoder", "latents", "teacher", "warmup", "vsd", "arc", "export")
CONFIG = """
run_dir = "{folder}/run"
corpora = ["{folder}/corpus"]
shares = [1.0]
text_encoder = "{folder}/words"
order = {order}
threads = 1
bfloat16 = false
device = "cpu"

[model]
width = 16
blocks = 2
heads = 2

[minutes]
autoencoder = 2
teacher = 1

[stages.autoencoder]
steps = 3
batch = 2
crop_latents = 2
code_frames = 64
sound_from = 2
[stages.autoencoder.model]
latent_channels = 4
mel_bands = 8
side_mel_bands = 8
latent_width = 8
latent_blocks = 1
decoder_width = 8
decoder_blocks = 1
head_width = 8

[stages.latents]
imagined = 30
[stages.teacher]
steps = 3
tokens = 24
[stages.warmup]
steps = 2
tokens = 24
ends.solver_steps = 2
ends.heard = 1.0
[stages.vsd]
steps = 2
tokens = 24
[stages.arc]
steps = 2
tokens = 24
[stages.export]
name = "chained"
folder = "{folder}/made"
objective = "one step"
form = "bf16"
"""


def chain(folder: Path, order: tuple[str, ...] = ORDER, text: str = CONFIG) -> ChainRun:
    path = folder / "chain.toml"
    path.write_text(text.format(folder=folder, order=json.dumps(order)))
    return read_config(path, ChainRun)


def prepare(folder: Path) -> None:
    small_corpus(folder / "corpus")
    tiny_checkpoint(folder / "words")


def test_a_chain_ends_in_a_checkpoint_and_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    prepare(tmp_path)
    told: list[str] = []
    screen = Screen(tell=told.append)
    run_chain(chain(tmp_path, ORDER[:3]), screen)
    assert load_state(tmp_path / "run" / "teacher" / STATE_FILE)["step"] == 3
    with pytest.raises(TrainingError, match="--resume"):
        run_chain(chain(tmp_path), screen)
    told.clear()
    run_chain(chain(tmp_path), screen, resume=True)
    assert told[:3] == [f"{name}: done before" for name in ORDER[:3]]
    assert read_checkpoint(tmp_path / "made").manifest.name == "chained"
    done = json.loads((tmp_path / "run" / CHAIN_FILE).read_text())
    assert all(done[name]["done"] for name in ORDER)
    # The ear that the warm-up asks is the chain's own decoder.
    lines = (tmp_path / "run" / "warmup" / "steps.jsonl").read_text().splitlines()
    assert all(json.loads(line)["heard"] > 0.0 for line in lines)


def test_a_stage_that_was_cut_short_goes_on_from_its_state(tmp_path: Path) -> None:
    prepare(tmp_path)
    run_chain(chain(tmp_path, ORDER[:2]), Screen())
    cut = chain(tmp_path, ORDER[:3])

    def stop(reports, first, last):  # type: ignore[no-untyped-def]
        for report in reports:
            yield report
            if report.step == 1:
                return  # saved as it is, as at the end of a stage's time

    run_chain(cut, replace(Screen(), reports=stop), resume=True)
    record = tmp_path / "run" / CHAIN_FILE
    table = json.loads(record.read_text())
    table["teacher"]["done"] = False
    record.write_text(json.dumps(table))
    run_chain(cut, Screen(), resume=True)
    assert load_state(tmp_path / "run" / "teacher" / STATE_FILE)["step"] == 3
    lines = (tmp_path / "run" / "teacher" / LOG_FILE).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0]


def test_each_one_step_stage_begins_from_the_student_before_it(tmp_path: Path) -> None:
    states = tmp_path / "run"
    both = chain(tmp_path)
    arc, vsd = config_of(both, "arc"), config_of(both, "vsd")
    assert isinstance(arc, ArcRun)
    assert isinstance(vsd, VsdRun)
    assert vsd.start == states / "warmup" / STATE_FILE
    assert arc.start == states / "vsd" / STATE_FILE
    alone = chain(tmp_path, ("teacher", "arc"))
    arc = config_of(alone, "arc")
    assert isinstance(arc, ArcRun)
    assert arc.start is None
    assert arc.teacher == states / "teacher" / STATE_FILE
    warm_up = config_of(both, "warmup")
    assert isinstance(warm_up, WarmUpRun)
    assert warm_up.start is None


def test_a_typo_in_the_last_stage_is_told_before_the_first_begins(tmp_path: Path) -> None:
    prepare(tmp_path)
    wrong = CONFIG.replace('objective = "one step"', 'objektive = "one step"')
    with pytest.raises(TrainingError, match=r"stages\.export.*did you mean objective"):
        run_chain(chain(tmp_path, ORDER, wrong), Screen())
    assert not (tmp_path / "run").exists()


def test_what_depends_on_the_number_of_steps_shrinks_with_it() -> None:
    run = AutoencoderRun.model_validate(
        {"run_dir": "r", "steps": 1000, "sound_from": 400, "warm_up": 100}
    )
    short = shortened(run, 100)
    assert isinstance(short, AutoencoderRun)
    assert (short.steps, short.sound_from) == (100, 40)
    assert short.warm_up == 10
    assert short.adversarial_from == run.adversarial_from


def test_steps_are_cut_to_the_time_there_is(tmp_path: Path) -> None:
    prepare(tmp_path)
    run_chain(chain(tmp_path, ORDER[:2]), Screen())
    long = CONFIG.replace("[stages.teacher]\nsteps = 3", "[stages.teacher]\nsteps = 1000000")
    told: list[str] = []
    run_chain(
        chain(tmp_path, ORDER[:3], long), Screen(tell=told.append), max_minutes=0.05, resume=True
    )
    fitted = json.loads((tmp_path / "run" / CHAIN_FILE).read_text())["teacher"]["steps"]
    assert 20 < fitted < 5000
    assert any(f"{fitted} steps fit" in text for text in told)
    reached = load_state(tmp_path / "run" / "teacher" / STATE_FILE)["step"]
    assert isinstance(reached, int)
    assert reached > 0.3 * fitted


def test_the_shipped_chain_reads_to_its_last_stage() -> None:
    shipped = read_config(ROOT / "training" / "configs" / "chain-gpu.toml", ChainRun)
    for name in shipped.order:
        assert isinstance(config_of(shipped, name), Strict)

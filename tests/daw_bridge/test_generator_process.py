"""Laws of the generator's life, proved on real child processes."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from daw_bridge.errors import Fault
from daw_bridge.generator_events import (
    GeneratorDied,
    GeneratorEvent,
    GeneratorReady,
    ModelLoaded,
    ModelRefused,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.generator_process import MAX_WAITING, GeneratorProcess
from daw_bridge.shared_memory import blocks_of
from daw_bridge.sounds import Sound
from daw_bridge.takes import create_take, open_take, remove_take
from generator.api import Base, GenerationRequest, hear, sound_identity
from generator.loading import load_generator
from tests.accelerated import small_accelerated
from tests.models import tiny_checkpoint

# With a machine that is busy with other things: only what hangs waits so long.
PATIENCE_S = 90.0
KICK = GenerationRequest("deep kick", 7, 0.5)
LONG = GenerationRequest("endless pad", 1, 24.0, steps=8)


class Listener:
    """Collects what a process tells, waiting on its file descriptor as an event loop would."""

    def __init__(self, process: GeneratorProcess) -> None:
        self.process = process
        self.events: list[GeneratorEvent] = []

    def until(self, is_done: Callable[[list[GeneratorEvent]], bool]) -> list[GeneratorEvent]:
        give_up_s = time.monotonic() + PATIENCE_S
        while not is_done(self.events):
            left_s = give_up_s - time.monotonic()
            assert left_s > 0, f"still waiting after {self.events}"
            select.select([self.process.fileno()], [], [], left_s)
            self.events += self.process.poll()
        return self.events

    def ready(self, times: int = 1) -> None:
        self.until(lambda events: sum(isinstance(e, GeneratorReady) for e in events) >= times)

    def begun(self, request_id: int) -> None:
        self.until(lambda events: TakeProgress(request_id, 0.0) in events)

    def ending_of(self, request_id: int) -> TakeReady | TakeFailed:
        def endings(events: list[GeneratorEvent]) -> list[TakeReady | TakeFailed]:
            kinds = [e for e in events if isinstance(e, TakeReady | TakeFailed)]
            return [e for e in kinds if e.request_id == request_id]

        return endings(self.until(lambda events: bool(endings(events))))[0]


def audio_of(event: GeneratorEvent) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    assert isinstance(event, TakeReady), event
    audio = open_take(event.shm_name, event.frames).audio.copy()
    remove_take(event.shm_name)
    return audio


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture
def process() -> Iterator[GeneratorProcess]:
    process = GeneratorProcess(threads=1)
    yield process
    process.close()
    assert blocks_of(os.getpid()) == ()


def test_a_take_begins_from_a_sound_as_in_one_process(
    process: GeneratorProcess, tiny: Path
) -> None:
    listener = Listener(process)
    process.start(str(tiny))
    memory = create_take(20_000)
    memory.audio[:] = 0.1 * np.random.default_rng(2).standard_normal((20_000, 2))
    source = sound_identity(memory.audio)
    begun = replace(KICK, base=Base(source, 0.3))
    process.submit(1, begun, Sound(source, memory.name, memory.frames))
    generator = load_generator(tiny, threads=1)
    assert hear(generator, memory.audio) == source
    expected = generator.generate(begun).audio
    np.testing.assert_array_equal(audio_of(listener.ending_of(1)), expected)
    remove_take(memory.name)
    # One that is gone fails this take alone.
    process.submit(2, begun, Sound(source, memory.name, memory.frames))
    assert isinstance(listener.ending_of(2), TakeFailed)
    process.submit(3, KICK)
    assert audio_of(listener.ending_of(3)).any()


def test_what_is_too_short_for_what_is_asked_is_told_as_a_bad_value(
    process: GeneratorProcess, tiny: Path
) -> None:
    listener = Listener(process)
    process.start(str(tiny))
    process.submit(1, KICK)
    assert audio_of(listener.ending_of(1)).any()
    base = Base(KICK.identity, 0.3)
    process.submit(2, replace(KICK, seconds=4.0 * KICK.duration_s, base=base))
    refused = listener.ending_of(2)
    assert isinstance(refused, TakeFailed)
    assert refused.code == Fault.BAD_VALUE
    assert "too short" in refused.text


def test_a_take_is_what_the_model_makes(process: GeneratorProcess, tiny: Path) -> None:
    listener = Listener(process)
    process.start(str(tiny))
    process.submit(1, KICK)
    event = listener.ending_of(1)
    expected = load_generator(tiny, threads=1).generate(KICK).audio
    np.testing.assert_array_equal(audio_of(event), expected)
    assert isinstance(event, TakeReady)
    assert (event.seed, event.frames) == (KICK.seed, KICK.frames)
    ready = listener.events[0]
    assert isinstance(ready, GeneratorReady)
    assert ready.model == "tiny"
    assert process.is_ready


def test_a_take_may_be_read_before_it_is_whole(process: GeneratorProcess) -> None:
    listener = Listener(process)
    process.start("tone")
    process.submit(1, LONG)
    events = listener.until(lambda events: any(isinstance(e, TakeBegun) for e in events))
    begun = next(event for event in events if isinstance(event, TakeBegun))
    take = open_take(begun.shm_name, begun.frames)
    made = take.frames - int(take.missing[0])
    early = take.audio[:made].copy()
    assert made > 0
    ready = listener.ending_of(1)
    assert isinstance(ready, TakeReady)
    assert (ready.shm_name, ready.frames, ready.seed) == (begun.shm_name, begun.frames, begun.seed)
    assert take.is_whole
    np.testing.assert_array_equal(audio_of(ready)[:made], early)


def test_requests_are_made_in_order_and_each_ends_once(process: GeneratorProcess) -> None:
    listener = Listener(process)
    process.start("tone")
    for request_id in range(1, 6):
        process.submit(request_id, KICK)
    listener.ending_of(5)
    endings = [e for e in listener.events if isinstance(e, TakeReady | TakeFailed)]
    assert [e.request_id for e in endings] == [1, 2, 3, 4, 5]
    first, *others = [audio_of(e) for e in endings]
    for other in others:
        np.testing.assert_array_equal(first, other)
    assert process.open_requests == 0


def test_what_is_cancelled_before_its_start_is_never_made(process: GeneratorProcess) -> None:
    listener = Listener(process)
    process.start("tone")
    process.submit(1, LONG)
    process.submit(2, KICK)
    process.cancel(2)
    process.cancel(2)
    ending = listener.ending_of(2)
    assert isinstance(ending, TakeFailed)
    assert ending.code == Fault.CANCELLED
    audio_of(listener.ending_of(1))
    assert TakeProgress(2, 0.0) not in listener.events


def test_what_is_cancelled_while_it_is_made_fails_and_the_next_is_made(
    process: GeneratorProcess, tiny: Path
) -> None:
    listener = Listener(process)
    process.start(str(tiny))
    process.submit(1, LONG)
    listener.begun(1)
    process.cancel(1)
    process.submit(2, KICK)
    ending = listener.ending_of(1)
    assert isinstance(ending, TakeFailed)
    assert ending.code == Fault.CANCELLED
    audio_of(listener.ending_of(2))


def test_after_a_kill_the_open_request_fails_and_the_others_are_made(
    process: GeneratorProcess, tiny: Path
) -> None:
    listener = Listener(process)
    process.start(str(tiny))
    process.submit(1, LONG)
    process.submit(2, KICK)
    listener.begun(1)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    ending = listener.ending_of(1)
    assert isinstance(ending, TakeFailed)
    assert ending.code == Fault.GENERATOR_FAILED
    assert any(isinstance(e, GeneratorDied) for e in listener.events)
    audio_of(listener.ending_of(2))
    listener.ready(times=2)


def test_a_request_to_a_child_that_is_dead_already_is_made_by_the_next(
    process: GeneratorProcess,
) -> None:
    listener = Listener(process)
    process.start("tone")
    listener.ready()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.submit(1, KICK)
    audio_of(listener.ending_of(1))


def test_an_interrupt_does_not_end_the_child(process: GeneratorProcess) -> None:
    listener = Listener(process)
    process.start("tone")
    listener.ready()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.submit(1, KICK)
    audio_of(listener.ending_of(1))
    assert not any(isinstance(e, GeneratorDied) for e in listener.events)


def test_a_model_that_cannot_be_loaded_is_told_once_and_fails_what_waits(
    process: GeneratorProcess, tmp_path: Path
) -> None:
    listener = Listener(process)
    process.start(str(tmp_path / "nothing"))
    process.submit(1, KICK)
    ending = listener.ending_of(1)
    assert isinstance(ending, TakeFailed)
    assert "no model" in ending.text
    assert sum(isinstance(e, GeneratorDied) for e in listener.events) == 1
    process.submit(2, KICK)
    assert isinstance(listener.ending_of(2), TakeFailed)
    process.start("tone")
    process.submit(3, KICK)
    audio_of(listener.ending_of(3))


def test_too_many_requests_are_refused(process: GeneratorProcess) -> None:
    process.start("tone")
    for request_id in range(MAX_WAITING + 2):
        process.submit(request_id, KICK)
    refused = [e for e in process.poll() if isinstance(e, TakeFailed)]
    assert [(e.request_id, e.code) for e in refused] == [(MAX_WAITING + 1, Fault.QUEUE_FULL)]


def test_stopping_is_quick_whatever_the_child_does(process: GeneratorProcess, tiny: Path) -> None:
    for wait_until_begun in (False, True):
        listener = Listener(process)
        process.start(str(tiny))
        process.submit(1, LONG)
        if wait_until_begun:
            listener.begun(1)
        begun_s = time.monotonic()
        process.stop()
        # Half a second is promised; the rest is for a machine that is busy elsewhere.
        assert time.monotonic() - begun_s < 1.5
        assert process.pid is None
        assert blocks_of(os.getpid()) == ()


def test_a_take_nobody_was_told_of_is_removed(process: GeneratorProcess) -> None:
    process.start("tone")
    process.submit(1, KICK)
    select.select([process.fileno()], [], [], PATIENCE_S)
    process.stop()
    assert blocks_of(os.getpid()) == ()


CONTROL_THAT_DIES = """
import os, select, signal, sys
from daw_bridge.generator_process import GeneratorProcess
from daw_bridge.generator_events import TakeReady
from generator.api import GenerationRequest
process = GeneratorProcess(threads=1)
process.start("tone")
process.submit(1, GenerationRequest("kick", 1, 1.0))
while not any(isinstance(event, TakeReady) for event in process.poll()):
    select.select([process.fileno()], [], [], 1.0)
print(process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_child_ends_with_control_and_leaves_no_memory() -> None:
    control = subprocess.Popen(
        [sys.executable, "-c", CONTROL_THAT_DIES], stdout=subprocess.PIPE, text=True
    )
    assert control.stdout is not None
    child_pid = int(control.stdout.readline())
    control.wait()
    control.stdout.close()
    give_up_s = time.monotonic() + PATIENCE_S
    while is_alive(child_pid) or blocks_of(control.pid):
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_control_loads_no_model_runtime() -> None:
    code = "import sys, daw_bridge.generator_process; print('onnxruntime' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"False"


@pytest.fixture(scope="module")
def accelerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_accelerated(tmp_path_factory.mktemp("accelerated")).folder


def test_what_waits_is_made_at_once_where_the_model_can(
    process: GeneratorProcess, accelerated: Path
) -> None:
    listener = Listener(process)
    requests = {n: GenerationRequest(f"pad {n}", n, 0.5) for n in range(1, 6)}
    for number, request in requests.items():
        process.submit(number, request)
    process.start(str(accelerated))
    alone = load_generator(accelerated, threads=1)
    for number, request in requests.items():
        # A batch gives each what it is alone, to rounding.
        wanted = alone.generate(request).audio
        np.testing.assert_allclose(audio_of(listener.ending_of(number)), wanted, atol=1e-3)
    # Nothing was sent before the model was ready and had said how many it makes at once.
    told = [e for e in listener.events if isinstance(e, TakeProgress | TakeReady)]
    order = [(type(e), e.request_id) for e in told]
    before = order[: min(order.index((TakeReady, number)) for number in requests)]
    assert {number for kind, number in before if kind is TakeProgress} == set(requests)
    # One of several that cannot be made, or is cancelled, takes nothing from the others.
    process.submit(11, requests[1])
    for number in (12, 13, 14):
        process.submit(number, requests[2])
    process.submit(15, replace(KICK, base=Base("0" * 32, 0.5)))
    process.cancel(13)
    endings = [listener.ending_of(number) for number in range(11, 16)]
    kinds = [type(event) for event in endings]
    assert kinds == [TakeReady, TakeReady, TakeFailed, TakeReady, TakeFailed]
    assert "not remembered" in endings[4].text  # type: ignore[union-attr]
    for event in endings:
        if isinstance(event, TakeReady):
            audio_of(event)


def test_a_model_that_is_kept_warm_makes_the_same_takes(
    process: GeneratorProcess, accelerated: Path, tiny: Path
) -> None:
    listener = Listener(process)
    process.keep_warm()
    process.start(str(accelerated))
    listener.ready()
    process.submit(1, KICK)
    first = audio_of(listener.ending_of(1))
    for _ in range(5):
        process.keep_warm()
    process.submit(2, KICK)
    process.keep_warm()
    np.testing.assert_array_equal(audio_of(listener.ending_of(2)), first)
    # On a processor there is nothing to be kept warm, and nothing is sent.
    process.try_model(3, str(tiny))
    listener.until(lambda events: any(isinstance(e, ModelLoaded) for e in events))
    process.keep_warm()
    process.submit(4, KICK)
    audio_of(listener.ending_of(4))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_model_for_a_gpu_that_is_not_there_is_refused_and_the_other_plays_on(
    tiny: Path, tmp_path: Path
) -> None:
    accelerated = str(small_accelerated(tmp_path).folder)
    process = GeneratorProcess(threads=1, device="cuda")
    listener = Listener(process)
    try:
        process.start(str(tiny))
        process.try_model(1, accelerated)
        events = listener.until(lambda events: any(isinstance(e, ModelRefused) for e in events))
        (refused,) = (event for event in events if isinstance(event, ModelRefused))
        assert "A GPU is asked for" in refused.text
        process.submit(2, KICK)
        assert audio_of(listener.ending_of(2)).any()
    finally:
        process.close()
    process = GeneratorProcess(threads=1)
    listener = Listener(process)
    try:
        process.start(accelerated)
        process.submit(1, KICK)
        assert audio_of(listener.ending_of(1)).any()
    finally:
        process.close()

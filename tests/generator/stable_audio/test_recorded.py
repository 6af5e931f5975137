"""The law of the recorded imported model: its takes are those of the stages one by one."""

from dataclasses import replace

import pytest

from generator.api import Base, GenerationRequest
from generator.errors import RequestError
from generator.stable_audio.files import TOKENIZER_FILE, open_folder
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.opening import open_stable_audio
from generator.stable_audio.recorded import RecordedStableAudio
from generator.stable_audio.tokens import Pieces
from tests.generator.stable_audio.published import TEXT_MODEL, TEXT_TOKENS, Published
from training.onnx_graphs import signal_to_noise_db

PAD = GenerationRequest("warm pad", 3, 0.4, steps=2, tempo_bpm=120)


def test_recorded_takes_are_those_of_the_stages(
    published: Published, model: StableAudioModel
) -> None:
    general = open_stable_audio(open_folder(published.folder), device="cpu")
    pieces = Pieces(published.folder / TEXT_MODEL / TOKENIZER_FILE, most=TEXT_TOKENS)
    recorded = RecordedStableAudio("recorded", model, pieces, device="cpu")
    for request in (
        PAD,
        replace(PAD, prompt="", steps=1),
        replace(PAD, seconds=2.0, seed=8),
        replace(PAD, bars=1, loop=True),
        replace(PAD, base=Base(PAD.identity, 0.5)),
        PAD,
    ):
        wanted = general.generate(request).audio
        assert signal_to_noise_db(wanted, recorded.generate(request).audio) > 80.0
    with pytest.raises(RequestError, match="at most"):
        recorded.generate(replace(PAD, seconds=3.0))

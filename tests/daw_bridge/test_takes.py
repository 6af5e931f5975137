"""Laws of takes: the same frames on both sides, one owner, no name left behind."""

import gc
import os
import weakref

import numpy as np
import pytest

from daw_bridge.errors import AudioError
from daw_bridge.shared_memory import blocks_of
from daw_bridge.takes import TakeStore, create_take, open_take, remove_take


def test_what_one_writes_the_other_reads() -> None:
    made = create_take(1000)
    found = open_take(made.name, 1000)
    assert made.audio.shape == found.audio.shape == (1000, 2)
    assert not made.audio.any()
    made.audio[:] = np.random.default_rng(1).standard_normal((1000, 2))
    np.testing.assert_array_equal(found.audio, made.audio)
    assert found.frames == 1000
    remove_take(made.name)


def test_frames_are_there_before_they_are_counted() -> None:
    made = create_take(1000)
    found = open_take(made.name, 1000)
    assert found.missing[0] == 0, "nobody counts for it"
    made.await_frames()
    sound = np.random.default_rng(1).standard_normal((1000, 2)).astype(np.float32)
    for start, stop in ((0, 1), (1, 700), (700, 1000)):
        assert made.append(sound[start:stop]) == stop
        assert found.missing[0] == 1000 - stop
        np.testing.assert_array_equal(found.audio[:stop], sound[:stop])
    assert found.is_whole
    remove_take(made.name)


def test_an_empty_or_absent_take_is_refused() -> None:
    with pytest.raises(AudioError, match="at least 1"):
        create_take(0)
    with pytest.raises(AudioError, match="at least 1"):
        open_take("dawb-1-take-00", 0)
    with pytest.raises(AudioError, match="cannot be mapped"):
        open_take("dawb-1-take-00", 1)


def test_a_take_shorter_than_promised_is_refused() -> None:
    made = create_take(10)
    with pytest.raises(AudioError, match="cannot be mapped"):
        open_take(made.name, 100_000)
    remove_take(made.name)


def test_the_store_numbers_takes_once_and_removes_them_all() -> None:
    store, before = TakeStore(), blocks_of(os.getpid())
    first = store.adopt(create_take(10).name, 10)
    second = store.adopt(create_take(10).name, 10)
    assert first.take_id != second.take_id
    assert second.shm_name in blocks_of(os.getpid())
    store.dispose(second.take_id)
    store.dispose(second.take_id)
    assert second.shm_name not in blocks_of(os.getpid())
    assert (first.take_id in store, second.take_id in store) == (True, False)
    assert store.adopt(create_take(10).name, 10).take_id > second.take_id
    store.close()
    assert len(store) == 0
    assert blocks_of(os.getpid()) == before


def test_the_memory_goes_with_its_last_reference() -> None:
    made = create_take(10)
    remove_take(made.name)
    array = made.audio
    watch = weakref.ref(array)
    del made
    assert watch() is not None
    del array
    gc.collect()
    assert watch() is None

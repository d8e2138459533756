"""The recorder: never felt, bounded, and honest about what it left out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from motia.errors import QueueUnavailable
from motia.testing import VirtualClock
from motia.tracing import recorder as module
from motia.tracing.recorder import Recorder
from motia.tracing.records import EventRecord, Record, SpanRecord
from tests.waiting import until


def span(number: int = 1, **more: Any) -> SpanRecord:
    return SpanRecord(
        "t" * 32, f"{number:016x}", None, "charge", "queue", "order", (), 1, 4, 0, None, 0, "running", **more
    )


class Memory:
    """A store in memory that can be away, slow or broken."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.batches: list[int] = []
        self.error: Exception | None = None
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    async def append(self, records: Sequence[Record]) -> None:
        self.entered.set()
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        self.batches.append(len(records))
        self.records += records


@pytest.fixture
def store() -> Iterator[Memory]:
    found = Memory()
    yield found
    found.gate.set()


@pytest.fixture
def recorder(store: Memory) -> Recorder:
    return Recorder(store, VirtualClock())


def test_records_are_written_by_themselves(recorder: Recorder, store: Memory) -> None:
    recorder.put(span())
    until(lambda: store.records == [span()])


def test_whoever_records_does_not_wait_for_the_store(recorder: Recorder, store: Memory) -> None:
    store.gate.clear()
    recorder.put(span())
    assert store.entered.wait(5)
    for number in range(2, 100):
        recorder.put(span(number))  # and the store has yet to take the first
    assert store.records == []
    store.gate.set()
    until(lambda: len(store.records) == 99)


def test_a_run_that_has_ended_before_the_batch_is_written_once(recorder: Recorder, store: Memory) -> None:
    store.gate.clear()
    recorder.put(span(99))
    assert store.entered.wait(5)
    recording = recorder.begin(span())
    recording.log("info", "a line", {"n": 1})
    recording.end("ok")
    store.gate.set()
    until(lambda: len(store.records) == 3)
    assert [type(item) for item in store.records[1:]] == [EventRecord, SpanRecord]
    assert getattr(store.records[2], "status") == "ok"  # noqa: B009  # one of two kinds


def test_an_outage_is_waited_for_and_nothing_is_raised(
    recorder: Recorder, store: Memory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    monkeypatch.setattr(module, "MAX_RECORDS", 50)
    store.error = QueueUnavailable("away")
    with caplog.at_level(logging.WARNING, "motia.traces"):
        recorder.put(span(1))
        until(lambda: bool(caplog.records))
        for number in range(2, 102):
            recorder.put(span(number))
    assert recorder.dropped == 50
    assert len(recorder._waiting) == 50
    assert [line.message for line in caplog.records] == ["runs cannot be recorded for the moment: away"]
    store.error = None
    until(lambda: len(store.records) == 51)
    assert [item.span_id for item in store.records if isinstance(item, SpanRecord)] == [
        f"{n:016x}" for n in range(1, 52)
    ]


def test_what_waits_is_bounded_in_characters_too(
    recorder: Recorder, store: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CHARACTERS", 100_000)
    store.gate.clear()
    recorder.put(span())
    assert store.entered.wait(5)
    for number in range(2, 22):
        recorder.put(span(number, input="x" * 10_000))
    assert recorder.dropped == 11
    store.gate.set()
    until(lambda: len(store.records) == 10)
    until(lambda: recorder._characters == 0)


def test_a_batch_that_no_store_takes_is_left_out_and_the_next_one_written(
    recorder: Recorder, store: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    store.error = ValueError("such a record")
    with caplog.at_level(logging.WARNING, "motia.traces"):
        recorder.put(span(1))
        until(lambda: bool(caplog.records))
    assert recorder.dropped == 1
    assert [line.message for line in caplog.records] == ["1 records of runs are lost: such a record"]
    store.error = None
    recorder.put(span(2))
    until(lambda: store.records == [span(2)])


async def test_the_end_writes_what_waits(recorder: Recorder, store: Memory) -> None:
    for number in range(1, 600):
        recorder.put(span(number))
    await recorder.close()
    assert len(store.records) == 599
    assert max(store.batches) == module.BATCH


async def test_the_end_does_not_wait_for_a_store_that_hangs(
    recorder: Recorder, store: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSING", 0.05)
    store.gate.clear()
    recorder.put(span())
    began = time.monotonic()
    await recorder.close()
    assert time.monotonic() - began < 5


def test_a_fork_leaves_what_waits_to_the_parent(recorder: Recorder, store: Memory) -> None:
    store.gate.clear()
    recorder.put(span(1))
    assert store.entered.wait(5)
    recorder.put(span(2))
    recorder.forget()
    assert not recorder._waiting


def test_old_traces_are_looked_for_now_and_then(store: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    recorder = Recorder(store, VirtualClock(), lambda: looked.append(1))
    recorder.put(span(1))
    until(lambda: len(store.records) == 1)
    assert looked == []
    monkeypatch.setattr(module, "TOLD_EVERY", 0.0)
    recorder.put(span(2))
    until(lambda: looked == [1])


@pytest.mark.parametrize("use", [
    lambda recording: recording.log("info", "a line", Hostile()),
    lambda recording: recording.event("state", "set", "g/k", after={"a": Hostile()}),
    lambda recording: recording.end("ok"),
])  # fmt: skip
def test_a_hostile_object_harms_nobody(recorder: Recorder, store: Memory, use: Callable[[Any], None]) -> None:
    recording = recorder.begin(span())
    recording.output = Hostile()
    recording.error = HostileError()
    use(recording)
    until(lambda: any(item != span() for item in store.records))
    assert "ZeroDivisionError" in repr(store.records)


class Hostile(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError

    def __iter__(self) -> Iterator[str]:
        raise ZeroDivisionError

    def __len__(self) -> int:
        return 1


class HostileError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError

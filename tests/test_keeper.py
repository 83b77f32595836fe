"""The moment just gone: kept when it is asked for, and only then."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from parts.clips import click_at, clicks, number_of, numbered
from parts.films import files_no_larger_than, read_film, wait_for
from parts.recording import named

from realtime_cer.cli import main
from realtime_cer.commands.desk import LiveDesk
from realtime_cer.commands.record import open_keeper
from realtime_cer.commands.recording import Terms
from realtime_cer.pipeline.live import Live
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame
from realtime_cer.sessions.folder import read_session
from realtime_cer.sinks.keeper import Keeper
from realtime_cer.sinks.lastmoments import LastMoments
from realtime_cer.sinks.tables import read_rows

FPS = 15
DEMO = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"


def bring(moments: LastMoments, origin: float, start: int, count: int) -> None:
    """Numbered pictures, decisions, and a click at half past every second of ``origin``'s clock."""
    second = clicks(SAMPLE_RATE, [0.5], 1.0)
    for k in range(start, start + count):
        t = origin + k / FPS
        moments.frame(Frame(t, k, numbered(k, 320, 240)))
        if k % 3 == 0:
            moments.decision(named(k // 3, t))
        if k % FPS == 0:
            moments.block(AudioBlock(t, second))


def test_the_last_seconds_are_kept_whole_and_in_their_places(tmp_path: Path) -> None:
    moments = LastMoments(span_s=6.0)
    origin = 500.0
    bring(moments, origin, 0, 20 * FPS)
    now = origin + 20.0
    length = moments.write(tmp_path, {"consent": "yes"}, now)
    assert 6.0 <= length < 8.5
    film = read_film(tmp_path / "film.mkv")
    numbers = [number_of(picture) for picture in film.pictures]
    assert numbers == list(range(numbers[0], 20 * FPS)), "none is missing between the pieces"
    begun = now - length - 1 / FPS
    assert film.times == pytest.approx([origin + n / FPS - begun for n in numbers], abs=0.003)
    rows = read_rows(tmp_path / "decisions.jsonl")
    assert rows[-1].t == pytest.approx(origin + (20 * FPS - 3) / FPS - begun, abs=0.001)
    assert rows[-1].t - rows[0].t == pytest.approx(6.0, abs=0.25)
    start = round((np.ceil(begun + 2) - begun) * film.rate)
    assert click_at(film.sound[start : start + film.rate], film.rate) == pytest.approx(0.5, abs=0.02)
    facts = json.loads((tmp_path / "session.json").read_text())
    assert facts["started_unix"] == pytest.approx(time.time() - length, abs=1.0)
    assert (facts["consent"], facts["kept_afterwards"]) == ("yes", True)
    assert read_session(tmp_path).state == "whole"


def test_memory_does_not_grow_and_it_goes_on_after_a_moment_was_kept(tmp_path: Path) -> None:
    moments = LastMoments(span_s=4.0)
    bring(moments, 0.0, 0, 8 * FPS)
    held = moments.bytes_held
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    moments.write(tmp_path / "first", {}, 8.0)
    bring(moments, 0.0, 8 * FPS, 10 * FPS)
    assert moments.bytes_held < 1.6 * held
    moments.write(tmp_path / "second", {}, 18.0)
    numbers = [number_of(picture) for picture in read_film(tmp_path / "second" / "film.mkv").pictures]
    assert numbers == list(range(numbers[0], 18 * FPS))


def test_nothing_is_left_in_memory_of_what_is_forgotten() -> None:
    moments = LastMoments()
    bring(moments, 0.0, 0, 3 * FPS)
    films = [piece.memory for piece in moments._pieces]
    assert len(films) == 2
    moments.forget()
    assert moments.empty
    assert all(film.closed for film in films)


def test_the_keeper_writes_when_it_is_asked_and_only_then(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = Keeper(tmp_path / "kept", dict, said.append)
    origin = time.monotonic()
    for k in range(30):
        keeper.tap(Frame(origin + k / 30, k, numbered(k, 320, 240)))
        keeper.tap(named(k, origin + k / 30))
        time.sleep(0.01)
    assert not (tmp_path / "kept").exists()
    keeper.keep()
    wait_for(lambda: bool(said))
    [session] = (tmp_path / "kept").iterdir()
    assert said == [f"kept 1 s: {session}"]
    assert {path.name for path in session.iterdir()} == {"session.json", "decisions.jsonl", "film.mkv"}
    assert len(read_film(session / "film.mkv").times) >= 20
    assert keeper.close()
    assert not any(thread.name == "keeper" for thread in threading.enumerate())


def test_nothing_of_those_who_are_forgotten_is_kept(tmp_path: Path) -> None:
    said: list[str] = []
    now = [100.0]
    keeper = Keeper(tmp_path / "kept", dict, said.append, clock=lambda: now[0])

    def bring(t: float, k: int) -> None:
        keeper.tap(Frame(t, k, numbered(k, 320, 240)))
        keeper.tap(AudioBlock(t, np.zeros(100, np.float32)))
        keeper.tap(named(k, t))

    for k in range(5):
        bring(99.0 + k / 5, k)
    wait_for(lambda: not keeper._moments.empty)
    keeper.forget()
    wait_for(lambda: keeper._moments.empty)  # also where nothing more comes
    bring(99.99, 5)  # of before, and late
    keeper.keep()
    wait_for(lambda: bool(said))
    assert said.pop() == "there is nothing to keep yet"
    for k in range(6, 9):
        bring(99.0 + k / 5, k)
    now[0] = 101.0
    keeper.keep()
    wait_for(lambda: bool(said))
    assert keeper.close()
    [session] = (tmp_path / "kept").iterdir()
    assert [row.seq for row in read_rows(session / "decisions.jsonl")] == [6, 7, 8]
    assert [number_of(picture) for picture in read_film(session / "film.mkv").pictures] == [6, 7, 8]


def test_a_disk_that_is_full_is_told_of_and_the_next_wish_is_granted(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = Keeper(tmp_path / "kept", dict, said.append)
    keeper.keep()
    wait_for(lambda: bool(said))
    assert said.pop() == "there is nothing to keep yet"
    for k in range(10):
        keeper.tap(named(k, k / 5))
    with files_no_larger_than(100):
        keeper.keep()
        wait_for(lambda: bool(said))
    assert said == ["the moment just gone is not kept: File too large"]
    assert not list((tmp_path / "kept").iterdir()), "half a session is none"
    keeper.keep()
    wait_for(lambda: len(said) == 2)
    assert said[1].startswith("kept 2 s: ")
    assert keeper.close()


def test_a_fault_of_ours_is_told_and_logged_and_the_next_wish_is_granted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    facts: list[dict[str, str]] = []
    keeper = Keeper(tmp_path / "kept", lambda: facts[0], said.append)
    keeper.tap(named(0, 0.0))
    keeper.keep()
    wait_for(lambda: bool(said))
    assert said == ["the moment just gone is not kept: IndexError: list index out of range"]
    assert [one.exc_info is not None for one in caplog.records] == [True]
    facts.append({"consent": "yes"})
    keeper.keep()
    wait_for(lambda: len(said) == 2)
    [session] = (tmp_path / "kept").iterdir()
    assert said[1].endswith(str(session))
    assert keeper.close()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs SIGUSR1")
def test_kept_moments_are_forgotten_when_their_days_are_over(tmp_path: Path) -> None:
    said: list[str] = []
    terms = Terms("signed", 90.0)
    before = signal.getsignal(signal.SIGUSR1)
    try:
        for _ in range(2):
            keeper = open_keeper(tmp_path / "kept", lambda: terms.facts, said.append)
            keeper.tap(named(0, time.monotonic()))
            keeper.keep()
            wait_for(lambda: bool(said))
            assert keeper.close()
            session = Path(said.pop().split(": ")[1])
            facts = json.loads((session / "session.json").read_text())
            assert (facts["consent"], facts["forget_after_days"]) == ("signed", 90.0)
        assert len(list((tmp_path / "kept").iterdir())) == 2
        for day, path in zip((91, 89), sorted((tmp_path / "kept").iterdir()), strict=True):
            facts = json.loads((path / "session.json").read_text())
            begun = datetime.fromisoformat(facts["started"]) - timedelta(days=day)
            (path / "session.json").write_text(json.dumps(facts | {"started": begun.isoformat()}))
        first, second = sorted((tmp_path / "kept").iterdir())
        keeper = open_keeper(tmp_path / "kept", lambda: terms.facts, said.append)
        wait_for(lambda: not first.exists())
        wait_for(lambda: not any(thread.name == "tidying" for thread in threading.enumerate()))
        assert second.exists()
        assert keeper.close()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_nothing_is_not_kept_as_something(tmp_path: Path) -> None:
    assert LastMoments().write(tmp_path, {}, time.monotonic()) == 0.0
    assert not (tmp_path / "film.mkv").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs SIGUSR1")
def test_live_keeps_the_moment_just_gone_when_it_is_signalled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def ask() -> None:
        if asked.wait(60):
            time.sleep(2)
            os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr("realtime_cer.commands.live.put_row", lambda _: asked.set())
    waiting = threading.Thread(target=ask)
    waiting.start()
    before = signal.getsignal(signal.SIGUSR1)
    try:
        words = ["live", "--headless", "--camera", str(DEMO), "--duration", "5", "--keep", str(tmp_path / "kept")]
        assert main([*words, "--consent", "spoken", "--forget-after", "90"]) == 0
    finally:
        asked.set()
        waiting.join()
        signal.signal(signal.SIGUSR1, before)
    [session] = (tmp_path / "kept").iterdir()
    assert f"s: {session}" in capsys.readouterr().err
    found = read_session(session)
    assert (found.state, found.troubles) == ("whole", ())
    assert 1 < found.length_s < 6
    assert read_film(session / "film.mkv").sound.size
    assert found.facts["fusion"]["name"]
    assert (found.facts["consent"], found.facts["forget_after_days"]) == ("spoken", 90.0)


def test_a_moment_that_a_flag_holds_tells_what_was_chosen_in_the_window_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def operator(live: Live, *_: object, desk: LiveDesk, **__: object) -> Iterator[Decision]:
        """In the place of the window."""
        yield from islice(live.decisions(), 3)
        desk.choose("rule", "rule2")
        desk.choose("weights", "avcer-7cl")
        desk.keep_moment()
        wait_for(lambda: "kept " in desk.state.told[1])

    monkeypatch.setattr("realtime_cer.commands.live.watch", operator)
    monkeypatch.setattr("realtime_cer.commands.window.prepare_window", lambda: None)
    before = signal.getsignal(signal.SIGUSR1)
    try:
        words = ["live", "--camera", str(DEMO), "--keep", str(tmp_path / "kept"), "--forget-after", "90"]
        assert main([*words, "--rule", "none", "--weights", "equal"]) == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    [session] = (tmp_path / "kept").iterdir()
    facts = json.loads((session / "session.json").read_text())
    assert (facts["settings"]["rule"], facts["fusion"]["name"]) == ("rule2", "avcer-7cl")
    assert (facts["consent"], facts["forget_after_days"]) == (None, 90.0)


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/kept")):
        assert main(["live", "--headless", "--camera", str(DEMO), "--keep", str(folder)]) == 2
        told = capsys.readouterr().err.splitlines()[-1]
        assert str(folder) in told
        assert told.endswith("with --keep")

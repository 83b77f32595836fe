"""A session that is played: where it stands, which row and which picture belong there, and what a time bar tells."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parts.clips import number_of
from parts.replayed import FPS, by, decided, write_session

from realtime_cer.config import Config, load_weights
from realtime_cer.control import Strip
from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sessions.differences import differences
from realtime_cer.sessions.pictures import Pictures
from realtime_cer.sessions.player import Player
from realtime_cer.sessions.replay import Settings, replay
from realtime_cer.sessions.timeline import Timeline, Wish, timeline
from realtime_cer.sessions.transport import Transport
from realtime_cer.smoothing import smooth
from realtime_cer.ui.ribbon import ABSTAINS, NOTHING, clock, columns, spans, touched

ROWS = decided(Config(rule="none"), "equal", count=40)
THEN = Wish(by(Config(rule="none"), load_weights("equal")))


def until(so: Callable[[], bool], most_s: float = 20.0) -> None:
    end = time.monotonic() + most_s
    while not so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def of(wish: Wish, rows: list[Decision] = ROWS, marks: tuple[float, ...] = ()) -> Timeline:
    made = timeline(rows, wish, marks=marks)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("kept") / "session", ROWS) / "film.mkv"


# Where it stands.


def test_it_plays_at_its_speed_stands_at_the_end_and_begins_again() -> None:
    now = [100.0]
    it = Transport(2.0, 10.0, lambda: now[0])
    now[0] += 5
    assert (it.position, it.playing) == (2.0, False)
    it.play(True)
    now[0] += 1
    assert it.position == pytest.approx(3)
    it.run(4)
    now[0] += 1
    assert it.position == pytest.approx(7)
    it.play(False)
    now[0] += 9
    assert it.position == pytest.approx(7)
    it.seek(-3)
    assert it.position == 2
    it.seek(9.5)
    it.run(0.5)
    it.play(True)
    now[0] += 0.5
    assert (it.position, it.playing) == (pytest.approx(9.75), True)
    now[0] += 30
    assert (it.position, it.playing) == (10.0, False)
    it.play(True)
    assert (it.position, it.playing) == (2.0, True)
    it.seek(99)
    assert (it.position, it.playing) == (10.0, False)
    with pytest.raises(ValueError, match="above 0"):
        it.run(0)


# What was said.


def test_a_snapshot_holds_the_row_of_its_time_and_the_minute_before() -> None:
    rows = decided(Config(rule="none"), "equal", count=400)
    line = of(replace(THEN, smoothing_s=0.6), rows)
    shown = smooth(line.rows, 0.6)
    with Player(rows, line, None) as player:
        for seq in (0, 399, 17, 18, 350, 20):
            player.seek(rows[seq].t + 0.05)
            snapshot = player.snapshot()
            assert snapshot.decision is line.rows[seq]
            assert snapshot.history == tuple(row for row in line.rows[: seq + 1] if row.t >= snapshot.t - 60)
            assert player.minute(snapshot) == shown[seq + 1 - len(snapshot.history) : seq + 1]
            assert player.minute(replace(snapshot, history=snapshot.history[-3:]))[-1].seq == seq
            assert snapshot.frame is None
        assert player.film == "none"


def test_nothing_is_said_where_no_row_is() -> None:
    rows = [row for row in ROWS if not 10 <= row.seq < 20]
    with Player(rows, of(THEN, rows), None) as player:
        for t, seq in ((1.9, 9), (2.2, 9), (2.31, None), (3.9, None), (4.0, 20)):
            player.seek(t)
            found = player.snapshot().decision
            assert (found.seq if found else None) == seq, t


def test_other_settings_come_in_the_background_and_the_last_wish_wins() -> None:
    begun = threading.Event()
    go_on = threading.Event()

    def slow(row: Decision) -> Settings:
        begun.set()
        go_on.wait(20)
        return Config(rule="rule1"), load_weights("equal")

    last = Wish(by(Config(rule="rule2"), load_weights("avcer-7cl")), ("acoustic",), 1.0)
    rows = ROWS * 4
    rows = [replace(row, t=n / 5, seq=n) for n, row in enumerate(rows)]
    with Player(rows, of(THEN, rows), None, (3.0,)) as player:
        first = player.strip
        player.retell(Wish(slow))
        assert begun.wait(20)
        assert player.busy
        assert player.snapshot().decision is not None, "it goes on meanwhile"
        player.retell(last)
        go_on.set()
        until(lambda: not player.busy)
        assert player.strip is not first
        again = list(replay(rows, last.settings_of, without=last.without))
        assert list(player.rows) == again
        told = differences(rows, list(replay(rows, last.settings_of, without=last.without, smoothing_s=1.0)))
        assert tuple(np.flatnonzero(player.strip.differ).tolist()) == told.changed
        assert told.changed
        assert 3.0 in player.strip.marks
        before = player.rows
        player.smooth(0.0)
        until(lambda: not player.busy)
        assert all(a is b for a, b in zip(player.rows, before, strict=True)), "only what is shown is computed anew"
        assert tuple(np.flatnonzero(player.strip.differ).tolist()) == differences(rows, again).changed


def test_settings_that_cannot_be_taken_are_told_and_change_nothing() -> None:
    def refused(row: Decision) -> Settings:
        raise Refused("the row at 0.0 s was decided with weights 'mine' of then: give --weights")

    told: list[str] = []
    with Player(ROWS, of(THEN), None, tell=told.append) as player:
        player.retell(Wish(refused))
        until(lambda: bool(told) and not player.busy)
        assert "give --weights" in told[0]
        assert player.wish is THEN
        player.smooth(0.6)
        until(lambda: not player.busy)


def test_a_fault_of_ours_is_raised_where_the_next_snapshot_is_asked_for() -> None:
    def broken(row: Decision) -> Settings:
        raise ZeroDivisionError

    with Player(ROWS, of(THEN), None) as player:
        player.retell(Wish(broken))
        with pytest.raises(ZeroDivisionError):
            until(lambda: player.snapshot() is None)


# Its pictures.


@pytest.fixture
def pictures(film: Path) -> Iterator[Pictures]:
    it = Pictures(film)
    it.start()
    yield it
    assert it.close(20)


def found(pictures: Pictures, t: float) -> int:
    """The number of the picture at a time, once it is there."""
    until(lambda: not pictures.at(t)[1])
    frame, _ = pictures.at(t)
    assert frame is not None
    return number_of(frame.picture)


def test_wherever_it_goes_the_picture_is_that_of_the_time(pictures: Pictures) -> None:
    rng = np.random.default_rng(3)
    for t in [0.0, 7.9, *rng.uniform(0, 8, 12).tolist(), 3.0, 3.0, 2.99, 0.0]:
        until(lambda t=t: not pictures.at(t)[1])  # type: ignore[misc]
        until(lambda t=t: found(pictures, t) == int(t * FPS + 1e-2))  # type: ignore[misc]


def test_playing_on_shows_one_picture_after_the_other(pictures: Pictures) -> None:
    seen = []
    for n in range(3 * FPS):
        until(lambda n=n: found(pictures, n / FPS + 0.001) == n)  # type: ignore[misc]
        seen.append(n)
    assert len(seen) == 3 * FPS


def test_who_asks_never_waits(pictures: Pictures) -> None:
    begun = time.monotonic()
    for n in range(2000):
        pictures.at(n * 37 % 80 / 10)
    assert time.monotonic() - begun < 10
    assert found(pictures, 5.0) == 5 * FPS


def test_a_hand_that_drags_sees_where_it_goes(pictures: Pictures) -> None:
    assert found(pictures, 0.0) == 0
    seen: set[int] = set()
    end = time.monotonic() + 20
    place = 0
    while len(seen) < 8:
        assert time.monotonic() < end, f"only {len(seen)} pictures were shown"
        place = (place + 31) % 80
        frame, _ = pictures.at(place / 10)
        seen.add(number_of(frame.picture) if frame is not None else 0)
        time.sleep(0.002)


def test_a_film_that_ends_before_its_rows_and_one_that_is_none(tmp_path: Path) -> None:
    session = write_session(tmp_path / "short", ROWS, seconds=2.0)
    torn = tmp_path / "torn.mkv"
    content = (session / "film.mkv").read_bytes()
    torn.write_bytes(content[: len(content) * 3 // 4])

    def numbered(player: Player) -> int:
        frame = player.snapshot().frame
        return -1 if frame is None else number_of(frame.picture)

    for path in (session / "film.mkv", torn):
        with Player(ROWS, of(THEN), path) as player:
            for t in (0.5, 0.7, 0.2):
                player.seek(6.0)
                until(lambda: numbered(player) == -1 and player.film == "over")
                player.seek(t)
                until(lambda: numbered(player) == round(t * FPS))  # noqa: B023
    for damaged in (b"", b"no film at all" * 100):
        (tmp_path / "film.mkv").write_bytes(damaged)
        with Player(ROWS, of(THEN), tmp_path / "film.mkv") as player:
            until(lambda: player.film == "damaged")
            assert player.snapshot().decision is not None


def test_the_face_lies_in_a_picture_of_its_own_time(film: Path) -> None:
    row = next(row for row in ROWS if row.face is not None and row.seq > 5)
    with Player(ROWS, of(THEN), film) as player:
        player.seek(row.t)
        until(lambda: player.snapshot().analysed is not None)
        snapshot = player.snapshot()
        assert snapshot.visual is not None
        assert snapshot.visual.face is not None
        assert snapshot.analysed is not None
        assert (snapshot.visual.face.box, snapshot.analysed.t) == (row.face, row.t)
        assert number_of(snapshot.analysed.picture) == round(row.t * FPS)
    drawn = film.with_name("overlay.mkv")
    drawn.write_bytes(film.read_bytes())
    with Player(ROWS, of(THEN), drawn) as player:
        player.seek(row.t)
        until(lambda: player.snapshot().frame is not None)
        assert player.snapshot().analysed is None, "what is drawn on it is not drawn again"


# The ribbon.


def test_every_column_says_what_the_row_there_says() -> None:
    rows = [row for row in ROWS if not 10 <= row.seq < 20]
    strip = of(THEN, rows).strip
    said = columns(strip, strip.said, 400)
    names = {row.seq: -1 if row.label is None else COMPOUND.index(row.label) for row in rows}
    for n, code in enumerate(said.tolist()):
        t = (n + 0.5) / 400 * 8.0
        if 2.3 < t < 4.0:
            assert code == NOTHING
        elif t < 2 or t > 4:
            assert code == names[int(t * 5)]
    assert next(spans(said))[0] == 0
    assert sum(b - a for a, b, _ in spans(said)) == 400
    assert any(code == ABSTAINS for _, _, code in spans(said))


def test_a_column_of_many_rows_says_what_most_of_them_say() -> None:
    strip = of(THEN).strip
    said = replace(strip, said=np.array([2, 2, 5, -1] * 10, np.int8))
    assert columns(said, said.said, 10).tolist() == [2] * 10
    assert columns(strip, strip.said, 0).tolist() == []


def test_what_differs_once_in_an_hour_is_seen() -> None:
    t = np.arange(18_000) / 5
    said = np.zeros(18_000, np.int8)
    then = said.copy()
    then[[7000, 17_999]] = 3
    strip = Strip(t, said, then, 0.2, 3600.0, ())
    assert np.flatnonzero(touched(strip, strip.differ, 1000)).tolist() == [7000 * 1000 // 18_000, 999]
    assert columns(strip, then, 1000).tolist() == [0] * 1000
    assert [b - a for a, b, code in spans(touched(strip, strip.differ, 36_000)) if code] == [2, 2]


@pytest.mark.parametrize(
    ("seconds", "length", "told"),
    [(7, 11, "0:07"), (61.9, 600, "01:01"), (3599, 3600, "0:59:59"), (0, 1, "0:00"), (7325, 9000, "2:02:05")],
)
def test_times_are_as_long_as_that_of_the_end(seconds: float, length: float, told: str) -> None:
    assert clock(seconds, length) == told


def test_tenths_are_cut_and_not_rounded_up_to_sixty() -> None:
    assert clock(59.97, 100, 1) == "0:59.9"
    assert clock(61.25, 700, 1) == "01:01.2"

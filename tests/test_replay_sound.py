"""A session that is heard while it plays: where its sound lies, that it keeps in step, and what may be amiss."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from parts import pulse
from parts.clips import write_clip
from parts.heard import Heard, listening
from parts.listening import needs_pulse
from parts.replayed import by, decided, write_session

from realtime_cer.capture.beeps import beeping, find_beeps
from realtime_cer.capture.decoding import open_container, prepare
from realtime_cer.capture.resample import to_mono
from realtime_cer.config import Config, load_weights
from realtime_cer.errors import Refused
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Floats
from realtime_cer.sessions.player import Player
from realtime_cer.sessions.soundahead import FAR_S, NEAR_S, Pace, SoundAhead
from realtime_cer.sessions.soundtrack import soundtrack
from realtime_cer.sessions.timeline import Wish, timeline
from realtime_cer.sessions.transport import Transport

ROWS = decided(Config(rule="none"), "equal", count=60)
FIRST = timeline(ROWS, Wish(by(Config(rule="none"), load_weights("equal"))))
STARTS = np.array([0.5, 0.87, 1.33, 1.62, 2.11, 2.45, 3.02, 3.31, 3.78, 4.19, 4.47, 4.98, 5.3])
"""When there are beeps, so irregular that they fit in one place only. From six seconds on there is a tone."""

TONE_S, END_S = 6.0, 12.0
LOUD, SILENT = 0.1, 0.002


def until(so: Callable[[], object], most_s: float = 20.0) -> None:
    end = time.monotonic() + most_s
    while not so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def sound() -> Floats:
    made = beeping(SAMPLE_RATE, list(STARTS), END_S)
    t = np.arange(len(made)) / SAMPLE_RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * t) * (t >= TONE_S)
    return (made + tone).astype(np.float32)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("kept") / "session", ROWS, sound=sound()) / "film.mkv"


# Where it lies.


def decoded(path: Path, begin: float, rate: int = SAMPLE_RATE, channels: int = 1) -> tuple[float, Floats]:
    """A film's sound from a time on: when it begins, and (n, channels) samples, gaps filled with silence."""
    with closing(open_container(path)) as container:
        stream = container.streams.audio[0]
        prepare(stream)
        pieces = [one for one in soundtrack(container, stream, begin, rate, channels) if len(one[1])]
    first = pieces[0][0]
    whole = np.zeros((max(place + len(piece) for place, piece in pieces) - first, channels), np.float32)
    for place, piece in pieces:
        whole[place - first : place - first + len(piece)] = piece
    return first / rate, whole


@pytest.mark.parametrize("begin", [0.0, 0.49, 1.0, 2.3, 3.5])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "torn"])
def test_from_wherever_it_is_wanted_each_sound_lies_at_its_time(
    film: Path, tmp_path: Path, begin: float, whole: bool
) -> None:
    path = film
    if not whole:
        path = tmp_path / "torn.mkv"
        content = film.read_bytes()
        path.write_bytes(content[: len(content) * 9 // 10])
    t, samples = decoded(path, begin)
    assert begin - 1.2 < t < begin + 0.03
    heard = find_beeps([AudioBlock(t, samples[:, 0])], [start for start in STARTS if start > begin])
    assert abs(heard.delay_s) < 0.002


def test_other_rates_channels_and_codecs_are_turned_into_what_the_loudspeaker_takes(tmp_path: Path) -> None:
    made = beeping(44_100, list(STARTS), END_S)
    stereo = np.stack([made, np.zeros_like(made)])
    clip = write_clip(tmp_path / "clip.mkv", times=[n / 10 for n in range(120)], sounds=[("flac", 44_100, stereo)])
    t, samples = decoded(clip, 1.0, rate=48_000, channels=2)
    assert samples.shape[1] == 2
    assert np.abs(samples[:, 1]).max() < 0.01 < np.abs(samples[:, 0]).max()
    sixteen = to_mono(samples[:, :1])[::3]
    assert abs(find_beeps([AudioBlock(t, sixteen)], list(STARTS[1:])).delay_s) < 0.002


def test_a_gap_in_the_film_stays_one(tmp_path: Path) -> None:
    tone = np.full((1, 3 * SAMPLE_RATE), 0.5, np.float32)
    clip = write_clip(tmp_path / "gap.mkv", size=None, sounds=[("pcm_s16le", SAMPLE_RATE, tone)], pause=(1.0, 2.0))
    _, samples = decoded(clip, 0.0)
    loud = np.flatnonzero(samples[:, 0] > 0.1) / SAMPLE_RATE
    assert loud[-1] == pytest.approx(5.0, abs=0.01)
    assert not ((loud > 1.1) & (loud < 2.95)).any()


def test_what_is_put_is_read_at_its_place_and_silence_elsewhere() -> None:
    rng = np.random.default_rng(1)
    whole = rng.normal(0, 1, (100_000, 2)).astype(np.float32)
    ahead = SoundAhead(8_000, 2)
    place = 1_000
    while place < len(whole):
        begin = max(place - int(rng.integers(0, 50)), 1_000)  # some of it is there already
        ahead.put(begin, whole[begin : place + int(rng.integers(1, 900))])
        place = ahead.high
        past = np.arange(max(place - 12_000, 1_000), place - 1)
        assert (ahead.read(past.astype(np.float64)) == whole[past]).all()
    assert (ahead.read(np.array([-5.0, 999.0, place - 1.0, place + 7.0])) == 0).all()
    between = ahead.read(np.array([99_000.25]))
    assert between[0] == pytest.approx(0.75 * whole[99_000] + 0.25 * whole[99_001], abs=1e-5)
    for gap in (500, 50_000):
        begin = ahead.high + gap
        ahead.put(begin, whole[:100])
        assert (ahead.read(np.arange(begin, begin + 99, dtype=np.float64)) == whole[:99]).all()
        assert (ahead.read(np.arange(begin - gap, begin, dtype=np.float64)) == 0).all()


def test_it_keeps_in_step_with_a_loudspeaker_that_is_too_fast_and_jumps_when_something_was_lost() -> None:
    rate, count, pace = 48_000, 960, Pace(48_000)
    rng = np.random.default_rng(2)
    late, last, jumps, steps = 0.0, 0.0, 0, []
    for n in range(3000):
        late += 0.02 * 400e-6  # a bad clock
        late += 0.2 if n == 1500 else 0.0
        wanted = (n * 0.02 + late) * rate
        places, loud = pace.places(wanted + rng.normal(0, 0.0005) * rate, count)
        jumps += loud[0] < 1
        if n not in (0, 1500):
            assert abs(places[0] - wanted) / rate < NEAR_S + 0.003 < FAR_S
            steps.append(places[0] - last)
        last = float(places[-1])
    assert jumps == 2
    assert max(abs(step - 1) for step in steps) < 0.51, "elsewhere one sample follows the other"


# Where the session stands.


def test_a_course_is_another_after_every_change_and_none_while_it_stands() -> None:
    now = [5.0]
    it = Transport(0.0, 10.0, lambda: now[0])
    assert not it.playing
    it.play(True)
    first = it.course
    assert first is not None
    now[0] = 7.0
    assert it.course is first
    assert (first.at(7.0), first.at(7.5), first.at(99.0)) == (2.0, 2.5, 10.0)
    changes: tuple[Callable[[], None], ...] = (lambda: it.seek(4.0), lambda: it.run(2.0), lambda: it.play(True))
    for change in changes:
        before = it.course
        change()
        after = it.course
        assert after is not None
        assert after is not before
        assert after.at(now[0]) == 4.0
    now[0] = 10.0
    assert not it.playing
    assert it.course is None


# Heard, on a real sound server.


@pytest.fixture
def heard(stage: pulse.VirtualMicrophone) -> Iterator[Heard]:
    with listening(stage) as it:
        until(lambda: it.loudest(time.monotonic() - 0.3, time.monotonic() - 0.2) is not None)
        yield it


@pytest.fixture
def player(film: Path) -> Iterator[Callable[..., Player]]:
    """Makes players of this film or another."""
    players: list[Player] = []

    def make(path: Path = film, tell: Callable[[str], None] = lambda line: None) -> Player:
        assert FIRST is not None
        players.append(Player(ROWS, FIRST, path, tell=tell))
        return players[-1].__enter__()

    yield make
    for one in players:
        one.__exit__(None, None, None)


def loud(heard: Heard) -> bool:
    now = time.monotonic()
    return (heard.loudest(now - 0.3, now - 0.1) or 0.0) > LOUD


def silent(heard: Heard) -> bool:
    now = time.monotonic()
    level = heard.loudest(now - 0.4, now - 0.1)
    return level is not None and level < SILENT


@needs_pulse
def test_beeps_are_heard_when_the_session_stands_where_they_are(
    stage: pulse.VirtualMicrophone, player: Callable[..., Player], heard: Heard
) -> None:
    it = player()
    for begin, end in ((0.0, 2.6), (2.9, 5.3)):
        starts = [start for start in STARTS if begin + 0.6 < start < end - 0.1]
        for attempt in range(3):  # on a busy machine the sound may stutter
            it.play(True)
            it.seek(begin)
            began = time.monotonic() - (it.position - begin)
            until(lambda: it.position > end)  # noqa: B023
            it.play(False)
            until(lambda: silent(heard))
            try:
                found = find_beeps([heard.all()], [began + start - begin for start in starts])
            except Refused as refusal:
                print(refusal)
                assert attempt < 2
            else:
                break
        print(f"{1000 * found.delay_s:+.1f} ms ({1000 * found.spread_s:.1f}), {found.beeps} of {len(starts)}")
        assert abs(found.delay_s) < 0.04
    assert it.sound == "heard"
    until(lambda: not stage.tell("list", "short", "sink-inputs"))  # given back to who else may want it


@needs_pulse
def test_it_is_silent_as_soon_as_it_stands_is_muted_played_faster_or_at_its_end(
    player: Callable[..., Player], heard: Heard
) -> None:
    it = player()

    def silenced(how: Callable[[], None]) -> None:
        it.play(True)
        until(lambda: loud(heard))
        how()
        since = time.monotonic()
        until(lambda: silent(heard))
        quiet = heard.all()
        late = (np.flatnonzero(np.abs(quiet.samples) > SILENT)[-1] + 1) / SAMPLE_RATE + quiet.t - since
        print(f"silent after {1000 * late:.0f} ms")
        assert late < 0.5

    it.seek(TONE_S + 0.5)
    silenced(lambda: it.play(False))
    silenced(lambda: it.mute(True))
    assert (it.sound, it.muted, it.playing) == ("muted", True, True)
    it.mute(False)
    until(lambda: loud(heard))
    silenced(lambda: it.run(2.0))
    assert it.sound == "speed"
    it.run(1.0)
    it.seek(TONE_S + 0.5)
    silenced(lambda: it.seek(5.4))  # where nothing is to be heard
    it.seek(END_S - 0.8)
    until(lambda: loud(heard))
    until(lambda: not it.playing)
    until(lambda: silent(heard))


@needs_pulse
def test_a_loudspeaker_that_goes_hangs_and_comes_back_holds_nothing_up(
    stage: pulse.VirtualMicrophone, player: Callable[..., Player]
) -> None:
    told: list[str] = []
    it = player(tell=told.append)
    it.seek(1.0)
    it.play(True)
    until(lambda: it.sound == "heard" and it.position > 1.3)
    stage.kill()
    until(lambda: it.sound == "absent")
    assert told == [told[0]]
    assert told[0].startswith("going on without sound: ")
    assert it.playing
    stage.start()
    it.seek(TONE_S)  # looked for anew, without waiting for its turn
    with listening(stage) as heard:
        until(lambda: it.sound == "heard" and loud(heard))
        stage.hang()
        until(lambda: it.sound == "stalled")
        begun = time.monotonic()
        it.play(False)
        it.seek(TONE_S)
        it.play(True)
        assert it.snapshot().t == pytest.approx(TONE_S, abs=1.0)
        assert time.monotonic() - begun < 1.0
        stage.go_on()
        until(lambda: it.sound == "heard" and loud(heard))
        stage.hang()
        try:
            it.play(False)
            begun = time.monotonic()
            it.__exit__(None, None, None)
            assert time.monotonic() - begun < 5.0
        finally:
            stage.go_on()


def test_without_a_loudspeaker_or_sound_it_goes_on_silently(
    player: Callable[..., Player], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    mute = write_session(tmp_path / "mute", ROWS) / "film.mkv"
    avatar = write_session(tmp_path / "avatar", ROWS, name="overlay.mkv") / "overlay.mkv"
    damaged = tmp_path / "film.mkv"
    damaged.write_bytes(b"no film at all")
    assert FIRST is not None
    bare = Player(ROWS, FIRST, None)
    assert (bare.sound, bare.muted) == ("none", False)
    for path, why in ((mute, "none"), (avatar, "none"), (damaged, "damaged")):
        it = player(path, told.append)
        it.play(True)
        until(lambda: it.sound == why and it.position > 0.05)  # noqa: B023
    assert told == []


@needs_pulse
def test_no_loudspeaker_is_told_once(stage: pulse.VirtualMicrophone, player: Callable[..., Player], film: Path) -> None:
    told: list[str] = []
    stage.unplug()
    try:
        it = player(film, told.append)
        for _ in range(3):
            it.seek(1.0)
            it.play(True)
            until(lambda: it.sound == "absent")
            it.play(False)
        print(told)
        assert len(told) == 1
        assert it.snapshot().decision is not None
    finally:
        stage.plug()


DRIVEN = """
import sys
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from realtime_cer import cli
from realtime_cer.ui import replay

class Driven(replay.ReplayWindow):
    def look(self):
        super().look()
        if self.bar.sound == "absent":
            print(self.bar.silence(), "at", self.player.position, flush=True)
            QTest.keyClick(self, Qt.Key.Key_Q)
        elif not self.player.playing:
            QTest.keyClick(self, Qt.Key.Key_Space)

replay.ReplayWindow = Driven
sys.exit(cli.main(sys.argv[1:]))
"""


@needs_pulse
def test_the_command_is_heard_and_keeps_quiet_when_its_loudspeaker_goes(
    stage: pulse.VirtualMicrophone, heard: Heard, film: Path
) -> None:
    env = os.environ | stage.env | {"QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C"}
    words = [sys.executable, "-c", DRIVEN, "replay", str(film.parent)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as program:
        try:
            until(lambda: loud(heard), 60)
        finally:
            stage.kill()
        said, complained = program.communicate(timeout=60)
        stage.start()
    assert program.returncode == 0, complained
    assert said.splitlines()[-1].startswith("no loudspeaker at ")
    [line] = complained.splitlines()
    assert line.startswith("realtime-cer: going on without sound: ")


NOT_LOADED = """
import sys
from realtime_cer import cli
cli.main(["replay", sys.argv[1], "--no-window"])
print("sounddevice" in sys.modules)
"""


def test_without_a_window_the_sound_library_is_not_even_loaded(film: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOT_LOADED, str(film.parent)], capture_output=True, text=True, timeout=60, check=True
    )
    said = done.stdout.splitlines()
    assert "decisions of session differ from then" in said[-2]
    assert said[-1] == "False"

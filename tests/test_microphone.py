"""Microphones: a real sound server of the test's own, heard through PortAudio."""

import itertools
import queue
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parts import pulse
from parts.clips import clicks
from parts.listening import Listening, needs_pulse

from realtime_cer.capture import portaudio
from realtime_cer.capture.attempt import pause_s
from realtime_cer.capture.microphone import Microphone, open_microphone
from realtime_cer.capture.soundclock import Piece
from realtime_cer.capture.soundstream import SoundStream
from realtime_cer.capture.source import item_end
from realtime_cer.errors import Refused
from realtime_cer.records import SAMPLE_RATE


@needs_pulse
def test_speech_is_heard_at_its_time(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], tmp_path: Path
) -> None:
    import soxr

    spoken = pulse.speak(tmp_path / "say.wav", "What a surprise!")
    listening = listen(open_microphone("default"))
    listening.until(lambda: len(listening.came) > 10, 3)
    played = time.monotonic()
    stage.play(spoken).wait(20)
    done = time.monotonic()
    listening.until(lambda: item_end(listening.blocks[-1]) > done, 3)
    assert listening.end() < 0.25

    blocks = listening.blocks
    for before, after in itertools.pairwise(blocks):
        assert after.t == pytest.approx(item_end(before), abs=1e-6)
    assert not any(block.samples.flags.writeable for block in blocks)
    age = [came - item_end(block) for came, block in listening.came[10:]]
    assert np.median(age) < 0.15
    assert np.percentile(age, 10) > -0.02  # nothing from the future

    heard = np.concatenate([block.samples for block in blocks])
    rate, original = pulse.read_wav(spoken)
    original = soxr.resample(original, rate, SAMPLE_RATE)
    size = 1 << (len(heard) + len(original)).bit_length()
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(original, size)))[: len(heard)]
    start = int(np.argmax(match))
    same = np.corrcoef(heard[start : start + len(original)], original)[0, 1]
    assert same > 0.95
    assert played - 0.05 < blocks[0].t + start / SAMPLE_RATE < played + 0.5
    assert listening.microphone.status.state == "ended"
    assert listening.microphone.counters.gaps == listening.microphone.counters.dropped == 0


@needs_pulse
def test_clicks_keep_their_distance(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], tmp_path: Path
) -> None:
    path = pulse.write_wav(tmp_path / "clicks.wav", clicks(48_000, [0.3, 1.1], 1.4), 48_000)
    listening = listen(open_microphone("stage_microphone"))
    stage.play(path).wait(20)
    time.sleep(0.3)
    listening.end()
    heard = np.concatenate([block.samples for block in listening.blocks])
    first = int(np.argmax(heard))
    assert heard[first] > 0.5
    rest = heard.copy()
    rest[max(0, first - 3200) : first + 3200] = 0
    other = int(np.argmax(rest))
    assert rest[other] > 0.5
    assert abs(other - first) / SAMPLE_RATE == pytest.approx(0.8, abs=0.001)


@needs_pulse
@pytest.mark.parametrize("spec", ["stage_microphone", "STAGE_MIC", "0"])
def test_a_name_a_part_of_it_or_a_number_will_do(stage: pulse.VirtualMicrophone, spec: str) -> None:
    microphone = open_microphone(spec)
    assert microphone.name == "stage_microphone"
    microphone.close()


@needs_pulse
def test_unplugged_and_plugged_in_again(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    restarts: list[float] = []
    restart = portaudio.restart
    monkeypatch.setattr(portaudio, "restart", lambda: (restarts.append(time.monotonic()), restart()))
    listening = listen(open_microphone("default"))
    listening.until(lambda: len(listening.came) > 10, 3)
    assert not restarts
    stage.unplug()
    listening.until(listening.is_in("lost", "retrying"), 5)
    listening.until(lambda: len(restarts) >= 2, 5)  # its list of devices is stale until it is started anew
    before = len(listening.came)
    stage.plug()
    assert listening.until(lambda: len(listening.came) > before + 3, 8) < 4
    assert listening.microphone.status.state == "live"
    assert listening.microphone.counters.reopened == 1
    ends = [item_end(block) for block in listening.blocks]
    assert np.diff(ends).min() > 0
    assert np.diff(restarts).max() < 1.5


@needs_pulse
def test_the_sound_server_ends_and_comes_back(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening]
) -> None:
    listening = listen(open_microphone("stage_microphone"))
    listening.until(lambda: len(listening.came) > 10, 3)
    stage.kill()
    listening.until(listening.is_in("lost", "retrying"), 5)
    assert listening.end() < 0.25  # while it retries
    with pytest.raises(Refused, match="--wait"):
        open_microphone("default", open_timeout_s=0.5)
    waiting = listen(open_microphone("stage_microphone", wait=True))
    waiting.until(waiting.is_in("absent"), 3)
    stage.start()
    assert waiting.until(lambda: len(waiting.came) > 3, 8) < 4
    assert waiting.microphone.counters.reopened == 0


@needs_pulse
def test_frames_that_nearly_stop_are_noticed(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = listen(open_microphone("default"))
    listening.until(lambda: len(listening.came) > 10, 3)
    monkeypatch.setattr("realtime_cer.capture.microphone._WATCH_S", 1.5)
    stream = listening.microphone._stream
    assert stream is not None
    put, count = stream.pieces.put_nowait, itertools.count()

    def rarely(piece: Piece) -> None:
        if next(count) % 50 == 0:
            put(piece)

    monkeypatch.setattr(stream.pieces, "put_nowait", rarely)
    listening.until(listening.is_in("stalled"), 4)
    listening.until(lambda: listening.microphone._stream is not stream, 6)
    listening.until(listening.is_in("live"), 4)


@needs_pulse
def test_a_microphone_that_gets_nothing_is_opened_anew_until_it_does(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening]
) -> None:
    listening = listen(open_microphone("stage_microphone"))
    listening.until(lambda: len(listening.came) > 10, 3)
    stage.starve()
    listening.until(listening.is_in("stalled"), 4)  # the sound server raises nothing
    stage.feed()
    listening.until(listening.is_in("live"), 8)
    stage.hang()
    listening.until(listening.is_in("stalled"), 4)
    listening.until(listening.is_in("lost", "retrying"), 8)
    stage.go_on()
    listening.until(listening.is_in("live"), 8)
    stage.hang()
    time.sleep(0.2)
    try:
        assert listening.end() < 0.25  # also while the library hangs
    finally:
        stage.go_on()


@needs_pulse
def test_a_sound_system_that_hangs_for_good_is_told_holds_nothing_up_and_is_hopeless(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    from realtime_cer.capture import microphone

    monkeypatch.setattr(microphone, "_HOPELESS_S", 3.0)
    monkeypatch.setattr(portaudio, "_LOCK_TIMEOUT_S", 0.5)
    stage.hang()
    try:
        waiting = listen(open_microphone("stage_microphone", wait=True, open_timeout_s=1.0))
        waiting.until(lambda: waiting.microphone.status.detail.endswith("the sound system does not answer"), 4)
        assert waiting.microphone.status.state == "absent"
        assert not waiting.microphone.status.hopeless
        other = listen(open_microphone("stage_microphone", wait=True, open_timeout_s=1.0))  # hangs behind the first
        waiting.until(lambda: waiting.microphone.status.hopeless, 8)
        other.until(lambda: other.microphone.status.hopeless, 8)
        assert other.end() < 0.25
    finally:
        stage.go_on()
    waiting.until(waiting.is_in("live"), 15)
    assert not waiting.microphone.status.hopeless


@needs_pulse
def test_silence_that_no_room_has_is_told(
    stage: pulse.VirtualMicrophone,
    listen: Callable[[Microphone], Listening],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime_cer.capture.microphone._SILENT_S", 1.0)
    path = pulse.write_wav(tmp_path / "clicks.wav", clicks(48_000, [0.2, 0.4], 0.6), 48_000)
    listening = listen(open_microphone("default"))
    listening.until(lambda: "is it muted?" in listening.microphone.status.detail, 6)
    assert listening.microphone.status.state == "live"
    stage.play(path)
    listening.until(lambda: "muted" not in listening.microphone.status.detail, 4)


@needs_pulse
def test_another_rate_on_the_fly(stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening]) -> None:
    listening = listen(open_microphone("stage_microphone"))
    listening.until(lambda: len(listening.came) > 10, 3)
    stage.switch_rate(44_100)
    before = len(listening.came)
    listening.until(lambda: len(listening.came) > before + 10, 8)
    stage.switch_rate(48_000)
    assert listening.microphone.counters.reopened >= 1


@needs_pulse
def test_no_sound_device_at_all_at_first(
    stage: pulse.VirtualMicrophone, listen: Callable[[Microphone], Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    real: list[portaudio.Input] = []
    inputs = portaudio.inputs
    monkeypatch.setattr(portaudio, "inputs", lambda: real)
    with pytest.raises(Refused, match=r"no microphone was found.*--wait"):
        open_microphone("default", open_timeout_s=0.5)
    listening = listen(open_microphone("default", wait=True))
    listening.until(listening.is_in("absent"), 3)
    monkeypatch.setattr(portaudio, "inputs", inputs)
    listening.until(lambda: len(listening.came) > 3, 5)
    assert listening.microphone.counters.reopened == 0


RATE = 48_000
N = 960


class Unnoticed(SoundStream):
    """A stream that the library never gives up, whatever becomes of its device."""

    def open(self, device: portaudio.Input) -> None:
        """Open nothing."""
        self.rate = RATE

    @property
    def ended(self) -> bool:
        return False


def test_one_whose_sound_stops_is_lost_after_a_second_and_found_again_under_its_new_number(
    monkeypatch: pytest.MonkeyPatch, listen: Callable[[Microphone], Listening]
) -> None:
    now, card = 0.0, 1

    def listed() -> list[portaudio.Input]:
        return [portaudio.Input(card, f"C920: USB Audio (hw:{card},0)", "ALSA", 1, RATE, False)]

    monkeypatch.setattr(portaudio, "inputs", listed)
    monkeypatch.setattr(portaudio, "restart", lambda: None)
    monkeypatch.setattr("realtime_cer.capture.attempt.SoundStream", Unnoticed)
    listening = listen(open_microphone("c920", lambda: now, wait=True))
    microphone = listening.microphone
    stream = microphone._stream
    assert stream is not None
    sound = np.full((N, 1), 0.1, np.float32)
    now = 0.5
    stream.pieces.put(Piece(sound, 0.48))
    listening.until(listening.is_in("live"), 2)
    now = 1.4
    listening.until(listening.is_in("stalled"), 2)
    assert microphone._stream is stream
    card, now = 2, 1.6
    listening.until(lambda: microphone._stream not in (stream, None), 2)
    assert "hardly any sound comes: trying again" in microphone.status.detail
    stream = microphone._stream
    assert stream is not None
    now = 2.0
    stream.pieces.put(Piece(sound, 1.98))
    listening.until(listening.is_in("live"), 2)
    assert microphone.status.detail == f"microphone C920: USB Audio (hw:2,0) at {RATE} Hz"
    assert microphone.counters.reopened == 1


def test_the_next_try_is_the_sooner_the_less_the_last_one_took() -> None:
    assert [pause_s(took) for took in (0.02, 0.1, 0.15, 3.0)] == [0.5, 0.5, pytest.approx(0.75), 1.0]


class Ending(Unnoticed):
    """A stream that ends as soon as it is opened."""

    @property
    def ended(self) -> bool:
        return True


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(("takes", "second"), [(0.0, 1.0), (0.3, 1.5)])
def test_it_is_looked_for_twice_a_second_but_seldomer_where_looking_takes_long(
    there: bool, takes: float, second: float, monkeypatch: pytest.MonkeyPatch, listen: Callable[[Microphone], Listening]
) -> None:
    now, tries = 0.0, list[float]()

    def restart() -> None:
        nonlocal now
        tries.append(now)
        now += takes

    found = [portaudio.Input(1, "C920", "ALSA", 1, RATE, default=False)] if there else []
    monkeypatch.setattr(portaudio, "inputs", lambda: found)
    monkeypatch.setattr(portaudio, "restart", restart)
    monkeypatch.setattr("realtime_cer.capture.attempt.SoundStream", Ending)
    listening = listen(open_microphone("c920", lambda: now, wait=True))
    microphone = listening.microphone
    for due, count in ((0.5, 1), (second, 2)):
        ended = tries[-1] + takes if tries else 0.0
        listening.until(lambda ended=ended: microphone._stream is None and microphone._answered >= ended, 2)  # type: ignore[misc]
        now = due - 0.01
        time.sleep(0.15)
        assert len(tries) == count - 1
        now = due
        listening.until(lambda count=count: len(tries) == count, 2)  # type: ignore[misc]


def test_a_full_queue_counts_what_it_lost() -> None:
    stream = SoundStream(time.monotonic)
    stream.pieces = queue.Queue(2)
    heard = stream.callback(RATE)

    class Times:
        currentTime = inputBufferAdcTime = 0.0  # noqa: N815

    class Flags:
        input_overflow = input_underflow = False

    data = np.zeros((N, 1), np.float32)
    for _ in range(5):
        heard(data, N, Times, Flags)
    assert [stream.take(0.1).lost for _ in range(2)] == [0, 0]  # type: ignore[union-attr]
    data[:] = 1
    heard(data, N, Times, Flags)
    data[:] = 0
    piece = stream.take(0.1)
    assert piece is not None
    assert piece.lost == 3 * N
    assert piece.mono.shape == (N,)
    assert piece.mono.max() == 1  # copied: the library's buffer is its own

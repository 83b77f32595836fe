"""Face finder and voice detector whose library raises: no answer, counted, told once, opened anew; the rest goes on."""

import contextlib
import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from mediapipe.tasks.python import vision
from parts.perception import portrait, tiny_perception

from realtime_cer.buffers import GRID_S, AudioRing
from realtime_cer.capture.media import open_media
from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.cli import main
from realtime_cer.config import Config, FaceConfig
from realtime_cer.errors import EngineFault
from realtime_cer.fusion import FusionWeights
from realtime_cer.inference.mending import Mended
from realtime_cer.inference.patience import PATIENCE, Patience
from realtime_cer.inference.silero import BLOCK, Silero
from realtime_cer.perception.face import FaceFinder
from realtime_cer.perception.voice import SileroVoice
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.meters import Metering
from realtime_cer.pipeline.steps import Perception, load_perception
from realtime_cer.records import SAMPLE_RATE, AudioBlock, AudioWindow, Decision, Frame, GridFrame
from realtime_cer.rules import NO_FACE, NOTHING_FRESH

CLIP = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"
SPOKEN_S = (1.0, 7.4)


class Broken:
    """A method of a library's class that does harm: to every object, or to those that were there before."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: Any, method: str) -> None:
        self._patch, self._owner, self._method = patch, owner, method
        self._real = getattr(owner, method)
        self.calls = 0

    def breaks(self, error: Exception, *, but: Callable[[Any], bool] = lambda one: False) -> None:
        """From now on its calls raise, but for those of some objects."""

        def harmed(one: Any, *args: Any, **named: Any) -> Any:
            self.calls += 1
            if but(one):
                return self._real(one, *args, **named)
            raise error

        self._patch.setattr(self._owner, self._method, harmed)

    def works(self) -> None:
        """From now on it does what it did."""
        self._patch.setattr(self._owner, self._method, self._real)


@pytest.fixture
def mediapipe(monkeypatch: pytest.MonkeyPatch) -> Broken:
    return Broken(monkeypatch, vision.FaceLandmarker, "detect")


@pytest.fixture
def silero(monkeypatch: pytest.MonkeyPatch) -> Broken:
    return Broken(monkeypatch, ort.InferenceSession, "run")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def finder(told: list[str]) -> Iterator[FaceFinder]:
    finder = FaceFinder(FaceConfig(), told.append)
    yield finder
    finder.close()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Somebody who speaks without a pause, (n,) at 16 kHz."""
    heard = [item.samples for item in open_media(CLIP).items(picture=False) if isinstance(item, AudioBlock)]
    begin, end = (round(second * SAMPLE_RATE) for second in SPOKEN_S)
    return np.concatenate(heard)[begin:end]


# The libraries.


def test_a_face_finder_that_raises_is_told_once_and_works_again(
    mediapipe: Broken, finder: FaceFinder, told: list[str]
) -> None:
    picture = portrait()
    [before] = finder.find(picture)
    mediapipe.breaks(RuntimeError("the graph\nis broken"))
    for _ in range(PATIENCE - 1):
        with pytest.raises(EngineFault, match=r"^face finder: the graph is broken$") as caught:
            finder.find(picture)
    assert caught.value.network == "face finder"
    assert told == ["face finder failed (the graph is broken): it is tried again with every input"]
    mediapipe.works()
    for _ in range(PATIENCE):
        assert told[1:] == []
        [after] = finder.find(picture)
        np.testing.assert_allclose(after, before, atol=0.5)
    assert told[1:] == ["face finder works again"]


def test_one_that_goes_on_raising_is_opened_anew(mediapipe: Broken, finder: FaceFinder, told: list[str]) -> None:
    old: list[Any] = []

    def is_another(landmarker: Any) -> bool:
        if not old:
            old.append(landmarker)
        return landmarker is not old[0]

    mediapipe.breaks(RuntimeError("lost"), but=is_another)
    picture = portrait()
    for _ in range(PATIENCE):
        with pytest.raises(EngineFault):
            finder.find(picture)
    for _ in range(PATIENCE):
        assert len(finder.find(picture)) == 1
    assert told[1:] == [f"face finder was opened anew after {PATIENCE} faults", "face finder works again"]


def test_where_it_cannot_be_opened_anew_that_is_told_and_tried_ever_more_seldom(
    mediapipe: Broken, finder: FaceFinder, told: list[str]
) -> None:
    mediapipe.breaks(RuntimeError("lost"))
    faults = 4 * PATIENCE
    for _ in range(faults):
        with pytest.raises(EngineFault):
            finder.find(portrait())
    assert told[1:] == ["face finder cannot be opened anew: lost"] * 3
    assert mediapipe.calls == faults + 3


def test_one_that_fails_at_every_second_call_is_told_of_once(told: list[str]) -> None:
    mended, calls = Mended("voice detector", lambda: "session", told.append), itertools.count()

    def fails_sometimes(session: str) -> None:
        if next(calls) % 2:
            raise OSError("the device is busy")

    for _ in range(200):
        with contextlib.suppress(EngineFault):
            mended.ask(fails_sometimes)
    assert told[0] == "voice detector failed (the device is busy): it is tried again with every input"
    opened = [PATIENCE * 2**n for n in range(5)]
    assert told[1:] == [f"voice detector was opened anew after {faults} faults" for faults in opened]


def test_what_never_works_is_opened_anew_for_ever_and_not_ever_more_rarely() -> None:
    patience = Patience()
    due = [n for n in range(1, 2000) if patience.fault()]
    assert due[:7] == [PATIENCE * 2**n for n in range(7)]
    assert set(np.diff(due[6:])) == {300}


def test_what_is_closed_while_it_is_opened_anew_is_freed() -> None:
    made: list[str] = []
    freed: list[str] = []

    def opened() -> str:
        made.append(f"session {len(made)}")
        if len(made) > 1:
            mended.close()
        return made[-1]

    mended = Mended("voice detector", opened, free=freed.append)

    def fails(session: str) -> None:
        raise OSError("lost")

    for _ in range(PATIENCE):
        with pytest.raises(EngineFault):
            mended.ask(fails)
    assert sorted(freed) == made == ["session 0", "session 1"]
    with pytest.raises(RuntimeError, match="is closed"):
        mended.ask(fails)


def test_an_error_of_our_own_is_no_fault_of_the_library(mediapipe: Broken, finder: FaceFinder, told: list[str]) -> None:
    mediapipe.breaks(TypeError("detect() takes 2 positional arguments"))
    with pytest.raises(TypeError):
        finder.find(portrait())
    assert told == []


def test_what_is_closed_is_not_opened_again(finder: FaceFinder, told: list[str]) -> None:
    finder.close()
    for _ in range(2 * PATIENCE):
        with pytest.raises(RuntimeError, match="face finder is closed"):
            finder.find(portrait())
    assert told == []


def test_a_call_that_was_given_up_is_nobodys_fault(told: list[str]) -> None:
    freed: list[str] = []
    mended = Mended("voice detector", lambda: "session", told.append, freed.append)

    def hangs(session: str) -> None:
        mended.close()  # by whoever gave the call up
        raise OSError("the device was lost")

    with pytest.raises(OSError, match="lost"):
        mended.ask(hangs)
    assert freed == ["session"]
    assert told == []


def test_a_voice_detector_that_gives_no_numbers_has_no_answer(
    monkeypatch: pytest.MonkeyPatch, told: list[str], speech: np.ndarray
) -> None:
    network = Silero(told.append)
    run = ort.InferenceSession.run
    with monkeypatch.context() as patch:
        patch.setattr(ort.InferenceSession, "run", lambda *asked: [array * np.nan for array in run(*asked)])
        with pytest.raises(EngineFault, match="voice detector: its outputs are not numbers"):
            network(speech[:BLOCK])
    network.reset()
    for n in range(PATIENCE):
        assert 0 <= network(speech[n * BLOCK : (n + 1) * BLOCK]) <= 1
    assert told[-1] == "voice detector works again"


def test_after_a_fault_the_voice_is_that_of_a_detector_that_begins_there(
    silero: Broken, told: list[str], speech: np.ndarray
) -> None:
    voice, fresh = SileroVoice(Silero(told.append), 0.5), SileroVoice(Silero(), 0.5)
    step = 8000  # not a whole number of blocks: some sound is left over each time

    def window(n: int) -> AudioWindow:
        return AudioWindow((n + 1) * step / SAMPLE_RATE, speech[n * step : (n + 1) * step], step)

    for n in range(3):
        voice.hear(window(n))
    silero.breaks(RuntimeError("out of memory"))
    with pytest.raises(EngineFault, match=r"^voice detector: out of memory"):
        voice.hear(window(3))
    silero.works()
    for n in range(4, 8):
        voice.hear(window(n))
        fresh.hear(window(n))
    shares = [(one.share(4.0, 2.0), one.share(2.9, 0.5)) for one in (voice, fresh)]
    assert shares[0] == shares[1]
    assert shares[0][0] > 0.8


def of_another_network(session: ort.InferenceSession) -> bool:
    """Whether it is not the voice detector's."""
    return {one.name for one in session.get_inputs()} != {"input", "state", "sr"}


# The steps, with every real part.


@pytest.fixture(scope="module")
def perception() -> Iterator[Perception]:
    perception = load_perception(Config(engine="cpu"))
    yield perception
    perception.close()


def test_a_picture_without_an_answer_is_not_one_without_a_face(mediapipe: Broken, perception: Perception) -> None:
    seeing, metering, config = perception.seeing, Metering(lambda: 0.0), Config()
    seeing.probe = metering
    decider = Decider(config, FusionWeights.equal(), 0.0)
    face, nobody = portrait(), np.zeros((480, 640, 3), np.uint8)

    def row(k: int, picture: np.ndarray) -> Decision:
        t = k * GRID_S
        [decision] = decider.seen(seeing.see(GridFrame(k, t, Frame(t, k, picture))), t)
        return decision

    known = [row(k, face) for k in range(3)][-1]
    target = seeing.tracker.faces[0].id
    assert known.models["static"]
    assert known.models["dynamic"]
    mediapipe.breaks(RuntimeError("lost"))
    missing = row(3, face)
    assert missing.face is None
    assert missing.models == {"static": None, "dynamic": None, "acoustic": None}
    assert missing.reason == NOTHING_FRESH
    assert metering.drops == {"fault of face finder": 1}
    mediapipe.works()
    again = row(4, face)
    assert again.models["static"]
    assert seeing.tracker.faces[0].id == target, "nobody left"
    for k in range(5, 12):
        without = row(k, nobody)
    assert without.reason == NO_FACE


def test_sound_of_which_nobody_knows_whether_it_is_a_voice_is_missing(
    silero: Broken, perception: Perception, speech: np.ndarray
) -> None:
    hearing, metering = perception.hearing, Metering(lambda: 0.0)
    hearing.probe = metering
    ring = AudioRing(0.0)

    def hear(n: int) -> Any:
        begin, end = n * hearing.step, (n + 1) * hearing.step
        ring.push(AudioBlock(begin / SAMPLE_RATE, speech[begin:end]))
        return hearing.hear(ring)

    heard = [hear(n) for n in range(4)]
    assert heard[-1].voice
    assert heard[-1].acoustic is not None
    silero.breaks(RuntimeError("lost"), but=of_another_network)
    unknown = hear(4)
    assert (unknown.voice, unknown.speech, unknown.acoustic, unknown.spoken) == (None, None, None, ())
    assert unknown.level_db > -60
    assert metering.drops == {"fault of voice detector": 1}
    silero.works()
    again = [hear(n) for n in range(5, 8)][-1]
    assert again.voice
    assert again.acoustic is not None


# The whole.


class Talking:
    """A camera and a microphone in one, in real time: a portrait, and somebody who speaks."""

    name = "made"

    def __init__(self, speech: np.ndarray) -> None:
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters()
        self._speech = speech

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        begun, n, picture, length = time.monotonic(), 0, portrait(), SAMPLE_RATE // 25
        while not stop.is_set():
            n += 1
            time.sleep(max(begun + n / 25 - time.monotonic(), 0))
            yield Frame(begun + n / 25, n, picture)
            begin = (n - 1) * length % (len(self._speech) - length)
            yield AudioBlock(begun + (n - 1) / 25, self._speech[begin : begin + length])

    def close(self) -> None:
        """Nothing is open."""


def test_live_the_other_modality_goes_on_and_all_comes_back(
    mediapipe: Broken, silero: Broken, perception: Perception, speech: np.ndarray
) -> None:
    config = Config.model_validate({"ladder": False})
    with Live(config, FusionWeights.equal(), perception, [("file", Talking(speech))]) as live:
        rows = live.decisions()

        def await_row(good: Callable[[Decision], bool]) -> None:
            assert any(good(row) for row, _ in zip(rows, range(100), strict=False)), "it never came"

        def has(*models: str) -> Callable[[Decision], bool]:
            return lambda row: {name for name, one in row.models.items() if one} == set(models)

        def drops() -> set[str]:
            meters = live.snapshot().meters
            assert meters is not None
            return {cause for cause in meters.drops if cause.startswith("fault")}

        everything = has("static", "dynamic", "acoustic")
        await_row(everything)
        assert drops() == set()
        mediapipe.breaks(RuntimeError("lost"))
        await_row(has("acoustic"))
        mediapipe.works()
        await_row(everything)
        assert drops() == {"fault of face finder"}
        silero.breaks(RuntimeError("lost"), but=of_another_network)
        await_row(has("static", "dynamic"))
        silero.works()
        await_row(everything)
        assert drops() == {"fault of face finder", "fault of voice detector"}


def test_live_an_error_of_our_own_still_stops_everything(speech: np.ndarray) -> None:
    config = Config.model_validate({"ladder": False})
    perception = tiny_perception(config)
    perception.seeing.tracker.see = lambda: None  # type: ignore[method-assign,assignment,misc]
    with (
        Live(config, FusionWeights.equal(), perception, [("file", Talking(speech))]) as live,
        pytest.raises(TypeError, match="positional argument"),
    ):
        list(live.decisions())
    assert live.ended


@pytest.mark.parametrize(
    ("owner", "method", "what"),
    [(vision.FaceLandmarker, "detect", "face finder"), (ort.InferenceSession, "run", "voice detector")],
)
def test_a_file_is_not_analysed_past_a_fault_which_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    owner: Any,
    method: str,
    what: str,
) -> None:
    library, calls = Broken(monkeypatch, owner, method), itertools.count()

    def goes_on(one: Any) -> bool:
        return (what == "voice detector" and of_another_network(one)) or next(calls) < 10

    library.breaks(RuntimeError("lost"), but=goes_on)
    assert main(["run", str(CLIP), "--out", str(tmp_path / "out"), "--engine", "cpu"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert f"demo.mp4 cannot be analysed to its end ({what}: lost): what was written is kept; run it again" in error
    assert not (tmp_path / "out" / "summary.json").exists()


def test_while_it_runs_what_was_loaded_before_is_not_looked_through_again(speech: np.ndarray) -> None:
    config = Config.model_validate({"ladder": False})
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("file", Talking(speech))]) as live:
        next(live.decisions())
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0

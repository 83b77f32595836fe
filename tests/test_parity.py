"""Live and offline are one computation: the same numbered input under a fake clock gives identical decisions."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from parts.perception import TinyFinder, landmarks_like, tiny_perception

from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.perception.tracker import FaceTracker
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.offline import decide
from realtime_cer.pipeline.steps import Perception
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Floats, Frame, Picture

SECONDS = 8.0


class FakeClock:
    """Time in whole milliseconds, set by the source."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> float:
        return self.ms / 1000


def numbered(fps: float, seed: int) -> list[Frame | AudioBlock]:
    """Frames and sound that tell their own number, with jitter, a lost face, lost frames, quiet and a gap in sound."""
    rng = np.random.default_rng(seed)
    items: list[tuple[float, int, Frame | AudioBlock]] = []
    for n in range(int(SECONDS * fps)):
        t = round((n + rng.uniform(0, 0.3)) / fps, 3)
        if 3.0 <= t < 3.5:
            continue  # the camera stalls
        picture = np.full((48, 64, 3), 80 + n % 120, np.uint8)
        picture[::3, ::5] = rng.integers(65, 255)
        if 6.2 <= t < 6.9 or 7.1 <= t < 7.9:
            picture[:] = 0  # nobody there
        items.append((t, 1, Frame(t, n, picture)))
    count = SAMPLE_RATE // 10
    for n in range(int(SECONDS * 10)):
        if 40 <= n < 47:
            continue  # the microphone drops out
        loud = 0.5 if n % 40 < 20 else 0.01
        samples = (loud * np.sin(np.arange(n * count, (n + 1) * count) * (0.01 + 0.0003 * n))).astype(np.float32)
        items.append((round((n + 1) / 10, 3), 0, AudioBlock(n / 10, samples)))
    return [item for _, _, item in sorted(items, key=lambda x: x[:2])]


class Script:
    """A source that moves a fake clock from millisecond to millisecond and waits until everything is settled."""

    name = "script"

    def __init__(self, items: list[Frame | AudioBlock], clock: FakeClock) -> None:
        self._items = items
        self._clock = clock
        self.live: Live | None = None
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters()

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        for item in self._items:
            end = item.t if isinstance(item, Frame) else item.t + len(item.samples) / SAMPLE_RATE
            self._until(round(end * 1000))
            yield item
            self._settle()
        self._until(round(SECONDS * 1000) + 150)

    def _until(self, ms: int) -> None:
        """Let time go on, stopping at every deadline of a decision."""
        while self._clock.ms < ms:
            deadline = next(d for d in range(150, 10**9, 200) if d > self._clock.ms)
            self._clock.ms = min(ms, deadline)
            self._settle()

    def _settle(self) -> None:
        assert self.live is not None
        give_up = time.monotonic() + 10
        while not self.live.settled:
            assert time.monotonic() < give_up, "live does not settle"
            time.sleep(0.0005)

    def close(self) -> None:
        pass


def exact(decision: Decision) -> dict[str, Any]:
    """A decision for comparison; ages are rounded, for a clock in floats has no exact milliseconds."""
    row = dataclasses.asdict(decision)
    row["age_ms"] = {name: None if age is None else round(age, 6) for name, age in row["age_ms"].items()}
    return row


@pytest.mark.parametrize(("fps", "rule"), [(30, "none"), (24, "rule2"), (12.5, "rule1")])
def test_live_and_offline_say_the_same(fps: float, rule: str) -> None:
    items = numbered(fps, seed=int(fps))
    config = Config.model_validate({"rule": rule})
    weights = FusionWeights.published("avcer-8cl").without_models()
    offline = list(decide(items, config, weights, tiny_perception(config)))

    clock = FakeClock()
    script = Script(items, clock)
    live = script.live = Live(config, weights, tiny_perception(config), [("camera", script)], clock)
    with live:
        online = list(live.decisions())

    assert [row.seq for row in offline] == list(range(40))
    assert [exact(row) for row in online[:40]] == [exact(row) for row in offline]
    # The input must reach every state, or equality would mean little.
    assert {row.reason for row in offline} >= {None, "no face"}
    assert any(row.models["static"] is None and row.models["acoustic"] for row in offline)
    assert any(row.models["static"] and row.models["acoustic"] is None for row in offline)
    assert any(row.models["static"] and row.models["acoustic"] for row in offline)
    assert len({row.models["dynamic"] for row in offline}) > 20
    assert len({row.models["acoustic"] for row in offline}) > 5


class TwoFaces(TinyFinder):
    """Two faces side by side; the mouth of one moves with the brightness of the picture."""

    def find(self, picture: Picture) -> list[Floats]:
        """Both, or nobody where it is dark."""
        left = self._landmarks.copy()
        left[[10, 152, 82, 13, 312], 1] = 10, 40, 30, 30, 30
        left[[87, 14, 317], 1] = 30 + picture[0, 0, 0] % 5
        right = self._landmarks + np.float32([30, 0])
        return [left, right] if picture[0, 0, 0] > 64 else []


def of_two(config: Config) -> Perception:
    """The tiny networks behind a finder that sees two people."""
    perception = tiny_perception(config)
    perception.seeing.tracker = FaceTracker(TwoFaces(landmarks_like(64, 48)), config.face)
    return perception


def test_live_and_offline_say_the_same_of_two_people() -> None:
    items = numbered(25, seed=3)
    config, weights = Config(), FusionWeights.equal()
    offline = list(decide(items, config, weights, of_two(config)))
    clock = FakeClock()
    script = Script(items, clock)
    live = script.live = Live(config, weights, of_two(config), [("camera", script)], clock)
    with live:
        online = list(live.decisions())
    assert [aged(row) for row in online[:40]] == [aged(row) for row in offline]
    others = [row.people[0] for row in offline if row.people]
    assert len(others) > 20
    assert {person.gated for person in others} | {row.models["acoustic"] is not None for row in offline} == {
        True,
        False,
    }
    assert any(person.speaking is not None for person in others)


def aged(decision: Decision) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """``exact``, of the others in view too."""
    return exact(dataclasses.replace(decision, people=())), [
        exact(person.decision) | {"gated": person.gated, "speaking": person.speaking} for person in decision.people
    ]

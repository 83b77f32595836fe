"""What the rungs of the ladder do: to the grid, the decider and the steps, and over the real threads."""

import itertools

import numpy as np
import pytest
from parts.perception import tiny_perception
from parts.talking import Talking

from realtime_cer.buffers import GRID_S, AudioRing, FrameRing
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline import ladder as ladder_module
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.ladder import FULL, ONE, SOUND, Ladder
from realtime_cer.pipeline.live import Live
from realtime_cer.records import SAMPLE_RATE, AudioBlock, AudioWindow, Face, Frame, GridFrame, Visual


def picture(t: float) -> Frame:
    return Frame(t, round(t * 30), np.zeros((4, 4, 3), np.uint8))


def test_the_grid_offers_every_second_instant_or_none_where_it_is_told_to() -> None:
    ring = FrameRing(0.0, size=100)
    taken = []
    for n in range(180):
        ring.every = {0: 1, 1: 2, 2: 0}[n // 60]
        grid = ring.push(picture(n / 30), now=n / 30 + 0.01)
        if grid is not None:
            taken.append(grid.k)
            assert grid.arrived == n / 30 + 0.01
    assert taken == [*range(10), *range(10, 20, 2)]


def test_a_thin_decider_decides_even_instants_and_waits_longer_for_their_pictures() -> None:
    decider = Decider(Config(), FusionWeights.equal(), 0.0)
    assert [row.seq for row in decider.tick(4 * GRID_S + 0.15)] == [0, 1, 2, 3, 4]
    decider.thin = True
    assert decider.deadline == pytest.approx(1.0 + 0.15 + 0.2)
    assert [row.seq for row in decider.tick(2.0)] == [5, 6, 8]  # the fifth was promised before
    [row] = decider.seen(Visual(10, 2.0, None, None, None), 2.3)
    assert (row.seq, row.reason, row.dropped) == (10, "no face", 0)
    assert decider.seen(Visual(9, 1.8, None, None, None), 2.3) == []
    assert [row.dropped for row in decider.tick(2.75)] == [0]  # nobody waited for the ninth
    decider.thin = False
    assert [row.seq for row in decider.tick(3.2)] == [14, 15]


def grid_frames(seconds: float) -> list[GridFrame]:
    bright = np.full((48, 64, 3), 120, np.uint8)
    return [GridFrame(k, k * GRID_S, Frame(k * GRID_S, k, bright)) for k in range(round(seconds / GRID_S))]


def test_sparing_landmarks_reuses_those_of_the_picture_just_before_and_no_older_ones() -> None:
    seeing = tiny_perception(Config()).seeing
    looked: list[float] = []
    see = seeing.tracker.see

    def count(frame: Frame) -> Face | None:
        looked.append(round(frame.t / GRID_S))
        return see(frame)

    seeing.tracker.see = count  # type: ignore[method-assign]
    frames = grid_frames(4)
    for frame in frames[:3]:
        seeing.see(frame)
    seeing.sparing = True
    seen = [seeing.see(frame) for frame in (*frames[3:9], *frames[10:16:2])]
    # Every second picture; and each of those that come two steps apart.
    assert looked == [0, 1, 2, 4, 6, 8, 10, 12, 14]
    assert all(visual.face is not None and visual.static is not None for visual in seen)
    assert all(visual.static.t == visual.frame_t for visual in seen if visual.static)  # the crop is never an old one


def test_the_step_of_sound_may_change_between_two_windows_without_losing_any() -> None:
    hearing = tiny_perception(Config()).hearing
    ring, heard = AudioRing(0.0), []
    loud = np.full(SAMPLE_RATE // 10, 0.5, np.float32)
    for n in range(120):
        hearing.step = SAMPLE_RATE if 30 < n < 75 else SAMPLE_RATE // 2
        ring.push(AudioBlock(n / 10, loud))
        while ring.end >= hearing.next_end:
            if 90 <= n < 105:
                hearing.skip(ring)
            else:
                heard.append(hearing.hear(ring).t)
    gaps = np.diff(heard)
    assert set(gaps.round(6)) == {0.5, 1.0, 2.0}
    assert heard[-1] == 12.0


# Over the real threads.


@pytest.mark.parametrize(
    ("rests", "silent", "other"), [("sound", "acoustic", "static"), ("picture", "static", "acoustic")]
)
def test_on_the_last_rung_one_modality_rests_and_comes_back(rests: str, silent: str, other: str) -> None:
    config = Config.model_validate({"ladder": False})
    bottom = Ladder()
    bottom.rung, bottom.rests = ONE, rests  # type: ignore[assignment]
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("file", Talking())]) as live:
        rows = live.decisions()
        assert any(next(rows).models[silent] for _ in range(40))
        live._analysis.bend(bottom)
        quiet = 0
        for _ in range(60):
            row = next(rows)
            quiet = 0 if row.models[silent] else quiet + (row.models[other] is not None)
            if quiet == 4:
                break
        assert quiet == 4
        live._analysis.bend(Ladder())
        assert any(next(rows).models[silent] for _ in range(40))


def test_a_rung_that_is_taken_while_sound_is_waited_for_makes_no_empty_window(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config.model_validate({"ladder": False})
    perception = tiny_perception(config)
    lengths: list[int] = []
    rungs = itertools.cycle([SOUND, FULL])
    hear, wait = perception.hearing.voice.hear, AudioRing.wait

    def heard(window: AudioWindow) -> None:
        lengths.append(len(window.samples))
        hear(window)

    def waited(ring: AudioRing, position: int, timeout_s: float) -> bool:
        done = wait(ring, position, timeout_s)
        if done:
            rung = Ladder()
            rung.rung = next(rungs)
            live._analysis.bend(rung)
        return done

    monkeypatch.setattr(perception.hearing.voice, "hear", heard)
    monkeypatch.setattr(AudioRing, "wait", waited)
    with Live(config, FusionWeights.equal(), perception, [("file", Talking())]) as live:
        for row in live.decisions():
            if len(lengths) >= 4:
                break
            assert row.seq < 100
    assert min(lengths) > 0


def test_memory_that_is_short_is_told_and_costs_the_large_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder_module, "SPAN_S", 0.5)
    config = Config.model_validate({"memory_mib": 64})
    told: list[str] = []
    with Live(
        config, FusionWeights.equal(), tiny_perception(config), [("file", Talking())], notice=told.append
    ) as live:
        for row in live.decisions():
            if row.meters is not None:
                break
            assert row.seq < 100
        meters = live.snapshot().meters
    assert told == ["memory is short: smaller preview from now on"]
    assert row.meters is not None
    assert row.meters["rung_name"] == "smaller preview"
    assert meters is not None
    assert meters.memory_mib > 64

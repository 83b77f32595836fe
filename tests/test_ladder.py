"""The ladder: down where a machine fails, back where there is room, and never to and fro."""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parts.perception import tiny_perception
from parts.talking import Talking

from realtime_cer.buffers import GRID_S, AudioRing, FrameRing
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline import ladder as ladder_module
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.ladder import FULL, LANDMARKS, ONE, PREVIEW, RATE, SOUND, SPAN_S, Ladder, Load
from realtime_cer.pipeline.live import Live
from realtime_cer.records import SAMPLE_RATE, AudioBlock, AudioWindow, Face, Frame, GridFrame, Visual

LOOK_S = 0.5


@dataclass
class Machine:
    """A computer on paper: seconds a picture's landmarks and networks take, and the sound of half a second."""

    face_s: float = 0.02
    static_s: float = 0.02
    sound_s: float = 0.05
    drawn: bool = True
    heard: bool = True
    voice: bool = True
    pictures: bool = True
    short: bool = False

    def goes_on(self, load: Load, ladder: Ladder) -> Load:
        """Half a second on a rung."""
        rung = ladder.rung
        rate = 0.0 if (rung == ONE and ladder.rests == "picture") or not self.pictures else 2.5 if rung >= RATE else 5.0
        faces = 1.0 if rung in (FULL, PREVIEW) or rate == 2.5 else 0.5
        each = self.static_s + faces * self.face_s
        done = min(rate, 1 / each) if each else rate
        prompt = done if each <= 0.1 else 0.0
        in_time = prompt if rate == 5 else done if each <= 0.3 else 0.0
        heard = 0.0 if (rung == ONE and ladder.rests == "sound") or not self.heard else 1.0 if rung >= SOUND else 2.0
        # Counts are whole in life; shares are all that matters here.
        return replace(
            load,
            judged=load.judged + 100 * rate * LOOK_S,
            in_time=load.in_time + 100 * in_time * LOOK_S,
            prompt=load.prompt + 100 * prompt * LOOK_S,
            video_s=load.video_s + min(done * each, 1.0) * LOOK_S,
            face_s=load.face_s + done * faces * self.face_s * LOOK_S,
            sound_s=load.sound_s + heard * self.sound_s * LOOK_S,
            drawn=self.drawn,
            heard=self.heard,
            voice=self.voice,
            short=self.short,
        )


def after(
    machine: Machine, seconds: float, ladder: Ladder, change: Callable[[float], None] = lambda t: None, start: float = 0
) -> list[tuple[float, int]]:
    """Every rung that was come to, and when."""
    load, came = Load(), []
    for step in range(round(seconds / LOOK_S)):
        now = start + step * LOOK_S
        change(now - start)
        load = machine.goes_on(load, ladder)
        before = ladder.rung
        if ladder.judge(now, load) and ladder.rung != before:
            came.append((now, ladder.rung))
    return came


def test_a_machine_that_keeps_up_stays_at_the_top() -> None:
    assert after(Machine(), 3600, Ladder()) == []


def test_one_that_does_not_goes_down_a_rung_every_ten_seconds_as_far_as_it_must() -> None:
    ladder = Ladder()
    came = after(Machine(face_s=0.08, static_s=0.05), 300, ladder)
    assert [rung for _, rung in came] == [PREVIEW, LANDMARKS]  # every second picture without landmarks is quick
    assert [now for now, _ in came] == [10.0, 20.5]  # the ten seconds begin anew with every rung
    assert ladder.name == "landmarks every second picture"


def test_at_half_the_rate_a_slow_machine_is_in_time_again() -> None:
    ladder = Ladder()
    after(Machine(face_s=0.1, static_s=0.15), 600, ladder)
    assert (ladder.rung, ladder.name) == (RATE, "2.5 pictures a second")


def test_one_that_is_far_too_slow_ends_on_the_last_rung_and_stays() -> None:
    ladder = Ladder()
    came = after(Machine(static_s=1.0), 3600, ladder)
    assert [rung for _, rung in came][:5] == [PREVIEW, LANDMARKS, SOUND, RATE, ONE]
    assert ladder.rung == ONE


@pytest.mark.parametrize(
    ("voice", "sound_s", "name"),
    [
        (False, 0.4, "picture only"),
        (False, 0.01, "picture only"),
        (True, 0.01, "sound only"),
        (True, 1.0, "picture only"),
    ],
)
def test_the_last_rung_keeps_the_picture_where_nobody_speaks_and_else_the_cheaper(
    voice: bool, sound_s: float, name: str
) -> None:
    ladder = Ladder()
    after(Machine(static_s=0.5, sound_s=sound_s, voice=voice), 60, ladder)
    assert (ladder.rung, ladder.name) == (ONE, name)


@pytest.mark.parametrize(
    ("voice", "lost", "name"), [(False, "pictures", "sound only"), (True, "heard", "picture only")]
)
def test_on_the_last_rung_the_other_modality_goes_on_where_the_one_loses_its_source(
    voice: bool, lost: str, name: str
) -> None:
    ladder, machine = Ladder(), Machine(static_s=0.5, sound_s=0.01, voice=voice)
    after(machine, 60, ladder)
    before = ladder.name
    setattr(machine, lost, False)
    came = after(machine, 2 * SPAN_S, ladder, start=60)
    assert (came, {before, ladder.name}) == ([], {"picture only", "sound only"})
    assert ladder.name == name


def test_a_picture_that_is_to_be_kept_never_rests_and_sound_not_for_one_that_does_not_come() -> None:
    ladder, machine = Ladder(keep_picture=True), Machine(static_s=0.5, sound_s=0.01)
    after(machine, 60, ladder)
    assert (ladder.rung, ladder.name) == (ONE, "picture only")
    for start, pictures, rung in ((60, False, RATE), (180, True, ONE)):
        ladder.forget()
        machine.pictures = pictures
        assert [came for _, came in after(machine, 120, ladder, start=start)][:1] == [rung]
        assert ladder.rests == "sound"


def test_rungs_that_save_nothing_are_stepped_over() -> None:
    ladder = Ladder()
    came = after(Machine(static_s=1.0, drawn=False, heard=False), 600, ladder)
    assert [rung for _, rung in came] == [LANDMARKS, RATE]


def test_a_source_without_pictures_is_no_overload() -> None:
    assert after(Machine(static_s=1.0, pictures=False), 600, Ladder()) == []


def test_what_is_forgotten_is_not_held_against_the_machine() -> None:
    machine, ladder, load = Machine(static_s=1.0), Ladder(), Load()
    for step in range(200):
        load = machine.goes_on(load, ladder)
        assert not ladder.judge(step * LOOK_S, load)
        if step % 15 == 14:
            ladder.forget()


def test_it_climbs_back_rung_by_rung_when_there_is_room() -> None:
    machine, ladder = Machine(static_s=0.35), Ladder()

    def change(t: float) -> None:
        if t >= 60:
            machine.static_s = 0.02

    came = after(machine, 400, ladder, change)
    assert max(rung for _, rung in came) == ONE
    upwards = [rung for now, rung in came if now > 60]
    assert upwards == [RATE, SOUND, LANDMARKS, PREVIEW, FULL]
    steps = np.diff([now for now, rung in came if now > 60])
    assert min(steps) >= 30


def test_it_does_not_climb_where_the_work_of_the_higher_rung_would_not_fit() -> None:
    machine, ladder = Machine(face_s=0.09, static_s=0.2), Ladder()
    came = after(machine, 3600, ladder)
    assert [rung for _, rung in came] == [PREVIEW, LANDMARKS, SOUND, RATE]


def test_a_wrong_climb_makes_the_next_wait_longer() -> None:
    machine, ladder = Machine(), Ladder()

    def change(t: float) -> None:
        # Looks like room on every rung but the first: what no measurement could tell.
        machine.static_s = 0.3 if ladder.rung == FULL else 0.01

    came = after(machine, 3600, ladder, change)
    climbs = [now for now, rung in came if rung == FULL]
    waits = np.diff(climbs)
    assert len(climbs) >= 4
    assert all(later > 1.5 * sooner for sooner, later in pairwise(waits))


def test_short_memory_takes_the_first_rung_and_holds_it() -> None:
    machine, ladder = Machine(drawn=False), Ladder()
    change = {30.0: True, 300.0: False}

    def at(t: float) -> None:
        machine.short = change.get(t, machine.short)

    came = after(machine, 600, ladder, at)
    assert [rung for _, rung in came] == [PREVIEW, FULL]
    (fell, _), (climbed, _) = came
    assert fell == pytest.approx(30 + SPAN_S, abs=1)
    assert climbed >= 300


# A fall, long after a climb, then a climb at once, and a fall.
@example(
    [(90, 0.0, 0.35, 0.0, True, False), *[(90, 0.0, 0.01, 0.0, True, False), (12, 0.0, 0.35, 0.0, True, False)] * 6]
)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(1, 90), st.floats(0, 0.3), st.floats(0, 0.6), st.floats(0, 0.8), st.booleans(), st.booleans()
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_happens_it_goes_single_rungs_and_turns_at_most_twice_a_minute(
    moments: list[tuple[float, float, float, float, bool, bool]],
) -> None:
    ladder, load, now = Ladder(), Load(), 0.0
    rungs, turns, way = [FULL], deque[float](), 0
    for seconds, face_s, static_s, sound_s, drawn, heard in moments:
        machine = Machine(face_s, static_s, sound_s, drawn, heard, voice=drawn ^ heard, short=static_s > 0.55)
        for _ in range(round(seconds / LOOK_S)):
            load = machine.goes_on(load, ladder)
            changed = ladder.judge(now, load)
            if changed and ladder.rung == rungs[-1]:
                assert ladder.rung == ONE  # the modalities have changed places
            elif changed:
                assert FULL <= ladder.rung <= ONE
                assert ladder.name
                step = int(np.sign(ladder.rung - rungs[-1]))
                rungs.append(ladder.rung)
                if step != way:
                    if way:
                        turns.append(now)
                    way = step
                while turns and turns[0] <= now - 60:
                    turns.popleft()
                assert len(turns) <= 2
            now += LOOK_S


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 0.3), st.floats(0, 0.6), st.floats(0, 0.8), st.booleans())
def test_an_unchanging_machine_comes_to_rest(face_s: float, static_s: float, sound_s: float, voice: bool) -> None:
    ladder = Ladder()
    machine = Machine(face_s, static_s, sound_s, voice=voice)
    came = after(machine, 4 * 3600, ladder)
    assert len([now for now, _ in came if now > 2 * 3600]) <= 8  # what no measurement tells is tried now and then


# What the rungs do.


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

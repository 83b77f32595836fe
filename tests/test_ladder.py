"""The ladder: down where a machine fails, back where there is room, and never to and fro."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from realtime_cer.pipeline.ladder import FULL, LANDMARKS, ONE, PREVIEW, RATE, SOUND, SPAN_S, Ladder, Load

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

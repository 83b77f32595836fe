"""A visit, a pose, a day and a room of the kiosk, without threads, clocks and windows."""

import itertools
import json
import os
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.moments import CAMERA, MICROPHONE, decided, decision, moment

from realtime_cer.errors import Refused
from realtime_cer.kiosk.daily import DAY_S, LEAST_S, QUIET_S, Daily
from realtime_cer.kiosk.outages import Outages
from realtime_cer.kiosk.posing import CONFIRM_S, NONE, POSE_S, READY_S, Deck, Posing
from realtime_cer.kiosk.room import SAID, Room, Tally, read_room, room_file, write_room
from realtime_cer.kiosk.states import ARRIVE_S, FAREWELL_S, SAME_S, SHOWING, Hold, Seen, Visit
from realtime_cer.labels import COMPOUND, MODELS

STEP_S = 0.1
LEAVE_S = 6.0


class Stage:
    """A visit, and the time that passes in it."""

    def __init__(self, *, ask: bool = True) -> None:
        self.visit = Visit(ask=ask, leave_s=LEAVE_S)
        self.now = 100.0
        self.wiped = 0

    def play(self, seconds: float, *faces: int, opening: float = 0.0) -> str:
        """Let these faces be in view for so long; gives the state at its end."""
        seen = Seen(frozenset(faces), opening if faces else None)
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            self.wiped += self.visit.look(self.now, seen)
        return self.visit.state

    def agreed(self, *faces: int) -> "Stage":
        """After these have agreed by key."""
        self.play(2.0, *faces)
        assert self.visit.agree(self.now)
        assert not self.visit.agree(self.now)
        assert self.visit.state == "live"
        return self


# A visit.


def test_whoever_comes_is_told_first_and_sees_nothing_before_they_agree() -> None:
    stage = Stage()
    assert stage.play(60.0) == "attract"
    assert stage.play(ARRIVE_S - STEP_S, 1) == "attract"  # a face for a moment is nobody
    assert stage.play(60.0, 1) == "notice"
    stage.visit.agree(stage.now)
    assert stage.play(60.0, 1) == "live"
    assert stage.wiped == 0


def test_a_mouth_held_open_agrees_and_a_laugh_does_not() -> None:
    stage = Stage()
    stage.play(2.0, 1)
    assert stage.play(10.0, 1, opening=0.35) == "notice"
    assert stage.play(1.0, 1, opening=0.7) == "notice"
    assert 0.5 < stage.visit.consent < 1
    assert stage.play(0.2, 1) == "notice"
    assert stage.visit.consent == 0
    assert stage.play(1.7, 1, opening=0.7) == "live"
    assert stage.wiped == 1  # of what was seen before


def test_an_open_mouth_that_was_never_seen_closed_agrees_to_nothing() -> None:
    stage = Stage()
    assert stage.play(30.0, 1, opening=0.9) == "notice"
    assert Hold().feed(0.0, 0.9) == Hold().feed(9.0, None) == 0


def test_when_the_visitor_has_gone_everything_is_wiped_once() -> None:
    stage = Stage().agreed(1)
    assert stage.play(LEAVE_S - 2 * STEP_S) == "live"
    assert (stage.play(1.0), stage.wiped) == ("attract", 1)
    assert (stage.play(60.0), stage.wiped) == ("attract", 1)


def test_whoever_walks_away_from_the_notice_is_wiped_as_well() -> None:
    stage = Stage()
    stage.play(2.0, 1)
    assert (stage.play(LEAVE_S + 1), stage.wiped) == ("attract", 1)


def test_the_next_visitor_never_sees_what_the_last_one_agreed_to() -> None:
    stage = Stage().agreed(1)
    stage.play(SAME_S + 0.5)
    assert stage.play(STEP_S, 2) == "attract"
    assert stage.wiped == 1
    assert stage.play(1.0, 2) == "notice"


def test_a_guest_who_stays_alone_is_asked() -> None:
    stage = Stage().agreed(1)
    assert stage.play(20.0, 1, 2) == "live"
    assert stage.play(SAME_S + 1.5, 2) == "notice"
    assert stage.wiped == 1


def test_a_visitor_with_a_new_number_is_still_the_visitor() -> None:
    stage = Stage().agreed(1)
    stage.play(1.0)
    assert stage.play(20.0, 7) == "live"
    assert stage.wiped == 0


def test_forget_me_wipes_at_once_and_then_asks_anew() -> None:
    stage = Stage().agreed(1)
    assert stage.visit.forget(stage.now)
    assert stage.play(FAREWELL_S - 0.5, 1) == "forgotten"
    assert stage.play(1.5, 1) == "notice"
    assert stage.visit.forget(stage.now)
    assert Visit().forget(0.0)  # also where nobody is there


def test_without_the_question_people_see_themselves_at_once() -> None:
    assert Stage(ask=False).play(1.0, 1) == "live"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["look", "agree", "forget", "pose", "back"]),
            st.floats(0.01, 8.0),
            st.frozensets(st.integers(0, 3)),
            st.one_of(st.none(), st.floats(0, 1)),
        ),
        max_size=60,
    )
)
def test_nothing_is_ever_shown_without_consent_or_left_unwiped(
    events: list[tuple[str, float, frozenset[int], float | None]],
) -> None:
    visit, now, agreed, held = Visit(leave_s=LEAVE_S), 0.0, False, False
    for kind, step, faces, opening in events:
        now += step
        before, wiped = visit.state, False
        if kind == "look":
            wiped = visit.look(now, Seen(faces, opening))
        elif kind == "agree":
            wiped = visit.agree(now)
            assert wiped == (before == "notice")
        elif kind == "forget":
            wiped = visit.forget(now)
        else:
            visit.pose(now, kind == "pose")
        held |= visit.state not in ("attract", "forgotten")
        if wiped:
            agreed, held = before == "notice" and visit.state == "live", visit.state == "live"
        assert agreed or visit.state not in SHOWING
        assert not held or visit.state not in ("attract", "forgotten")  # whatever was held of people is wiped by then
        assert 0 <= visit.consent < 1
    visit.look(now, Seen())
    for n in range(1, 30):
        visit.look(now + n, Seen())
    assert visit.state == "attract"


# A pose.


@given(st.integers(0, 10_000))
def test_every_seven_cards_are_all_expressions_and_none_comes_twice_in_a_row(seed: int) -> None:
    deck = Deck(seed)
    drawn = [deck.draw() for _ in range(35)]
    for n in range(0, 35, 7):
        assert sorted(drawn[n : n + 7]) == list(range(7))
    assert all(a != b for a, b in itertools.pairwise(drawn))
    assert drawn == [again.draw() for again in [Deck(seed)] for _ in range(35)]


def test_a_round_counts_what_was_said_most_often_while_posing() -> None:
    posing = Posing(1)
    posing.begin(10.0)
    surprised = decided(dict.fromkeys(MODELS, (0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5)))
    nothing = decision(3, 11.0, here=(), face=False)
    assert surprised.label == COMPOUND[0]
    posing.look(10.1, nothing)  # before the pose: not counted
    assert posing.phase == "ready"
    assert posing.answer(10.2, True) is None
    posing.look(10.0 + READY_S, None)
    assert posing.phase == "pose"
    for n, row in enumerate([nothing, surprised, surprised, surprised, nothing]):
        posing.look(13.1 + 0.2 * n, replace(row, seq=n))
        posing.look(13.2 + 0.2 * n, posing.row)  # the same row again counts once
    assert posing.said == 0
    assert NONE not in (posing.asked, posing.said)
    posing.look(13.0 + POSE_S + 0.01, None)
    assert posing.phase == "confirm"
    assert posing.match == 0.0  # the newest row says nothing
    assert posing.answer(18.0, True) == (posing.asked, 0)
    assert posing.answer(18.1, True) is None  # once
    assert posing.phase == "thanks"
    before = posing.asked
    posing.look(25.0, None)
    assert posing.phase == "ready"
    assert posing.asked != before


def test_what_a_visitor_takes_back_is_not_counted_and_silence_ends_the_game() -> None:
    posing = Posing(2)
    posing.begin(0.0)
    posing.look(READY_S, decision(1, 0.0))
    posing.look(READY_S + 0.1, decision(2, 0.0))
    posing.look(READY_S + POSE_S, None)
    assert posing.phase == "confirm"
    assert posing.answer(8.0, False) is None
    assert posing.counted is False
    posing.begin(20.0)
    posing.look(20.0 + READY_S, None)
    posing.look(23.5, decision(3, 0.0))
    posing.look(23.0 + POSE_S, None)
    posing.look(27.0 + CONFIRM_S, None)
    assert posing.phase == "over"


def test_nothing_that_was_taken_in_of_a_visitor_is_held_when_they_are_forgotten() -> None:
    posing = Posing(4)
    posing.begin(0.0)
    posing.look(READY_S, decision(1, 0.0))
    posing.look(READY_S + 0.2, decision(2, 0.0))
    assert posing.row is not None
    assert posing.said is not None
    posing.forget()
    assert (posing.row, posing.said, posing.match) == (None, None, 0.0)


def test_a_round_without_any_row_is_asked_again() -> None:
    posing = Posing(3)
    posing.begin(0.0)
    posing.look(READY_S, None)
    posing.look(READY_S + POSE_S, None)
    assert posing.phase == "ready"
    assert posing.said is None


# A day.

START = datetime(2026, 3, 2, 12, 0)


def restarts(daily: Daily, begin: datetime, hours: float, busy: frozenset[int] = frozenset()) -> list[datetime]:
    """When it would start anew, minute by minute; in the busy hours somebody is always there."""
    due, idle_since = [], float("-inf")
    for minute in range(round(hours * 60)):
        wall = begin + timedelta(minutes=minute)
        if wall.hour in busy:
            idle_since = 60.0 * minute
        if daily.restart(60.0 * minute, wall, idle_since):
            due.append(wall)
    return due


def test_it_starts_anew_at_the_hour_while_nobody_is_there() -> None:
    assert restarts(Daily("04:00", 0.0), START, 30)[0] == datetime(2026, 3, 3, 4, 0)
    assert restarts(Daily("04:00", 0.0), START, 30, frozenset({4, 5}))[0] == datetime(2026, 3, 3, 6, 0)
    assert restarts(Daily(None, 0.0), START, 100) == []


def test_a_kiosk_that_started_at_the_hour_does_not_start_anew_that_day() -> None:
    begun = datetime(2026, 3, 3, 4, 0, 20)
    assert restarts(Daily("04:00", 0.0), begun, 23.9) == []


@given(st.lists(st.tuples(st.floats(60, 7200), st.integers(-90_000, 90_000)), min_size=1, max_size=40))
def test_a_clock_that_steps_never_starts_it_over_and_over(steps: list[tuple[float, int]]) -> None:
    now, wall, began = 0.0, START, 0.0
    daily = Daily("04:00", 0.0)
    for passed, step in steps:
        now += passed
        wall += timedelta(seconds=passed + step)
        if daily.restart(now, wall, float("-inf")):
            assert now - began >= LEAST_S
            daily, began = Daily("04:00", now), now


def test_the_self_test_comes_soon_after_the_start_and_then_daily_but_never_before_people() -> None:
    daily = Daily("04:00", 0.0)
    assert not daily.test(QUIET_S - 1, float("-inf"))
    assert not daily.test(500.0, 470.0)
    assert daily.test(600.0, 470.0)
    assert not daily.test(601.0, 470.0)
    assert not daily.test(600.0 + DAY_S - 1, 470.0)
    assert daily.test(600.0 + DAY_S, 470.0)


# Cameras and microphones.


Spell = tuple[float, str]


def shown(*spells: Spell) -> list[tuple[str, ...]]:
    """The troubles at the end of every time that a camera spends in a state; the microphone is well."""
    outages, looks, troubles = Outages(), itertools.count(), []
    for seconds, state in spells:
        camera = replace(CAMERA, state=state, detail="camera 0: unplugged")
        for n in itertools.islice(looks, round(seconds * 5)):
            outages.look(replace(moment(()), t=n / 5, sources=(camera, MICROPHONE)))
        troubles.append(outages.troubles)
    return troubles


def test_a_source_that_gives_nothing_is_shown_and_logged_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    course = [(10.0, "live"), (4.0, "lost"), (2.0, "retrying"), (0.4, "live"), (6.0, "live"), (9.0, "absent")]
    assert shown(*course) == [(), (), ("camera 0: retrying",), (), (), ("camera 0: absent",)]
    assert caplog.messages == [
        "camera 0 gives nothing for 5 s: unplugged (retrying)",
        "camera 0 is back after 6 s",
        "camera 0 gives nothing for 5 s: unplugged (absent)",
    ]


@pytest.mark.parametrize(("gone_s", "lines"), [(4.0, 0), (6.0, 1)])
def test_a_source_that_comes_and_goes_does_not_fill_the_log(
    gone_s: float, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    shown(*[(1.0, "live"), (gone_s, "lost")] * 50)
    assert len(caplog.messages) == lines


def test_a_film_may_end(caplog: pytest.LogCaptureFixture) -> None:
    assert shown((1.0, "live"), (60.0, "ended")) == [(), ()]
    assert caplog.messages == []


# A room.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "room"))
    return tmp_path / "room"


@given(st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 6), st.integers(0, 7))), max_size=80))
def test_a_matrix_is_the_count_of_its_pairs(pairs: list[tuple[int, int] | None]) -> None:
    room = Room()
    for pair in pairs:
        room = room.plus(pair)
    counted = Counter(pair for pair in pairs if pair is not None)
    assert {(a, s): n for a, row in enumerate(room.counts) for s, n in enumerate(row) if n} == dict(counted)
    assert room.left_out == pairs.count(None)
    assert room.total == counted.total()
    assert room.agreed == sum(n for (asked, said), n in counted.items() if asked == said)
    twice = room.joined(room)
    assert (twice.total, twice.agreed, twice.left_out) == (2 * room.total, 2 * room.agreed, 2 * room.left_out)
    assert room.joined(Room()) == room


def test_the_file_holds_counts_and_nothing_else(folder: Path) -> None:
    assert read_room() == Room()
    room = Room().plus((0, 0)).plus((0, 7)).plus((5, 1)).plus(None)
    assert write_room(room) == room_file() == folder / "room.json"
    assert read_room() == room
    held = json.loads(room_file().read_text())
    assert held == {"asked": [*COMPOUND], "said": [*SAID], "counts": [list(row) for row in room.counts], "left_out": 1}
    assert os.listdir(folder) == ["room.json"]  # no part is left behind
    lines = room.table().splitlines()
    assert lines[0] == "asked," + ",".join(SAID)
    assert lines[1] == "Fearfully Surprised,1,0,0,0,0,0,0,1"
    assert len(lines) == 8


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"asked": ["a"], "said": ["b"], "counts": [[1]], "left_out": 0}', "[1, 2"],
)
def test_a_damaged_matrix_is_refused_in_one_line_and_left_as_it_is(folder: Path, text: str) -> None:
    folder.mkdir()
    room_file().write_text(text)
    with pytest.raises(Refused, match=r"^the room's matrix .*: move it away to begin anew$"):
        read_room()
    assert room_file().read_text() == text


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "file"))
    assert read_room() == Room()
    with pytest.raises(Refused, match=r"cannot be written.*REALTIME_CER_ROOM"):
        write_room(Room())


def test_a_matrix_that_is_cleared_meanwhile_stays_cleared(folder: Path) -> None:
    tally = Tally()
    tally.count((0, 0))
    write_room(Room())  # as kiosk-matrix --clear does
    tally.count((1, 2))
    assert read_room() == tally.room == Room().plus((1, 2))


def test_what_could_not_be_written_is_counted_with_the_next_pose(folder: Path) -> None:
    tally = Tally()
    tally.count((0, 0))
    (folder / "room.json").unlink()
    folder.rmdir()
    folder.write_text("a file where the folder was")
    for _ in range(2):
        tally.count((3, 4))
    assert "cannot be written" in tally.trouble
    assert tally.room == Room().plus((3, 4)).plus((3, 4))
    folder.unlink()
    tally.count(None)
    assert tally.trouble == ""
    assert read_room() == tally.room == Room().plus((3, 4)).plus((3, 4)).plus(None)


def test_what_was_counted_beside_a_damaged_matrix_is_kept_when_that_is_moved_away(folder: Path) -> None:
    folder.mkdir()
    room_file().write_text("{")
    tally = Tally()
    tally.count((5, 5))
    assert "is damaged" in tally.trouble
    assert room_file().read_text() == "{"
    room_file().rename(folder / "damaged.json")
    tally.settle()
    assert tally.trouble == ""
    assert read_room() == Room().plus((5, 5))

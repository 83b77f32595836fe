"""A visit and a pose before the kiosk, without threads, clocks and windows."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from parts.moments import decided, decision

from realtime_cer.kiosk.posing import CONFIRM_S, NONE, POSE_S, READY_S, Deck, Posing
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

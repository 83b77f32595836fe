"""Several people at once: everybody has a decision, one has the sound, and each a neutral of their own."""

import json

import numpy as np
import pytest

from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.people import Models, People
from realtime_cer.records import Decision, Face, Scores, SeenFace, Sound, Visual
from realtime_cer.sinks.tables import from_row, to_row

TALKING = [0.0, 0.03, 0.01, 0.04, 0.0, 0.05, 0.02]
STILL = [0.01]


def says(t: float, winner: str) -> Scores:
    p = np.full(7, 0.05, np.float32)
    p[BASIC.index(winner)] = 0.7
    return Scores(t, p, "cpu")


def face(i: int) -> Face:
    return Face(i, (100.0 * i, 2.0, 30.0, 40.0), np.zeros((478, 2), np.float32))


def visual(k: int, mouths: dict[int, list[float]], winners: dict[int, str]) -> Visual:
    """What is seen at instant k: the first face is the target."""
    t = k * 0.2
    seen = tuple(
        SeenFace(face(i), says(t, winners[i]), says(t, winners[i]), gaps[k % len(gaps)]) for i, gaps in mouths.items()
    )
    first = seen[0] if seen else None
    return Visual(
        k, t, first.face if first else None, first.static if first else None, first.dynamic if first else None, 0, seen
    )


def run(
    decider: Decider, begin: int, count: int, mouths: dict[int, list[float]], winners: dict[int, str]
) -> list[Decision]:
    """Decisions of some instants, with speech all the time."""
    rows: list[Decision] = []
    for k in range(begin, begin + count):
        t = k * 0.2
        decider.people.heard(Sound(t, -20.0, 1.0, True, None, (1.0, 1.0)))
        decider.heard(says(t, "Happiness"))
        rows += decider.seen(visual(k, mouths, winners), t + 0.05)
    return rows


def decider(**settings: object) -> Decider:
    return Decider(Config.model_validate(settings), FusionWeights.equal(), 0.0)


WINNERS = {3: "Sadness", 5: "Anger"}


def test_one_face_alone_has_no_key_more_and_its_sound() -> None:
    clock = decider()
    rows = run(clock, 0, 10, {3: STILL}, WINNERS)
    assert all(row.models["acoustic"] is not None and row.people == () for row in rows)
    assert "people" not in to_row(rows[-1])
    [person] = clock.people.now
    assert (person.id, person.decision, person.gated, person.calibrated) == (3, rows[-1], True, False)


def test_everybody_has_a_decision_and_the_speaker_has_the_sound() -> None:
    clock = decider()
    row = run(clock, 0, 12, {3: STILL, 5: TALKING}, WINNERS)[-1]
    assert row.face == face(3).box
    assert row.models["acoustic"] is None, "the target does not speak"
    [other] = row.people
    assert (other.id, other.gated) == (5, True)
    assert other.decision.models["acoustic"] is not None
    assert other.decision.models["static"] != row.models["static"]
    assert other.decision.people == ()
    assert [person.id for person in clock.people.now] == [3, 5]
    assert clock.people.now[1].speaking is not None
    assert clock.people.now[1].speaking > 0.5


@pytest.mark.parametrize(("settings", "joins"), [({"gate": "off"}, True), ({"source": "mouth"}, True), ({}, False)])
def test_the_gate_can_be_off(settings: dict[str, str], joins: bool) -> None:
    row = run(decider(voice=settings), 0, 12, {3: STILL, 5: TALKING}, WINNERS)[-1]
    assert (row.models["acoustic"] is not None) == joins
    assert row.people[0].gated != joins


def test_a_strict_gate_asks_a_face_alone_too() -> None:
    strict = {"gate": "strict"}
    assert run(decider(voice=strict), 0, 12, {3: STILL}, WINNERS)[-1].models["acoustic"] is None
    assert run(decider(voice=strict), 0, 12, {3: TALKING}, WINNERS)[-1].models["acoustic"] is not None
    assert run(decider(voice=strict), 0, 12, {}, WINNERS)[-1].models["acoustic"] is not None, "sound alone is nobody's"


def test_the_others_are_decided_while_the_target_is_out_of_sight() -> None:
    clock = decider()
    run(clock, 0, 5, {3: STILL, 5: TALKING}, WINNERS)
    seen = visual(5, {5: TALKING}, WINNERS)
    [row] = clock.seen(Visual(5, 1.0, None, None, None, 0, seen.faces), 1.05)
    assert (row.face, row.reason) == (None, "no face")
    assert [person.id for person in row.people] == [5]
    assert [person.id for person in clock.people.now] == [5]


def test_people_go_into_rows_and_come_back() -> None:
    row = run(decider(), 0, 12, {3: STILL, 5: TALKING}, WINNERS)[-1]
    stored = json.loads(json.dumps(to_row(row)))
    [person] = stored["people"]
    assert {"id", "face", "label", "reason", "basic", "compound", "models", "gated"} <= set(person)
    assert to_row(from_row(stored)) == stored


def test_a_neutral_is_learned_for_one_face_and_undone() -> None:
    clock = decider()
    both = {3: STILL, 5: STILL}
    run(clock, 0, 3, both, WINNERS)
    clock.people.calibrate(3)
    clock.people.calibrate(99)  # nobody
    run(clock, 3, 10, both, WINNERS)
    first, second = clock.people.now
    assert first.calibrating == pytest.approx(9 * 0.2 / 3.0)
    assert (first.calibrated, second.calibrated, second.calibrating) == (False, False, None)
    row = run(clock, 13, 10, both, WINNERS)[-1]
    assert clock.people.now[0].calibrated
    assert row.models["static"] is not None
    assert int(np.argmax(row.models["static"])) == BASIC.index("Neutral")
    other = row.people[0].decision.models["static"]
    assert other is not None
    assert int(np.argmax(other)) == BASIC.index("Anger"), "the other is as before"
    clock.people.uncalibrate(3)
    row = run(clock, 23, 1, both, WINNERS)[-1]
    assert row.models["static"] == tuple(says(0, "Sadness").probabilities.tolist())


def test_a_neutral_is_forgotten_with_its_face() -> None:
    clock = decider()
    run(clock, 0, 2, {3: STILL}, WINNERS)
    clock.people.calibrate(3)
    run(clock, 2, 17, {3: STILL}, WINNERS)
    assert clock.people.now[0].calibrated
    run(clock, 19, 5, {}, WINNERS)
    run(clock, 24, 1, {3: STILL}, WINNERS)
    assert clock.people.now[0].calibrated, "one second is no absence"
    run(clock, 25, 10, {}, WINNERS)
    run(clock, 35, 1, {3: STILL}, WINNERS)
    assert not clock.people.now[0].calibrated
    clock.people.calibrate(3)
    run(clock, 36, 17, {3: STILL}, WINNERS)
    clock.forget(10.5)
    run(clock, 53, 1, {3: STILL}, WINNERS)
    assert not clock.people.now[0].calibrated


def test_who_is_forgotten_is_not_shown_again_by_what_was_captured_before() -> None:
    clock = decider()
    run(clock, 0, 3, {3: STILL}, WINNERS)
    assert [person.id for person in clock.people.now] == [3]
    clock.forget(0.65)
    assert clock.people.now == ()
    clock.seen(visual(3, {3: STILL}, WINNERS), 0.66)  # it was under analysis
    assert clock.people.now == ()
    clock.tick(0.96)  # the camera is lost
    assert clock.people.now == ()
    clock.seen(visual(5, {3: STILL}, WINNERS), 1.05)
    clock.people.heard(Sound(0.64, -20.0, 1.0, True, None, (1.0, 1.0)))
    clock.seen(visual(6, {3: STILL}, WINNERS), 1.25)
    [person] = clock.people.now
    assert person.speaking is None, "of speech before that nothing is known"


def test_forgetting_in_the_middle_of_a_decision_holds() -> None:
    people, [known] = People(Config()), run(decider(), 0, 1, {3: STILL}, WINNERS)

    def row(models: Models, seen: Face | None) -> Decision:
        people.forget(0.05)  # another thread does
        return known

    people.decide(visual(0, {3: STILL}, WINNERS), None, row)
    assert people.now == ()

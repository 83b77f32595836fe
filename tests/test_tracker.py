"""Who is who: small faces found, followed through crossing and absence, and one of them chosen."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.crowd import SECONDS, Scene, Scripted, Walker, astronaut, draw, identities_hold, landmarks_in, room, scene

from realtime_cer.config import FaceConfig
from realtime_cer.perception.boxes import Area, Box, overlap
from realtime_cer.perception.colour import colours, likeness
from realtime_cer.perception.face import FaceFinder
from realtime_cer.perception.matching import MISFIT, PREDICT_S, Detection, Known, assign, misfit
from realtime_cer.perception.search import Search, areas, without
from realtime_cer.perception.tracker import FaceTracker
from realtime_cer.records import Floats, Frame, Picture


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    finder = FaceFinder(FaceConfig())
    yield finder
    finder.close()


class Told:
    """A finder that is told, picture by picture, which boxes hold a face; it counts how often it is asked."""

    def __init__(self, story: list[list[Box]]) -> None:
        self._story = iter(story)
        self._now: list[Floats] = []
        self.calls = 0

    def find(self, picture: Picture) -> list[Floats]:
        self.calls += 1
        self._now = [landmarks_in(box) for box in next(self._story)]
        return [face.copy() for face in self._now]

    def find_in(self, picture: Picture, area: Area) -> list[Floats]:
        self.calls += 1
        return [face.copy() for face in self._now]


WALL = np.full((360, 640, 3), 130, np.uint8)


def watch(tracker: FaceTracker, count: int, picture: Picture = WALL) -> list[tuple[int | None, list[int]]]:
    """The target's id and everybody's, picture by picture."""
    seen = []
    for n in range(count):
        face = tracker.see(Frame(n * 0.2, n, picture))
        seen.append((face.id if face else None, [one.id for one in tracker.faces]))
    return seen


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))
def test_assignment_is_the_cheapest_of_all(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = np.where(rng.uniform(size=(rows, columns)) < 0.3, np.inf, rng.uniform(0, 1.5 * MISFIT, (rows, columns)))
    given_ = assign(costs)
    assert len(set(given_.values())) == len(given_)

    def price(pairs: dict[int, int]) -> float:
        return sum(float(costs[pair]) for pair in pairs.items()) + MISFIT * (rows - len(pairs))

    every = itertools.product([None, *range(columns)], repeat=rows)
    ways = [{n: c for n, c in enumerate(way) if c is not None} for way in every]
    cheapest = min(price(way) for way in ways if len(set(way.values())) == len(way))
    assert price(given_) == pytest.approx(cheapest)


def test_a_face_goes_on_as_it_went_for_a_bounded_time() -> None:
    known = Known((0, 0, 40, 50), 0.0)
    for n in range(1, 12):
        known = known.moved(Detection((20.0 * n, 0, 40, 50)), 0.2 * n)
    assert known.velocity[0] == pytest.approx(100, rel=0.05)
    assert known.at(known.t + 0.4)[0] == pytest.approx(260, abs=3)
    assert known.at(known.t + 60) == known.at(known.t + PREDICT_S)


def test_place_size_and_colour_all_count() -> None:
    red, blue = np.zeros((2, 3, 144), np.float32)
    red[:, 5], blue[:, 90] = 1, 1
    known = Known((100, 100, 40, 50), 0.0, colours=red)

    def fits(box: Box, looks: np.ndarray = red, t: float = 0.2) -> float:
        return misfit(known, Detection(box, looks), t, 0.3)

    assert fits((100, 100, 40, 50)) == pytest.approx(0, abs=1e-6)
    assert 0 < fits((110, 100, 40, 50)) < fits((125, 100, 40, 50)) < MISFIT
    assert 0 < fits((98, 98, 44, 54)) < fits((92, 90, 56, 70))
    assert fits((200, 100, 40, 50)) == np.inf
    assert fits((180, 100, 40, 50), t=1.2) < MISFIT, "after a second it may be farther away"
    assert MISFIT - 1 < fits((100, 100, 40, 50), blue) < MISFIT, "where a face was just now there is one still"
    assert fits((100, 100, 40, 50), blue, t=1.2) == np.inf, "but after a second it is somebody else"


def test_colours_tell_people_apart_and_bear_noise_and_light() -> None:
    rng = np.random.default_rng(0)
    box = (100.0, 60.0, 40.0, 50.0)
    tables = []
    for n in range(6):
        looks = rng.integers(20, 235, (4, 3)).astype(np.uint8)
        pair = []
        for light in (0, 6):
            picture = room(320, 240, n)
            draw(picture, Walker(lambda t: box, looks, 1.0, texture=3), box)
            noisy = np.clip(picture + rng.normal(light, 5, picture.shape), 0, 255).astype(np.uint8)
            pair.append(colours(noisy, box))
        tables.append(pair)
    own = [likeness(*pair) or 0 for pair in tables]
    other = [likeness(a[0], b[1]) or 0 for a, b in itertools.permutations(tables, 2)]
    assert min(own) > 0.6 > np.mean(other) + 0.1
    assert likeness(colours(WALL, (-900.0, -900.0, 40.0, 50.0)), tables[0][0]) is None


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (1920, 1080), (720, 1280), (400, 400), (107, 200)])
def test_the_crops_cover_the_picture_and_overlap(size: tuple[int, int]) -> None:
    crops = areas(*size)
    held = np.zeros(size[::-1], np.uint8)
    for left, top, right, bottom in crops:
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        held[top:bottom, left:right] += 1
    assert held.min() >= 1
    side = crops[0][2] - crops[0][0]
    starts = sorted({left for left, *_ in crops})
    assert all(later - one <= 0.68 * side for one, later in itertools.pairwise(starts))
    search = Search()
    assert {search.next(*size) for _ in crops} == set(crops), "each once in a round"
    assert areas(100, 90) == []


def test_known_faces_are_painted_over_in_a_copy() -> None:
    picture = room(200, 100, 0)
    before = picture.copy()
    hidden = without(picture, [(-10, -10, 40, 30), (190, 90, 50, 50)])
    assert (picture == before).all()
    assert (hidden[:20, :30] == 127).all()
    assert (hidden[91:, 191:] == 127).all()
    assert (hidden[30:80, 40:180] == before[30:80, 40:180]).all()
    assert without(picture, []) is picture


@pytest.mark.parametrize("kind", ["cross", "absence", "passing"])
def test_identities_hold_in_made_sequences(kind: str) -> None:
    scenes = [scene(kind, seed, (320, 180), 28) for seed in range(100, 106)]
    held = [identities_hold(one, Scripted(one, least=20)) for one in scenes]
    assert sum(held) >= 5


def test_identities_hold_with_real_faces(finder: FaceFinder) -> None:
    cut = astronaut(finder)
    one = scene("absence", 1, (640, 360), 110, [cut])
    assert identities_hold(one, finder)


def test_a_camera_that_changes_its_size_shows_the_same_people() -> None:
    large: list[Box] = [(60, 40, 90, 120), (400, 150, 90, 120)]
    small: list[Box] = [(30, 20, 45, 60), (200, 75, 45, 60)]
    tracker = FaceTracker(Told([large] * 4 + [small] * 3 + [large] * 3), FaceConfig())
    ids = [everybody for _, everybody in watch(tracker, 4)]
    half = np.ascontiguousarray(WALL[::2, ::2])
    for n in range(4, 10):
        tracker.see(Frame(n * 0.2, n, half if n < 7 else WALL))
        ids.append([one.id for one in tracker.faces])
    assert ids[-1] == [0, 1]
    assert all(one == [0, 1] for one in ids)


def test_whoever_comes_back_within_a_second_is_the_same_and_later_another() -> None:
    here: Box = (100.0, 100.0, 60.0, 70.0)
    story = [[here]] * 5 + [[]] * 5 + [[here]] * 5 + [[]] * 9 + [[here]] * 3
    seen = watch(FaceTracker(Told(story), FaceConfig()), len(story))
    targets = [target for target, _ in seen]
    assert targets[:5] == [0] * 5
    assert targets[10:15] == [0] * 5
    assert targets[-2:] == [1, 1]
    assert {target for target, _ in seen[5:10]} == {None}


def test_three_people_sixty_pixels_high_are_found_in_a_room_and_kept(finder: FaceFinder) -> None:
    cut = astronaut(finder)
    places = [(220, 200), (650, 330), (1040, 260)]

    def at(n: int) -> Walker:
        x, y = places[n]
        looks = np.zeros((4, 3), np.uint8)
        return Walker(lambda t: (x - 25 + 3 * np.sin(t + n), y - 30 + 3 * np.cos(t), 50, 60), looks, n, cut=cut)

    people = Scene([at(n) for n in range(3)], (1280, 720), 4)
    assert finder.find(people.paint(0.0)) == [], "the whole picture alone does not show them"
    tracker = FaceTracker(finder, FaceConfig())
    counts = []
    for n in range(22):
        tracker.see(Frame(n * 0.2, n, people.paint(n * 0.2)))
        counts.append(len(tracker.faces))
    assert 3 in counts[:14]
    assert counts[counts.index(3) :] == [3] * (22 - counts.index(3))
    boxes = [dict(people.there(21 * 0.2))[n] for n in range(3)]
    assert all(max(overlap(face.box, box) for box in boxes) > 0.4 for face in tracker.faces)


def test_one_face_costs_one_call_and_half_an_empty_crop() -> None:
    class Alone(Told):
        def find_in(self, picture: Picture, area: Area) -> list[Floats]:
            self.calls += 1
            return self._now if area[2] - area[0] < 130 else []

    finder = Alone([[(100.0, 100.0, 60.0, 70.0)]] * 101)
    tracker = FaceTracker(finder, FaceConfig())
    watch(tracker, 1)
    begin = finder.calls
    for n in range(1, 101):
        tracker.see(Frame(n * 0.2, n, WALL))
    assert finder.calls - begin == 150


def test_no_more_faces_are_followed_than_allowed() -> None:
    crowd: list[Box] = [(10.0 + 75 * n, 50.0, 40.0, 50.0) for n in range(8)]
    seen = watch(FaceTracker(Told([crowd] * 3), FaceConfig(max_faces=3)), 3)
    assert [len(ids) for _, ids in seen] == [3, 3, 3]
    seen = watch(FaceTracker(Told([crowd] * 3), FaceConfig()), 3)
    assert [len(ids) for _, ids in seen] == [8, 8, 8]


LARGE: Box = (20.0, 60.0, 100.0, 120.0)
CENTRAL: Box = (290.0, 150.0, 60.0, 70.0)


def test_the_target_is_the_largest_the_most_central_or_the_one_chosen() -> None:
    by_size = FaceTracker(Told([[LARGE, CENTRAL]] * 12), FaceConfig())
    [(target, ids), *_] = watch(by_size, 1)
    boxes = {face.id: face.box for face in by_size.faces}
    assert boxes[target or 0][0] == pytest.approx(LARGE[0])
    assert ids[0] == target, "the target comes first"
    other = next(i for i in ids if i != target)
    by_size.choose(other)
    assert by_size.see(Frame(0.2, 1, WALL)).id == other  # type: ignore[union-attr]
    assert by_size.faces[0].id == other
    by_size.choose(77)  # nobody: as if it had gone
    assert by_size.see(Frame(0.4, 2, WALL)) is not None
    by_size.choose(None)
    seen = [by_size.see(Frame(0.6 + 0.2 * n, n, WALL)) for n in range(4)]
    assert seen[-1] is not None
    assert seen[-1].id == target, "size decides again"
    by_centre = FaceTracker(Told([[LARGE, CENTRAL]] * 2), FaceConfig(target="centre"))
    by_centre.see(Frame(0.0, 0, WALL))
    assert by_centre.faces[0].box[0] == pytest.approx(CENTRAL[0])


def test_a_chosen_face_stays_the_target_while_it_is_known_and_no_longer() -> None:
    story = [[LARGE, CENTRAL]] * 3 + [[LARGE]] * 14
    tracker = FaceTracker(Told(story), FaceConfig())
    tracker.see(Frame(0.0, 0, WALL))
    small = tracker.faces[1].id
    tracker.choose(small)
    targets = [tracker.see(Frame(0.2 * n, n, WALL)) for n in range(1, 17)]
    ids = [face.id if face else None for face in targets]
    assert ids[:2] == [small, small]
    assert None in ids[2:9]
    assert ids[-1] == tracker.faces[0].id != small
    assert not tracker.lost


def test_the_sequences_are_long_enough_to_mean_something() -> None:
    one = scene("cross", 0, (320, 180), 28)
    begin, end = dict(one.there(0.8)), dict(one.there(SECONDS - 0.5))
    assert (begin[0][0] < begin[1][0]) != (end[0][0] < end[1][0]), "they do change sides"
    assert any(len(one.visible(t)) < 2 for t in np.arange(0, SECONDS, 0.05)), "and one hides the other"

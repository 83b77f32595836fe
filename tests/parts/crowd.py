"""People who walk through a made picture: painted ones for which a finder is scripted, and real faces cut out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from parts.perception import landmarks_like, portrait
from realtime_cer.config import FaceConfig
from realtime_cer.perception.boxes import Area, Box, box_of, centre_of, overlap
from realtime_cer.perception.tracker import FaceTracker, Finder
from realtime_cer.quiet import cv2
from realtime_cer.records import Floats, Frame, Picture

Cut = tuple[Picture, Floats, Box]
"""A real person: picture, mask, box of the face."""

STEP_S = 0.2
SECONDS = 7.0


@dataclass
class Walker:
    """Somebody: ``place`` gives the face's box at a time, or None while away; ``looks`` paints hair, skin, clothes."""

    place: Callable[[float], Box | None]
    looks: npt.NDArray[np.uint8]
    near: float
    texture: int = 0
    cut: Cut | None = None


@dataclass
class Scene:
    """Walkers in a room, ``size`` is width, height."""

    walkers: list[Walker]
    size: tuple[int, int]
    seed: int
    room: Picture = field(init=False)

    def __post_init__(self) -> None:
        self.room = room(*self.size, self.seed)

    def there(self, t: float) -> list[tuple[int, Box]]:
        """Number and box of everybody who is there, the farthest first."""
        boxes = [(n, walker.place(t)) for n, walker in enumerate(self.walkers)]
        here = [(n, box) for n, box in boxes if box is not None]
        return sorted(here, key=lambda pair: self.walkers[pair[0]].near)

    def visible(self, t: float, least: float = 0.6) -> list[tuple[int, Box]]:
        """Those whose faces nobody nearer covers, and that are inside the picture."""
        there = self.there(t)
        width, height = self.size
        seen = []
        for order, (n, box) in enumerate(there):
            x, y = centre_of(box)
            inside = 0.4 * box[2] < x < width - 0.4 * box[2] and 0 < y < height
            if inside and all(1 - covered(box, body(other)) >= least for _, other in there[order + 1 :]):
                seen.append((n, box))
        return seen

    def paint(self, t: float) -> Picture:
        """The picture at ``t``, with the noise of a camera."""
        picture = self.room.copy()
        for n, box in self.there(t):
            walker = self.walkers[n]
            if walker.cut is None:
                draw(picture, walker, box)
            else:
                paste(picture, walker.cut, box)
        if all(walker.cut is None for walker in self.walkers):
            rng = np.random.default_rng((self.seed, round((t + 10) * 1000)))
            noise = rng.normal(0, 6, picture.shape) + rng.normal(0, 4)
            picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
        return picture


def body(box: Box) -> Box:
    """What a person covers: head, neck and shoulders."""
    x, y, width, height = box
    return x - 0.25 * width, y - 0.45 * height, 1.5 * width, 3 * height


def covered(box: Box, by: Box) -> float:
    """Share of a box that lies under another."""
    width = min(box[0] + box[2], by[0] + by[2]) - max(box[0], by[0])
    height = min(box[1] + box[3], by[1] + by[3]) - max(box[1], by[1])
    return max(width, 0) * max(height, 0) / (box[2] * box[3])


def room(width: int, height: int, seed: int) -> Picture:
    """A wall, a floor, and some furniture."""
    rng = np.random.default_rng(seed)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = rng.uniform(90, 190, 3)
    picture *= np.linspace(1.1, 0.8, width)[None, :, None]
    picture[int(0.8 * height) :] = rng.uniform(40, 120, 3)
    for _ in range(8):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(20, width // 5), rng.integers(20, height // 3)
        picture[y : y + h, x : x + w] = rng.uniform(30, 220, 3)
    picture = cv2.GaussianBlur(picture, (0, 0), 2) + rng.normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw(picture: Picture, walker: Walker, box: Box) -> None:
    """A body with stripes, hair, and an oval face."""
    x, y, width, height = box
    cx = x + width / 2

    def rectangle(left: float, top: float, right: float, bottom: float, colour: npt.NDArray[np.uint8]) -> None:
        cv2.rectangle(picture, (int(left), int(top)), (int(right), int(bottom)), colour.tolist(), -1)

    hair, skin, clothes, stripes = walker.looks
    rectangle(x - 0.4 * width, y + 1.1 * height, x + 1.4 * width, y + 4 * height, clothes)
    for n in range(walker.texture):
        top = y + (1.2 + 0.5 * n) * height
        rectangle(x - 0.4 * width, top, x + 1.4 * width, top + 0.2 * height, stripes)
    for centre, axes, colour in (
        (y + 0.35 * height, (0.62 * width, 0.75 * height), hair),
        (y + 0.55 * height, (0.5 * width, 0.55 * height), skin),
    ):
        cv2.ellipse(picture, ((cx, centre), (2 * axes[0], 2 * axes[1]), 0), colour.tolist(), -1)


def paste(picture: Picture, cut: tuple[Picture, Floats, Box], box: Box) -> None:
    """A real person, with soft edges, so that the face fills the box."""
    source, mask, face = cut
    scale = box[3] / face[3]
    for _ in range(max(int(np.log2(1 / scale)), 0) if scale < 1 else 0):
        source, mask = cv2.pyrDown(source), cv2.pyrDown(mask)
    reduced = source.shape[0] / cut[0].shape[0]
    (cx, cy), (x, y) = centre_of(face), centre_of(box)
    matrix = np.array([[scale / reduced, 0, x - cx * scale], [0, scale / reduced, y - cy * scale]])
    size = picture.shape[1::-1]
    layer = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    picture[:] = (picture * (1 - alpha) + layer * alpha).astype(np.uint8)


def cut_out(picture: Picture, landmarks: Floats) -> tuple[Picture, Floats, Box]:
    """A person cut out of a picture, for ``paste``: head and shoulders with soft edges."""
    box = box_of(landmarks)
    x, y, width, height = box
    mask = np.zeros(picture.shape[:2], np.float32)
    centre = (x + width / 2, y + 0.4 * height)
    cv2.ellipse(mask, (centre, (1.9 * width, 2.1 * height), 0), 1.0, -1)
    left, top = int(x - 0.6 * width), int(y + 1.15 * height)
    cv2.rectangle(mask, (left, top), (int(x + 1.6 * width), int(y + 2.6 * height)), 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.05 * height, 1))
    # What lies outside the picture is not pasted: its border fades too.
    edge = np.zeros_like(soft)
    edge[:, :] = 1
    fade = max(int(0.08 * height), 2)
    for n in range(fade):
        for line in (edge[n], edge[:, n], edge[:, -1 - n]):
            np.minimum(line, n / fade, out=line)
    return picture, soft * edge, box


class Scripted:
    """A finder that knows where everybody is: places with the noise of a landmarker, now and then nobody."""

    def __init__(self, scene: Scene, least: float = 30.0, missed: float = 0.03) -> None:
        self.scene, self.least, self.missed = scene, least, missed
        self.t = 0.0
        self._now: list[Floats] = []

    def begin(self, t: float) -> None:
        """Go to the next picture."""
        self.t = t
        rng = np.random.default_rng((self.scene.seed, round((t + 10) * 1000), 1))
        self._now = []
        for _, (x, y, width, height) in self.scene.visible(t):
            dx, dy, grow = rng.normal(0, (0.03 * height, 0.03 * height, 0.04))
            if rng.uniform() >= self.missed:
                size = np.exp(grow)
                place = (x + dx, y + dy, width * size, height * size)
                self._now.append(landmarks_in(place))

    def find(self, picture: Picture) -> list[Floats]:
        """Those that are large enough."""
        return [face.copy() for face in self._now if box_of(face)[3] >= self.least]

    def find_in(self, picture: Picture, area: Area) -> list[Floats]:
        """Those in the area that were not painted over."""
        left, top, right, bottom = area
        found = []
        for face in self._now:
            x, y = centre_of(box_of(face))
            grey = (
                picture[int(np.clip(y, 0, len(picture) - 1)), int(np.clip(x, 0, picture.shape[1] - 1))] == 127
            ).all()
            if left < x < right and top < y < bottom and not grey:
                found.append(face.copy())
        return found


def landmarks_in(box: Box) -> Floats:
    """478 landmarks, eyes and mouth among them, that fill a box."""
    points = _points()
    return (points * [box[2], box[3]] + [box[0], box[1]]).astype(np.float32)


@cache
def _points() -> npt.NDArray[np.float64]:
    points = landmarks_like(100, 100).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - low) / (high - low)


def scene(
    kind: str, seed: int, size: tuple[int, int], height: float, cuts: Sequence[tuple[Picture, Floats, Box]] = ()
) -> Scene:
    """A made sequence of ``SECONDS``.

    Parameters
    ----------
    kind : "cross": two walk past each other, one behind the other. "absence": one of two is away for a second and
        comes back where walking on would have brought it. "passing": a third walks by before two who stay
    size : of the picture
    height : of the faces, about, in pixels
    cuts : real people to be taken
    """
    rng = np.random.default_rng(seed)
    width, tall = size
    walkers: list[Walker] = []
    chosen = rng.permutation(len(cuts)) if cuts else []

    def add(place: Callable[[float], Box | None], near: float) -> None:
        looks = rng.integers(20, 235, (4, 3)).astype(np.uint8)
        looks[1] = np.array([110, 140, 200]) + rng.integers(-50, 40)
        if walkers and rng.uniform() < 0.2:  # some dress alike
            looks[2] = walkers[-1].looks[2]
        cut = cuts[chosen[len(walkers) % len(chosen)]] if cuts else None
        walkers.append(Walker(place, looks, near, int(rng.integers(0, 5)), cut))

    def box(x: float, y: float, h: float) -> Box:
        return x - 0.4 * h, y - h / 2, 0.8 * h, h

    level = tall * rng.uniform(0.3, 0.45)
    sway = rng.uniform(0, 2 * np.pi, 4)

    def swaying(n: int, t: float, h: float) -> float:
        return float(0.1 * h * np.sin(2 * t + sway[n]))

    if kind == "cross":
        speed = rng.uniform(0.13, 0.3, 2) * width
        meet, at = rng.uniform(3, 4), rng.uniform(0.4, 0.6) * width
        tall_ = height * rng.uniform(0.8, 1.3, 2)
        levels = level + rng.uniform(-0.3, 0.3, 2) * height
        # They stand, walk past each other, and stand again: halting before the edge.
        for n, way in enumerate((1, -1)):

            def place(t: float, n: int = n, way: int = way) -> Box | None:
                reach = min(at, width - at) - height
                x = at + way * float(np.clip(speed[n] * (t - meet), -reach, reach))
                return box(x + swaying(n, t, tall_[n]), levels[n] + swaying(n + 2, t, tall_[n]), tall_[n])

            add(place, tall_[n])
    elif kind == "absence":
        h = height * rng.uniform(0.8, 1.3, 2)
        away = rng.uniform(2.5, 3.5)
        speed = rng.choice([0.0, 1.0]) * rng.uniform(-0.06, 0.06) * width
        spots = np.array([0.3, 0.7]) * width

        def leaving(t: float) -> Box | None:
            if away <= t < away + 1.0:
                return None
            return box(spots[0] + speed * (t - away) + swaying(0, t, h[0]), level + swaying(1, t, h[0]), h[0])

        add(leaving, h[0])
        add(lambda t: box(spots[1] + swaying(2, t, h[1]), level + swaying(3, t, h[1]), h[1]), h[1])
    elif kind == "passing":
        h = height * rng.uniform(0.8, 1.1, 2)
        for n, spot in enumerate((0.33, 0.67)):
            add(
                lambda t, n=n, s=spot: box(s * width + swaying(n, t, h[n]), level + swaying(n + 2, t, h[n]), h[n]), h[n]
            )  # type: ignore[misc]
        third, speed = height * rng.uniform(1.2, 1.5), rng.uniform(0.25, 0.4) * width
        begin = rng.uniform(1.5, 2)
        y = level + rng.uniform(-0.2, 0.2) * height
        way = rng.choice([1, -1])

        def passing(t: float) -> Box | None:
            x = speed * (t - begin) - third
            return box(x if way > 0 else width - x, y, third) if -third < x < width + third else None

        add(passing, third)
    else:
        raise ValueError(f"no such sequence: {kind}")
    return Scene(walkers, size, seed)


def identities_hold(scene: Scene, finder: Finder, early_s: float = 0.0) -> bool:
    """Whether the two who are there in the first and the last second have the same id in both, and not each other's.

    Parameters
    ----------
    early_s : the tracker sees so much of the beginning before it: small faces are found in up to two seconds
    """
    tracker = FaceTracker(finder, FaceConfig())
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for k in range(-round(early_s / STEP_S), round(SECONDS / STEP_S)):
        t = k * STEP_S
        if isinstance(finder, Scripted):
            finder.begin(t)
        tracker.see(Frame(t, k, scene.paint(t)))
        there = dict(scene.visible(t))
        for face in tracker.faces:
            number = max(there, key=lambda n: overlap(there[n], face.box), default=None)
            if number is None or overlap(there[number], face.box) < 0.2:
                continue
            if 0.6 <= t <= 1.3:
                before.setdefault(number, []).append(face.id)
            elif t >= SECONDS - 1.0:
                after.setdefault(number, []).append(face.id)
    staying = range(2)
    if any(n not in before or n not in after for n in staying):
        return False
    first = {n: max(set(before[n]), key=before[n].count) for n in staying}
    last = {n: max(set(after[n]), key=after[n].count) for n in staying}
    return first == last and len(set(first.values())) == len(first)


def astronaut(finder: Finder) -> tuple[Picture, Floats, Box]:
    """The public-domain portrait, cut out."""
    picture = portrait()
    return cut_out(picture, finder.find(picture)[0])

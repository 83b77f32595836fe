"""The picture in the real window, what lies over it, and where the panels go at every size."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from parts.moments import CAMERA, Double, history, moment, plain
from parts.windows import RAW, colours_of, opened, redraw
from pytestqt.qtbot import QtBot

from realtime_cer.perception.align import align
from realtime_cer.records import read_only
from realtime_cer.ui.places import arrange

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key
pytestmark = pytest.mark.usefixtures("english")


# The picture.


def halves() -> Any:
    """Red at the left, blue at the right, BGR."""
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, :320, 2] = picture[:, 320:, 0] = 250
    return read_only(picture)


def test_a_local_camera_is_a_mirror_and_everything_else_is_not(qtbot: QtBot, qapp: object) -> None:
    auto = replace(RAW, mirror=None)
    for source, mirrored in (
        (CAMERA, True),
        (replace(CAMERA, name="http://10.0.0.5/"), False),
        (replace(CAMERA, kind="file", name="clip.mp4"), False),
    ):
        window = opened(qtbot, Double(replace(moment(history(3), halves()), sources=(source,))), auto)
        assert window.picture.mirrored is mirrored
        seen = colours_of(window, "picture")
        at_left = seen[-40, seen.shape[1] // 4]
        assert bool(at_left[2] > 200) is mirrored
        qtbot.keyClick(window, Key.Key_M)
        assert window.picture.mirrored is not mirrored
        at_left = colours_of(window, "picture")[-40, seen.shape[1] // 4]
        assert bool(at_left[2] > 200) is not mirrored


def test_the_box_is_mirrored_with_the_picture(qtbot: QtBot, qapp: object) -> None:
    row = next(one for one in history(50) if one.label)
    window = opened(qtbot, Double(moment([row], plain((0, 0, 0)))), replace(RAW, mirror=True))
    seen = colours_of(window, "picture").astype(int)
    scale = min(seen.shape[1] / 640, seen.shape[0] / 480)
    left = (seen.shape[1] - 640 * scale) / 2
    xs = np.nonzero(seen[:, round(left) : round(left + 640 * scale)].max(2) > 90)[1] / scale
    assert xs.min() == pytest.approx(640 - 300, abs=6)
    assert xs.max() == pytest.approx(640 - 200, abs=6)


def test_landmarks_lie_on_the_picture_in_which_they_were_found(qtbot: QtBot, qapp: object) -> None:
    row = next(one for one in history(50) if one.label)
    now = moment([row], plain((0, 0, 0)))
    assert now.visual is not None
    assert now.visual.face is not None
    points = np.full((478, 2), (400.0, 300.0), np.float32)
    now = replace(now, visual=replace(now.visual, face=replace(now.visual.face, landmarks=points)))
    window = opened(qtbot, Double(now))
    assert window.picture.frame is now.frame
    qtbot.keyClick(window, Key.Key_L)
    assert window.picture.frame is now.analysed
    seen = colours_of(window, "picture").astype(int)
    scale = min(seen.shape[1] / 640, seen.shape[0] / 480)
    x, y = (
        round((seen.shape[1] - 640 * scale) / 2 + 400 * scale),
        round((seen.shape[0] - 480 * scale) / 2 + 300 * scale),
    )
    assert seen[y - 3 : y + 4, x - 3 : x + 4].min(2).max() > 150
    assert seen[y + 20 : y + 40, x - 3 : x + 4].max() < 60
    qtbot.keyClick(window, Key.Key_L)
    assert window.picture.frame is now.frame


def test_the_crop_is_cut_as_for_the_network_from_the_analysed_picture(qtbot: QtBot, qapp: object) -> None:
    cuts = []

    def cut(picture: Any, landmarks: Any) -> Any:
        cuts.append((picture, landmarks))
        return align(picture, landmarks)

    row = next(one for one in history(50) if one.label)
    now = moment([row], halves())
    assert now.visual is not None
    assert now.visual.face is not None
    points = np.random.default_rng(0).uniform(200, 300, (478, 2)).astype(np.float32)
    now = replace(now, visual=replace(now.visual, face=replace(now.visual.face, landmarks=points)))
    window = opened(qtbot, Double(now), replace(RAW, cut=cut))
    assert not cuts
    plain_look = colours_of(window, "picture")
    qtbot.keyClick(window, Key.Key_C)
    assert now.analysed is not None
    assert cuts[-1][0] is now.analysed.picture
    assert cuts[-1][1] is points
    corner = colours_of(window, "picture")[10:150, -150:-10]
    assert (corner != plain_look[10:150, -150:-10]).any()
    qtbot.waitUntil(lambda: window.picture.frame is now.frame, timeout=2000)
    assert len(cuts) <= 3, "cut once for each analysed picture, not for each that is shown"


# Sizes.


@pytest.mark.parametrize(
    "size", [(200, 150), (1, 1), (30, 800), (800, 30), (560, 330), (720, 1280), (640, 480), (3840, 2160)]
)
def test_every_size_can_be_drawn(qtbot: QtBot, qapp: object, size: tuple[int, int]) -> None:
    control = Double(moment(()))
    window = opened(qtbot, control)
    for now in (moment(()), moment(history(60)), replace(moment(history(60)), frame=None)):
        control.now = now
        window.resize(*size)
        redraw(window)
        assert not window.grab().isNull()
    window.resize(1280, 720)
    redraw(window)
    assert window.verdict.isVisible()


ALL = {"heading", "picture", "verdict", "why", "models", "curves", "sound", "status"}


@pytest.mark.parametrize("cards", [False, True])
def test_panels_stay_inside_and_apart(cards: bool) -> None:
    for width in [*range(1, 200, 23), *range(200, 4000, 117)]:
        for height in [*range(1, 200, 23), *range(200, 2300, 117)]:
            places = list(arrange(width, height, cards=cards).items())
            for n, (name, place) in enumerate(places):
                assert place.left() >= 0, (width, height, name)
                assert place.top() >= 0, (width, height, name)
                assert place.right() < width, (width, height, name)
                assert place.bottom() < height, (width, height, name)
                for other, elsewhere in places[n + 1 :]:
                    assert not place.intersects(elsewhere), (width, height, name, other)
    assert set(arrange(1280, 720)) == ALL
    assert set(arrange(1280, 720, cards=True)) == set(arrange(720, 1280, cards=True)) == ALL | {"cards"}
    assert set(arrange(200, 150)) == {"picture", "verdict"}


def test_first_the_picture_and_the_verdict_then_the_curves_with_the_models_beside_them() -> None:
    for width, height in ((1280, 720), (1920, 1080), (3840, 2160)):
        places = arrange(width, height, 4 / 3)
        area = {name: place.width() * place.height() for name, place in places.items()}
        assert places["picture"].top() == places["verdict"].top() < places["why"].top()
        assert places["curves"].top() == places["models"].top() > places["picture"].bottom()
        assert max(area, key=area.__getitem__) in ("picture", "curves")
        assert area["picture"] + area["verdict"] > area["curves"] + area["models"] * 0.5

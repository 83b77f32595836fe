"""The controls of a real window: clicked and pressed, and what they ask for."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from parts.moments import BOXES, NOW, Double, Noted, history, moment, people
from parts.steered import Running
from parts.windows import redraw
from pytestqt.qtbot import QtBot

from realtime_cer.commands.desk import LiveDesk
from realtime_cer.control import Choice, DeskState
from realtime_cer.preferences import read_preferences
from realtime_cer.ui import controls_actions as hand
from realtime_cer.ui.controls import BUTTONS, LISTS
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.window import Window

QtCore = pytest.importorskip("PyQt6.QtCore")
QtGui = pytest.importorskip("PyQt6.QtGui")
Key, LEFT = QtCore.Qt.Key, QtCore.Qt.MouseButton.LeftButton
HEADING = {"title": "test", "rule": "none", "weights": "equal"}
RAW = Looks(language="en", smoothing_s=0.0, mirror=False)
pytestmark = pytest.mark.usefixtures("own_folders")


def opened(qtbot: QtBot, control: Double, desk: Noted | LiveDesk | None) -> Window:
    window = Window(control, **HEADING, looks=RAW, desk=desk)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


def click(qtbot: QtBot, panel: Any, name: object) -> None:
    qtbot.mouseClick(panel, LEFT, pos=panel.targets()[name].center().toPoint())


def test_the_bar_comes_with_the_mouse_and_goes_when_nobody_moves(
    qtbot: QtBot, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "IDLE_S", 0.3)
    window = opened(qtbot, Double(moment(history(5))), Noted())
    assert not window.controls.isVisible()
    qtbot.mouseMove(window, QtCore.QPoint(300, 300))
    qtbot.mouseMove(window, QtCore.QPoint(310, 300))
    qtbot.waitUntil(window.controls.isVisible, timeout=5000)
    targets = window.controls.targets()
    assert list(targets) == list(BUTTONS)
    assert all(min(rect.width(), rect.height()) >= 48 for rect in targets.values())
    assert window.rect().contains(window.controls.geometry())
    qtbot.waitUntil(lambda: not window.controls.isVisible(), timeout=5000)
    qtbot.keyClick(window, Key.Key_B)
    assert window.controls.isVisible()


def test_without_a_desk_there_are_no_controls(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))), None)
    for key in (Key.Key_B, Key.Key_V, Key.Key_U, Key.Key_R, Key.Key_S, Key.Key_E, Key.Key_H, Key.Key_X):
        qtbot.keyClick(window, key)
    assert not window.controls.isVisible()
    assert not window.choices.isVisible()


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_list_is_opened_and_chosen_from(qtbot: QtBot, qapp: object, by_hand: bool) -> None:
    desk = Noted()
    window = opened(qtbot, Double(moment(history(5))), desk)
    qtbot.keyClick(window, Key.Key_B)
    if by_hand:
        click(qtbot, window.controls, "camera")
    else:
        qtbot.keyClick(window, Key.Key_V)
    assert window.choices.isVisible()
    assert ("find", "camera") in desk.asked
    assert all(rect.height() >= 44 for rect in window.choices.targets().values())
    assert window.choices.geometry().bottom() < window.controls.geometry().top()
    if by_hand:
        click(qtbot, window.choices, "1")
    else:
        qtbot.keyClick(window, Key.Key_Down)
        qtbot.keyClick(window, Key.Key_Return)
    assert ("choose", "camera", "two") in desk.asked
    assert not window.choices.isVisible()
    assert window.controls.values["camera"] == "two"
    qtbot.keyClick(window, Key.Key_E)
    qtbot.keyClick(window, Key.Key_2)
    assert desk.chosen["rule"] == "rule1"
    qtbot.keyClick(window, Key.Key_W)
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.choices.isVisible()
    assert window.controls.isVisible()
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.controls.isVisible()


class Many(Noted):
    """A desk with as many microphones as a test wants, found or still looked for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.names = [f"m{n}" for n in range(1, count + 1)]
        self.looking = False

    @property
    def state(self) -> DeskState:
        """As it was set."""
        return replace(super().state, looking=frozenset(["microphone"] if self.looking else []))

    def choices(self, what: str) -> tuple[Choice, ...]:
        """What there is."""
        return tuple(Choice(one, one) for one in self.names) if what == "microphone" else super().choices(what)


def turn_wheel(panel: Any, eighths: int) -> None:
    """Turn the wheel over a panel, by eighths of a degree, as Qt counts it."""
    place, none = QtCore.QPointF(20, 20), QtCore.Qt.MouseButton.NoButton
    keys, phase = QtCore.Qt.KeyboardModifier.NoModifier, QtCore.Qt.ScrollPhase.NoScrollPhase
    by = QtCore.QPoint(0, eighths)
    event = QtGui.QWheelEvent(place, panel.mapToGlobal(place), QtCore.QPoint(), by, none, keys, phase, False)
    QtCore.QCoreApplication.sendEvent(panel, event)


def test_of_a_long_list_nine_are_shown_and_keys_wheel_and_title_bring_the_others(qtbot: QtBot, qapp: object) -> None:
    desk = Many(14)
    window = opened(qtbot, Double(moment(history(5))), desk)
    view = window.choices

    def shown() -> list[str]:
        view.grab()
        return [view.choices[int(name)].name for name in view.targets()]

    def open_list() -> None:
        qtbot.keyClick(window, Key.Key_A)
        assert view.isVisible()

    def title() -> None:
        qtbot.mouseClick(view, LEFT, pos=QtCore.QPoint(20, 20))

    open_list()
    assert shown() == desk.names[:9]
    assert all(rect.height() >= 44 for rect in view.targets().values())
    for eighths in (-120, -60, -60):
        turn_wheel(view, eighths)
    assert shown() == desk.names[2:11]
    qtbot.keyClick(window, Key.Key_9)
    assert desk.chosen["microphone"] == "m11"
    open_list()
    assert (view.mark, shown()) == (10, desk.names[2:11]), "it opens where the mark is"
    title()
    assert shown() == desk.names[5:]
    title()
    assert shown() == desk.names[:9]
    click(qtbot, view, "3")
    assert desk.chosen["microphone"] == "m4"
    open_list()
    for _ in range(4):
        qtbot.keyClick(window, Key.Key_Up)
    assert shown() == desk.names[5:], "from the first on to the last"
    desk.names.insert(0, "new")
    redraw(window)
    qtbot.keyClick(window, Key.Key_Return)
    assert desk.chosen["microphone"] == "m14", "the mark stays on what it was on"


def test_an_empty_list_says_whether_anything_is_still_looked_for(qtbot: QtBot, qapp: object) -> None:
    desk = Many(0)
    desk.looking = True
    window = opened(qtbot, Double(moment(history(5))), desk)
    qtbot.keyClick(window, Key.Key_A)
    assert window.choices.accessibleName() == window.text.looking
    desk.looking = False
    redraw(window)
    assert window.choices.accessibleName() == window.text.nothing_found


def test_every_button_does_what_its_key_does(qtbot: QtBot, qapp: object) -> None:
    def state(window: Window, desk: Noted) -> tuple[object, ...]:
        return (
            *(desk.muted, desk.recording, len(desk.asked), window.choices.what, window.theme, window.isFullScreen()),
            *(window.keys.isVisible(), tuple(window.control.asked)),  # type: ignore[attr-defined]
            *(window.text.language, window.picture.landmarks, window.picture.crop),
        )

    for name in BUTTONS:
        desk = Noted()
        window = opened(qtbot, Double(people(2)), desk)
        qtbot.keyClick(window, Key.Key_B)
        before = state(window, desk)
        click(qtbot, window.controls, name)
        assert state(window, desk) != before, name
        assert (window.choices.what == name) is (name in LISTS)


def test_the_picture_goes_round_plain_landmarks_crop_and_both(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))), Noted())
    qtbot.keyClick(window, Key.Key_B)
    said = []
    for _ in range(5):
        said.append((window.controls.values["picture"], window.picture.landmarks, window.picture.crop))
        qtbot.keyClick(window, Key.Key_P)
    both = ("both", True, True)
    assert said == [("plain", False, False), ("landmarks", True, False), ("crop", False, True), both, said[0]]


def test_every_button_is_named_set_and_apart_from_the_others(qtbot: QtBot, qapp: object) -> None:
    for size in ((800, 480), (1280, 720), (3840, 2160)):
        window = opened(qtbot, Double(moment(history(5))), Noted())
        window.resize(*size)
        qtbot.keyClick(window, Key.Key_B)
        places = list(window.controls.targets().values())
        assert all(window.controls.values[name] for name in BUTTONS), "a button says nothing"
        assert all(window.controls.rect().contains(one.toAlignedRect()) for one in places)
        assert not any(one.intersects(other) for n, one in enumerate(places) for other in places[:n])
        assert min(one.height() for one in places) >= 48


def test_smoothing_theme_language_mirror_and_size_are_remembered(qtbot: QtBot, qapp: object) -> None:
    desk = Noted()
    window = opened(qtbot, Double(moment(history(5))), desk)
    for key in (Key.Key_Plus, Key.Key_T, Key.Key_G, Key.Key_M):
        qtbot.keyClick(window, key)
    window.resize(1000, 640)
    window.close()
    kept: dict[str, object] = {}
    for one in desk.asked:
        if one[0] == "remember" and isinstance(one[1], dict):
            kept |= one[1]
    assert kept == {"smoothing_s": 0.3, "theme": "light", "language": "de", "mirror": True, "size": (1000, 640)}
    again = Window(Double(moment(())), **HEADING, looks=replace(RAW, size=(1000, 640)), desk=desk)
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (min(1000, again.width()), min(640, again.height()))


def test_a_picture_of_the_window_is_kept_and_told(qtbot: QtBot, qapp: object, tmp_path: Path) -> None:
    with Running() as it:
        window = Window(it.live, **HEADING, looks=RAW, desk=it.desk)
        qtbot.addWidget(window)
        window.show()
        qtbot.keyClick(window, Key.Key_S)
        qtbot.waitUntil(lambda: "kept as" in window.heading.told, timeout=20_000)
        [path] = (tmp_path / "pictures" / "realtime-cer").iterdir()
        assert path.read_bytes().startswith(b"\x89PNG")
        assert str(path) in window.heading.told
        qtbot.keyClick(window, Key.Key_T)
        window.close()
    assert read_preferences(pytest.fail).theme == "light"


def test_the_moment_just_gone_is_kept_by_its_key_and_told_in_the_window(
    qtbot: QtBot, qapp: object, tmp_path: Path
) -> None:
    with Running() as it:
        window = Window(it.live, **HEADING, looks=RAW, desk=it.desk)
        qtbot.addWidget(window)
        window.show()
        qtbot.keyClick(window, Key.Key_H)
        qtbot.waitUntil(lambda: "once more keeps them" in window.heading.told, timeout=20_000)
        qtbot.waitUntil(lambda: "moment" in window.controls.lit, timeout=20_000)
        assert window.controls.values["moment"] == "held"
        qtbot.keyClick(window, Key.Key_B)
        click(qtbot, window.controls, "moment")
        qtbot.waitUntil(lambda: window.heading.told.startswith("kept "), timeout=20_000)
        [session] = (tmp_path / "videos" / "realtime-cer").iterdir()
        assert window.heading.told.endswith(str(session))
        qtbot.keyClick(window, Key.Key_X)
        qtbot.waitUntil(lambda: window.heading.told == "no recording runs: nothing is marked", timeout=20_000)
        assert {"moment", "mark"} <= {one.action for one in window.keys.bindings}
        qtbot.keyClick(window, Key.Key_G)
        for key, told in (
            (Key.Key_X, "es läuft kein Mitschnitt: nichts ist markiert"),
            (Key.Key_S, "behalten als "),
            (Key.Key_H, " s behalten: "),
            (Key.Key_R, "Mitschnitt läuft: "),
        ):
            qtbot.keyClick(window, key)
            qtbot.waitUntil(lambda told=told: told in window.heading.told, timeout=20_000)
        window.close()


def test_what_is_steered_is_shown(qtbot: QtBot, qapp: object) -> None:
    with Running() as it:
        window = Window(it.live, **HEADING, looks=RAW, desk=it.desk)
        qtbot.addWidget(window)
        window.show()
        qtbot.keyClick(window, Key.Key_E)
        qtbot.keyClick(window, Key.Key_3)
        qtbot.waitUntil(lambda: window.heading.how.startswith("rule 2"), timeout=20_000)
        assert window.controls.values["rule"] == "2"
        qtbot.keyClick(window, Key.Key_U)
        assert window.controls.values["mute"] == "muted"
        qtbot.waitUntil(lambda: window.sound.hearing.level == "muted", timeout=20_000)
        assert any("muted" in text for text, _ in window.status.sources)
        window.close()


# Several faces.


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_there_is_a_card_for_each_of_several_faces(qtbot: QtBot, qapp: object, count: int) -> None:
    window = opened(qtbot, Double(people(count)), None)
    assert window.cards.isVisible() is (count > 1)
    if count == 1:
        return
    assert [one.id for one in window.cards.cards] == [10 + n for n in range(count)]
    assert [one.target for one in window.cards.cards] == [n == 1 for n in range(count)]
    assert window.cards.cards[1].evidence == "with sound · speaks 80 %"
    assert window.cards.cards[0].evidence == "picture only · speaks 10 %"
    assert len(window.picture.overlay.people) == count
    rects = list(window.cards.targets().values())
    assert all(min(rect.width(), rect.height()) >= 48 for rect in rects)
    assert all(a.right() <= b.left() for a, b in pairwise(rects))


def test_a_face_is_chosen_by_card_by_number_and_in_the_picture(qtbot: QtBot, qapp: object) -> None:
    control = Double(people(3))
    window = opened(qtbot, control, None)
    click(qtbot, window.cards, 12)
    qtbot.keyClick(window, Key.Key_1)
    qtbot.keyClick(window, Key.Key_8)  # nobody
    qtbot.keyClick(window, Key.Key_0)
    click(qtbot, window.cards, 11)  # the target: let size or place decide
    x, y, w, h = BOXES[2]
    scale = min(window.picture.width() / 640, window.picture.height() / 480)
    left, top = (window.picture.width() - 640 * scale) / 2, (window.picture.height() - 480 * scale) / 2
    place = QtCore.QPoint(round(left + (x + w / 2) * scale), round(top + (y + h / 2) * scale))
    qtbot.mouseClick(window, LEFT, pos=window.picture.pos() + place)
    assert control.asked == [("choose", 12), ("choose", 10), ("choose", None), ("choose", None), ("choose", 12)]


def test_k_learns_the_neutral_of_the_target_and_undoes_it(qtbot: QtBot, qapp: object) -> None:
    control = Double(people(1))
    window = opened(qtbot, control, None)
    qtbot.keyClick(window, Key.Key_K)
    control.now = people(1, calibrating=0.4)
    window.draw(control.snapshot())
    assert window.cards.isVisible()
    assert window.cards.cards[0].baseline == "learning neutral 40 %"
    qtbot.keyClick(window, Key.Key_K)
    control.now = people(1, calibrated=True)
    window.draw(control.snapshot())
    assert window.cards.cards[0].baseline == "calibrated"
    qtbot.keyClick(window, Key.Key_K)
    assert control.asked == [("calibrate", 10), ("uncalibrate", 10), ("uncalibrate", 10)]


def test_the_row_of_cards_outlasts_a_glance_away(qtbot: QtBot, qapp: object) -> None:
    control = Double(people(2))
    window = opened(qtbot, control, None)
    control.now = replace(people(1), t=NOW + 1)
    window.draw(control.snapshot())
    assert window.cards.isVisible()
    for t in (NOW + 3, NOW + 1, NOW - 60):  # a replay goes back, too
        control.now = replace(people(1), t=t)
        window.draw(control.snapshot())
        assert window.cards.isVisible() is (t == NOW + 1)

"""The first start: what is picked, seen and heard in the real window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts.moments import CAMERA, MICROPHONE, NOW, moment, plain
from pytestqt.qtbot import QtBot

from realtime_cer.records import Snapshot, Sound
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.wizard import Wizard
from realtime_cer.ui.wizardpanels import Ear

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


class Stand:
    """A rehearsal that plays what a test wants."""

    def __init__(self, cameras: tuple[str, ...], microphones: tuple[str, ...]) -> None:
        self.found: Any = None
        self._later = {"camera": cameras, "microphone": microphones}
        self.picked: dict[str, str | None] = {}
        self.searches = 0
        self.sound: Sound | None = None

    def search(self) -> None:
        """Find everything at once."""
        self.searches += 1
        self.found = dict(self._later)

    def pick(self, kind: str, name: str | None) -> None:
        """Keep it for the test."""
        self.picked[kind] = name

    def snapshot(self) -> Snapshot:
        """A picture if there is a camera, a level if there is a microphone."""
        now = moment((), plain((10, 120, 10)))
        sources = ((CAMERA,) if self.picked.get("camera") else ()) + (
            (MICROPHONE,) if self.picked.get("microphone") else ()
        )
        frame = now.frame if self.picked.get("camera") else None
        return replace(now, frame=frame, visual=None, sound=self.sound, sources=sources)


def opened(qtbot: QtBot, stand: Stand) -> Wizard:
    window = Wizard(stand, Looks(language="en"))
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.look()
    return window


def test_the_first_of_each_is_tried_and_enter_takes_them(qtbot: QtBot, qapp: object) -> None:
    stand = Stand(("Front", "Desk"), ("Headset", "Array"))
    window = opened(qtbot, stand)
    assert stand.picked == {"camera": "Front", "microphone": "Headset"}
    assert window.picture.frame is not None
    qtbot.keyClick(window, Key.Key_Return)
    assert window.answer == ("Front", "Headset")
    assert not window.isVisible()


def test_on_a_small_screen_it_opens_no_larger_than_that(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Stand(("Front",), ("Headset",)))
    screen = window.screen()
    assert screen is not None
    room = screen.availableSize()
    assert room.width() < 1280, "that of the tests is a small one"
    assert (window.width(), window.height()) == (room.width(), min(room.height(), 720))


def test_arrows_and_tab_pick_others_and_none(qtbot: QtBot, qapp: object) -> None:
    stand = Stand(("Front", "Desk"), ("Headset",))
    window = opened(qtbot, stand)
    qtbot.keyClick(window, Key.Key_Down)
    assert stand.picked["camera"] == "Desk"
    for _ in range(5):
        qtbot.keyClick(window, Key.Key_Down)
    assert stand.picked["camera"] is None
    qtbot.keyClick(window, Key.Key_Up)
    qtbot.keyClick(window, Key.Key_Tab)
    qtbot.keyClick(window, Key.Key_Down)
    assert stand.picked == {"camera": "Desk", "microphone": None}
    qtbot.keyClick(window, Key.Key_Enter)
    assert window.answer == ("Desk", None)


def test_a_click_picks_what_it_hits(qtbot: QtBot, qapp: object) -> None:
    stand = Stand(("Front", "Desk"), ("Headset", "Array"))
    window = opened(qtbot, stand)
    view = window.choices["microphone"]
    place = view._row(2).center().toPoint()
    qtbot.mouseClick(view, QtCore.Qt.MouseButton.LeftButton, pos=place)
    assert stand.picked["microphone"] == "Array"
    assert view.focused


def test_with_no_device_at_all_it_says_what_to_do_and_does_not_start(qtbot: QtBot, qapp: object) -> None:
    stand = Stand((), ())
    window = opened(qtbot, stand)
    assert "Plug one in" in window.meter.told
    window.grab()
    qtbot.keyClick(window, Key.Key_Return)
    window.look()
    assert window.isVisible()
    assert "nothing to recognise" in window.meter.told
    stand._later["camera"] = ("Desk",)
    qtbot.keyClick(window, Key.Key_R)
    window.look()
    assert stand.picked["camera"] == "Desk"
    qtbot.keyClick(window, Key.Key_Return)
    assert window.answer == ("Desk", None)


def test_what_was_picked_stays_picked_when_devices_are_searched_again(qtbot: QtBot, qapp: object) -> None:
    stand = Stand(("Front", "Desk"), ("Headset",))
    window = opened(qtbot, stand)
    qtbot.keyClick(window, Key.Key_Down)
    stand._later["camera"] = ("New", "Front", "Desk")
    qtbot.keyClick(window, Key.Key_R)
    window.look()
    assert window.choices["camera"].chosen == 2
    assert stand.picked["camera"] == "Desk"


def test_escape_leaves_without_an_answer(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Stand(("Front",), ()))
    qtbot.keyClick(window, Key.Key_Escape)
    assert window.answer is None
    assert not window.isVisible()


def test_a_voice_is_heard_and_a_muted_microphone_is_told(qtbot: QtBot, qapp: object) -> None:
    stand = Stand(("Front",), ("Headset", "Array"))
    window = opened(qtbot, stand)

    def hear(levels: list[float], begin: float) -> str:
        for n, level in enumerate(levels):
            stand.sound = Sound(begin + 0.05 * n, level, 0.0, False, None)
            window.look()
        return window.meter.told

    assert hear([-55.0] * 40, NOW) == "Say a few words."
    assert hear([-25.0] * 12, NOW + 2) == "I hear you"
    assert window.meter.good
    assert hear([-55.0] * 40, NOW + 3) == "I hear you"  # it was heard
    window._focus("microphone")
    qtbot.keyClick(window, Key.Key_Down)
    assert hear([-120.0] * 100, NOW + 6) == "nothing is heard: is it muted?"


def test_steady_noise_is_no_voice() -> None:
    ear = Ear()
    for n in range(200):
        ear.feed(0.05 * n, -30.0 + (n % 3))
    assert not ear.heard
    assert not ear.silent

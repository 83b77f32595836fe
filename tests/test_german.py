"""A window in German says what happens in German, too."""

from dataclasses import replace
from pathlib import Path

import pytest
from parts.kiosk import Room
from parts.moments import CAMERA, MICROPHONE, Double, Noted, history, moment
from parts.windows import RAW, opened, redraw
from pytestqt.qtbot import QtBot

from realtime_cer.records import Meters
from realtime_cer.told import Told
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.kiosk.window import KioskWindow
from realtime_cer.ui.text import GERMAN

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key
IN_GERMAN = replace(RAW, language="de")

LOST = Meters(
    stages={},
    queues={},
    drops={"camera frozen": 2, "fault of static": 1, "camera": 3, "late": 0},
    rung=0,
    rung_name="full",
    memory_mib=412.4,
    stalled=("sound", "reload-video"),
)


def test_a_line_for_the_user_changes_its_language_at_once(qtbot: QtBot, qapp: object) -> None:
    desk = Noted()
    desk.told = (1, Told("no recording runs: nothing is marked"))
    window = opened(qtbot, Double(moment(history(5))), desk=desk)
    assert window.heading.told == "no recording runs: nothing is marked"
    qtbot.keyClick(window, Key.Key_G)
    assert window.heading.told == "es läuft kein Mitschnitt: nichts ist markiert"
    desk.told = (2, Told("the {kind} cannot change while a recording runs: end that first", kind="microphone"))
    redraw(window)
    assert window.heading.told == "Mikrofon: kein Wechsel, solange ein Mitschnitt läuft; erst diesen beenden"


def test_what_is_the_matter_with_a_source_stands_behind_the_key_that_is_named(qtbot: QtBot, qapp: object) -> None:
    lost = replace(MICROPHONE, state="retrying", detail="microphone default: unplugged: trying again")
    opening = replace(CAMERA, state="opening", detail="opening camera 0", dropped=0)
    now = replace(moment(history(5)), sources=(opening, lost), meters=LOST)
    window = opened(qtbot, Double(now), IN_GERMAN)
    assert [line for line, _ in window.status.sources] == [
        "Kamera 0 wird geöffnet",
        "Mikrofon default neuer Versuch · Grund: F12",
    ]
    assert [one.cap for one in BINDINGS if one.action == "meters"] == ["F12"]
    qtbot.keyClick(window, Key.Key_F12)
    assert window.meters.facts[-2:] == (
        ("Mikrofon", "neuer Versuch · 4100 erhalten, 0 verloren"),
        ("warum", "unplugged: trying again"),
    )


def test_what_was_lost_and_what_stands_still_is_said_in_german(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(replace(moment(history(5)), meters=LOST)), IN_GERMAN)
    qtbot.keyClick(window, Key.Key_F12)
    facts = dict(window.meters.facts)
    assert facts[GERMAN.drops] == "eingefrorene Bilder 2, Fehler statisch 1, Kamera 3"
    assert facts[GERMAN.stalled] == "Ton, Bild wird neu begonnen"
    assert GERMAN.why not in facts, "nothing is the matter with the sources"


def test_a_kiosk_names_no_key_that_does_nothing_in_it(
    qtbot: QtBot, qapp: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "room"))
    room = Room()
    window = KioskWindow(room.control, "test", "none", "equal", IN_GERMAN, room.booth(), room.clock)
    qtbot.addWidget(window)
    window.resize(1280, 720)
    window.show()
    for _ in range(10):
        room.pass_s(0.2, 1)
        window.look()
    qtbot.keyClick(window, Key.Key_Space)
    assert window.live is not None
    lost = replace(MICROPHONE, state="retrying", detail="microphone default: unplugged: trying again")
    window.live.draw(replace(room.control.now, sources=(lost,)))
    assert [line for line, _ in window.live.status.sources] == ["Mikrofon default neuer Versuch"]
    window.close()

"""Keys in the real window: each in the list does what it says, and no other does anything."""

from dataclasses import replace

import pytest
from parts.moments import NOW, Double, Noted, decision, history, moment, people
from parts.windows import RAW, opened, redraw
from pytestqt.qtbot import QtBot

from realtime_cer.records import Meters, StageMeter
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.text import ENGLISH

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key
pytestmark = pytest.mark.usefixtures("english")


def test_space_pauses_and_goes_on(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    qtbot.keyClick(window, Key.Key_Space)
    assert control.paused
    assert window.picture.overlay.paused
    assert window.picture.accessibleName().startswith("paused")
    held = window.verdict.said
    control.now = moment([decision(99, NOW, 5, here=(), face=False)])
    redraw(window)
    assert window.verdict.said == held
    qtbot.keyClick(window, Key.Key_Space)
    assert not control.paused
    assert not window.picture.overlay.paused
    assert window.verdict.said.text == "abstains: no face in the picture"


def test_full_screen_and_back(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))))
    assert not window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    assert not window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.isFullScreen()
    qtbot.keyClick(window, Key.Key_Escape)
    assert window.isVisible()
    qtbot.keyClick(window, Key.Key_X)
    assert window.isVisible()


def test_q_closes(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))))
    with qtbot.waitSignal(window.closed, timeout=500):
        qtbot.keyClick(window, Key.Key_Q)
    assert not window.isVisible()


METERS = Meters(
    stages={"face": StageMeter(9.1, 14.2, 40.0, 5.0), "draw": StageMeter(3.0, 8.25, 30.0, 33.3)},
    queues={"grid": 1, "rows": 0},
    drops={"overtaken": 3, "late": 0},
    rung=1,
    rung_name="smaller preview",
    memory_mib=412.4,
    stalled=("video",),
)


def test_every_key_in_the_list_does_something_and_no_other_does(qtbot: QtBot, qapp: object) -> None:
    control, desk = Double(people(2)), Noted()
    window = opened(qtbot, control, RAW, desk)

    def state() -> tuple[object, ...]:
        picture, shown = window.picture, [panel.isVisibleTo(window) for panel in window.panels.values()]
        return (
            *(window.control.paused, window.isFullScreen(), window.isVisible(), window.theme, window.presenter.seconds),
            *(picture.landmarks, picture.crop, picture.mirrored, shown),
            *(list(control.asked), list(desk.asked), desk.muted, desk.recording),
        )

    for one in BINDINGS:
        for key in one.keys:
            qtbot.keyClick(window, Key.Key_D) if one.action == "back" else None
            if one.action == "rougher":
                qtbot.keyClick(window, Key.Key_Plus)
            before = state()
            qtbot.keyClick(window, key)
            assert state() != before or key > Key.Key_2, one  # only two are there to be chosen
            if window.keys.isVisible() or window.choices.isVisible():
                qtbot.keyClick(window, Key.Key_Escape)
    assert not window.isVisible()
    window.show()
    before = state()
    for key in {Key.Key_X, Key.Key_F5, Key.Key_Return} - {key for one in BINDINGS for key in one.keys}:
        qtbot.keyClick(window, key)
    assert state() == before
    assert {one.action for one in BINDINGS} == set(ENGLISH.keys)


def test_the_list_of_keys_opens_and_any_key_closes_it(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    qtbot.keyClick(window, Key.Key_Question)
    assert window.keys.isVisible()
    qtbot.keyClick(window, Key.Key_Space)
    assert not window.keys.isVisible()
    assert not control.paused


def test_f12_shows_the_meters_and_hides_them_again(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    assert not window.meters.isVisible()
    qtbot.keyClick(window, Key.Key_F12)
    assert window.meters.isVisible()
    assert window.meters.geometry() == window.curves.geometry()
    assert window.meters.accessibleName() == "no meters yet"
    control.now = replace(control.now, meters=METERS)
    redraw(window)
    assert window.meters.table == (
        ("ms", "p50", "p95", "worst", "per s"),
        ("face", "9.1", "14.2", "40.0", "5.0"),
        ("draw", "3.0", "8.2", "30.0", "33.3"),
    )
    facts = dict(window.meters.facts)
    assert facts["rung"] == "1 · smaller preview"
    assert facts["memory"] == "412 MiB"
    assert facts["queues"] == "pictures 1, rows 0"
    assert facts["dropped"] == "overtaken 3"
    assert facts["stalled"] == "video"
    assert facts["camera"] == "live · 12034 in, 3 lost"
    qtbot.keyClick(window, Key.Key_F12)
    assert not window.meters.isVisible()
    assert window.curves.isVisible()


def test_what_is_not_done_is_always_told(qtbot: QtBot, qapp: object) -> None:
    control = Double(replace(moment(history(5)), meters=METERS))
    window = opened(qtbot, control)
    assert window.status.rung == "doing less: smaller preview"
    control.now = replace(control.now, meters=replace(METERS, rung=0, rung_name="full"))
    redraw(window)
    assert window.status.rung == ""

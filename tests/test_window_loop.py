"""The event loop around the window: rows pass through it, whatever is raised comes out, and it ends when told to."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from parts.moments import NOW, Double, decision, history, moment
from parts.perception import tiny_perception
from parts.talking import Talking
from parts.windows import HEADING, redraw

from realtime_cer.commands.window import watch_window
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.records import Decision
from realtime_cer.ui import app, words
from realtime_cer.ui.app import View, show
from realtime_cer.ui.text import ENGLISH
from realtime_cer.ui.window import Window

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key
pytestmark = pytest.mark.usefixtures("english")


# The event loop.


def press_later(key: Any, ms: int) -> None:
    """A key press from within the event loop, for the window that is open then."""
    from PyQt6.QtTest import QTest
    from PyQt6.QtWidgets import QApplication

    def press() -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, Window) and widget.isVisible():
                QTest.keyClick(widget, key)

    QtCore.QTimer.singleShot(ms, press)


def test_rows_pass_through_until_the_window_is_closed(qapp: object) -> None:
    def endless() -> Iterator[Decision]:
        seq = 0
        while True:
            time.sleep(0.02)
            yield decision(seq, NOW + seq * 0.2, 1)
            seq += 1

    press_later(Key.Key_Q, 400)
    begun = time.monotonic()
    rows = list(watch_window(Double(moment(history(5))), endless(), **HEADING))
    assert time.monotonic() - begun < 2
    assert len(rows) >= 5
    assert [row.seq for row in rows] == list(range(len(rows)))


def test_the_window_closes_by_itself_after_the_last_row(qapp: object) -> None:
    given = [decision(seq, NOW + seq * 0.2, 1) for seq in range(50)]
    control = Double(moment(history(5)))
    for ended in (False, True):
        control.ended = ended
        begun = time.monotonic()
        assert list(watch_window(control, iter(given), **HEADING)) == given
        assert time.monotonic() - begun < (2.5 if ended else 1)  # an end is shown for a moment


def test_what_the_recogniser_raises_comes_out(qapp: object) -> None:
    def failing() -> Iterator[Decision]:
        yield decision(0, NOW)
        raise RuntimeError("a thread died")

    rows = watch_window(Double(moment(history(5))), failing(), **HEADING)
    assert next(rows).seq == 0
    with pytest.raises(RuntimeError, match="a thread died"):
        list(rows)


def test_what_a_slot_raises_comes_out(qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    control = Double(moment(history(5)))
    with View(control, **HEADING) as view:
        monkeypatch.setattr(control, "now", None)
        with pytest.raises(AttributeError):
            view.turn(lambda: False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_ctrl_c_comes_out(qapp: object) -> None:
    with View(Double(moment(history(5))), **HEADING) as view:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            view.turn(lambda: False)
        assert time.monotonic() - begun < 1.5


def test_it_ends_with_what_it_shows(qapp: object) -> None:
    control = Double(moment(history(5)))
    control.ended = True
    begun = time.monotonic()
    show(control, **HEADING)
    assert time.monotonic() - begun < 2


def test_files_are_made_whole_before_a_lost_display_ends_the_process(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(app, "end", told.append)
    for lost, line in ((lambda: told.append("whole"), ""), (lambda: 1 / 0, "; division by zero")):
        with View(Double(moment(history(5))), **HEADING, lost=lost):
            app._message(QtCore.QtMsgType.QtWarningMsg, None, "some chatter")
            assert told == []
            app._message(QtCore.QtMsgType.QtWarningMsg, None, "The X11 connection broke (error 1).")
        assert told[-1] == f"the display has gone, and the window with it{line}"
        assert told[:-1] == ([] if line else ["whole"])
        told.clear()


def test_over_a_real_recogniser_rows_and_window_agree_and_all_ends_in_two_seconds(qapp: object) -> None:
    from PyQt6.QtWidgets import QApplication

    config = Config()
    before = set(threading.enumerate())
    shown: dict[int, str] = {}
    rows = []
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("camera", Talking())]) as live:
        press_later(Key.Key_Q, 2500)
        for row in watch_window(live, live.decisions(), **HEADING):
            rows.append(row)
            for window in QApplication.topLevelWidgets():
                if isinstance(window, Window) and window.isVisible():
                    if window.presenter.seconds:
                        window.presenter.smooth(0.0)
                    redraw(window)
                    assert window.curves.shown is not None
                    shown[window.curves.shown.seq] = window.verdict.said.text
            quitting = time.monotonic()
    assert time.monotonic() - quitting < 2
    until = time.monotonic() + 2
    while set(threading.enumerate()) - before and time.monotonic() < until:
        time.sleep(0.02)
    assert not set(threading.enumerate()) - before
    assert len(rows) >= 10
    by_seq = {row.seq: row for row in rows}
    assert len(shown) >= 8
    for seq, text in shown.items():
        best = words.strongest(by_seq[seq])
        named = by_seq[seq].label
        assert text == (
            f"{named} {best[1]:.2f}" if named and best else f"abstains: {words.reason(ENGLISH, by_seq[seq].reason)}"
        )
    assert any(row.label for row in rows)

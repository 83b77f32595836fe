"""Qt's event loop around one window, in slices: the caller keeps the main thread."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Generic, Self, TypeVar

import pyqtgraph as pg
from PyQt6.QtCore import QEventLoop, QMessageLogContext, Qt, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtWidgets import QApplication

from realtime_cer.control import Control, Desk
from realtime_cer.ui.kiosk.booth import Booth
from realtime_cer.ui.kiosk.window import KioskWindow
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.screen import screen_available
from realtime_cer.ui.window import Window
from realtime_cer.ui.wizard import Wizard

__all__ = ["Stage", "View", "screen_available", "show"]

_LOOK_MS = 20
_LINGER_MS = 1200
_LOST = "connection broke"
"""What Qt says, on X11 and on Wayland, just before it ends the process because the display has gone."""

Shown = TypeVar("Shown", bound=Window | KioskWindow | Wizard)

_PATIENCE_S = 5.0
_FAULT = 1


class Stage(Generic[Shown]):
    """An open window, as a context manager.

    Qt has the main thread only while ``turn`` is called, many times a second. Signals are handled while it has it, and
    whatever a slot raises is raised by the call.

    Parameters
    ----------
    make : makes the window, once Qt is there
    lost : called when the display itself goes away, in the middle of anything; has a moment to make files whole.
        Qt cannot live without its display: the process ends after it with one line and exit code 1.
    """

    def __init__(self, make: Callable[[], Shown], lost: Callable[[], object] | None = None) -> None:
        self._error: BaseException | None = None
        self._loop: QEventLoop | None = None
        self._hook = sys.excepthook
        self._lost = lost
        self.app = application()
        self.window = make()
        self.open = True
        self.window.closed.connect(self._closed)

    def __enter__(self) -> Self:
        sys.excepthook = self._raised
        if self._lost is not None:
            _mourners.append(self._lost)
        self.window.show()
        self.window.activateWindow()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.window.close()
        self.window.deleteLater()
        self.app.processEvents()
        sys.excepthook = self._hook
        if self._lost is not None:
            _mourners.remove(self._lost)
        if error is None:
            self._check()

    def turn(self, enough: Callable[[], bool]) -> None:
        """Let the window live until ``enough`` says so or it is closed.

        Raises
        ------
        BaseException
            Whatever a slot raised, ``KeyboardInterrupt`` of a signal among it.
        """
        self._check()
        if not self.open or enough():
            return
        loop = self._loop = QEventLoop()

        def look() -> None:
            if enough():
                loop.quit()

        # Python handles signals when this timer wakes it, if nothing else does.
        looking = QTimer()
        looking.timeout.connect(look)
        looking.start(_LOOK_MS)
        try:
            loop.exec()
        finally:
            looking.stop()
            self._loop = None
        self._check()

    def _check(self) -> None:
        """Raise what a slot raised."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def linger(self) -> None:
        """Show the last state for a moment, so that an end is seen as one."""
        over: list[bool] = []
        QTimer.singleShot(_LINGER_MS, lambda: over.append(True))
        self.turn(lambda: bool(over))

    def _closed(self) -> None:
        self.open = False
        if self._loop is not None:
            self._loop.quit()

    def _raised(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Keep the first error of a slot for ``turn``: Qt would end the process."""
        self._error = self._error or error.with_traceback(trace)
        if self._loop is not None:
            self._loop.quit()


class View(Stage[Window | KioskWindow]):
    """An open window over a recogniser, which closing it leaves alone.

    Parameters
    ----------
    control : what the window shows and steers
    title, rule, weights : shown in its first line
    lost : as of ``Stage``
    looks : how the window looks at first
    booth : makes a kiosk of it
    desk : does what the controls ask for; a kiosk has none
    """

    def __init__(
        self,
        control: Control,
        *,
        title: str,
        rule: str,
        weights: str,
        lost: Callable[[], object] | None = None,
        looks: Looks | None = None,
        booth: Booth | None = None,
        desk: Desk | None = None,
    ) -> None:
        def make() -> Window | KioskWindow:
            if booth is None:
                return Window(control, title, rule, weights, looks or Looks(), desk)
            return KioskWindow(control, title, rule, weights, looks or Looks(), booth)

        super().__init__(make, lost)


_mourners: list[Callable[[], object]] = []
"""What is called when the display has gone."""


def _message(kind: QtMsgType, context: QMessageLogContext | None, text: str | None) -> None:
    """Keep Qt's chatter off the terminal, but for what ends the process."""
    if text and _LOST in text:
        _bury("the display has gone, and the window with it")
    elif kind == QtMsgType.QtFatalMsg:
        end(f"the window cannot be opened: {' '.join((text or '').split())}")


def _bury(line: str) -> None:
    """Let the callers make their files whole, for so long as a user waits; then end."""
    last = threading.Timer(_PATIENCE_S, end, [line])
    last.daemon = True
    last.start()
    try:
        for mourner in list(_mourners):
            mourner()
    except Exception as error:
        line = f"{line}; {error}"
    finally:
        last.cancel()
        end(line)


def end(line: str) -> None:
    """Say why, and end at once: Qt is about to end the process in a way that could hang in other threads."""
    print(f"realtime-cer: {line}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(_FAULT)


@cache
def application() -> QApplication:
    """The one application, made when it is first wanted and kept: Qt can be started only once in a process."""
    qInstallMessageHandler(_message)
    held = QApplication.instance()
    if isinstance(held, QApplication):
        return held
    pg.setConfigOptions(antialias=True, useOpenGL=False)
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication(["realtime-cer"])
    app.setApplicationName("realtime-cer")
    # Closing the window ends its loop, not everything that Qt does in this process from then on.
    app.setQuitOnLastWindowClosed(False)
    return app


def show(control: Control, *, title: str, rule: str, weights: str) -> None:
    """Open a window over a recogniser until it is closed, or shortly after nothing more will come.

    Raises
    ------
    BaseException
        Whatever a slot raised, ``KeyboardInterrupt`` of a signal among it.
    """
    with View(control, title=title, rule=rule, weights=weights) as view:
        view.turn(lambda: control.ended)
        if view.open:
            view.linger()

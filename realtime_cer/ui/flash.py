"""A full screen that flashes when it is told to, and says when it did.

No method of Qt's is written anew here, so nothing of Python runs inside Qt: an interrupt is raised to the caller.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from PyQt6.QtCore import QEventLoop, Qt
from PyQt6.QtGui import QColor, QKeySequence, QPalette, QShortcut
from PyQt6.QtWidgets import QLabel

from realtime_cer.palette import QUIET
from realtime_cer.ui.app import application
from realtime_cer.ui.theme import font

_NAP_S: Final = 0.004
_PATIENCE_S: Final = 3.0
_LETTERS: Final = 22


class FlashScreen:
    """A black full-screen window that can be made white; a context manager for the main thread.

    The whole of it flashes: a webcam above the screen sees it as light on a face.

    Parameters
    ----------
    text : stands in its middle, legible on black only
    clock : in seconds
    """

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = application()
        self._clock = clock
        self._window = window = QLabel(text)
        window.setWindowTitle("realtime-cer clap test")
        window.setAlignment(Qt.AlignmentFlag.AlignCenter)
        window.setFont(font(_LETTERS))
        window.setAutoFillBackground(True)
        window.setCursor(Qt.CursorShape.BlankCursor)
        for key in (Qt.Key.Key_Escape, Qt.Key.Key_Q):
            QShortcut(QKeySequence(key), window).activated.connect(window.close)
        self._colour(bright=False)

    def __enter__(self) -> Self:
        window = self._window
        if (screen := self._app.primaryScreen()) is not None:
            window.setGeometry(screen.geometry())  # a display without a window manager makes nothing larger
        window.showFullScreen()
        window.activateWindow()
        until = self._clock() + _PATIENCE_S
        while self._clock() < until and not ((handle := window.windowHandle()) and handle.isExposed()):
            self._live()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._window.close()
        self._window.deleteLater()
        self._app.processEvents()

    @property
    def open(self) -> bool:
        """False once somebody closed it."""
        return self._window.isVisible()

    def wait_until(self, enough: Callable[[], bool]) -> bool:
        """Let the window live until ``enough`` says so; gives whether it is still open."""
        while self.open and not enough():
            self._live()
        return self.open

    def flash(self, bright: bool) -> float:
        """Make it white or black; gives when the window system had it.

        From there to the light a compositor takes one or two refreshes, and the panel some milliseconds: nobody tells.
        """
        self._colour(bright)
        self._window.repaint()
        self._app.sync()
        return self._clock()

    def _colour(self, bright: bool) -> None:
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, QColor("white" if bright else "black"))
        palette.setColor(QPalette.ColorRole.WindowText, QColor(QUIET))
        self._window.setPalette(palette)

    def _live(self) -> None:
        self._app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
        time.sleep(_NAP_S)

"""The parts of the wizard: lists to pick from, and a meter that tells whether somebody is heard."""

from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import bar, dot, write

Kind = Literal["camera", "microphone"]

_QUIETEST_DB: Final = -60.0


class Ear:
    """Whether somebody is heard: 0.3 s out of one second clearly above the quietest of the last seconds. Pure."""

    _SPAN_S, _ENOUGH_S = 4.0, 0.3
    _ABOVE_DB, _LEAST_DB, _NOTHING_DB = 12.0, -50.0, -85.0

    def __init__(self) -> None:
        self.heard = False
        self._levels: deque[tuple[float, float]] = deque()

    @property
    def silent(self) -> bool:
        """Whether there is no sound at all, as of one that is muted."""
        spans = self._levels and self._levels[-1][0] - self._levels[0][0] >= 0.75 * self._SPAN_S
        return bool(spans) and max(level for _, level in self._levels) < self._NOTHING_DB

    def feed(self, t: float, level_db: float) -> None:
        """Take in a level at a time in seconds; the same time again changes nothing."""
        if self._levels and t <= self._levels[-1][0]:
            return
        self._levels.append((t, level_db))
        while self._levels[0][0] < t - self._SPAN_S:
            self._levels.popleft()
        least = max(min(level for _, level in self._levels) + self._ABOVE_DB, self._LEAST_DB)
        steps = zip(self._levels, list(self._levels)[1:], strict=False)
        loud = sum(b[0] - a[0] for a, b in steps if b[0] > t - 1.0 and b[1] >= least)
        self.heard |= loud >= self._ENOUGH_S


class ChoiceView(Panel):
    """Devices of one kind, one under the other; the last row is to go on without.

    Attributes
    ----------
    names : what is there
    chosen : index into the rows
    """

    def __init__(self, parent: QWidget, kind: Kind, picked: Callable[[Kind, int], None]) -> None:
        super().__init__(parent, kind, padding=18)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.kind, self._picked = kind, picked
        self.names: tuple[str, ...] = ()
        self.chosen = 0
        self.focused = False

    @property
    def rows(self) -> tuple[str, ...]:
        """What is listed."""
        return (*self.names, self.text.wizard.without)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint head and rows."""
        painter = QPainter(self)
        self.ground(painter)
        theme = self.theme
        if self.focused:
            painter.setPen(QPen(QColor(theme.calm), max(2 * self.unit, 1.0)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10 * self.unit, 10 * self.unit)
        head = self._row(0)
        write(painter, head, getattr(self.text.wizard, self.kind), self.px(17), theme.ink, bold=True)
        for n, name in enumerate(self.rows):
            row = self._row(n + 1)
            on = n == self.chosen
            # Going on without is a choice, but not a device that is there.
            mark = self.drawn(palette.GOOD if n < len(self.names) else palette.QUIET) if on else QColor(theme.calm)
            dot(painter, row.left() + self.px(9), row.center().y(), self.px(7), mark, filled=on)
            ink = theme.ink if on else theme.dim
            write(painter, row.adjusted(self.px(28), 0, 0, 0), name, self.px(16), ink)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Pick the row under the mouse."""
        if event is None:
            return
        for n in range(len(self.rows)):
            if self._row(n + 1).contains(event.position()):
                self._picked(self.kind, n)

    def _row(self, n: int) -> QRectF:
        area = self.inside()
        tall = min(self.px(32), area.height() / (len(self.rows) + 1))
        return QRectF(area.left(), area.top() + n * tall, area.width(), tall)


class MeterView(Panel):
    """How loud it is, and whether a voice came through; or what to do about it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "meter", padding=18)
        self.level_db: float | None = None
        self.told, self.good = "", False

    def show_level(self, level_db: float | None, told: str, *, good: bool) -> None:
        """Take the newest."""
        if (level_db, told, good) != (self.level_db, self.told, self.good):
            self.level_db, self.told, self.good = level_db, told, good
            self.tell(told)
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint words and meter."""
        painter = QPainter(self)
        self.ground(painter)
        area, size = self.inside(), self.px(17)
        line = QRectF(area.left(), area.top(), area.width(), size * 1.6)
        ink = self.drawn(palette.GOOD) if self.good else QColor(self.theme.ink)
        if self.good:
            dot(painter, line.left() + size * 0.4, line.center().y(), size * 0.4, ink)
            line.setLeft(line.left() + size * 1.3)
        write(painter, line, self.told, size, ink, bold=self.good)
        if self.level_db is not None:
            share = 1 - self.level_db / _QUIETEST_DB
            meter = QRectF(area.left(), area.bottom() - self.px(14), area.width(), self.px(12))
            bar(painter, meter, share, self.drawn(palette.MODELS[2]), self.theme.track)

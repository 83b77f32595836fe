"""The controls: a bar of large buttons over the lower edge of the window, and a list to choose from above it."""

from collections.abc import Mapping, Sequence
from typing import Final

from PyQt6.QtCore import QPointF, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from realtime_cer.control import Choice
from realtime_cer.palette import GOOD
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import CENTRE, RIGHT, dot, fitting, write

BUTTONS: Final = (
    *("camera", "microphone", "mute", "rule", "weights", "smoothing", "calibrate", "picture"),
    *("record", "moment", "mark", "snapshot", "theme", "language", "full_screen", "keys"),
)
"""What the bar offers, by the names of ``Text.controls``: what is decided, and by what, over what is shown and kept."""

LISTS: Final = ("camera", "microphone", "rule", "weights", "smoothing")
"""Those that open a list."""

_HEIGHT, _ROW, _MOST = 58, 48, 9
_LINES = 2
_FINGER = 48
"""Nothing that is pressed is lower, in pixels, however small the window."""

_CAPS: Final = {one.action: one.cap for one in BINDINGS} | {"smoothing": "+ −"}


def columns_of(buttons: Sequence[str]) -> int:
    """How many buttons there are in a line of the bar."""
    return -(-len(buttons) // _LINES)


class _Touched(Panel):
    """A panel that is pressed; it lies over others."""

    pressed = pyqtSignal(str)

    def __init__(self, parent: QWidget, name: str) -> None:
        super().__init__(parent, name, padding=8)
        self.lift()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.hide()

    def targets(self) -> Mapping[str, QRectF]:
        """Where what may be pressed lies, by its name."""
        raise NotImplementedError

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Tell what was pressed; the panel keeps the event, also where nothing was."""
        if event is None:
            return
        for name, rect in self.targets().items():
            if rect.contains(event.position()):
                self.pressed.emit(name)
                return

    def frame(self, painter: QPainter) -> None:
        """The ground, with an edge that lifts it off what lies below."""
        self.ground(painter)
        painter.setPen(QPen(QColor(self.theme.calm), self.unit))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        edge = self.unit
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge), 10 * edge, 10 * edge)


class ControlsView(_Touched):
    """The bar: every button says what it is, how it is set, and its key.

    Attributes
    ----------
    buttons : what it offers
    values : how each is set, in words
    lit : those that are on
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "controls")
        self.buttons: tuple[str, ...] = BUTTONS
        self.values: dict[str, str] = {}
        self.lit: frozenset[str] = frozenset()

    def place(self, width: int, height: int) -> QRect:
        """Where it goes in a window of a size."""
        edge = self.px(16)
        tall = min(_LINES * max(self.px(_HEIGHT), _FINGER), height // 3)
        return QRect(edge, height - tall - edge, max(width - 2 * edge, 1), tall)

    def set_values(self, values: Mapping[str, str], lit: frozenset[str]) -> None:
        """Show how everything is set."""
        if (dict(values), lit) != (self.values, self.lit):
            self.values, self.lit = dict(values), lit
            said = [f"{self.text.controls[name]} {self.values.get(name, '')}".strip() for name in self.buttons]
            self.tell(", ".join(said))
            self.update()

    def targets(self) -> Mapping[str, QRectF]:
        """The buttons, in two lines and without gaps."""
        area, tall = self.inside(), self.height() / _LINES
        wide = area.width() / columns_of(self.buttons)
        places = {one: divmod(n, columns_of(self.buttons)) for n, one in enumerate(self.buttons)}
        return {one: QRectF(area.left() + x * wide, y * tall, wide, tall) for one, (y, x) in places.items()}

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint caption and key, and the value under them."""
        painter = QPainter(self)
        self.frame(painter)
        theme = self.theme
        for name, rect in self.targets().items():
            inner = rect.adjusted(self.px(10), self.px(8), -self.px(10), -self.px(8))
            painter.setPen(QPen(QColor(theme.track), self.unit))
            if rect.top() > 0:
                painter.drawLine(rect.topLeft(), rect.topRight())
            if rect.left() > self.inside().left():
                painter.drawLine(QPointF(rect.left(), inner.top()), QPointF(rect.left(), inner.bottom()))
            half = inner.height() / 2
            upper = QRectF(inner.left(), inner.top(), inner.width(), half)
            lower = QRectF(inner.left(), inner.top() + half, inner.width(), half)
            caption, cap = self.text.controls[name], _CAPS[name]
            used = write(painter, upper, cap, self.px(12), theme.faint, bold=True, align=RIGHT) + self.px(5)
            room = max(upper.width() - used, 1.0)
            size = fitting(caption, room, self.px(13), self.px(9), bold=False)
            write(painter, QRectF(upper.left(), upper.top(), room, half), caption, size, theme.dim)
            value = self.values.get(name, "")
            x = 0.0
            if name in self.lit:
                x = self.px(14)
                dot(painter, lower.left() + self.px(5), lower.center().y(), self.px(4), self.drawn(GOOD))
            size = fitting(value, max(lower.width() - x, 1.0), self.px(16), self.px(10))
            write(painter, lower.adjusted(x, 0, 0, 0), value, size, theme.ink, bold=True)


class ChoicesView(_Touched):
    """A list to choose from; keys move a mark in it.

    Attributes
    ----------
    buttons : of the bar below
    what : what is chosen; empty while the list is closed
    choices, chosen, mark : what there is, the value in force, and which row has the mark
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "choices")
        self.buttons: tuple[str, ...] = BUTTONS
        self.what, self.chosen, self.mark = "", "", 0
        self.choices: tuple[Choice, ...] = ()
        self._empty = ""

    def open(self, what: str, choices: Sequence[Choice], chosen: str) -> None:
        """Show a list, the mark on what is in force."""
        self.what, self.mark = what, 0
        self.offer(choices, chosen, "")
        self.mark = next((n for n, one in enumerate(self.choices) if one.value == chosen), 0)

    def offer(self, choices: Sequence[Choice], chosen: str, empty: str) -> None:
        """Take a newer list; ``empty`` is said where it has nothing in it."""
        now = tuple(choices)[:_MOST]
        if (now, chosen, empty) != (self.choices, self.chosen, self._empty):
            self.choices, self.chosen, self._empty = now, chosen, empty
            self.mark = min(self.mark, max(len(now) - 1, 0))
            self.tell(", ".join(one.name for one in now) or empty)
            self.update()

    def shift(self, step: int) -> None:
        """Move the mark."""
        if self.choices:
            self.mark = (self.mark + step) % len(self.choices)
            self.update()

    def place(self, bar: QRect, width: int) -> QRect:
        """Where it goes: above its button."""
        rows = max(len(self.choices), 1) + 1
        wide, tall = min(self.px(430), width), min(max(self.px(_ROW), _FINGER) * rows + self.px(16), bar.top())
        columns = columns_of(self.buttons)
        n = self.buttons.index(self.what) % columns if self.what in self.buttons else 0
        left = bar.left() + bar.width() * n // columns
        return QRect(max(min(left, width - wide - self.px(16)), 0), bar.top() - tall - self.px(8), wide, tall)

    def targets(self) -> Mapping[str, QRectF]:
        """The rows under the title, by their place in the list."""
        area = self.inside()
        step = area.height() / (max(len(self.choices), 1) + 1)
        return {
            str(n): QRectF(area.left(), area.top() + (n + 1) * step, area.width(), step)
            for n in range(len(self.choices))
        }

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a title and a row for each."""
        painter = QPainter(self)
        self.frame(painter)
        theme, area, size = self.theme, self.inside(), self.px(16)
        step = area.height() / (max(len(self.choices), 1) + 1)
        title = self.text.choose.format(what=self.text.controls.get(self.what, self.what))
        head = QRectF(area.left() + self.px(10), area.top(), area.width() - self.px(20), step)
        write(painter, head, title, self.px(13), theme.dim)
        if not self.choices:
            write(painter, head.translated(0, step), self._empty, size, theme.dim)
        for name, row in self.targets().items():
            n = int(name)
            one = self.choices[n]
            if n == self.mark:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(theme.track))
                painter.drawRoundedRect(row, 6 * self.unit, 6 * self.unit)
            inner = row.adjusted(self.px(10), 0, -self.px(10), 0)
            cap = QRectF(inner.left(), inner.top(), self.px(22), inner.height())
            write(painter, cap, str(n + 1), self.px(12), theme.faint, bold=True, align=CENTRE)
            if one.value == self.chosen:
                dot(painter, inner.right() - self.px(6), inner.center().y(), self.px(5), self.drawn(GOOD))
            told = inner.adjusted(self.px(32), 0, -self.px(20), 0)
            fits = fitting(one.name, told.width(), size, self.px(11), bold=False)
            write(painter, told, one.name, fits, theme.ink, bold=one.value == self.chosen)

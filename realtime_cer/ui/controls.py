"""The controls: a bar of large buttons over the lower edge of the window, and a list to choose from above it."""

from collections.abc import Mapping, Sequence
from typing import Final

from PyQt6.QtCore import QPointF, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
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

_HEIGHT, _ROW = 58, 48
_LINES = 2
_MOST = 9
"""A list shows so many rows at once: one for each digit."""

_NOTCH = 120
"""What Qt counts for one notch of a wheel."""

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
    """A list to choose from; keys move a mark in it. Of a long one nine rows are shown, and wheel or mark bring others.

    Attributes
    ----------
    buttons : of the bar below
    what : what is chosen; empty while the list is closed
    choices, chosen, mark : what there is, the value in force, and which row has the mark
    first : which row is shown first
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "choices")
        self.buttons: tuple[str, ...] = BUTTONS
        self.what, self.chosen, self.mark, self.first = "", "", 0, 0
        self.choices: tuple[Choice, ...] = ()
        self._empty = ""
        self._turned = 0

    def open(self, what: str, choices: Sequence[Choice], chosen: str) -> None:
        """Show a list, the mark on what is in force."""
        self.what, self.choices, self.mark, self.first, self._turned = what, (), 0, 0, 0
        self.offer(choices, chosen, "")

    def offer(self, choices: Sequence[Choice], chosen: str, empty: str) -> None:
        """Take a newer list, the mark on what it was on; ``empty`` is said where it has nothing in it."""
        now = tuple(choices)
        if (now, chosen, empty) != (self.choices, self.chosen, self._empty):
            marked = self.choices[self.mark].value if self.choices else chosen
            self.choices, self.chosen, self._empty = now, chosen, empty
            self._put(next((n for n, one in enumerate(now) if one.value == marked), self.mark))
            self.tell(", ".join(one.name for one in now) or empty)

    def shift(self, step: int) -> None:
        """Move the mark, from the last row on to the first."""
        if self.choices:
            self._put((self.mark + step) % len(self.choices))

    def roll(self, step: int) -> None:
        """Show other rows of a long list, and the mark among them."""
        self.first = min(max(self.first + step, 0), self._last())
        self._put(min(max(self.mark, self.first), self.first + _MOST - 1))

    def shown(self) -> range:
        """Which rows are shown."""
        return range(self.first, min(self.first + _MOST, len(self.choices)))

    def _put(self, mark: int) -> None:
        """Put the mark on a row, which is shown then."""
        self.mark = min(mark, max(len(self.choices) - 1, 0))
        self.first = max(min(self.first, self.mark, self._last()), self.mark - _MOST + 1)
        self.update()

    def _last(self) -> int:
        """Which row is the first where the last is shown."""
        return max(len(self.choices) - _MOST, 0)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Scroll by a row for each notch; what turns more finely adds up."""
        if event is not None:
            self._turned += event.angleDelta().y()
            notches = int(self._turned / _NOTCH)
            self._turned -= notches * _NOTCH
            self.roll(-notches)
            event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Tell which row was pressed; the title shows the next rows, for fingers have no wheel."""
        if event is not None and event.position().y() < self.inside().top() + self._step():
            self.roll(_MOST if self.first < self._last() else -self.first)
        else:
            super().mousePressEvent(event)

    def place(self, bar: QRect, width: int) -> QRect:
        """Where it goes: above its button."""
        rows = max(len(self.shown()), 1) + 1
        wide, tall = min(self.px(430), width), min(max(self.px(_ROW), _FINGER) * rows + self.px(16), bar.top())
        columns = columns_of(self.buttons)
        n = self.buttons.index(self.what) % columns if self.what in self.buttons else 0
        left = bar.left() + bar.width() * n // columns
        return QRect(max(min(left, width - wide - self.px(16)), 0), bar.top() - tall - self.px(8), wide, tall)

    def targets(self) -> Mapping[str, QRectF]:
        """The rows that are shown under the title, by their place in the whole list."""
        area, step = self.inside(), self._step()
        return {
            str(n): QRectF(area.left(), area.top() + (row + 1) * step, area.width(), step)
            for row, n in enumerate(self.shown())
        }

    def _step(self) -> float:
        return self.inside().height() / (max(len(self.shown()), 1) + 1)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a title and a row for each."""
        painter = QPainter(self)
        self.frame(painter)
        theme, area, size, step = self.theme, self.inside(), self.px(16), self._step()
        title = self.text.choose.format(what=self.text.controls.get(self.what, self.what))
        head = QRectF(area.left() + self.px(10), area.top(), area.width() - self.px(20), step)
        shown = self.shown()
        place = f"↑↓ {shown.start + 1}–{shown.stop} / {len(self.choices)}" if len(self.choices) > _MOST else ""
        used = write(painter, head, place, self.px(13), theme.ink, bold=True, align=RIGHT)
        write(painter, head.adjusted(0, 0, -used, 0), title, self.px(13), theme.dim)
        if not self.choices:
            write(painter, head.translated(0, step), self._empty, size, theme.dim)
        for digit, (name, row) in enumerate(self.targets().items(), 1):
            n = int(name)
            one = self.choices[n]
            if n == self.mark:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(theme.track))
                painter.drawRoundedRect(row, 6 * self.unit, 6 * self.unit)
            inner = row.adjusted(self.px(10), 0, -self.px(10), 0)
            cap = QRectF(inner.left(), inner.top(), self.px(22), inner.height())
            write(painter, cap, str(digit), self.px(12), theme.faint, bold=True, align=CENTRE)
            if one.value == self.chosen:
                dot(painter, inner.right() - self.px(6), inner.center().y(), self.px(5), self.drawn(GOOD))
            told = inner.adjusted(self.px(32), 0, -self.px(20), 0)
            fits = fitting(one.name, told.width(), size, self.px(11), bold=False)
            write(painter, told, one.name, fits, theme.ink, bold=one.value == self.chosen)

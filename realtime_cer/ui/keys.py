"""Every key of the window, in one table: the handler is made from it, and the panel that lists them."""

from dataclasses import dataclass
from typing import Final

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import CENTRE, RIGHT, fitting, width_of, write

Key = Qt.Key


@dataclass(frozen=True, slots=True)
class Binding:
    """An action, the keys that start it, and what is printed on them; its words are ``Text.keys[action]``."""

    action: str
    keys: tuple[Key, ...]
    cap: str


_DIGITS = tuple(Key(Key.Key_1 + n) for n in range(8))

BINDINGS: Final = (
    Binding("pause", (Key.Key_Space,), "␣"),
    Binding("full_screen", (Key.Key_F11,), "F11"),
    Binding("back", (Key.Key_Escape,), "Esc"),
    Binding("details", (Key.Key_D,), "D"),
    Binding("meters", (Key.Key_F12,), "F12"),
    Binding("landmarks", (Key.Key_L,), "L"),
    Binding("crop", (Key.Key_C,), "C"),
    Binding("picture", (Key.Key_P,), "P"),
    Binding("mirror", (Key.Key_M,), "M"),
    Binding("theme", (Key.Key_T,), "T"),
    Binding("language", (Key.Key_G,), "G"),
    Binding("smoother", (Key.Key_Plus, Key.Key_Equal), "+"),
    Binding("rougher", (Key.Key_Minus,), "−"),
    Binding("choose", _DIGITS, "1–8"),
    Binding("choose_none", (Key.Key_0,), "0"),
    Binding("calibrate", (Key.Key_K,), "K"),
    Binding("controls", (Key.Key_B,), "B"),
    Binding("camera", (Key.Key_V,), "V"),
    Binding("microphone", (Key.Key_A,), "A"),
    Binding("mute", (Key.Key_U,), "U"),
    Binding("rule", (Key.Key_E,), "E"),
    Binding("weights", (Key.Key_W,), "W"),
    Binding("record", (Key.Key_R,), "R"),
    Binding("moment", (Key.Key_H,), "H"),
    Binding("mark", (Key.Key_X,), "X"),
    Binding("snapshot", (Key.Key_S,), "S"),
    Binding("keys", (Key.Key_Question, Key.Key_F1), "?"),
    Binding("quit", (Key.Key_Q,), "Q"),
)

_COLUMNS = 2


class KeysView(Panel):
    """The list of all keys, over the middle of the window.

    Attributes
    ----------
    bindings : those that are listed
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "keys", padding=26)
        self.lift()
        self.bindings: tuple[Binding, ...] = BINDINGS

    def _rows(self) -> int:
        return -(-len(self.bindings) // _COLUMNS)

    def place(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Where it goes in a window of a size: left, top, width, height."""
        size = self.px(15)
        longest = max(width_of(self.text.keys[one.action], size) for one in self.bindings)
        wide = min(round(_COLUMNS * (longest + self.px(90)) + self.px(60)), width)
        tall = min(round((self._rows() + 2.2) * self.px(34) + self.px(40)), height)
        return (width - wide) // 2, (height - tall) // 2, wide, tall

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a cap and a line for each."""
        painter = QPainter(self)
        self.ground(painter)
        theme, area = self.theme, self.inside()
        edge = self.unit
        painter.setPen(QPen(QColor(theme.calm), edge))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge), 10 * edge, 10 * edge)
        rows = self._rows()
        step = area.height() / (rows + 1.6)
        column = area.width() / _COLUMNS
        size = max(min(self.px(15), int(step * 0.56)), 1)
        head = QRectF(area.left(), area.top(), area.width(), step * 1.2)
        write(painter, head, self.text.keys_title, round(size * 1.2), theme.ink, bold=True)
        write(painter, head, self.text.keys_close, size, theme.faint, align=RIGHT)
        for n, one in enumerate(self.bindings):
            side, line = divmod(n, rows)
            row = QRectF(area.left() + side * column, area.top() + (line + 1.6) * step, column - size, step)
            cap = QRectF(row.left(), row.top() + step * 0.1, size * 3, step * 0.8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.track))
            painter.drawRoundedRect(cap, 4 * edge, 4 * edge)
            write(painter, cap, one.cap, size, theme.ink, bold=True, align=CENTRE)
            words = row.adjusted(size * 4, 0, 0, 0)
            told = self.text.keys[one.action]
            write(painter, words, told, fitting(told, words.width(), size, self.px(9), bold=False), theme.dim)

"""The first line: title, how is decided, and where the keys are told."""

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.palette import COMPOUND, WARN
from realtime_cer.ui import words
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import RIGHT, dot, write

RECORDING = COMPOUND[4]
"""The red that people know."""


class HeadingView(Panel):
    """Title, rule, weights, smoothing, and the one key that tells of the others."""

    def __init__(self, parent: QWidget, title: str, rule: str, weights: str) -> None:
        super().__init__(parent, "heading", padding=0)
        self.title, self._rule, self._weights = title, rule, weights
        self.how = ""
        self.told = ""
        self.recording = self._paused = False

    def set_paused(self, on: bool) -> None:
        """Show whether the view is held."""
        if on != self._paused:
            self._paused = on
            self.update()

    def set_told(self, told: str, recording: bool) -> None:
        """Show a line for the user, for as long as it is not empty, and whether a recording runs."""
        if (told, recording) != (self.told, self.recording):
            self.told, self.recording = told, recording
            self.update()

    def show_moment(self, moment: Moment) -> None:
        """Take how is decided, as the newest row says, and how much is smoothed."""
        if (row := moment.snapshot.decision) is not None:
            self._rule, self._weights = row.rule.removeprefix("rule"), row.weights
        smoothing = self.text.no_smoothing
        if moment.seconds:
            smoothing = self.text.smoothing.format(seconds=words.number(self.text, moment.seconds, 1))
        how = f"{self.text.heading.format(rule=self._rule, weights=self._weights)} · {smoothing}"
        if how != self.how:
            self.how = how
            self.tell(f"{self.title}, {how}")
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint one line."""
        painter = QPainter(self)
        theme, area = self.theme, QRectF(self.rect())
        painter.fillRect(self.rect(), QColor(theme.ground))
        x = write(painter, area, self.title, self.px(17), theme.ink, bold=True) + self.px(18)
        if self.recording:
            dot(painter, x + self.px(6), area.center().y(), self.px(6), self.drawn(RECORDING))
            x += self.px(18)
            x += write(painter, area.adjusted(x, 0, 0, 0), self.text.recording, self.px(14), theme.ink) + self.px(18)
        if self.told:
            write(painter, area.adjusted(x, 0, 0, 0), self.told, self.px(14), theme.ink, align=RIGHT)
            return
        if self._paused:
            write(painter, area.adjusted(x, 0, 0, 0), self.text.paused_long, self.px(14), self.drawn(WARN))
            return
        how = f"{self.how}   {self.text.hint}" if self.width() > 800 * self.unit else self.how
        write(painter, area.adjusted(x, 0, 0, 0), how, self.px(13), theme.dim, align=RIGHT)

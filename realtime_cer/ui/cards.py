"""A card for each face in view: who it is, what is said of it, and whether the sound is its own."""

from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame, Person, Snapshot
from realtime_cer.smoothing import Smoothed, shares_of
from realtime_cer.ui import words
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import bar, dot, fitting, write

MOST = 8

_SIDE = 128
"""Of a crop, in pixels: cards are small."""

_STAY_S = 2.0
"""The row outlasts so long an absence: else the whole window would jump whenever somebody looks away."""


@dataclass(frozen=True, slots=True)
class Card:
    """What one card shows; ``label`` is None where the program abstains."""

    id: int
    label: str | None
    verdict: str
    share: float
    evidence: str
    gated: bool
    baseline: str
    target: bool

    @property
    def text(self) -> str:
        """The whole of it on one line."""
        return ", ".join(part for part in (self.verdict, self.evidence, self.baseline) if part)


def cards(moment: Moment, text: Text) -> tuple[Card, ...]:
    """A card for everybody in view, by their numbers, so that nobody changes places.

    The target's says what the rest of the window says, smoothed.
    """
    snapshot = moment.snapshot
    target = snapshot.visual.face.id if snapshot.visual and snapshot.visual.face else None
    return tuple(
        _card(one, text, moment.shown if one.id == target else None, target=one.id == target)
        for one in sorted(snapshot.people, key=lambda one: one.id)[:MOST]
    )


def _card(one: Person, text: Text, shown: Smoothed | None, *, target: bool) -> Card:
    row = one.decision
    label, reason = (row.label, row.reason) if shown is None else (shown.label, shown.reason)
    values = shares_of(row) if shown is None else shown.compound
    share = values[COMPOUND.index(label)] if label and values else 0.0
    verdict = words.name(text, label) if label else f"{text.abstains}: {words.reason(text, reason)}"
    return Card(
        one.id, label, verdict, share, words.evidence(text, one), one.gated, words.baseline(text, one), target=target
    )


def wanted(snapshot: Snapshot) -> bool:
    """Whether there is anything that the rest of the window does not show."""
    return len(snapshot.people) > 1 or any(one.calibrated or one.calibrating is not None for one in snapshot.people)


def crop(frame: Frame, box: tuple[float, float, float, float], *, mirrored: bool) -> bytes | None:
    """A square around a face, ``_SIDE`` pixels wide, RGB; None where it lies outside the picture."""
    tall, wide = frame.picture.shape[:2]
    x, y, w, h = box
    side = 1.25 * max(w, h)
    left, top = max(int(x + w / 2 - side / 2), 0), max(int(y + h / 2 - side / 2), 0)
    right, bottom = min(int(x + w / 2 + side / 2), wide), min(int(y + h / 2 + side / 2), tall)
    if right - left < 2 or bottom - top < 2:
        return None
    small = cv2.resize(frame.picture[top:bottom, left:right], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    small = cv2.flip(small, 1) if mirrored else small
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)).tobytes()


class CardsView(Panel):
    """The row of cards. A click makes a face the target; one on the target lets size or place decide again.

    Attributes
    ----------
    cards : what is shown
    mirrored : whether the crops are, as the picture is
    """

    pressed = pyqtSignal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "cards", padding=0)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.cards: tuple[Card, ...] = ()
        self.mirrored = False
        self._crops: dict[int, tuple[QImage, bytes]] = {}  # QImage does not keep its pixels alive
        self._seen = float("-inf")

    def stays(self, snapshot: Snapshot) -> bool:
        """Whether the row is to be shown; a replay may go back to before anybody was there."""
        if wanted(snapshot):
            self._seen = snapshot.t
        return 0 <= snapshot.t - self._seen < _STAY_S

    def show_moment(self, moment: Moment) -> None:
        """Take everybody in view."""
        snapshot = moment.snapshot
        self.cards = cards(moment, self.text)
        self._crops = {}
        if snapshot.analysed is not None:
            for one in snapshot.people[:MOST]:
                pixels = crop(snapshot.analysed, one.box, mirrored=self.mirrored)
                if pixels is not None:
                    image = QImage(pixels, _SIDE, _SIDE, 3 * _SIDE, QImage.Format.Format_RGB888)
                    self._crops[one.id] = image, pixels
        self.tell("; ".join(f"{n} {one.text}" for n, one in enumerate(self.cards, 1)))
        self.update()

    def targets(self) -> dict[int, QRectF]:
        """Where the cards lie, by the number of the face; wide enough for a finger, also with eight."""
        gap = self.px(10)
        count = max(len(self.cards), 3)
        wide = (self.width() - (count - 1) * gap) / count
        return {one.id: QRectF(n * (wide + gap), 0, wide, self.height()) for n, one in enumerate(self.cards)}

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Tell whose card was pressed."""
        for number, rect in self.targets().items():
            if event is not None and rect.contains(event.position()):
                self.pressed.emit(number)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the cards."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.ground))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for n, (one, rect) in enumerate(zip(self.cards, self.targets().values(), strict=True), 1):
            self._paint(painter, rect, n, one)

    def _paint(self, painter: QPainter, rect: QRectF, n: int, one: Card) -> None:
        theme, unit = self.theme, self.unit
        colour = self.drawn(palette.COMPOUND[COMPOUND.index(one.label)] if one.label else palette.QUIET)
        painter.setPen(QPen(colour, 2.5 * unit) if one.target else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.panel))
        edge = 1.5 * unit
        painter.drawRoundedRect(rect.adjusted(edge, edge, -edge, -edge), 10 * unit, 10 * unit)
        inner = rect.adjusted(self.px(8), self.px(8), -self.px(8), -self.px(8))
        side = min(inner.height(), inner.width() * 0.42)
        picture = QRectF(inner.left(), inner.center().y() - side / 2, side, side)
        if one.id in self._crops:
            painter.drawImage(picture, self._crops[one.id][0])
        cap = QRectF(picture.left(), picture.top(), self.px(18), self.px(18))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.ground))
        painter.drawRect(cap)
        write(painter, cap.adjusted(self.px(5), 0, 0, 0), str(n), self.px(13), theme.ink, bold=True)
        told = QRectF(picture.right() + self.px(10), inner.top(), inner.right() - picture.right() - self.px(10), 0)
        lines = 4 if one.baseline else 3
        step = inner.height() / lines
        told.setHeight(step)
        size = fitting(one.verdict, told.width(), self.px(17), self.px(10), bold=one.label is not None)
        ink = colour if one.label else QColor(theme.dim)
        write(painter, told, one.verdict, size, ink, bold=one.label is not None)
        track = QRectF(told.left(), told.top() + 1.5 * step - self.px(3), told.width(), self.px(6))
        bar(painter, track, one.share, colour, theme.track)
        told.translate(0, 2 * step)
        mark = self.px(12) * 0.36
        light = self.drawn(palette.GOOD if one.gated else palette.QUIET)
        dot(painter, told.left() + mark, told.center().y(), mark, light, filled=one.gated)
        room = told.adjusted(self.px(15), 0, 0, 0)
        size = fitting(one.evidence, room.width(), self.px(13), self.px(8), bold=False)
        write(painter, room, one.evidence, size, theme.dim)
        if one.baseline:
            told.translate(0, step)
            size = fitting(one.baseline, told.width(), self.px(13), self.px(8), bold=False)
            write(painter, told, one.baseline, size, self.drawn(palette.GOOD))

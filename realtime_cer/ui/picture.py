"""The newest picture, with a box around the face that was analysed."""

from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.labels import COMPOUND
from realtime_cer.palette import COMPOUND as COLOURS
from realtime_cer.palette import WARN
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame, Picture, Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.theme import CENTRE, DIM, GROUND, INK, PANEL, Panel, bright, width_of, write

_OLD_S = 1.0
"""A picture or a face older than this is not passed off as the present."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over the picture: the face in shares of its width and height, its colour, and words."""

    box: tuple[float, float, float, float] | None
    colour: str
    note: str
    paused: bool


class PictureView(Panel):
    """The newest picture as large as it fits. ``frame`` is the one that is shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "picture", padding=0)
        self.frame: Frame | None = None
        self.overlay = Overlay(None, DIM, "", False)
        self._image: QImage | None = None
        self._pixels: bytes | None = None  # QImage does not keep them alive

    def show_moment(self, snapshot: Snapshot, paused: bool) -> bool:
        """Take the newest picture; gives whether anything is to be drawn."""
        overlay = overlay_of(snapshot, paused)
        if snapshot.frame is self.frame and overlay == self.overlay:
            return False
        if snapshot.frame is not self.frame:
            self.frame = snapshot.frame
            self._scale()
        self.overlay = overlay
        self.say(", ".join(part for part in ("paused" if paused else "", overlay.note) if part) or "live picture")
        self.update()
        return True

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Scale to the new size."""
        self._scale()

    def _scale(self) -> None:
        """Scale with OpenCV, many times faster than a painter does, and once a picture only."""
        self._image = self._pixels = None
        ratio = self.devicePixelRatioF()
        size = inscribed(self.frame.picture, self.width() * ratio, self.height() * ratio) if self.frame else None
        if self.frame is None or size is None:
            return
        self._pixels = scaled(self.frame.picture, *size)
        self._image = QImage(self._pixels, *size, 4 * size[0], QImage.Format.Format_RGB32)
        self._image.setDevicePixelRatio(ratio)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture and what lies over it."""
        painter = QPainter(self)
        overlay = self.overlay
        if self._image is None:
            self.ground(painter)
            write(painter, QRectF(self.rect()), overlay.note, self.px(17), DIM, align=CENTRE)
            return
        size = self._image.deviceIndependentSize()
        left, top = round((self.width() - size.width()) / 2), round((self.height() - size.height()) / 2)
        place = QRectF(left, top, size.width(), size.height())
        if size.width() < self.width() or size.height() < self.height():
            painter.fillRect(self.rect(), QColor(PANEL))
        painter.drawImage(left, top, self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if overlay.box is not None:
            self._face(painter, place, overlay.box, bright(overlay.colour))
        if overlay.note or overlay.paused:
            painter.fillRect(place, QColor(0, 0, 0, 120))
        if overlay.paused:
            self._pill(painter, place, "paused", WARN)
        elif overlay.note:
            self._pill(painter, place, overlay.note, DIM)

    def _face(self, painter: QPainter, place: QRectF, box: tuple[float, float, float, float], colour: QColor) -> None:
        """Four corners: a whole frame would hide and divide the picture."""
        x, y, w, h = box
        rect = QRectF(
            place.left() + x * place.width(), place.top() + y * place.height(), w * place.width(), h * place.height()
        )
        arm = min(rect.width(), rect.height()) * 0.18
        painter.setClipRect(place)
        for ink, wide in ((QColor(0, 0, 0, 110), 5.5 * self.unit), (colour, 3.0 * self.unit)):
            pen = QPen(ink, max(wide, 1.0), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for corner, dx, dy in (
                (rect.topLeft(), arm, arm),
                (rect.topRight(), -arm, arm),
                (rect.bottomLeft(), arm, -arm),
                (rect.bottomRight(), -arm, -arm),
            ):
                cx, cy = corner.x(), corner.y()
                painter.drawPolyline(QPolygonF([QPointF(cx + dx, cy), corner, QPointF(cx, cy + dy)]))
        painter.setClipping(False)

    def _pill(self, painter: QPainter, place: QRectF, text: str, colour: str) -> None:
        size = self.px(20)
        wide = min(width_of(text, size, True) + 2.4 * size, place.width())
        rect = QRectF(0, 0, wide, min(2.1 * size, place.height()))
        # Under the face, which is what one looks at.
        rect.moveCenter(QPointF(place.center().x(), max(place.bottom() - 1.3 * rect.height(), place.center().y())))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(GROUND))
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
        write(painter, rect, text, size, INK if colour == DIM else colour, bold=True, align=CENTRE)


def overlay_of(snapshot: Snapshot, paused: bool) -> Overlay:
    """What to draw over a picture: the face only while it is fresh, and what is the matter with the picture."""
    decision = snapshot.decision
    colour = COLOURS[COMPOUND.index(decision.label)] if decision and decision.label else DIM
    return Overlay(_box(snapshot), colour, note_of(snapshot), paused)


def note_of(snapshot: Snapshot) -> str:
    """Why the picture is not live, in words; empty where it is."""
    eyes = [source for source in snapshot.sources if source.kind in ("camera", "file")]
    if snapshot.frame is None:
        return f"waiting for {eyes[0].kind} {eyes[0].name}" if eyes else "no camera"
    if eyes and all(source.state == "ended" for source in eyes):
        return "the end"
    old = snapshot.t - snapshot.frame.t
    return f"no new picture for {words.age(old)}" if old > _OLD_S else ""


def _box(snapshot: Snapshot) -> tuple[float, float, float, float] | None:
    visual, analysed = snapshot.visual, snapshot.analysed
    if visual is None or visual.face is None or analysed is None:
        return None
    if snapshot.t - analysed.t > _OLD_S:
        return None
    tall, wide = analysed.picture.shape[:2]
    x, y, w, h = visual.face.box
    return x / wide, y / tall, w / wide, h / tall


def inscribed(picture: Picture, width: float, height: float) -> tuple[int, int] | None:
    """The largest size of a picture's shape in an area; None where nothing fits."""
    tall, wide = picture.shape[:2]
    scale = min(width / wide, height / tall)
    size = round(wide * scale), round(tall * scale)
    return size if min(size) >= 1 else None


def scaled(picture: Picture, width: int, height: int) -> bytes:
    """The picture in a size: 4 bytes a pixel, blue first, as a screen takes it."""
    # Averaging costs four times as much, and shows only where a picture is made much smaller.
    method = cv2.INTER_AREA if width < 0.6 * picture.shape[1] else cv2.INTER_LINEAR
    small = (
        picture if (height, width) == picture.shape[:2] else cv2.resize(picture, (width, height), interpolation=method)
    )
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2BGRA)).tobytes()

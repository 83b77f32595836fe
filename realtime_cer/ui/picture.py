"""The newest picture, with a box around the face that was analysed; on demand with landmarks and the network's crop."""

import time

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.palette import QUIET, WARN
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame, Picture, Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.easing import Eased
from realtime_cer.ui.moment import Cut
from realtime_cer.ui.overlay import Box, Overlay, overlay_of
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import CENTRE, DARK, drawn, fitting, width_of, write


class PictureView(Panel):
    """The newest picture as large as it fits.

    The box is that of the face in the picture analysed last, and glides after it. With ``landmarks`` on, the analysed
    picture itself is shown, five a second, so that every point lies where it was found.

    Attributes
    ----------
    frame : the picture that is shown
    mirrored : whether left and right are exchanged, as in a mirror; the analysis never is
    landmarks, crop : whether these are shown
    """

    def __init__(self, parent: QWidget, cut: Cut | None) -> None:
        super().__init__(parent, "picture", padding=0)
        self.frame: Frame | None = None
        self.overlay = Overlay(None, QUIET, "", False)
        self.mirrored = self.landmarks = self.crop = False
        self._cut = cut
        self._box = Eased()
        self._points: np.ndarray | None = None
        self._analysed: Frame | None = None
        self._image: QImage | None = None
        self._inset: QImage | None = None
        self._pixels: bytes | None = None  # QImage does not keep them alive
        self._inset_pixels: bytes | None = None

    def show_picture(self, snapshot: Snapshot, label: str | None, paused: bool) -> bool:
        """Take the newest picture, and the label that colours the box; gives whether anything is to be drawn."""
        overlay = overlay_of(snapshot, label, paused, self.text)
        frame = snapshot.analysed if self.landmarks and overlay.box is not None else snapshot.frame
        if frame is self.frame and overlay == self.overlay:
            return False
        if overlay.box is not None and overlay.box != self.overlay.box:
            self._box.aim(overlay.box, time.monotonic(), jump=self.overlay.box is None or self.landmarks)
        if snapshot.analysed is not self._analysed or (overlay.box is None) != (self.overlay.box is None):
            self._analysed = snapshot.analysed
            self._look_closer(snapshot, overlay.box is not None)
        self.overlay = overlay
        if frame is not self.frame:
            self.frame = frame
            self._scale()
        self.tell(
            ", ".join(part for part in (self.text.paused if paused else "", overlay.note) if part)
            or self.text.live_picture
        )
        self.update()
        return True

    def refresh(self, snapshot: Snapshot) -> None:
        """Make everything anew, after a switch was turned."""
        self._look_closer(snapshot, self.overlay.box is not None)
        self._analysed = self.frame = None

    def _look_closer(self, snapshot: Snapshot, fresh: bool) -> None:
        """Landmarks, and what the network was given, of the analysed picture."""
        self._points = self._inset = self._inset_pixels = None
        face = snapshot.visual.face if snapshot.visual else None
        if not fresh or face is None or snapshot.analysed is None:
            return
        picture = snapshot.analysed.picture
        if self.landmarks:
            self._points = face.landmarks / np.array([picture.shape[1], picture.shape[0]], np.float32)
        if self.crop and self._cut is not None:
            crop = self._cut(picture, face.landmarks)
            self._inset_pixels = crop.tobytes()
            tall, wide = crop.shape[:2]
            self._inset = QImage(self._inset_pixels, wide, tall, 3 * wide, QImage.Format.Format_RGB888)

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
        self._pixels = scaled(self.frame.picture, *size, mirrored=self.mirrored)
        self._image = QImage(self._pixels, *size, 4 * size[0], QImage.Format.Format_RGB32)
        self._image.setDevicePixelRatio(ratio)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture and what lies over it."""
        painter = QPainter(self)
        overlay = self.overlay
        place = self._place()
        if self._image is None or place is None:
            self.ground(painter)
            write(painter, QRectF(self.rect()), overlay.note, self.px(17), self.theme.dim, align=CENTRE)
            return
        if place.width() < self.width() or place.height() < self.height():
            painter.fillRect(self.rect(), QColor(self.theme.panel))
        painter.drawImage(place.topLeft(), self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if overlay.box is not None:
            if self._points is not None:
                self._dots(painter, place)
            x, y, w, h = self._box.at(time.monotonic())
            # On pictures the bright colours of the dark theme are seen best, over a dark rim.
            self._face(painter, place, (x, y, w, h), drawn(overlay.colour, DARK))
        for one in overlay.people:
            if one.id != overlay.target:
                self._face(painter, place, one.box, drawn(one.colour, DARK), wide=1.6)
            self._number(painter, self._rect(place, one.box), one.number)
        if self.crop:
            self._crop(painter, place)
        if overlay.note or overlay.paused:
            painter.fillRect(place, QColor(0, 0, 0, 120))
        if overlay.paused:
            self._pill(painter, place, self.text.paused, warning=True)
        elif overlay.note:
            self._pill(painter, place, overlay.note, warning=False)

    def _dots(self, painter: QPainter, place: QRectF) -> None:
        assert self._points is not None
        x = 1 - self._points[:, 0] if self.mirrored else self._points[:, 0]
        points = QPolygonF(
            [
                QPointF(place.left() + a * place.width(), place.top() + b * place.height())
                for a, b in zip(x.tolist(), self._points[:, 1].tolist(), strict=True)
            ]
        )
        painter.setPen(QPen(QColor(0, 0, 0, 90), 3.2 * self.unit, cap=Qt.PenCapStyle.RoundCap))
        painter.drawPoints(points)
        painter.setPen(QPen(QColor(255, 255, 255, 220), 1.7 * self.unit, cap=Qt.PenCapStyle.RoundCap))
        painter.drawPoints(points)

    def _crop(self, painter: QPainter, place: QRectF) -> None:
        """An inset in the corner: the crop as the network got it, never mirrored."""
        small, side = self.px(12), min(self.px(132), place.height() * 0.45)
        frame = QRectF(place.right() - side - self.px(10), place.top() + self.px(10), side, side + small * 1.8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(DARK.ground))
        painter.drawRoundedRect(frame.adjusted(-3, -3, 3, 0), 5, 5)
        inner = QRectF(frame.left(), frame.top(), side, side)
        if self._inset is None:
            write(painter, inner, words.DASH, small, DARK.dim, align=CENTRE)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(inner, self._inset)
        told = QRectF(frame.left(), inner.bottom(), side, small * 1.8)
        caption = self.text.crop if self._inset else self.text.no_crop
        fits = fitting(caption, side, small, self.px(8), bold=False)
        write(painter, told, caption, fits, DARK.dim, align=CENTRE)

    def face_at(self, x: float, y: float) -> int | None:
        """Which of several faces is shown at a place of the panel."""
        place = self._place()
        for one in self.overlay.people:
            if place is not None and self._rect(place, one.box).contains(x, y):
                return one.id
        return None

    def _place(self) -> QRectF | None:
        """Where the picture lies in the panel."""
        if self._image is None:
            return None
        size = self._image.deviceIndependentSize()
        left, top = round((self.width() - size.width()) / 2), round((self.height() - size.height()) / 2)
        return QRectF(left, top, size.width(), size.height())

    def _rect(self, place: QRectF, box: Box) -> QRectF:
        """Where a box lies that is given in shares of the picture."""
        x, y, w, h = box
        x = 1 - x - w if self.mirrored else x
        return QRectF(
            place.left() + x * place.width(), place.top() + y * place.height(), w * place.width(), h * place.height()
        )

    def _number(self, painter: QPainter, rect: QRectF, number: int) -> None:
        """The number of a face, as on its card, under it."""
        size = self.px(14)
        cap = QRectF(rect.center().x() - 0.8 * size, rect.bottom() + 0.3 * size, 1.6 * size, 1.4 * size)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(DARK.ground))
        painter.drawRoundedRect(cap, 4 * self.unit, 4 * self.unit)
        write(painter, cap, str(number), size, DARK.ink, bold=True, align=CENTRE)

    def _face(self, painter: QPainter, place: QRectF, box: Box, colour: QColor, wide: float = 3.0) -> None:
        """Four corners: a whole frame would hide and divide the picture."""
        rect = self._rect(place, box)
        arm = min(rect.width(), rect.height()) * 0.18
        painter.setClipRect(place)
        for ink, thick in ((QColor(0, 0, 0, 110), (wide + 2.5) * self.unit), (colour, wide * self.unit)):
            pen = QPen(ink, max(thick, 1.0), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
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

    def _pill(self, painter: QPainter, place: QRectF, text: str, *, warning: bool) -> None:
        size = self.px(20)
        wide = min(width_of(text, size, True) + 2.4 * size, place.width())
        rect = QRectF(0, 0, wide, min(2.1 * size, place.height()))
        # Under the face, which is what one looks at.
        rect.moveCenter(QPointF(place.center().x(), max(place.bottom() - 1.3 * rect.height(), place.center().y())))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(DARK.ground))
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
        write(painter, rect, text, size, drawn(WARN, DARK) if warning else DARK.ink, bold=True, align=CENTRE)


def is_mirror(snapshot: Snapshot) -> bool:
    """Whether people expect to see themselves as in a mirror: before a camera of this machine."""
    eyes = [source for source in snapshot.sources if source.kind in ("camera", "file")]
    return bool(eyes) and eyes[0].kind == "camera" and "://" not in eyes[0].name


def inscribed(picture: Picture, width: float, height: float) -> tuple[int, int] | None:
    """The largest size of a picture's shape in an area; None where nothing fits."""
    tall, wide = picture.shape[:2]
    scale = min(width / wide, height / tall)
    size = round(wide * scale), round(tall * scale)
    return size if min(size) >= 1 else None


def scaled(picture: Picture, width: int, height: int, *, mirrored: bool = False) -> bytes:
    """The picture in a size, mirrored if wanted: 4 bytes a pixel, blue first, as a screen takes it."""
    # Averaging costs four times as much, and shows only where a picture is made much smaller.
    method = cv2.INTER_AREA if width < 0.6 * picture.shape[1] else cv2.INTER_LINEAR
    small = (
        picture if (height, width) == picture.shape[:2] else cv2.resize(picture, (width, height), interpolation=method)
    )
    if mirrored:
        small = cv2.flip(small, 1)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2BGRA)).tobytes()

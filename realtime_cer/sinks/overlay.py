"""What a film shows: the picture with the face's box and what is said of it, and panels that never cover the picture.

One routine for the films of ``run`` and ``live``. Its panels are drawn anew only when a decision came.
"""

from collections.abc import Sequence

import numpy as np

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.records import Decision, Picture
from realtime_cer.sinks.lettering import INK, Box, Colour, bgr, width_of, write
from realtime_cer.sinks.panels import Layout, Panels

SPAN_S = 30.0
"""How far the curves look back."""

REASONS = {
    "no face": "no face in the picture",
    "nothing fresh": "no fresh picture or sound",
    "neutral dominates": "mostly neutral",
    "no emotion above 1/7": "no emotion stands out",
}
"""Why the program abstains, for people."""

_PLATE: Colour = (24, 19, 17)
_QUIET: Colour = (205, 199, 194)


def draw_overlay(
    picture: Picture,
    decision: Decision | None,
    history: Sequence[Decision],
    *,
    now: float | None = None,
    span_s: float = SPAN_S,
) -> Picture:
    """Draw one picture of a film; ``Overlay`` is the same for many, and faster.

    Parameters
    ----------
    picture : (H, W, 3) uint8, BGR
    decision : the one that holds at this time, or None
    history : decisions up to it, in the order of time; what is older than the span is passed over
    now : the picture's time, in seconds, where there is no decision
    span_s : how many seconds the curves look back

    Returns
    -------
    (H', W', 3) uint8, BGR: the picture with panels beside and below it
    """
    return Overlay(picture.shape[1], picture.shape[0], span_s).draw(picture, decision, history, now)


class Overlay:
    """Draws the pictures of one film.

    Parameters
    ----------
    width, height : of the film's pictures; others are fitted in
    span_s : how many seconds the curves look back

    Attributes
    ----------
    layout : where everything lies on the canvas
    """

    def __init__(self, width: int, height: int, span_s: float = SPAN_S) -> None:
        self._panels = Panels(width, height, span_s)
        self.layout: Layout = self._panels.layout
        self._drawn: tuple[Decision | None, Decision | None, float] | None = None
        self._canvas: Picture = np.zeros((0, 0, 3), np.uint8)

    def draw(
        self, picture: Picture, decision: Decision | None, history: Sequence[Decision], now: float | None = None
    ) -> Picture:
        """A fresh (H', W', 3) canvas with the picture, as ``draw_overlay`` describes it."""
        last = history[-1] if history else None
        if now is None or decision is not None:
            newest = decision or last
            now = newest.t if newest is not None else 0.0
        # Without a decision the curves move on at the pace at which decisions would come.
        moment = int(now * 5 + 1e-6) / 5
        known = self._drawn
        if known is None or known[0] is not decision or known[1] is not last or known[2] != moment:
            self._canvas = self._panels.draw(decision, history, now)
            self._drawn = decision, last, moment
        canvas = self._canvas.copy()
        place, scale = self._place(picture)
        shown = canvas[place.y : place.bottom, place.x : place.right]
        if picture.shape == shown.shape:
            shown[:] = picture
        else:
            shown[:] = cv2.resize(picture, (place.width, place.height), interpolation=cv2.INTER_AREA)
        if decision is not None:
            self._say(shown, decision, scale)
        return canvas

    def _place(self, picture: Picture) -> tuple[Box, float]:
        """Where on the canvas a picture goes, and by how much it is scaled."""
        box = self.layout.picture
        high, wide = picture.shape[:2]
        scale = min(box.width / wide, box.height / high)
        width, height = max(round(wide * scale), 1), max(round(high * scale), 1)
        x, y = box.x + (box.width - width) // 2, box.y + (box.height - height) // 2
        return Box(x, y, x + width, y + height), scale

    def _say(self, shown: Picture, decision: Decision, scale: float) -> None:
        """Box and words: in the colour of the class, or in grey where the program abstains."""
        em = self.layout.em
        named = decision.label
        colour = bgr(palette.COMPOUND[COMPOUND.index(named)]) if named in COMPOUND else _QUIET
        words = named or REASONS.get(decision.reason or "", decision.reason or "")
        face = None
        if decision.face is not None:
            x, y, width, height = (value * scale for value in decision.face)
            face = Box(round(x), round(y), round(x + width), round(y + height))
            _outline(shown, face, colour, max(2, round(em / 6)), em)
        _plate(shown, words, face, colour, em, bold=named is not None)


def _outline(picture: Picture, face: Box, colour: Colour, thick: int, em: int) -> None:
    """A box with round corners, over a dark edge so that it shows on any ground."""
    radius = max(2, min(round(0.8 * em), face.width // 3, face.height // 3))
    left, top, right, bottom = face.x, face.y, face.right - 1, face.bottom - 1
    for ink, width in ((_PLATE, thick + 2), (colour, thick)):
        for start, end in (
            ((left + radius, top), (right - radius, top)),
            ((left + radius, bottom), (right - radius, bottom)),
            ((left, top + radius), (left, bottom - radius)),
            ((right, top + radius), (right, bottom - radius)),
        ):
            cv2.line(picture, start, end, ink, width, cv2.LINE_AA)
        for centre, turn in (
            ((left + radius, top + radius), 180),
            ((right - radius, top + radius), 270),
            ((right - radius, bottom - radius), 0),
            ((left + radius, bottom - radius), 90),
        ):
            cv2.ellipse(picture, centre, (radius, radius), turn, 0, 90, ink, width, cv2.LINE_AA)


def _plate(picture: Picture, words: str, face: Box | None, colour: Colour, em: int, *, bold: bool) -> None:
    """Words on a dark plate, beside the face; without one in the lower left corner of the picture."""
    size = round(1.15 * em)
    pad, bar, gap = round(0.6 * em), max(3, round(0.35 * em)), round(0.4 * em)
    width, height = width_of(words, size, bold) + bar + 2 * pad, round(2.0 * em)
    high, wide = picture.shape[:2]
    x, y = _free_place(face, (width, height), (wide, high), gap) if face else (gap, high - height - gap)
    part = picture[max(y, 0) : y + height, x : x + width]
    if not part.size:
        return
    part[:] = cv2.addWeighted(part, 0.15, np.full_like(part, _PLATE), 0.85, 0)
    part[:, :bar] = colour
    write(picture, words, (x + bar + pad, y + height / 2), size, INK if bold else _QUIET, bold=bold)


def _free_place(face: Box, size: tuple[int, int], space: tuple[int, int], gap: int) -> tuple[int, int]:
    """Where a plate covers least of a face: above it, else below, beside, or in a corner of the picture."""
    width, height = size
    right, bottom = max(space[0] - width, 0), max(space[1] - height, 0)
    places = [
        (face.x, face.y - height - gap),
        (face.x, face.bottom + gap),
        (face.right + gap, face.y),
        (face.x - width - gap, face.y),
        *((x, y) for y in (bottom, 0) for x in (0, right)),
    ]
    inside = [(min(max(x, 0), right), min(max(y, 0), bottom)) for x, y in places]

    def covered(place: tuple[int, int]) -> int:
        across = min(place[0] + width, face.right) - max(place[0], face.x)
        down = min(place[1] + height, face.bottom) - max(place[1], face.y)
        return max(across, 0) * max(down, 0)

    return min(inside, key=covered)

"""How large windows open, and where their panels go. Pure functions of sizes."""

from PyQt6.QtCore import QRect, QSize
from PyQt6.QtGui import QScreen

from realtime_cer.records import Picture

WIDTH, HEIGHT = 1280, 720
"""Size of the design, in pixels; everything follows the window from there."""


def opening_size(screen: QScreen | None, wanted: tuple[int, int] = (WIDTH, HEIGHT)) -> QSize:
    """The size that a window opens in, in pixels: the one wanted, or what a small screen has room for."""
    return QSize(*wanted).boundedTo(screen.availableSize() if screen else QSize(WIDTH, HEIGHT))


def unit_of(width: int, height: int) -> float:
    """How large a pixel of the design is in a window; letters stay readable in small ones."""
    if upright(width, height):
        width, height = height, width
    return max(min(width / WIDTH, height / HEIGHT), 0.55)


def upright(width: int, height: int) -> bool:
    """Whether a window is that of a screen on its side."""
    return height > 1.15 * width


def aspect_of(picture: Picture) -> float:
    """Width over height of a picture, within what a window has room for."""
    return float(min(max(picture.shape[1] / picture.shape[0], 0.75), 16 / 9))


def arrange(
    width: int, height: int, aspect: float = 16 / 9, *, cards: bool = False, bar: bool = False
) -> dict[str, QRect]:
    """Where the panels go in a window of a size; panels that do not fit are left out.

    First, and largest, the picture with the verdict and its reason beside it; under them the curves, and the models
    beside these.

    Parameters
    ----------
    width, height : in pixels
    aspect : width over height of the picture
    cards : whether room is left for a row of small panels between the two
    bar : whether a time bar takes the place of the lowest line, which is higher then
    """
    unit = unit_of(width, height)
    gap, margin = max(round(12 * unit), 2), max(round(16 * unit), 2)
    left, top, right, bottom = margin, margin, width - margin, height - margin
    places: dict[str, QRect] = {}

    def put(name: str, x: int, y: int, w: int, h: int) -> None:
        if w >= 8 and h >= 8:
            places[name] = QRect(x, y, w, h)

    if width < 560 or height < 330:
        # Too small for figures: the picture, and what is said of it.
        said = max(min(round(64 * unit), (bottom - top) // 3), 0)
        put("picture", left, top, right - left, bottom - top - said - gap)
        put("verdict", left, bottom - said, right - left, said)
        return places
    head, foot = round(24 * unit), round((92 if bar else 36) * unit)
    put("heading", left, top, right - left, head)
    y = top + head + gap
    end = bottom - foot - gap
    row = round(88 * unit) if cards else 0
    if upright(width, height):
        # Everything under each other.
        wide = right - left
        high = min(round(wide / aspect), (end - y) * 36 // 100)
        put("picture", left, y, wide, high)
        y += high + gap
        rest = end - y - row - (4 if cards else 3) * gap
        for name, tall in (
            ("verdict", rest * 23 // 100),
            ("why", rest * 20 // 100),
            ("cards", row),
            ("curves", rest * 28 // 100),
            ("models", rest * 28 // 100),
        ):
            if tall:
                put(name, left, y, wide, tall)
                y += tall + gap
    else:
        high = (end - y - (row + gap if cards else 0)) * 58 // 100
        wide = min(round(high * aspect), (right - left) * 56 // 100)
        put("picture", left, y, wide, high)
        x = left + wide + gap
        said = high * 55 // 100
        put("verdict", x, y, right - x, said)
        put("why", x, y + said + gap, right - x, high - said - gap)
        y += high + gap
        if cards:
            put("cards", left, y, right - left, row)
            y += row + gap
        curves = (right - left) * 56 // 100
        put("curves", left, y, curves, end - y)
        put("models", left + curves + gap, y, right - left - curves - gap, end - y)
    if bar:
        put("bar", left, bottom - foot, right - left, foot)
        return places
    sound = min(round(330 * unit), (right - left) // 3)
    put("sound", left, bottom - foot, sound, foot)
    put("status", left + sound + gap, bottom - foot, right - left - sound - gap, foot)
    return places

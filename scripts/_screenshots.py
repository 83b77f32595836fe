"""Pictures of the window in its states, small enough to be kept.

The demo clip is played to the real recogniser in real time, and real keys are pressed; where somebody should be
missing, something is taken away between the clip and the recogniser. Needs no screen: Qt draws into memory.
"""

import argparse
import io
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from PIL import Image
from PyQt6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QImage, QPainter, QPixmap
from PyQt6.QtTest import QTest
from rich.console import Console
from rich.style import Style
from rich.text import Text
from support import ROOT

from realtime_cer import palette
from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.capture.source import Item, Source, SourceStatus
from realtime_cer.commands.desk import LiveDesk
from realtime_cer.commands.sources import ShiftedClock
from realtime_cer.config import Config, load_weights
from realtime_cer.inference.profile import settled
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception, load_perception
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame, Picture, read_only
from realtime_cer.ui.app import View, application
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.terminal import TerminalView
from realtime_cer.ui.theme import DARK, THEMES, drawn
from realtime_cer.why import without

MAX_BYTES = 120_000
_TERMINAL = "terminal"
SCREEN = {
    "name": "drawn",
    "x": 0,
    "y": 0,
    "width": 3840,
    "height": 2160,
    "logicalDpi": 96,
    "logicalBaseDpi": 96,
    "dpr": 1,
}


Key = Qt.Key


@dataclass(frozen=True, slots=True)
class State:
    """What is photographed: seconds of the clip, what is taken away, how the window looks, and the keys pressed.

    ``change`` is made to every picture after ``change_s``; None makes the camera fall silent then. ``reason`` is waited
    for, until the program abstains for it.
    """

    at_s: float = 14.0
    sound: bool = True
    kind: str = "file"
    change_s: float = 1e9
    change: "Callable[[Picture], Picture] | None" = None
    keys: tuple[Key, ...] = ()
    language: str = "en"
    size: tuple[int, int] | None = None
    reason: str | None = None


def wall(picture: Picture) -> Picture:
    """A piece of the wall beside the head, as large as the picture: nobody can be seen any more."""
    tall, wide = picture.shape[:2]
    piece = picture[: tall // 3, wide * 3 // 4 :]
    return read_only(np.asarray(cv2.resize(piece, (wide, tall), interpolation=cv2.INTER_CUBIC), np.uint8))


class Trio:
    """The same person three times beside each other, now, two and four seconds ago: three faces, three expressions."""

    def __init__(self) -> None:
        self._lately: deque[Picture] = deque(maxlen=101)

    def __call__(self, picture: Picture) -> Picture:
        self._lately.append(picture)
        tall, wide = picture.shape[:2]
        whole = np.empty_like(wall(picture))
        third = wide // 3
        for n, (back, zoom) in enumerate(((50, 1.0), (0, 1.15), (100, 0.9))):
            seen = self._lately[max(len(self._lately) - 1 - back, 0)]
            broad, high = round(third / zoom), round(tall / zoom)
            left = (wide - broad) // 2
            top = min((tall - high) // 2, tall - high) if zoom > 1 else 0
            piece = seen[max(top, 0) : max(top, 0) + high, left : left + broad]
            whole[:, n * third : (n + 1) * third] = cv2.resize(piece, (third, tall), interpolation=cv2.INTER_AREA)
        return read_only(whole)


STATES = {
    "first-picture": State(at_s=-1.0),
    "demo": State(),
    "no-face": State(at_s=10.0, change_s=9.4, change=wall, sound=False, reason="no face"),
    "camera-lost": State(at_s=11.0, change_s=9.4, kind="camera", sound=False, reason="nothing fresh"),
    "no-sound": State(sound=False, kind="camera"),
    "paused": State(at_s=8.0, keys=(Key.Key_Space,)),
    "meters": State(keys=(Key.Key_F12, Key.Key_D)),
    "keys": State(at_s=6.0, keys=(Key.Key_Question,)),
    "light": State(keys=(Key.Key_T,)),
    "german": State(at_s=17.2, language="de"),
    "crop-landmarks": State(keys=(Key.Key_C, Key.Key_L)),
    "three-faces": State(at_s=14.0, change_s=0.0, change=Trio(), keys=(Key.Key_K,)),
    "controls": State(at_s=8.0, keys=(Key.Key_B, Key.Key_E)),
    "4k": State(size=(3840, 2160)),
}


class Altered:
    """A player whose later pictures are changed, or no longer come.

    Parameters
    ----------
    player : plays the clip
    state : from when on, and how
    """

    def __init__(self, player: Player, state: State) -> None:
        self._player, self._state = player, state
        self.name, self.counters = player.name, player.counters
        self._silent = False

    @property
    def status(self) -> SourceStatus:
        """The player's, until nothing comes any more."""
        if self._silent:
            return SourceStatus("lost", "no pictures; opening it again", time.monotonic())
        return self._player.status

    def items(self, stop: threading.Event) -> Iterator[Item]:
        """The player's items, the later pictures altered."""
        begun = time.monotonic()
        for item in self._player.items(stop):
            if not isinstance(item, Frame) or item.t - begun <= self._state.change_s:
                yield item
            elif self._state.change is not None:
                yield replace(item, picture=self._state.change(item.picture))
            else:
                self._silent = True

    def close(self) -> None:
        """Nothing is held but the player."""
        self._player.close()


def shoot(path: Path, clip: Path, state: State) -> None:
    """Play a clip to the recogniser, and keep what the window shows in a state."""
    config = settled(Config())
    source: Source = Altered(Player(open_media(clip), sound=state.sound), state)
    perception = load_perception(config)
    weights = load_weights(config.weights)
    loaded: Future[Perception] = Future()
    loaded.set_result(perception)
    desk = LiveDesk(config, ShiftedClock(None), loaded)
    looks = Looks(
        language=state.language,
        mirror=False,
        cut=perception.seeing.static.cut,
        without=partial(without, weights=weights, rule=config.rule, always_decide=config.always_decide),
    )
    try:
        with (
            Live(config, weights, perception, [(state.kind, source)]) as live,
            View(
                live,
                title="demo clip, played as if live",
                rule=config.rule.removeprefix("rule"),
                weights=weights.name,
                looks=looks,
                desk=desk,
            ) as view,
        ):
            desk.attach(live)
            if state.size is not None:
                view.window.resize(*state.size)
            if state.at_s < 0:
                view.turn(lambda: view.window.picture.frame is not None)
            due = live.origin + state.at_s
            view.turn(lambda: time.monotonic() >= due or live.ended)
            until = time.monotonic() + 15
            if state.reason is not None:
                view.turn(lambda: abstains(view, state.reason) or time.monotonic() > until)
            for key in state.keys:
                QTest.keyClick(view.window, key)
            settled_s = time.monotonic() + 0.5
            view.turn(lambda: time.monotonic() >= settled_s or state.reason is not None or state.at_s < 0)
            save(path, view.window.grab())
    finally:
        perception.close()


def shoot_terminal(path: Path, clip: Path, at_s: float = 14.0) -> None:
    """Play a clip to the recogniser, and keep what the terminal view writes."""
    config = settled(Config())
    weights, perception = load_weights(config.weights), load_perception(config)
    written = io.StringIO()
    size = {"width": _COLUMNS, "height": _ROWS}
    console = Console(file=written, force_terminal=True, color_system="truecolor", legacy_windows=False, **size)
    shown = TerminalView(
        "demo clip, played as if live",
        config.rule.removeprefix("rule"),
        weights.name,
        console,
        "en",
        without=partial(without, weights=weights, rule=config.rule, always_decide=config.always_decide),
    )
    try:
        with Live(config, weights, perception, [("file", Player(open_media(clip)))]) as live:
            for row in live.decisions():
                shown.show(live.snapshot())  # all along: what is shown is smoothed
                if row.t - live.origin >= at_s:
                    break
            console.size = (_COLUMNS, _ROWS + 1)  # another size is drawn in whole
            written.truncate(written.seek(0))
            shown.show(live.snapshot())
    finally:
        perception.close()
    save(path, terminal_picture(written.getvalue()))


_COLUMNS, _ROWS, _CELL = 125, 31, (12, 24)
_LINE = re.compile("\x1b\\[(\\d+);1H\x1b\\[0m\x1b\\[2K(.*?)(?=\x1b\\[\\d+;1H|\x1b\\[\\?2026l|$)", re.DOTALL)
_JUMP = re.compile("\x1b\\[(\\d+)G")
_BLOCKS = {"█": (0.0, 1.0), "▀": (0.0, 0.5), "▄": (0.5, 1.0)}


def terminal_picture(written: str) -> QImage:
    """What a terminal makes of these characters and escape codes."""
    wide, tall = _CELL
    image = QImage(_COLUMNS * wide + 2 * wide, (_ROWS + 1) * tall + tall, QImage.Format.Format_RGB32)
    image.fill(QColor(DARK.ground))
    painter = QPainter(image)
    letters = QFont("DejaVu Sans Mono")
    letters.setPixelSize(19)
    for line, row in _LINE.findall(written):
        parts = _JUMP.split(row)
        for column, part in zip([0, *(int(one) - 1 for one in parts[1::2])], parts[::2], strict=True):
            x = column
            for segment in Text.from_ansi(part).render(Console(color_system="truecolor")):
                ink, ground = _inks(segment.style)
                letters.setBold(bool(segment.style and segment.style.bold))
                painter.setFont(letters)
                for sign in segment.text.rstrip("\n"):
                    place = QRectF((x + 1) * wide, (int(line) - 0.5) * tall, wide, tall)
                    if ground is not None:
                        painter.fillRect(place, ground)
                    if sign in _BLOCKS:
                        top, bottom = _BLOCKS[sign]
                        painter.fillRect(
                            QRectF(place.left(), place.top() + top * tall, wide, (bottom - top) * tall), ink
                        )
                    else:
                        painter.setPen(ink)
                        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), sign)
                    x += 1
    painter.end()
    return image


def _inks(style: Style | None) -> tuple[QColor, QColor | None]:
    """Colour of the letters and, where there is one, of their ground."""
    if style is None:
        return QColor(DARK.ink), None
    ink = QColor(*style.color.get_truecolor()) if style.color is not None else QColor(DARK.ink)
    if style.dim:
        ink = QColor(DARK.faint) if style.color is None else ink.darker(180)
    return ink, QColor(*style.bgcolor.get_truecolor()) if style.bgcolor is not None else None


def abstains(view: View, reason: str | None) -> bool:
    """Whether the newest row abstains for a reason, and the window says so."""
    shown = view.window.curves.shown
    decision = view.window.control.snapshot().decision
    return shown is not None and decision is not None and shown.reason == decision.reason == reason


def save(path: Path, picture: QImage | QPixmap) -> None:
    """Write a picture as a small PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    whole = Image.open(io.BytesIO(buffer.data().data())).convert("RGB")
    # What is large is shown smaller: it would be made so on every page.
    whole.thumbnail((1440, 810), Image.Resampling.LANCZOS)
    exact = fixed(whole)
    for colours in (256, 208, 176, 144, 128):
        # The photograph gets what colours are left.
        rest = whole.quantize(colours - len(exact), method=Image.Quantize.MEDIANCUT).getpalette() or []
        shades = Image.new("P", (1, 1))
        shades.putpalette([part for colour in exact for part in colour] + rest[: 3 * (colours - len(exact))])
        whole.quantize(palette=shades, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break


def fixed(picture: Image.Image) -> list[tuple[int, int, int]]:
    """The colours that must not be altered: those of the classes and models that occur in a picture."""
    there = {colour for _, colour in picture.getcolors(picture.width * picture.height) or []}
    used = [
        drawn(colour, theme).getRgb()[:3]
        for theme in THEMES.values()
        for colour in (*palette.COMPOUND, *palette.BASIC, *palette.MODELS, palette.GOOD, palette.WARN)
    ]
    grounds = [
        QColor(one).getRgb()[:3]
        for theme in THEMES.values()
        for one in (theme.ground, theme.panel, theme.track, theme.ink, theme.dim, theme.calm)
    ]
    return [colour for colour in dict.fromkeys((*used, *grounds)) if colour in there]  # type: ignore[misc]


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", metavar="DIR", help="default: docs")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="another clip than the demo's; do not publish these")
    parser.add_argument("only", nargs="*", help="names of pictures, as in window-NAME.png; default: all")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as screens:
        screens.write(json.dumps({"screens": [SCREEN]}))
        screens.flush()
        os.environ["REALTIME_CER_CONFIG"] = tempfile.gettempdir()  # nobody's own settings in a picture
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screens.name}"
        application()
    names = [*STATES, _TERMINAL]
    unknown = set(options.only) - set(names)
    if unknown:
        print(f"screenshots: no picture {sorted(unknown)[0]!r}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    console = Console(highlight=False)
    with as_file(files("realtime_cer") / "assets" / "demo.mp4") as demo:
        for name in names:
            if not options.only or name in options.only:
                path = options.out / (f"window-{name}.png" if name in STATES else f"{name}.png")
                if name in STATES:
                    shoot(path, options.clip or demo, STATES[name])
                else:
                    shoot_terminal(path, options.clip or demo)
                console.print(f"{path}  {path.stat().st_size / 1000:.0f} kB", soft_wrap=True)
    return 0

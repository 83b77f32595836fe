"""Pictures of the window in its states, small enough to be kept.

The demo clip is played to the real recogniser in real time; where somebody should be missing, something is taken away
between the clip and the recogniser. Needs no screen: Qt draws into memory.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from PIL import Image
from PyQt6.QtCore import QBuffer, QIODevice, Qt
from PyQt6.QtTest import QTest
from rich.console import Console
from support import ROOT

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.capture.source import Item, Source
from realtime_cer.config import Config, load_weights
from realtime_cer.inference.profile import settled
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.quiet import cv2
from realtime_cer.records import Frame, read_only
from realtime_cer.ui.app import View, application

MAX_BYTES = 300_000
SCREEN = {
    "name": "drawn",
    "x": 0,
    "y": 0,
    "width": 1920,
    "height": 1080,
    "logicalDpi": 96,
    "logicalBaseDpi": 96,
    "dpr": 1,
}


class EmptyRoom:
    """A player whose pictures show the bare wall after some seconds: nobody can be seen any more.

    Parameters
    ----------
    player : plays the clip
    leaves_s : after so many seconds
    """

    def __init__(self, player: Player, leaves_s: float) -> None:
        self._player, self._leaves_s = player, leaves_s
        self.name, self.counters = player.name, player.counters

    @property
    def status(self) -> object:
        """The player's."""
        return self._player.status

    def items(self, stop: threading.Event) -> Iterator[Item]:
        """The player's items, the later pictures without anybody."""
        begun = time.monotonic()
        for item in self._player.items(stop):
            if isinstance(item, Frame) and item.t - begun > self._leaves_s:
                tall, wide = item.picture.shape[:2]
                # A piece of the wall beside the head, as large as the picture.
                wall = item.picture[: tall // 3, wide * 3 // 4 :]
                yield replace(item, picture=read_only(cv2.resize(wall, (wide, tall), interpolation=cv2.INTER_CUBIC)))
            else:
                yield item

    def close(self) -> None:
        """Nothing is held."""
        self._player.close()


def shoot(path: Path, clip: Path, at_s: float, *, kind: str = "file", **how: object) -> None:
    """Play a clip, and keep what the window shows at a time of it.

    Parameters
    ----------
    path : of the picture
    at_s : seconds of the clip
    kind : what the source is called
    how : ``sound`` False mutes, ``leaves_s`` empties the room, ``size`` and ``paused`` are the window's
    """
    config = settled(Config())
    player = Player(open_media(clip), sound=bool(how.get("sound", True)))
    leaves_s = how.get("leaves_s")
    source: Source = EmptyRoom(player, leaves_s) if isinstance(leaves_s, float) else player  # type: ignore[assignment]
    perception = load_perception(config)
    weights = load_weights(config.weights)
    try:
        with (
            Live(config, weights, perception, [(kind, source)]) as live,
            View(live, title="demo clip, played as if live", rule=config.rule, weights=weights.name) as view,
        ):
            if how.get("full"):
                QTest.keyClick(view.window, Qt.Key.Key_F11)
            due = live.origin + at_s
            view.turn(lambda: time.monotonic() >= due or live.ended)
            if how.get("paused"):
                QTest.keyClick(view.window, Qt.Key.Key_Space)
            keep(path, view)
    finally:
        perception.close()


def keep(path: Path, view: View) -> None:
    """Write the window as a small PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    view.window.grab().save(buffer, "PNG")
    whole = Image.open(io.BytesIO(buffer.data().data())).convert("RGB")
    # Fewer shades by the same step everywhere: a palette would be spent on the photograph, and falsify the curves.
    for bits in (8, 7, 6, 5):
        step = 1 << (8 - bits)
        whole.point(lambda value, step=step: min(value // step * step + step // 2, 255)).save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break


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
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screens.name}"
        application()
    states = {
        "demo": {"at_s": 14.0},
        "no-face": {"at_s": 11.3, "leaves_s": 9.4},
        "no-sound": {"at_s": 14.0, "sound": False, "kind": "camera"},
        "paused": {"at_s": 8.0, "paused": True},
        "full-screen": {"at_s": 17.2, "full": True},
    }
    unknown = set(options.only) - set(states)
    if unknown:
        print(f"screenshots: no picture {sorted(unknown)[0]!r}; there are {', '.join(states)}", file=sys.stderr)
        return 2
    console = Console(highlight=False)
    with as_file(files("realtime_cer") / "assets" / "demo.mp4") as demo:
        for name, how in states.items():
            if not options.only or name in options.only:
                path = options.out / f"window-{name}.png"
                shoot(path, options.clip or demo, **how)  # type: ignore[arg-type]
                console.print(f"{path}  {path.stat().st_size / 1000:.0f} kB", soft_wrap=True)
    return 0

"""Pictures of the window in its states, small enough to be kept.

The demo clip is played to the real recogniser in real time, and real keys are pressed; where somebody should be
missing, something is taken away between the clip and the recogniser. Needs no screen: Qt draws into memory.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from _screenshots_kiosk import KIOSK, WIZARD, shoot_kiosk, shoot_wizard
from _screenshots_replay import REPLAY, shoot_replay
from _screenshots_small import save
from _screenshots_terminal import shoot_terminal
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage, QPixmap
from PyQt6.QtTest import QTest
from rich.console import Console
from support import ROOT

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
from realtime_cer.rules import NEUTRAL_DOMINATES, NO_EMOTION, NO_FACE, NOTHING_FRESH
from realtime_cer.ui.app import Stage, View, application
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.places import HEIGHT, WIDTH
from realtime_cer.why import without

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
    for, until the program abstains for it. Without ``at_s`` it is the first picture, while the networks are loaded.
    ``settings`` are those of the configuration that are not the default's.
    """

    at_s: float | None = 5.9
    sound: bool = True
    pictures: bool = True
    kind: str = "file"
    change_s: float = 1e9
    change: "Callable[[Picture], Picture] | None" = None
    keys: tuple[Key, ...] = ()
    language: str = "en"
    size: tuple[int, int] | None = None
    reason: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def wall(picture: Picture) -> Picture:
    """A piece of the wall beside the head, as large as the picture: nobody can be seen any more."""
    tall, wide = picture.shape[:2]
    piece = picture[: tall // 4, wide * 4 // 5 :]
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
    "first-picture": State(at_s=None, kind="camera"),
    "demo": State(),
    "no-face": State(at_s=10.0, change_s=9.4, change=wall, sound=False, reason=NO_FACE),
    "camera-lost": State(at_s=11.0, change_s=9.4, kind="camera", sound=False, reason=NOTHING_FRESH),
    "mostly-neutral": State(at_s=2.4, pictures=False, kind="microphone", reason=NEUTRAL_DOMINATES),
    "no-emotion": State(at_s=13.2, settings={"rule": "rule1", "weights": "avcer-7cl"}, reason=NO_EMOTION),
    "no-sound": State(at_s=14.0, sound=False, kind="camera"),
    "paused": State(at_s=8.0, keys=(Key.Key_Space,)),
    "meters": State(at_s=16.9, keys=(Key.Key_F12, Key.Key_D)),
    "keys": State(at_s=6.0, keys=(Key.Key_Question,)),
    "light": State(at_s=16.9, keys=(Key.Key_T,)),
    "german": State(at_s=17.2, language="de"),
    "crop-landmarks": State(keys=(Key.Key_C, Key.Key_L)),
    "three-faces": State(at_s=14.0, change_s=0.0, change=Trio(), keys=(Key.Key_K,)),
    "controls": State(at_s=8.0, keys=(Key.Key_B, Key.Key_E)),
    "4k": State(size=(3840, 2160)),
}


NAMES = (*WIZARD, *STATES, *KIOSK, *REPLAY, _TERMINAL)
"""Every picture there is, as in window-NAME.png."""

_PATIENCE_S = 15.0
_SETTLED_S = 1.6


_TRIES = 4


class Busy(Exception):
    """The machine had so much else to do that the program did less; that would be seen in the picture."""


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
            if isinstance(item, Frame) and not self._state.pictures:
                continue
            if not isinstance(item, Frame) or item.t - begun <= self._state.change_s:
                yield item
            elif self._state.change is not None:
                yield replace(item, picture=self._state.change(item.picture))
            else:
                self._silent = True

    def close(self) -> None:
        """Nothing is held but the player."""
        self._player.close()


def shoot(clip: Path, state: State) -> QPixmap:
    """Play a clip to the recogniser, and give what the window shows in a state."""
    config = settled(Config().model_copy(update=dict(state.settings)))
    source: Source = Altered(Player(open_media(clip), sound=state.sound), state)
    perception = load_perception(config)
    weights = load_weights(config.weights)
    loaded: Future[Perception] = Future()
    if state.at_s is not None:
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
            Live(config, weights, loaded, [(state.kind, source)]) as live,
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
            # A queue that nobody empties would be shown among the meters.
            threading.Thread(target=lambda: deque(live.decisions(), 0), daemon=True).start()
            if state.size is not None:
                view.window.resize(*state.size)
            if state.at_s is None:
                view.turn(lambda: view.window.picture.frame is not None)
                picture = view.window.grab()
                loaded.set_result(perception)
                return picture
            due = live.origin + state.at_s
            view.turn(lambda: time.monotonic() >= due or live.ended)
            if state.reason is not None:
                until = time.monotonic() + _PATIENCE_S
                view.turn(lambda: abstains(view, state.reason) or time.monotonic() > until)
                if not abstains(view, state.reason):
                    raise SystemExit(f"screenshots: the program never abstained with {state.reason!r}")
            for key in state.keys:
                QTest.keyClick(view.window, key)
            settled_s = time.monotonic() + (0.5 if state.reason is None else _SETTLED_S)
            view.turn(lambda: time.monotonic() >= settled_s)
            meters = live.snapshot().meters
            if meters is not None and meters.rung:
                raise Busy
            return view.window.grab()
    finally:
        perception.close()


def shoot_calm(clip: Path, state: State) -> QPixmap:
    """Shoot again where the machine was too busy, a few times."""
    for _ in range(_TRIES):
        with contextlib.suppress(Busy):
            return shoot(clip, state)
    raise SystemExit("screenshots: the machine is too busy: end what else runs on it")


def abstains(view: View, reason: str | None) -> bool:
    """Whether the newest row abstains for a reason, and the window says so."""
    shown = view.window.curves.shown
    decision = view.window.control.snapshot().decision
    return shown is not None and decision is not None and shown.reason == decision.reason == reason


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", metavar="DIR", help="default: docs")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="another clip than the demo's; do not publish these")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help=f"of {', '.join(NAMES)}")
    options = parser.parse_args()
    if unknown := set(options.only) - set(NAMES):
        print(f"screenshots: no picture {sorted(unknown)[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    wanted = [name for name in NAMES if not options.only or name in options.only]
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)

    def keep(name: str, picture: QImage | QPixmap) -> None:
        path = options.out / (f"{name}.png" if name == _TERMINAL else f"window-{name}.png")
        save(path, picture)
        console.print(f"{path}  {path.stat().st_size / 1000:.0f} kB", soft_wrap=True)

    def keep_stage(name: str, stage: Stage[Any]) -> None:
        if name in wanted:
            stage.window.resize(WIDTH, HEIGHT)
            stage.app.processEvents()
            keep(name, stage.window.grab())

    with (
        tempfile.NamedTemporaryFile("w", suffix=".json") as screens,
        tempfile.TemporaryDirectory() as nobodys,
        as_file(files("realtime_cer") / "assets" / "demo.mp4") as demo,
    ):
        screens.write(json.dumps({"screens": [SCREEN]}))
        screens.flush()
        os.environ["REALTIME_CER_CONFIG"] = nobodys  # nobody's own settings in a picture
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screens.name}"
        application()
        clip = options.clip or demo
        for name in (one for one in STATES if one in wanted):
            keep(name, shoot_calm(clip, STATES[name]))
        for names, shoot_all in ((WIZARD, shoot_wizard), (KIOSK, shoot_kiosk), (REPLAY, shoot_replay)):
            if set(names) & set(wanted):
                shoot_all(clip, keep_stage)
        if _TERMINAL in wanted:
            keep(_TERMINAL, shoot_terminal(clip))
    return 0

"""A picture of the replay window: the demo clip recorded by the real recogniser, and decided again by another rule."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.commands.parser import build_parser
from realtime_cer.commands.record import session_facts
from realtime_cer.commands.replay import settings_by_row
from realtime_cer.commands.replaywindow import open_replay
from realtime_cer.commands.rows import open_rows
from realtime_cer.config import Config, load_weights
from realtime_cer.inference.profile import settled
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.sessions.replay import replay
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.ui.app import Stage
from realtime_cer.ui.replay import ReplayWindow

Keep = Callable[[str, Stage[ReplayWindow]], None]
"""Takes the name of a picture, and what holds the window."""

REPLAY = ("replay",)

_NAME = "2026-05-04_10-30-00"
_SECONDS = 13
"""Where the two rules have long disagreed."""

_PATIENCE_S, _SETTLED_S, _CLOSE_S = 15.0, 0.5, 0.1


def shoot_replay(clip: Path, keep: Keep) -> None:
    """Record a clip into a folder that is thrown away, and open it as ``replay --rule rule2 --compare`` does."""
    with tempfile.TemporaryDirectory() as kept:
        session = Path(kept) / _NAME
        session.mkdir()
        record(clip, session)
        options = build_parser().parse_args(["replay", str(session), "--rule", "rule2", "--compare"])
        found = open_rows(session)
        config, settings_of = settings_by_row(found.facts, options)
        rows = list(replay(found.rows, settings_of))
        with open_replay(found, settings_of, rows, config, options) as stage:
            for _ in range(_SECONDS):
                QTest.keyClick(stage.window, Qt.Key.Key_Right)
            until = time.monotonic() + _PATIENCE_S
            stage.turn(lambda: arrived(stage.window) or time.monotonic() > until)
            if not arrived(stage.window):
                raise SystemExit(f"screenshots: the film never came to {_SECONDS} s")
            settled_s = time.monotonic() + _SETTLED_S
            stage.turn(lambda: time.monotonic() >= settled_s)
            keep("replay", stage)


def arrived(window: ReplayWindow) -> bool:
    """Whether the picture is that of where the session stands."""
    frame = window.picture.frame
    return frame is not None and abs(frame.t - window.player.position) < _CLOSE_S


def record(clip: Path, session: Path) -> None:
    """Play a clip to the recogniser in real time, and have all of it recorded.

    Raises
    ------
    SystemExit
        The recording is not whole.
    """
    config = settled(Config())
    weights = load_weights(config.weights)
    perception = load_perception(config)
    sources = [("file", Player(open_media(clip)))]
    recorder = Recorder(session, session_facts(sources, config, weights, {}), sound=True)
    try:
        with Live(config, weights, perception, sources, taps=[recorder.tap]) as live:
            recorder.begin(live.origin, live.moment)
            for _ in live.decisions():
                pass
    finally:
        perception.close()
        whole = recorder.close()
    if not whole or recorder.error is not None or recorder.lost:
        raise SystemExit("screenshots: the recording is not whole: end what else runs on this machine")

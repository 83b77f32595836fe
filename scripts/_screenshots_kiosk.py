"""Pictures of the kiosk and of the wizard, with the demo clip before the real recogniser and real keys pressed."""

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.commands.booth import Attendant
from realtime_cer.commands.wizard import Rehearsal
from realtime_cer.config import Config, load_weights
from realtime_cer.inference.profile import settled
from realtime_cer.kiosk.posing import POSE_S, READY_S
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.ui.app import Stage, View
from realtime_cer.ui.kiosk.window import KioskWindow
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.wizard import Wizard
from realtime_cer.why import without

Keep = Callable[[str, "View | Stage[Wizard]"], None]
"""Takes the name of a picture, and what holds the window."""

KIOSK = ("kiosk-attract", "kiosk-notice", "kiosk-live", "kiosk-pose", "kiosk-question", "kiosk-forgotten")
WIZARD = ("wizard", "wizard-no-device")

_DREAM_S = 2.0


def shoot_kiosk(clip: Path, keep: Keep) -> None:
    """One visit, from the attract loop to being forgotten; what is counted goes to a folder that is thrown away."""
    config = settled(Config())
    weights = load_weights(config.weights)
    why = partial(without, weights=weights, rule=config.rule, always_decide=config.always_decide)
    looks = Looks(language="en", mirror=False, without=why)
    perception = load_perception(config)
    sources = [("file", Player(open_media(clip)))]
    try:
        with tempfile.TemporaryDirectory() as room, Live(config, weights, perception, sources) as live:
            os.environ["REALTIME_CER_ROOM"] = room
            booth = Attendant(config, live).booth()
            rule = config.rule.removeprefix("rule")
            with View(live, title="realtime-cer", rule=rule, weights=weights.name, looks=looks, booth=booth) as view:
                window = view.window
                assert isinstance(window, KioskWindow)
                window.attract.at = _DREAM_S
                keep("kiosk-attract", view)
                view.turn(lambda: window.visit.state == "notice")
                _wait(view, 0.5)
                keep("kiosk-notice", view)
                QTest.keyClick(window, Qt.Key.Key_Space)
                _wait(view, 4.0)
                keep("kiosk-live", view)
                QTest.keyClick(window, Qt.Key.Key_P)
                _wait(view, READY_S + POSE_S / 2)
                keep("kiosk-pose", view)
                _wait(view, POSE_S / 2 + 0.5)
                keep("kiosk-question", view)
                QTest.keyClick(window, Qt.Key.Key_F)
                _wait(view, 0.3)
                keep("kiosk-forgotten", view)
    finally:
        perception.close()


def shoot_wizard(clip: Path, keep: Keep) -> None:
    """The wizard with a camera and a microphone that play the clip, and with nothing at all."""
    for name in WIZARD:
        there = name == "wizard"
        rehearsal = Rehearsal(
            lambda kind, there=there: (f"{kind} 1", f"{kind} 2") if there else (),
            lambda kind, name: Player(open_media(clip), sound=kind == "microphone"),
        )
        looks = Looks(language="en", mirror=False)
        with rehearsal, Stage(lambda rehearsal=rehearsal, looks=looks: Wizard(rehearsal, looks)) as stage:
            _wait(stage, 6.0 if there else 0.5)
            keep(name, stage)


def _wait(stage: "View | Stage[Wizard]", seconds: float) -> None:
    until = time.monotonic() + seconds
    stage.turn(lambda: time.monotonic() >= until)

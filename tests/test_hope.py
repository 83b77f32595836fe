"""What only a new process brings back: said by the recogniser, acted upon by a kiosk."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from parts.mjpeg import MjpegServer, numbered_jpegs
from parts.moments import NOW, moment

from realtime_cer.commands.child import Child
from realtime_cer.commands.heart import HOPELESS
from realtime_cer.pipeline.hope import STANDS_S, Hope
from realtime_cer.records import Meters, Snapshot, SourceReport

METERS = Meters({}, {}, {}, 0, "full", 100.0, ())


def seen(t: float, *stalled: str, source: SourceReport | None = None) -> Snapshot:
    sources = () if source is None else (source,)
    return replace(moment(()), t=NOW + t, sources=sources, meters=replace(METERS, stalled=stalled))


def test_a_worker_that_stands_still_for_a_minute_is_lost() -> None:
    hope = Hope()
    assert hope.lost(seen(0.0, "video")) is None
    assert hope.lost(seen(STANDS_S, "video")) is None
    assert hope.lost(seen(STANDS_S + 1, "video")) == "video does not move for 61 s"


def test_one_that_goes_on_meanwhile_or_is_begun_anew_is_not() -> None:
    hope = Hope()
    for n in range(20):
        assert hope.lost(seen(n * 30.0, "video")) is None
        assert hope.lost(seen(n * 30.0 + 10, "reload-video")) is None
        assert hope.lost(seen(n * 30.0 + 20)) is None
    assert hope.lost(replace(moment(()), meters=None)) is None  # nothing has begun yet


def test_a_source_that_says_so_is_lost_at_once() -> None:
    camera = SourceReport("0", "camera", "retrying", "camera 0: trying again", 9, 0)
    assert Hope().lost(seen(0.0, source=camera)) is None
    hangs = replace(camera, detail="camera 0: every attempt at it hangs", hopeless=True)
    assert Hope().lost(seen(0.0, source=hangs)) == "camera 0: every attempt at it hangs"


@pytest.mark.parametrize(("gave_up", "bears_s"), [(1, 120.0), (5, 1920.0), (6, 3600.0), (9999, 3600.0)])
def test_after_others_that_gave_up_it_bears_its_loss_for_longer_and_for_an_hour_at_most(
    gave_up: int, bears_s: float
) -> None:
    hope = Hope(gave_up)
    camera = SourceReport("0", "camera", "retrying", "camera 0: every attempt at it hangs", 9, 0, hopeless=True)
    for t in (0.0, 1.0, bears_s - 1):
        assert hope.lost(seen(t, "video", source=camera)) is None
    assert hope.lost(seen(bears_s, source=camera)) == "camera 0: every attempt at it hangs"
    assert hope.lost(seen(9000.0)) is None
    assert hope.lost(seen(9001.0, source=camera)) is not None  # it was there meanwhile


HANGING = """
import sys, time
sys.path.insert(0, {tests!r})
from parts.perception import tiny_perception
from realtime_cer.commands import live
from realtime_cer.errors import Refused
from realtime_cer.pipeline import hope
hope.STANDS_S = 0.5
loaded = []
def load(config, **how):
    if loaded:
        raise Refused("no network: copy it back")
    loaded.append(tiny_perception(config))
    loaded[0].seeing.static = lambda frame, faces: time.sleep(60)
    return loaded[0]
live.load_perception = load
from realtime_cer.cli import program
program()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signs of life over a file descriptor")
def test_a_kiosk_that_has_lost_a_modality_for_good_ends_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_CER_LOGS", str(tmp_path))
    (tmp_path / "quick.toml").write_text("stall_s = 1.0\n", encoding="utf-8")
    words = ["live", "--kiosk", "--headless", "--microphone", "none", "--config", str(tmp_path / "quick.toml")]
    body = HANGING.format(tests=str(Path(__file__).parent))
    with (
        MjpegServer(numbered_jpegs(20, 480, 480), fps=25) as camera,
        Child([sys.executable, "-c", body, *words, "--camera", camera.url]) as child,
    ):
        ending = child.watch()
    assert ending.code == HOPELESS, ending.said
    assert ending.decided
    assert "video cannot be begun anew and is given up: no network: copy it back" in ending.said
    assert "video does not move for 1 s: only starting again helps" in ending.said
    assert "Traceback" not in ending.said
    log = (tmp_path / "live.log").read_text(encoding="utf-8")  # where it hung, and why nothing could be loaded
    assert "ERROR video does not move for " in log
    assert "Traceback" in log

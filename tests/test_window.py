"""The real window, driven with real key presses: what it shows is what the rows say, and it ends when told to."""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.clips import click, write_clip
from parts.moments import CAMERA, MICROPHONE, NOW, Double, Noted, decision, history, moment, people, plain
from parts.perception import tiny_perception
from pytestqt.qtbot import QtBot

from realtime_cer.capture.source import Counters, SourceStatus
from realtime_cer.commands.window import watch_window
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.perception.align import align
from realtime_cer.pipeline.live import Live
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Frame, Meters, StageMeter, read_only
from realtime_cer.smoothing import smooth
from realtime_cer.ui import app, screen, words
from realtime_cer.ui.app import View, show
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.places import arrange
from realtime_cer.ui.plots import SPAN_S, outline, series
from realtime_cer.ui.text import ENGLISH, GERMAN
from realtime_cer.ui.theme import LIGHT
from realtime_cer.ui.window import Window
from realtime_cer.why import without

QtCore = pytest.importorskip("PyQt6.QtCore")
QtGui = pytest.importorskip("PyQt6.QtGui")
Key = QtCore.Qt.Key
HEADING = {"title": "test", "rule": "none", "weights": "equal"}
RAW = Looks(language="en", smoothing_s=0.0, mirror=False)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests."""
    monkeypatch.setenv("LC_ALL", "C")


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """A screen of Qt's own, without telling child processes of other tests."""
    return ["test", "-platform", "offscreen"]


def opened(qtbot: QtBot, control: Double, looks: Looks = RAW, desk: Noted | None = None) -> Window:
    window = Window(control, **HEADING, looks=looks, desk=desk)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


def redraw(window: Window) -> None:
    window.draw(window.control.snapshot())


def colours_of(window: Window, name: str) -> Any:
    """What a panel looks like: (H, W, 3) RGB."""
    image = window.panels[name].grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return pixels.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 2::-1]


# What it shows.


def test_it_says_what_the_newest_row_says(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(()))
    window = opened(qtbot, control)
    assert window.verdict.said.kicker == "starting"
    seen: set[str | None] = set()
    for seed in range(40):
        row = decision(seed, NOW, here=[(), MODELS, MODELS[:2], MODELS[2:]][seed % 4], face=seed % 4 in (1, 2))
        control.now = moment([row])
        redraw(window)
        seen.add(row.label or row.reason)
        if row.label:
            assert row.compound is not None
            assert window.verdict.said.text == f"{row.label} {max(row.compound):.2f}"
            assert window.verdict.said.kicker == words.pair(ENGLISH, row.label)
        else:
            assert window.verdict.said.text == f"abstains: {words.reason(ENGLISH, row.reason)}"
        assert dict(window.models.columns.values) == dict(row.models)
        assert set(window.models.columns.missing) == {name for name in MODELS if row.models[name] is None}
        assert window.why.because.shares == tuple(row.contributions.get(name, 0.0) for name in MODELS)
        assert window.verdict.accessibleName() == window.verdict.said.text
    assert len(seen & set(COMPOUND)) >= 4
    assert {"no face", "neutral dominates"} <= seen


def test_the_curves_are_the_rows_of_the_last_minute(qtbot: QtBot, qapp: object) -> None:
    rows = history(400)
    control = Double(moment(rows))
    window = opened(qtbot, control)
    kept = [row for row in rows if row.t >= NOW - SPAN_S - 0.2]
    for n, curve in enumerate(window.curves.curves):
        t, values = curve.getData()
        np.testing.assert_allclose(t, [row.t - NOW for row in kept], atol=1e-9)
        for row, value in zip(kept, values, strict=True):
            if row.compound is None or row.basic is None:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(row.compound[n] / sum(row.basic))
    spans = [(begin, end) for begin, end, label in window.curves.series.spans if label is None]
    for row in kept:
        inside = any(begin <= row.t - NOW + 0.1 < end for begin, end in spans)
        assert inside == (row.label is None)
    x, _ = window.curves.band.getData()
    assert len(x) == 4 * len(spans)


def test_a_hole_between_rows_breaks_the_curves() -> None:
    rows = [row for row in history(20) if not 8 <= row.seq < 12]
    drawn = series(smooth(rows, 0), NOW)
    assert len(drawn.t) == len(rows) + 1
    assert np.isnan(drawn.values[8]).all()
    assert not np.isnan(np.delete(drawn.values, 8, axis=0)).any()
    assert all(np.diff(drawn.t) > 0)
    for begin, end, _ in drawn.spans:
        assert not begin < -(19 - 10) * 0.2 + 0.1 < end
    assert series((), NOW).spans == ()
    assert outline(()) == ([], [])


def test_published_weights_are_drawn_as_shares() -> None:
    row = decision(3, NOW)
    assert row.basic is not None
    assert row.compound is not None
    small = replace(row, basic=tuple(v / 9 for v in row.basic), compound=tuple(v / 9 for v in row.compound))
    np.testing.assert_allclose(series(smooth([small], 0), NOW).values, series(smooth([row], 0), NOW).values)


def test_the_picture_is_the_newest_one_in_its_own_colours(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5), plain((10, 60, 200))))
    window = opened(qtbot, control)
    seen = colours_of(window, "picture")
    middle = seen[seen.shape[0] - 30, seen.shape[1] // 2]
    np.testing.assert_allclose(middle, (200, 60, 10), atol=3)
    newer = Frame(NOW - 0.01, 701, plain((200, 60, 10)))
    control.now = replace(control.now, frame=newer)
    qtbot.waitUntil(lambda: window.picture.frame is newer, timeout=1000)  # by its own timer
    middle = colours_of(window, "picture")[seen.shape[0] - 30, seen.shape[1] // 2]
    np.testing.assert_allclose(middle, (10, 60, 200), atol=3)


def test_the_box_lies_around_the_analysed_face(qtbot: QtBot, qapp: object) -> None:
    row = next(one for one in history(50) if one.label)
    control = Double(moment([row], plain((0, 0, 0))))
    window = opened(qtbot, control)
    assert window.picture.overlay.box == pytest.approx((200 / 640, 60 / 480, 100 / 640, 130 / 480))
    seen = colours_of(window, "picture").astype(int)
    tall, wide = seen.shape[:2]
    scale = min(wide / 640, tall / 480)
    left, top = (wide - 640 * scale) / 2, (tall - 480 * scale) / 2
    ys, xs = np.nonzero(
        seen[round(top) : round(top + 480 * scale), round(left) : round(left + 640 * scale)].max(2) > 90
    )
    assert xs.min() / scale == pytest.approx(200, abs=6)
    assert xs.max() / scale == pytest.approx(300, abs=6)
    assert ys.min() / scale == pytest.approx(60, abs=6)
    assert ys.max() / scale == pytest.approx(190, abs=6)


def test_nothing_old_is_passed_off_as_the_present(qtbot: QtBot, qapp: object) -> None:
    now = moment(history(5))
    control = Double(now)
    window = opened(qtbot, control)
    assert window.picture.overlay.note == ""
    control.now = replace(now, t=NOW + 4)  # everything stands still for four seconds
    redraw(window)
    assert window.picture.overlay.note == "no new picture for 4.0 s"
    assert window.picture.overlay.box is None
    assert window.verdict.said.text == "stopped: no decision for 4.0 s"
    assert window.sound.hearing.voice is None
    assert window.sound.hearing.level == "last heard 4.2 s ago"
    assert window.curves.series.t[-1] == pytest.approx(-4.0)
    ended = tuple(replace(source, state="ended") for source in now.sources)
    control.now = replace(now, t=NOW + 4, sources=ended)
    redraw(window)
    assert window.picture.overlay.note == "the end"
    assert window.verdict.said.text != "stopped: no decision for 4.0 s"


@pytest.mark.parametrize("level", [-200.0, -120.0, -61.0, -30.0, 0.0, 6.0])
def test_sound_and_figures(qtbot: QtBot, qapp: object, level: float) -> None:
    now = moment(history(5))
    assert now.sound is not None
    window = opened(qtbot, Double(replace(now, sound=replace(now.sound, level_db=level, voice=level > -60))))
    assert 0 <= window.sound.hearing.share <= 1
    assert window.sound.hearing.voice == (level > -60)
    assert window.status.figures == "engine cpu · 5.0 decisions/s · 46 / 88 ms (p50 / p95) · 2 dropped"
    assert [text for text, _ in window.status.sources] == ["camera 0 live · 3 lost", "microphone default live"]


def test_trouble_is_told_and_comes_first(qtbot: QtBot, qapp: object) -> None:
    lost = replace(MICROPHONE, state="retrying", detail="unplugged, next try in 2 s")
    now = replace(moment(history(5)), sources=(CAMERA, lost), sound=None, engines={}, latency_ms=None)
    window = opened(qtbot, Double(now))
    assert window.status.sources[0][0] == "microphone default retrying · unplugged, next try in 2 s"
    assert window.sound.hearing.level == "no sound"
    assert window.status.figures.startswith("engine — · 5.0 decisions/s · — ms")
    mixed = replace(now, engines={"static": "cuda", "dynamic": "cuda", "acoustic": "cpu"})
    window.status.show_moment(window.presenter.moment(mixed))
    assert window.status.figures.startswith("engines static cuda, dynamic cuda, sound cpu · ")


def test_without_any_source_it_says_so(qtbot: QtBot, qapp: object) -> None:
    bare = replace(moment(()), frame=None, analysed=None, visual=None, sound=None, sources=(), engines={})
    window = opened(qtbot, Double(bare))
    assert window.picture.overlay.note == "no camera"
    assert window.verdict.said.text == "starting: loading the networks"


# Keys.


def test_space_pauses_and_goes_on(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    qtbot.keyClick(window, Key.Key_Space)
    assert control.paused
    assert window.picture.overlay.paused
    assert window.picture.accessibleName().startswith("paused")
    held = window.verdict.said
    control.now = moment([decision(99, NOW, 5, here=(), face=False)])
    redraw(window)
    assert window.verdict.said == held
    qtbot.keyClick(window, Key.Key_Space)
    assert not control.paused
    assert not window.picture.overlay.paused
    assert window.verdict.said.text == "abstains: no face in the picture"


def test_full_screen_and_back(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))))
    assert not window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    assert not window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.isFullScreen()
    qtbot.keyClick(window, Key.Key_Escape)
    assert window.isVisible()
    qtbot.keyClick(window, Key.Key_X)
    assert window.isVisible()


def test_q_closes(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(5))))
    with qtbot.waitSignal(window.closed, timeout=500):
        qtbot.keyClick(window, Key.Key_Q)
    assert not window.isVisible()


METERS = Meters(
    stages={"face": StageMeter(9.1, 14.2, 40.0, 5.0), "draw": StageMeter(3.0, 8.25, 30.0, 33.3)},
    queues={"grid": 1, "rows": 0},
    drops={"overtaken": 3, "late": 0},
    rung=1,
    rung_name="smaller preview",
    memory_mib=412.4,
    stalled=("video",),
)


def test_every_key_in_the_list_does_something_and_no_other_does(qtbot: QtBot, qapp: object) -> None:
    control, desk = Double(people(2)), Noted()
    window = opened(qtbot, control, RAW, desk)

    def state() -> tuple[object, ...]:
        picture, shown = window.picture, [panel.isVisibleTo(window) for panel in window.panels.values()]
        return (
            *(window.control.paused, window.isFullScreen(), window.isVisible(), window.theme, window.presenter.seconds),
            *(picture.landmarks, picture.crop, picture.mirrored, shown),
            *(list(control.asked), list(desk.asked), desk.muted, desk.recording),
        )

    for one in BINDINGS:
        for key in one.keys:
            qtbot.keyClick(window, Key.Key_D) if one.action == "back" else None
            if one.action == "rougher":
                qtbot.keyClick(window, Key.Key_Plus)
            before = state()
            qtbot.keyClick(window, key)
            assert state() != before or key > Key.Key_2, one  # only two are there to be chosen
            if window.keys.isVisible() or window.choices.isVisible():
                qtbot.keyClick(window, Key.Key_Escape)
    assert not window.isVisible()
    window.show()
    before = state()
    for key in {Key.Key_X, Key.Key_F5, Key.Key_Return} - {key for one in BINDINGS for key in one.keys}:
        qtbot.keyClick(window, key)
    assert state() == before
    assert {one.action for one in BINDINGS} == set(ENGLISH.keys)


def test_the_list_of_keys_opens_and_any_key_closes_it(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    qtbot.keyClick(window, Key.Key_Question)
    assert window.keys.isVisible()
    qtbot.keyClick(window, Key.Key_Space)
    assert not window.keys.isVisible()
    assert not control.paused


def test_f12_shows_the_meters_and_hides_them_again(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    assert not window.meters.isVisible()
    qtbot.keyClick(window, Key.Key_F12)
    assert window.meters.isVisible()
    assert window.meters.geometry() == window.curves.geometry()
    assert window.meters.accessibleName() == "no meters yet"
    control.now = replace(control.now, meters=METERS)
    redraw(window)
    assert window.meters.table == (
        ("ms", "p50", "p95", "worst", "per s"),
        ("face", "9.1", "14.2", "40.0", "5.0"),
        ("draw", "3.0", "8.2", "30.0", "33.3"),
    )
    facts = dict(window.meters.facts)
    assert facts["rung"] == "1 · smaller preview"
    assert facts["memory"] == "412 MiB"
    assert facts["queues"] == "pictures 1, rows 0"
    assert facts["dropped"] == "overtaken 3"
    assert facts["stalled"] == "video"
    assert facts["camera"] == "live · 12034 in, 3 lost"
    qtbot.keyClick(window, Key.Key_F12)
    assert not window.meters.isVisible()
    assert window.curves.isVisible()


def test_what_is_not_done_is_always_told(qtbot: QtBot, qapp: object) -> None:
    control = Double(replace(moment(history(5)), meters=METERS))
    window = opened(qtbot, control)
    assert window.status.rung == "doing less: smaller preview"
    control.now = replace(control.now, meters=replace(METERS, rung=0, rung_name="full"))
    redraw(window)
    assert window.status.rung == ""


def test_the_window_tells_how_long_it_draws(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment(history(5)))
    window = opened(qtbot, control)
    control.draws.clear()
    control.now = replace(control.now, frame=Frame(NOW, 702, plain((1, 2, 3))))
    qtbot.waitUntil(lambda: bool(control.draws), timeout=5000)
    assert all(0 < seconds < 5 for seconds in control.draws)
    assert window.isVisible()


def test_light_and_dark(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment(history(60))))
    dark = colours_of(window, "curves")[2, 100]
    qtbot.keyClick(window, Key.Key_T)
    assert window.theme is LIGHT
    light = colours_of(window, "curves")
    assert int(dark.sum()) < 200
    assert int(light[4, 100].sum()) == 3 * 255
    assert (light[light.shape[0] // 2] == 255).all(axis=1).mean() > 0.4, "the plot has its light ground too"
    assert opened(qtbot, Double(moment(())), replace(RAW, theme="light")).theme is LIGHT


def test_german(qtbot: QtBot, qapp: object) -> None:
    row = next(one for one in history(50) if one.label)
    row = replace(row, t=NOW)
    window = opened(qtbot, Double(moment([row])), replace(RAW, language="de"))
    assert row.label is not None
    assert window.verdict.said.headline == GERMAN.compound[COMPOUND.index(row.label)]
    assert "," in window.verdict.said.value
    assert window.heading.how == "Regel none · Gewichte equal · ohne Glättung"
    assert window.status.sources[0][0] == "Kamera 0 läuft · 3 verloren"
    assert window.sound.accessibleName().startswith("Ton: -23 dB, Stimme")


def test_smoothing_is_settable_and_shown_and_the_raw_label_stays_in_the_details(qtbot: QtBot, qapp: object) -> None:
    rows = [row for row in history(60) if row.label]
    first, other = rows[0], next(row for row in rows if row.label != rows[0].label)
    steady = [replace(first, t=NOW - 2 + 0.2 * n, seq=n) for n in range(10)]
    control = Double(moment([*steady, replace(other, t=NOW, seq=10)]))
    window = opened(qtbot, control, replace(RAW, smoothing_s=0.6))
    qtbot.keyClick(window, Key.Key_D)
    assert window.heading.how.endswith("smoothing 0.6 s")
    assert window.verdict.said.label == first.label
    assert dict(window.details.pairs)["shown"] == first.label
    assert dict(window.details.pairs)["raw"] == other.label
    qtbot.keyClick(window, Key.Key_Minus)
    assert window.heading.how.endswith("smoothing 0.3 s")
    qtbot.keyClick(window, Key.Key_Minus)
    assert window.heading.how.endswith("no smoothing")
    assert window.verdict.said.label == other.label
    for _ in range(9):
        qtbot.keyClick(window, Key.Key_Plus)
    assert window.presenter.seconds == 3


def test_the_why_bar_tells_what_it_would_be_without_each(qtbot: QtBot, qapp: object) -> None:
    weights = FusionWeights.equal()
    looks = replace(RAW, without=lambda row: without(row, weights, "none"))
    row = next(one for one in history(50) if one.label)
    window = opened(qtbot, Double(moment([row])), looks)
    assert dict(window.why.because.without) == dict(without(row, weights, "none"))
    assert set(window.why.because.without) == set(MODELS)
    assert window.why.because.label == row.label


def test_bars_glide_to_their_new_places(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment([decision(1, NOW)]))
    window = opened(qtbot, control)
    control.now = moment([decision(77, NOW, 9)])
    redraw(window)
    assert window.models.moving(time.monotonic())
    qtbot.waitUntil(lambda: not window.models.moving(time.monotonic()), timeout=5000)


# The picture.


def halves() -> Any:
    """Red at the left, blue at the right, BGR."""
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, :320, 2] = picture[:, 320:, 0] = 250
    return read_only(picture)


def test_a_local_camera_is_a_mirror_and_everything_else_is_not(qtbot: QtBot, qapp: object) -> None:
    auto = replace(RAW, mirror=None)
    for source, mirrored in (
        (CAMERA, True),
        (replace(CAMERA, name="http://10.0.0.5/"), False),
        (replace(CAMERA, kind="file", name="clip.mp4"), False),
    ):
        window = opened(qtbot, Double(replace(moment(history(3), halves()), sources=(source,))), auto)
        assert window.picture.mirrored is mirrored
        seen = colours_of(window, "picture")
        at_left = seen[-40, seen.shape[1] // 4]
        assert bool(at_left[2] > 200) is mirrored
        qtbot.keyClick(window, Key.Key_M)
        assert window.picture.mirrored is not mirrored
        at_left = colours_of(window, "picture")[-40, seen.shape[1] // 4]
        assert bool(at_left[2] > 200) is not mirrored


def test_the_box_is_mirrored_with_the_picture(qtbot: QtBot, qapp: object) -> None:
    row = next(one for one in history(50) if one.label)
    window = opened(qtbot, Double(moment([row], plain((0, 0, 0)))), replace(RAW, mirror=True))
    seen = colours_of(window, "picture").astype(int)
    scale = min(seen.shape[1] / 640, seen.shape[0] / 480)
    left = (seen.shape[1] - 640 * scale) / 2
    xs = np.nonzero(seen[:, round(left) : round(left + 640 * scale)].max(2) > 90)[1] / scale
    assert xs.min() == pytest.approx(640 - 300, abs=6)
    assert xs.max() == pytest.approx(640 - 200, abs=6)


def test_landmarks_lie_on_the_picture_in_which_they_were_found(qtbot: QtBot, qapp: object) -> None:
    row = next(one for one in history(50) if one.label)
    now = moment([row], plain((0, 0, 0)))
    assert now.visual is not None
    assert now.visual.face is not None
    points = np.full((478, 2), (400.0, 300.0), np.float32)
    now = replace(now, visual=replace(now.visual, face=replace(now.visual.face, landmarks=points)))
    window = opened(qtbot, Double(now))
    assert window.picture.frame is now.frame
    qtbot.keyClick(window, Key.Key_L)
    assert window.picture.frame is now.analysed
    seen = colours_of(window, "picture").astype(int)
    scale = min(seen.shape[1] / 640, seen.shape[0] / 480)
    x, y = (
        round((seen.shape[1] - 640 * scale) / 2 + 400 * scale),
        round((seen.shape[0] - 480 * scale) / 2 + 300 * scale),
    )
    assert seen[y - 3 : y + 4, x - 3 : x + 4].min(2).max() > 150
    assert seen[y + 20 : y + 40, x - 3 : x + 4].max() < 60
    qtbot.keyClick(window, Key.Key_L)
    assert window.picture.frame is now.frame


def test_the_crop_is_cut_as_for_the_network_from_the_analysed_picture(qtbot: QtBot, qapp: object) -> None:
    cuts = []

    def cut(picture: Any, landmarks: Any) -> Any:
        cuts.append((picture, landmarks))
        return align(picture, landmarks)

    row = next(one for one in history(50) if one.label)
    now = moment([row], halves())
    assert now.visual is not None
    assert now.visual.face is not None
    points = np.random.default_rng(0).uniform(200, 300, (478, 2)).astype(np.float32)
    now = replace(now, visual=replace(now.visual, face=replace(now.visual.face, landmarks=points)))
    window = opened(qtbot, Double(now), replace(RAW, cut=cut))
    assert not cuts
    plain_look = colours_of(window, "picture")
    qtbot.keyClick(window, Key.Key_C)
    assert now.analysed is not None
    assert cuts[-1][0] is now.analysed.picture
    assert cuts[-1][1] is points
    corner = colours_of(window, "picture")[10:150, -150:-10]
    assert (corner != plain_look[10:150, -150:-10]).any()
    qtbot.waitUntil(lambda: window.picture.frame is now.frame, timeout=2000)
    assert len(cuts) <= 3, "cut once for each analysed picture, not for each that is shown"


# Sizes.


@pytest.mark.parametrize(
    "size", [(200, 150), (1, 1), (30, 800), (800, 30), (560, 330), (720, 1280), (640, 480), (3840, 2160)]
)
def test_every_size_can_be_drawn(qtbot: QtBot, qapp: object, size: tuple[int, int]) -> None:
    control = Double(moment(()))
    window = opened(qtbot, control)
    for now in (moment(()), moment(history(60)), replace(moment(history(60)), frame=None)):
        control.now = now
        window.resize(*size)
        redraw(window)
        assert not window.grab().isNull()
    window.resize(1280, 720)
    redraw(window)
    assert window.verdict.isVisible()


ALL = {"heading", "picture", "verdict", "why", "models", "curves", "sound", "status"}


@pytest.mark.parametrize("cards", [False, True])
def test_panels_stay_inside_and_apart(cards: bool) -> None:
    for width in [*range(1, 200, 23), *range(200, 4000, 117)]:
        for height in [*range(1, 200, 23), *range(200, 2300, 117)]:
            places = list(arrange(width, height, cards=cards).items())
            for n, (name, place) in enumerate(places):
                assert place.left() >= 0, (width, height, name)
                assert place.top() >= 0, (width, height, name)
                assert place.right() < width, (width, height, name)
                assert place.bottom() < height, (width, height, name)
                for other, elsewhere in places[n + 1 :]:
                    assert not place.intersects(elsewhere), (width, height, name, other)
    assert set(arrange(1280, 720)) == ALL
    assert set(arrange(1280, 720, cards=True)) == set(arrange(720, 1280, cards=True)) == ALL | {"cards"}
    assert set(arrange(200, 150)) == {"picture", "verdict"}


def test_first_the_picture_and_the_verdict_then_the_curves_with_the_models_beside_them() -> None:
    for width, height in ((1280, 720), (1920, 1080), (3840, 2160)):
        places = arrange(width, height, 4 / 3)
        area = {name: place.width() * place.height() for name, place in places.items()}
        assert places["picture"].top() == places["verdict"].top() < places["why"].top()
        assert places["curves"].top() == places["models"].top() > places["picture"].bottom()
        assert max(area, key=area.__getitem__) in ("picture", "curves")
        assert area["picture"] + area["verdict"] > area["curves"] + area["models"] * 0.5


# The event loop.


def press_later(key: Any, ms: int) -> None:
    """A key press from within the event loop, for the window that is open then."""
    from PyQt6.QtTest import QTest
    from PyQt6.QtWidgets import QApplication

    def press() -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, Window) and widget.isVisible():
                QTest.keyClick(widget, key)

    QtCore.QTimer.singleShot(ms, press)


def test_rows_pass_through_until_the_window_is_closed(qapp: object) -> None:
    def endless() -> Iterator[Decision]:
        seq = 0
        while True:
            time.sleep(0.02)
            yield decision(seq, NOW + seq * 0.2, 1)
            seq += 1

    press_later(Key.Key_Q, 400)
    begun = time.monotonic()
    rows = list(watch_window(Double(moment(history(5))), endless(), **HEADING))
    assert time.monotonic() - begun < 2
    assert len(rows) >= 5
    assert [row.seq for row in rows] == list(range(len(rows)))


def test_the_window_closes_by_itself_after_the_last_row(qapp: object) -> None:
    given = [decision(seq, NOW + seq * 0.2, 1) for seq in range(50)]
    control = Double(moment(history(5)))
    for ended in (False, True):
        control.ended = ended
        begun = time.monotonic()
        assert list(watch_window(control, iter(given), **HEADING)) == given
        assert time.monotonic() - begun < (2.5 if ended else 1)  # an end is shown for a moment


def test_what_the_recogniser_raises_comes_out(qapp: object) -> None:
    def failing() -> Iterator[Decision]:
        yield decision(0, NOW)
        raise RuntimeError("a thread died")

    rows = watch_window(Double(moment(history(5))), failing(), **HEADING)
    assert next(rows).seq == 0
    with pytest.raises(RuntimeError, match="a thread died"):
        list(rows)


def test_what_a_slot_raises_comes_out(qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    control = Double(moment(history(5)))
    with View(control, **HEADING) as view:
        monkeypatch.setattr(control, "now", None)
        with pytest.raises(AttributeError):
            view.turn(lambda: False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_ctrl_c_comes_out(qapp: object) -> None:
    with View(Double(moment(history(5))), **HEADING) as view:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            view.turn(lambda: False)
        assert time.monotonic() - begun < 1.5


def test_it_ends_with_what_it_shows(qapp: object) -> None:
    control = Double(moment(history(5)))
    control.ended = True
    begun = time.monotonic()
    show(control, **HEADING)
    assert time.monotonic() - begun < 2


def test_files_are_made_whole_before_a_lost_display_ends_the_process(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(app, "end", told.append)
    for lost, line in ((lambda: told.append("whole"), ""), (lambda: 1 / 0, "; division by zero")):
        with View(Double(moment(history(5))), **HEADING, lost=lost):
            app._message(QtCore.QtMsgType.QtWarningMsg, None, "some chatter")
            assert told == []
            app._message(QtCore.QtMsgType.QtWarningMsg, None, "The X11 connection broke (error 1).")
        assert told[-1] == f"the display has gone, and the window with it{line}"
        assert told[:-1] == ([] if line else ["whole"])
        told.clear()


class Talking:
    """A camera and a microphone in one, in real time, for ever."""

    name = "made"

    def __init__(self) -> None:
        self.status = SourceStatus("live", "", 0.0)
        self.counters = Counters()

    def items(self, stop: threading.Event) -> Iterator[Frame | AudioBlock]:
        begun, n = time.monotonic(), 0
        while not stop.is_set():
            n += 1
            time.sleep(max(begun + n / 25 - time.monotonic(), 0))
            picture = np.full((48, 64, 3), 80 + n % 120, np.uint8)
            picture[::3, ::5] = 40 + n % 200
            self.counters.frames += 1
            yield Frame(begun + n / 25, n, picture)
            loud = np.sin(np.arange(SAMPLE_RATE // 25) * 0.01).astype(np.float32) / 2
            yield AudioBlock(begun + (n - 1) / 25, loud)

    def close(self) -> None:
        """Nothing is open."""


def test_over_a_real_recogniser_rows_and_window_agree_and_all_ends_in_two_seconds(qapp: object) -> None:
    from PyQt6.QtWidgets import QApplication

    config = Config()
    before = set(threading.enumerate())
    shown: dict[int, str] = {}
    rows = []
    with Live(config, FusionWeights.equal(), tiny_perception(config), [("camera", Talking())]) as live:
        press_later(Key.Key_Q, 2500)
        for row in watch_window(live, live.decisions(), **HEADING):
            rows.append(row)
            for window in QApplication.topLevelWidgets():
                if isinstance(window, Window) and window.isVisible():
                    if window.presenter.seconds:
                        window.presenter.smooth(0.0)
                    redraw(window)
                    assert window.curves.shown is not None
                    shown[window.curves.shown.seq] = window.verdict.said.text
    quitting = time.monotonic()
    assert time.monotonic() - quitting < 2
    until = time.monotonic() + 2
    while set(threading.enumerate()) - before and time.monotonic() < until:
        time.sleep(0.02)
    assert not set(threading.enumerate()) - before
    assert len(rows) >= 10
    by_seq = {row.seq: row for row in rows}
    assert len(shown) >= 8
    for seq, text in shown.items():
        best = words.strongest(by_seq[seq])
        named = by_seq[seq].label
        assert text == (
            f"{named} {best[1]:.2f}" if named and best else f"abstains: {words.reason(ENGLISH, by_seq[seq].reason)}"
        )
    assert any(row.label for row in rows)


# Whether there is a screen.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    screen.screen_available.cache_clear()
    yield monkeypatch
    screen.screen_available.cache_clear()


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are found so on Linux only")


@linux
def test_no_display_is_said_in_words(asked: pytest.MonkeyPatch) -> None:
    assert screen.screen_available() == "no screen: neither DISPLAY nor WAYLAND_DISPLAY is set"


@linux
def test_a_display_that_does_not_answer(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("DISPLAY", ":987")
    asked.setenv("WAYLAND_DISPLAY", "wayland-987")
    reason = screen.screen_available()
    assert reason == "no screen: DISPLAY=:987 and WAYLAND_DISPLAY=wayland-987 does not answer"


@linux
def test_a_display_that_never_answers(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("DISPLAY", ":987")
    asked.setattr(screen, "_ANSWER_S", 0.1)
    asked.setattr(screen, "_x11", lambda: time.sleep(1) or True)
    assert screen.screen_available() == "no screen: DISPLAY=:987 does not answer"


@linux
def test_a_missing_library_comes_with_its_install_line(asked: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError("libEGL.so.1: cannot open shared object file: No such file or directory")

    asked.setenv("DISPLAY", ":987")
    asked.setattr(ctypes, "CDLL", absent)
    reason = screen.screen_available() or ""
    assert reason.startswith("no window: libEGL.so.1 is missing; sudo apt-get install --no-install-recommends libegl1 ")


@linux
def test_a_platform_without_a_display_is_taken_as_wished(asked: pytest.MonkeyPatch) -> None:
    asked.setenv("QT_QPA_PLATFORM", "offscreen")
    assert screen.screen_available() is None


# A real X server, in processes of their own.


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb: apt-get install xvfb")
    theirs, ours = os.pipe()
    command = ["Xvfb", "-displayfd", str(ours), "-screen", "0", "1280x720x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[ours], stderr=subprocess.DEVNULL)
    os.close(ours)
    try:
        assert select.select([theirs], [], [], 10)[0], "Xvfb does not start"
        number = os.read(theirs, 16).decode().strip()
        env = {k: v for k, v in os.environ.items() if k not in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
        yield process, env | {"DISPLAY": f":{number}"}
    finally:
        os.close(theirs)
        process.kill()
        process.wait()


PRESSED = """
import sys, time
from PyQt6.QtCore import QTimer, Qt
from PyQt6.QtTest import QTest
from realtime_cer import cli
from realtime_cer.ui import app, window

class Driven(window.Window):
    def __init__(self, *given):
        super().__init__(*given)
        self._waiting = QTimer(self)
        self._waiting.timeout.connect(self._look)
        self._waiting.start(20)

    def _look(self):
        if self.picture.frame is not None and self.control.snapshot().decisions >= 5:
            print("quit", time.monotonic(), self.picture.frame.picture.shape, self.app_name(), flush=True)
            QTest.keyClick(self, Qt.Key.Key_Q)

    def app_name(self):
        from PyQt6.QtGui import QGuiApplication
        return QGuiApplication.platformName()

app.Window = Driven
code = cli.main(sys.argv[1:])
print("over", time.monotonic(), flush=True)
sys.exit(code)
"""


def clip(folder: Path) -> Path:
    path = folder / "clip.mp4"
    write_clip(path, times=[n / 25 for n in range(500)], sounds=[("aac", 16_000, click(20.0, 16_000, 1.0))])
    return path


def test_the_real_command_on_a_real_display_ends_within_two_seconds_of_q(
    server: tuple[subprocess.Popen[bytes], dict[str, str]], tmp_path: Path
) -> None:
    words = ["live", "--camera", str(clip(tmp_path)), "--engine", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", PRESSED, *words], capture_output=True, text=True, timeout=60, env=server[1], check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    quitting, over = (line.split() for line in done.stdout.splitlines())
    assert quitting[0] == "quit"
    assert quitting[-1] == "xcb"
    assert float(over[1]) - float(quitting[1]) < 2


def test_a_display_that_dies_ends_with_one_line_and_whole_rows(
    server: tuple[subprocess.Popen[bytes], dict[str, str]], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "realtime_cer", "demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=server[1])
    table = tmp_path / "decisions.jsonl"
    until = time.monotonic() + 20
    while time.monotonic() < until and not (table.is_file() and table.read_text(encoding="utf-8").count("\n") >= 5):
        time.sleep(0.1)
    assert process.poll() is None
    server[0].kill()
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said == "realtime-cer: the display has gone, and the window with it\n"
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    assert [row["seq"] for row in rows] == list(range(len(rows)))
    assert len(rows) >= 5

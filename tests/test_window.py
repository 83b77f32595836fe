"""The real window, driven with real key presses: what it shows is what the rows say."""

from dataclasses import replace

import numpy as np
import pytest
from parts.moments import CAMERA, MICROPHONE, NOW, Double, decision, history, moment, plain
from parts.windows import colours_of, opened, redraw
from pytestqt.qtbot import QtBot

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Frame
from realtime_cer.smoothing import smooth
from realtime_cer.ui import words
from realtime_cer.ui.plots import SPAN_S, outline, series
from realtime_cer.ui.text import ENGLISH

pytestmark = pytest.mark.usefixtures("english")


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

"""The real window, driven with real key presses: what it shows is what the rows say."""

import time
from dataclasses import replace

import numpy as np
import pytest
from parts.moments import CAMERA, MICROPHONE, NOW, Double, Noted, decision, history, moment, people, plain
from parts.windows import RAW, colours_of, opened, redraw
from pytestqt.qtbot import QtBot

from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Frame, Meters, StageMeter
from realtime_cer.smoothing import smooth
from realtime_cer.ui import words
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.plots import SPAN_S, outline, series
from realtime_cer.ui.text import ENGLISH, GERMAN
from realtime_cer.ui.theme import LIGHT
from realtime_cer.why import without

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key
pytestmark = pytest.mark.usefixtures("english")


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


def test_g_says_all_of_it_in_the_other_language_at_once(qtbot: QtBot, qapp: object) -> None:
    window = opened(qtbot, Double(moment([replace(next(one for one in history(50) if one.label), t=NOW)])))

    def told() -> list[str]:
        return [panel.accessibleName() for panel in window.panels.values() if panel.isVisible()]

    english = told()
    qtbot.keyClick(window, Key.Key_G)
    assert window.text is GERMAN
    german = told()
    assert window.heading.how == "Regel none · Gewichte equal · ohne Glättung"
    assert not set(english) & set(german), "a panel kept its words"
    qtbot.keyClick(window, Key.Key_G)
    assert window.text is ENGLISH
    assert told() == english


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


def test_the_why_bar_explains_what_is_shown_not_what_newer_rows_say(qtbot: QtBot, qapp: object) -> None:
    weights = FusionWeights.equal()
    rows = [row for row in history(60) if row.label]
    first, other = rows[0], next(row for row in rows if row.label != rows[0].label)
    steady = [replace(first, t=NOW - 2 + 0.2 * n, seq=n) for n in range(10)]
    control = Double(moment([*steady, replace(other, t=NOW, seq=10)]))
    looks = replace(RAW, smoothing_s=0.6, without=lambda row: without(row, weights, "none"))
    window = opened(qtbot, control, looks)
    assert window.verdict.said.label == window.why.because.label == first.label
    assert window.why.because.shares == tuple(first.contributions.values())
    assert dict(window.why.because.without) == dict(without(first, weights, "none"))
    control.now = moment([*(replace(row, t=row.t - 10) for row in steady), replace(other, t=NOW, seq=10)])
    redraw(window)
    assert window.why.because.label == other.label, "what is long past explains nothing"


def test_what_is_nothing_is_not_told_as_the_strongest(qtbot: QtBot, qapp: object) -> None:
    row = replace(decision(3, NOW), label=None, reason="no emotion above 1/7", compound=(0.0,) * 6 + (0.3,))
    assert opened(qtbot, Double(moment([row]))).verdict.said.value == "strongest: Sadly Angry 0.30"
    row = replace(row, compound=(0.001,) * 7)
    assert opened(qtbot, Double(moment([row]))).verdict.said.value == ""


def test_bars_glide_to_their_new_places(qtbot: QtBot, qapp: object) -> None:
    control = Double(moment([decision(1, NOW)]))
    window = opened(qtbot, control)
    control.now = moment([decision(77, NOW, 9)])
    redraw(window)
    assert window.models.moving(time.monotonic())
    qtbot.waitUntil(lambda: not window.models.moving(time.monotonic()), timeout=5000)

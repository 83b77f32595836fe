"""How the real window may look: light and dark, in German, smoothed, and what the bar under the name explains."""

import time
from dataclasses import replace

import pytest
from parts.moments import NOW, Double, decision, history, moment, plain
from parts.windows import RAW, colours_of, opened, redraw
from pytestqt.qtbot import QtBot

from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Frame
from realtime_cer.ui.text import ENGLISH, GERMAN
from realtime_cer.ui.theme import LIGHT
from realtime_cer.why import without

QtCore = pytest.importorskip("PyQt6.QtCore")
Key = QtCore.Qt.Key
pytestmark = pytest.mark.usefixtures("english")


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

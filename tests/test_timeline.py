"""The picture shows what was decided, where it was decided."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_tables import nothing, whole

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.records import Decision
from realtime_cer.sinks.comparison import draw_comparison
from realtime_cer.sinks.series import runs, series
from realtime_cer.sinks.timeline import draw_timeline


def story(n: int) -> list[Decision]:
    """A first half that is named and a second without a face; no sound at all."""
    return [replace(whole() if i < n // 2 else nothing(), t=0.2 * i, seq=i) for i in range(n)]


def draw(tmp_path: Path, decisions: list[Decision]) -> np.ndarray:
    draw_timeline(tmp_path / "timeline.png", decisions, "a $clip$ with {braces}.mp4")
    picture = cv2.imread(str(tmp_path / "timeline.png"))
    assert picture.shape == (1000, 1600, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["timeline.png"]
    return np.asarray(picture[..., ::-1])


def columns(picture: np.ndarray, colour: str) -> np.ndarray:
    """How often the colour is in each column of the panels."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return (np.abs(picture[:, 88:1340].astype(int) - rgb).max(axis=2) <= 2).sum(axis=0)


@pytest.mark.parametrize("n", [10, 100, 5000])
def test_colours_are_where_the_label_is_and_gaps_stay_empty(tmp_path: Path, n: int) -> None:
    picture = draw(tmp_path, story(n))
    half = 626
    label = columns(picture, palette.COMPOUND[COMPOUND.index("Happily Surprised")])
    assert (label[5 : half - 10] > 20).all()
    assert (label[half + 10 :] == 0).all()
    static, acoustic = columns(picture, palette.MODELS[0]), columns(picture, palette.MODELS[2])
    assert (static[5 : half - 10] > 20).all()
    assert (static[half + 10 :] == 0).all()
    assert (acoustic == 0).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_anything_is_drawn_too(tmp_path: Path, n: int) -> None:
    draw(tmp_path, story(n))


def test_decisions_that_are_missing_leave_a_gap() -> None:
    s = series([replace(whole(), t=t) for t in (0.0, 0.2, 0.4, 2.0, 2.2)])
    assert [(run.start, round(run.end, 6)) for run in runs(s)] == [(0.0, 0.6), (2.0, 2.4)]


@pytest.mark.parametrize("most", [2000, 120])
def test_decisions_at_half_the_rate_leave_none(most: int) -> None:
    times = [*(0.2 * i for i in range(100)), *(20 + 0.4 * i for i in range(40))]
    s = series([replace(whole(), t=t) for t in times], most)
    assert [(run.start, round(run.end, 6)) for run in runs(s)] == [(0.0, 35.8)]
    assert not np.isnan(s.compound.mean).any()


def test_two_timelines_are_compared_at_their_own_times(tmp_path: Path) -> None:
    """Ten seconds at the full rate, ten without rows, and ten at half the rate, which differ."""
    times = [*(0.2 * k for k in range(50)), *(20 + 0.4 * k for k in range(25))]
    then = [replace(whole(), t=t) for t in times]
    now = [row if row.t < 20 else replace(nothing(), t=row.t) for row in then]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        draw_comparison(tmp_path / "differences.png", then, now, ("then", "now"), "a$b_$c \u4f60.mp4")
    picture = cv2.imread(str(tmp_path / "differences.png"))[..., ::-1]
    code = palette.COMPOUND[COMPOUND.index("Happily Surprised")]
    named = [int(code[i : i + 2], 16) for i in (1, 3, 5)]
    for t in 0.05 + 0.1 * np.arange(297):
        colours = picture[[122, 227, 310], round(208 + 1088 * t / 29.8)].astype(int)  # then, now, where they differ
        is_named, is_white = (np.abs(colours - one).max(axis=1) <= 2 for one in (named, [255] * 3))
        assert is_named.tolist() == [t < 10 or t > 20, t < 10, False], t
        assert is_white.tolist() == [10 < t < 20, 10 < t < 20, t < 20], t


def test_many_decisions_keep_their_extremes_and_their_mean() -> None:
    decisions = story(8000)
    decisions[1234] = replace(decisions[1234], compound=(0.99, *whole().compound[1:]))
    s = series(decisions, most=400)
    assert len(s.said) == 400
    assert np.nanmax(s.compound.high[:, 0]) == 0.99
    assert np.nanmax(s.compound.mean[:, 0]) < 0.4
    assert s.said[0] == "Happily Surprised"
    assert s.said[-1] == "no face"
    assert np.isnan(s.models["acoustic"].mean).all()

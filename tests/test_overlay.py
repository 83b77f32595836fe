"""Overlays: what is drawn over a picture and beside it."""

from dataclasses import replace

import numpy as np
import pytest
from parts.clips import portrait
from parts.drawn import NONE, decision, inside, near

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.lettering import bgr
from realtime_cer.sinks.overlay import Overlay, draw_overlay
from realtime_cer.sinks.panels import layout


def nothing(t: float) -> Decision:
    """A decision where nothing was known."""
    return decision(t, None, "nothing fresh", face=None, basic=None, compound=None, models=NONE, contributions={})


@pytest.mark.parametrize("label", COMPOUND)
def test_the_box_has_the_colour_of_what_is_said(label: str) -> None:
    said = decision(1.0, label)
    picture = portrait(320, 240)
    shown = inside(draw_overlay(picture, said, [said]), 320, 240)
    code = palette.COMPOUND[COMPOUND.index(label)]
    assert near(shown[70:150, 98:102], code) > 60, "the left side of the box"
    assert near(shown, code) > near(picture, code) + 250


def test_abstention_has_none_of_the_colours_and_says_why() -> None:
    picture = np.full((240, 320, 3), 120, np.uint8)
    said = [decision(1.0, None, reason) for reason in ("neutral dominates", "no emotion above 1/7")]
    neutral, flat = (inside(draw_overlay(picture, one, [one]), 320, 240) for one in said)
    for code in palette.COMPOUND:
        assert near(neutral, code, 4) == 0
    assert (neutral != flat).any(), "another reason, other words"
    unseen = inside(draw_overlay(picture, nothing(1.0), [nothing(1.0)]), 320, 240)
    assert (unseen[:180] == 120).all(), "without a face the words stand in the lower corner"
    assert (unseen[180:] != 120).any()


@pytest.mark.parametrize(
    "face",
    [
        (60, 60, 100, 100),
        (60, 2, 100, 150),
        (10, 1, 100, 238),
        (205, 1, 100, 238),
        (-20, -30, 120, 120),
        (250, 90, 99, 99),
    ],
)
def test_the_words_never_cover_a_face_that_leaves_room(face: tuple[float, float, float, float]) -> None:
    picture = np.full((240, 320, 3), 255, np.uint8)
    said = decision(1.0, "Sadly Fearful", face=face)
    shown = inside(draw_overlay(picture, said, [said]), 320, 240)
    x, y, width, height = (int(value) for value in face)
    assert (shown[max(y, 0) + 8 : y + height - 8, max(x, 0) + 8 : x + width - 8] == 255).all()
    assert (shown.max(axis=2) < 80).sum() > 1500, "the plate"


def test_without_a_decision_the_picture_stays_as_it_is() -> None:
    canvas = draw_overlay(portrait(320, 240), None, [], now=3.0)
    assert (inside(canvas, 320, 240) == portrait(320, 240)).all()


def test_curves_have_gaps_where_nothing_is_known() -> None:
    known = [decision(k / 5, "Sadly Angry") for k in range(150)]
    holes = [nothing(d.t) if 10 <= d.t < 20 else d for d in known]
    missing = [d for d in known if not 10 <= d.t < 20]
    half = [*known[:100:2], *known[100:]]
    box = layout(640, 360).curves
    picture = portrait(640, 360)
    full, holed, short, slow = (
        draw_overlay(picture, rows[-1], rows)[box.y : box.bottom - 30, box.x : box.right]
        for rows in (known, holes, missing, half)
    )
    third = slice(box.width * 11 // 30, box.width * 19 // 30)
    before = slice(box.width * 3 // 30, box.width * 9 // 30)
    for code in palette.COMPOUND:
        assert near(full[:, third], code) > 0 or code != palette.COMPOUND[6]
        assert near(holed[:, third], code) == near(short[:, third], code) == 0
    assert near(holed[:, before], palette.COMPOUND[6]) == near(full[:, before], palette.COMPOUND[6]) > 50
    line = np.abs(slow[:, before].astype(int) - bgr(palette.COMPOUND[6])).max(axis=2) <= 12
    assert line.any(axis=0).all(), "at half the rate it is no row of dots"


def test_bars_and_shares_show_the_models() -> None:
    said = decision(1.0, "Sadly Angry")
    without = replace(said, models={**said.models, "acoustic": None}, contributions={"static": 0.6, "dynamic": 0.4})
    where = layout(640, 360)
    picture = portrait(640, 360)
    both, two = (draw_overlay(picture, d, [d])[: where.why.bottom, where.models.x :] for d in (said, without))
    bar = near(both[where.why.y :], palette.MODELS[0]) / near(both[where.why.y :], palette.MODELS[2])
    assert bar == pytest.approx(2.5, rel=0.15), "0.5 against 0.2"
    assert near(two[where.why.y :], palette.MODELS[2]) == 0
    three = near(both[: where.why.y], palette.BASIC[4], 3)
    assert near(two[: where.why.y], palette.BASIC[4], 3) == pytest.approx(three * 2 / 3, rel=0.05)


@pytest.mark.parametrize(
    "size", [(320, 240), (640, 360), (1280, 720), (1920, 1080), (720, 1280), (161, 121), (900, 90), (2, 2)]
)
def test_panels_lie_beside_the_picture_at_any_size(size: tuple[int, int]) -> None:
    where = layout(*size)
    canvas = draw_overlay(np.zeros((size[1], size[0], 3), np.uint8), decision(1.0, "Sadly Angry"), [])
    assert canvas.shape == (where.height, where.width, 3)
    assert where.width % 2 == where.height % 2 == 0
    boxes = [where.picture, where.models, where.why, where.curves, where.legend]
    cover = np.zeros((where.height, where.width), int)
    for box in boxes:
        assert min(box.width, box.height) > 0
        cover[box.y : box.bottom, box.x : box.right] += 1
    assert cover.max() == 1


def test_the_same_again_is_drawn_from_what_is_kept() -> None:
    overlay = Overlay(640, 360)
    rows = [decision(k / 5, COMPOUND[k % 7]) for k in range(150)]
    picture = portrait(640, 360)
    first = overlay.draw(picture, rows[-1], rows, 29.9)
    again = overlay.draw(picture, rows[-1], rows, 29.95)
    assert (first == again).all()
    assert first is not again
    assert (overlay.draw(picture, rows[-2], rows[:-1], 29.7) != first).any()
    assert (draw_overlay(picture, rows[-1], rows) == first).all()

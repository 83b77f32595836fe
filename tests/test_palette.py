"""The colours are told apart by people with any kind of colour vision."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from realtime_cer import labels, palette
from realtime_cer.ui import theme

# Machado, Oliveira and Fernandes 2009, complete deficiency, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def seen(colour: str, vision: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(VISION[vision]) @ linear, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)[None, None])[0, 0]


def least(colours: tuple[str, ...], vision: str) -> float:
    return min(float(deltaE_ciede2000(seen(a, vision), seen(b, vision))) for a, b in combinations(colours, 2))


def test_one_colour_each() -> None:
    assert len(set(palette.COMPOUND)) == len(labels.COMPOUND)
    assert len(set(palette.BASIC)) == len(labels.BASIC)
    assert len(set(palette.MODELS)) == len(labels.MODELS)


@pytest.mark.parametrize("vision", VISION)
def test_every_pair_differs_for_everyone(vision: str) -> None:
    assert least(palette.MODELS, vision) > 20
    assert least(palette.COMPOUND, vision) > 12
    assert least(palette.BASIC, vision) > 12


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


LEAST = {"dark": 4.5, "light": 3.2}
"""Contrast of shapes and large letters against their panel: 3 to 1 is what WCAG 2 asks for."""


@pytest.mark.parametrize("look", theme.THEMES.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("vision", VISION)
def test_as_drawn_on_both_grounds_every_pair_still_differs_for_everyone(look: theme.Theme, vision: str) -> None:
    for colours, apart in ((palette.COMPOUND, 12), (palette.BASIC, 12), (palette.MODELS, 18)):
        drawn = tuple(theme.drawn(colour, look).name() for colour in colours)
        assert least(drawn, vision) > apart
        for colour in drawn:
            assert contrast(colour, look.panel) > LEAST[look.name]
            # An abstention is none of the classes.
            assert deltaE_ciede2000(seen(colour, vision), seen(look.calm, vision)) > 5


@pytest.mark.parametrize("look", theme.THEMES.values(), ids=lambda one: one.name)
def test_letters_can_be_read_on_both_grounds(look: theme.Theme) -> None:
    for ink, apart in ((look.ink, 12), (look.dim, 7), (look.faint, 4.5)):
        assert contrast(ink, look.panel) > apart
        assert contrast(ink, look.ground) > apart - 0.5
    warning = theme.drawn(palette.WARN, look).name()
    assert contrast(warning, look.panel) > 4.5


def test_the_light_theme_has_a_colour_for_each_of_the_dark_one() -> None:
    used = {*palette.COMPOUND, *palette.BASIC, *palette.MODELS, palette.QUIET, palette.GOOD, palette.WARN}
    assert set(palette.ON_LIGHT) == used

"""The colours are told apart by people with any kind of colour vision."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from realtime_cer import labels, palette

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

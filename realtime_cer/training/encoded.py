"""Speech as the acoustic network's head gets it: states of the frozen encoder, of plain windows and of made ones."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track

from realtime_cer.models.acoustic import SAMPLES, Encoder, load_whisper
from realtime_cer.records import Floats
from realtime_cer.training.corpora.corpus import Corpus, cache_folder
from realtime_cer.training.corpora.speech import read_sound
from realtime_cer.training.windows import placed, speech_range, windows

_CHUNK = 16
_STRIDE = 4
"""Windows are 0.5 s apart; the paper's training windows 2 s."""


def published(samples: Floats, rng: np.random.Generator) -> Floats:
    """Make a window (64000,) as the paper does: cut from speech, then polarity inverted, white noise, or another gain.

    Our network hears no difference in polarity and gain: it brings all sound to one loudness.
    """
    start, stop = speech_range(samples)
    cut = windows(samples[start:stop])[::_STRIDE]
    window = cut[rng.integers(len(cut))]
    kind = rng.integers(3)
    if kind == 0:
        window = -window
    elif kind == 1:
        level = window.std() * 10 ** (-rng.uniform(10, 40) / 20)
        window = window + level * rng.standard_normal(SAMPLES)
    else:
        window = window * 10 ** (rng.uniform(-12, 12) / 20)
    made: Floats = window.astype(np.float32)
    return made


MAKERS: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {"ours": placed, "published": published}
"""How a clip becomes a training window."""


@dataclass(frozen=True)
class States:
    """States of windows (M, 100, 512) float16, and the label, speaker and corpus of each.

    ``plain`` marks windows as they are at evaluation; the others are made for training.
    """

    values: npt.NDArray[np.float16]
    labels: npt.NDArray[np.int64]
    speakers: npt.NDArray[np.str_]
    corpora: npt.NDArray[np.str_]
    plain: npt.NDArray[np.bool_]


def gather(parts: list[tuple[Corpus, int]], layers: int, maker: str, seed: int, device: torch.device) -> States:
    """Encode corpora, each with the number of windows to make of a clip beside the plain one."""
    columns: list[tuple[npt.NDArray[Any], ...]] = []
    for corpus, views in parts:
        made = encode(corpus, layers, views, maker, seed, device)
        times = 1 + views
        columns.append(
            (
                made.reshape(-1, *made.shape[2:]),
                np.repeat(corpus.labels, times),
                np.repeat(corpus.groups, times),
                np.repeat(corpus.name, len(corpus) * times),
                np.tile(np.arange(times) == 0, len(corpus)),
            )
        )
    return States(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def encode(
    corpus: Corpus, layers: int, views: int, maker: str, seed: int, device: torch.device
) -> npt.NDArray[np.float16]:
    """Return the states of every clip's plain window and of ``views`` made ones: (N, 1 + views, 100, 512), cached."""
    stats = "\n".join(f"{path.name}:{path.stat().st_size}" for path in corpus.paths)
    how = "" if maker == "ours" else f"|{maker}"
    key = hashlib.sha256(f"2|{layers}|{views}|{seed}{how}|{stats}".encode()).hexdigest()[:16]
    file = cache_folder() / "states" / f"{corpus.name}-{key}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        encoder = Encoder(layers).eval()
        load_whisper(encoder)
        encoder.to(device)
        shape = (len(corpus), 1 + views, *encoder(torch.zeros(1, SAMPLES, device=device)).shape[1:])
        made = np.lib.format.open_memmap(part, "w+", np.float16, shape)
        for i, path in enumerate(track(corpus.paths, description=f"encoding {corpus.name}", transient=True)):
            samples = read_sound(path)
            rngs = [np.random.default_rng([seed, i, view]) for view in range(views)]
            batch = np.stack([windows(samples)[0], *(MAKERS[maker](samples, rng) for rng in rngs)])
            made[i] = _states(encoder, batch, device)
        made.flush()
        del made
        part.replace(file)
    return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]  # load is untyped


@torch.inference_mode()
def _states(encoder: Encoder, batch: Floats, device: torch.device) -> npt.NDArray[np.float32]:
    with torch.autocast(device.type, torch.bfloat16):
        parts = [
            encoder(torch.from_numpy(x).to(device)).float() for x in np.split(batch, range(_CHUNK, len(batch), _CHUNK))
        ]
    states: npt.NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return states

"""Rows that were really decided, and sessions made of them, for tests of what plays and decides again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from realtime_cer.config import Config, load_weights
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import MODELS
from realtime_cer.pipeline.decision import decision
from realtime_cer.records import SAMPLE_RATE, Decision, Face, Floats, Scores
from realtime_cer.sessions.replay import Settings
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.tables import from_row, to_json

from .clips import numbered

FPS, SIZE = 30, (320, 240)


def by(config: Config, weights: FusionWeights) -> Callable[[Decision], Settings]:
    """The same settings for every row."""
    return lambda row: (config, weights)


def decided(config: Config, weights: str, *, count: int = 200, without: tuple[str, ...] = ()) -> list[Decision]:
    """Rows over random float32 probabilities of networks that are there or not, as they come back from a file."""
    rng = np.random.default_rng(7)
    face = Face(0, (10.04, 20.0, 30.0, 40.0), np.zeros((0, 2), np.float32))
    rows = []
    for k in range(count):
        here = dict(zip(MODELS, rng.random(3) > 0.3, strict=True))
        here["static"] |= here["dynamic"]  # the dynamic network reads what the static one has seen
        scores: dict[str, Scores | None] = {}
        for name in MODELS:
            values = rng.dirichlet(np.full(7, 0.4)).astype(np.float32)
            scores[name] = Scores(k / 5 - 0.03, values, "cpu") if here[name] and name not in without else None
        seen = face if here["static"] else None
        # Rows of sound alone do not tell whether a face was looked for: see ``replay``.
        searched = bool(here["static"] or here["acoustic"] or k % 3)
        row = decision(
            k / 5, k, scores, seen, config, load_weights(weights), searched=searched, now=k / 5 + 0.04, dropped=k % 2
        )
        rows.append(from_row(json.loads(to_json(row))))
    return rows


def write_session(
    folder: Path,
    rows: Sequence[Decision],
    *,
    film: bool = True,
    seconds: float | None = None,
    name: str = "film.mkv",
    sound: Floats | None = None,
) -> Path:
    """A session of these rows, and a film whose n-th picture has the number n, as long as the rows or so long.

    Parameters
    ----------
    sound : (n,) of 16 kHz, heard in the film; None for one without
    """
    folder.mkdir(parents=True)
    (folder / "decisions.jsonl").write_text("".join(to_json(row) + "\n" for row in rows), encoding="utf-8")
    settings = Config(rule=rows[0].rule, weights=rows[0].weights).model_dump(mode="json")  # type: ignore[arg-type]
    facts = {"format": 1, "ended": "2026-05-04T10:30:00+02:00", "settings": settings}
    (folder / "session.json").write_text(json.dumps(facts), encoding="utf-8")
    if film:
        rate = None if sound is None else SAMPLE_RATE
        with FilmWriter(folder / name, SIZE, fps=FPS, audio_rate=rate, live=True) as writer:
            for n in range(round((rows[-1].t + 0.2 if seconds is None else seconds) * FPS)):
                writer.picture(n / FPS, numbered(n, *SIZE))
                if sound is not None:
                    begin, end = (round(k / FPS * SAMPLE_RATE) for k in (n, n + 1))
                    writer.sound(begin / SAMPLE_RATE, sound[begin:end])
    return folder

"""The paper's protocol for files: every frame has its row and its line, and the sound around it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.clips import write_clip
from parts.perception import TinyEngine, tiny_perception

from realtime_cer.capture.media import open_media
from realtime_cer.commands import overlay as films
from realtime_cer.commands import run
from realtime_cer.commands.results import FILES
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.perception.acoustic import pad
from realtime_cer.perception.dynamic import LENGTH
from realtime_cer.perception.static import StaticModel
from realtime_cer.pipeline.centred import decide_centred, mean_of_logits
from realtime_cer.pipeline.offline import decide
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Face, Floats, Frame
from realtime_cer.rules import compound
from realtime_cer.sinks.challenge import Challenge, write_challenge
from realtime_cer.sinks.series import step_of
from realtime_cer.sinks.tables import read_rows

WEIGHTS = FusionWeights.equal()
Item = Frame | AudioBlock


def pictures(times: list[float], dark: tuple[float, float] = (-1.0, -1.0)) -> list[Item]:
    """Frames whose every picture differs; in the dark there is no face."""
    made: list[Item] = []
    for n, t in enumerate(times):
        picture = np.random.default_rng(n).integers(65, 255, (48, 64, 3)).astype(np.uint8)
        made.append(Frame(t, n, picture * np.uint8(not dark[0] <= t < dark[1])))
    return made


def steady(seconds: float, fps: float = 25.0) -> list[float]:
    return [n / fps for n in range(round(seconds * fps))]


def voice(seconds: float, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 0.2, round(seconds * SAMPLE_RATE)).clip(-1, 1).astype(np.float32)


def blocks(samples: Floats, at: float = 0.0) -> list[Item]:
    size = SAMPLE_RATE // 10
    return [AudioBlock(at + n / SAMPLE_RATE, samples[n : n + size]) for n in range(0, len(samples), size)]


def place(item: Item) -> float:
    return round(item.t if isinstance(item, Frame) else item.t + len(item.samples) / SAMPLE_RATE, 6)


def centred(items: list[Item], fps: float = 25.0, config: Config | None = None) -> list[Decision]:
    config = config or Config()
    ordered = sorted(items, key=lambda item: (place(item), isinstance(item, Frame)))
    return list(decide_centred(ordered, fps, config, WEIGHTS, tiny_perception(config)))


def acoustic(rows: list[Decision]) -> list[tuple[float, ...] | None]:
    return [row.models["acoustic"] for row in rows]


def reference(sound: Floats, t: float) -> Floats | None:
    """The mean over all windows that cover a time, from the whole track at once."""
    engine, logits = TinyEngine("acoustic", 2), []
    for begin in range(0, len(sound), SAMPLE_RATE // 2):
        window = sound[begin : begin + 4 * SAMPLE_RATE]
        if len(window) >= SAMPLE_RATE / 2 and begin <= t * SAMPLE_RATE < begin + len(window):
            logits.append(np.log(engine.run(pad(window)[np.newaxis])["probabilities"][0].astype(np.float64)))
    if not logits:
        return None
    odds = np.exp(np.mean(logits, axis=0))
    return np.asarray(odds / odds.sum(), np.float32)


def test_mean_log_probabilities_are_as_good_as_mean_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 6, (8, 7))
    odds = np.exp(logits)
    wanted = np.exp(logits.mean(axis=0)) / np.exp(logits.mean(axis=0)).sum()
    p = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mean_of_logits(p), wanted, atol=1e-6)
    np.testing.assert_allclose(mean_of_logits(p[:1]), p[0], atol=1e-7)
    assert np.abs(mean_of_logits(p) - p.mean(axis=0)).max() > 0.05  # it is not the mean of the probabilities
    assert np.isfinite(mean_of_logits([[1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]])).all()


@pytest.mark.parametrize(("seconds", "sets"), [(2.3, 4), (4.0, 8), (10.3, 21)])
def test_sound_is_the_mean_of_all_windows_around_a_frame_and_ends_with_the_track(seconds: float, sets: int) -> None:
    sound = voice(seconds)
    rows = centred(pictures(steady(12)) + blocks(sound))
    assert [row.seq for row in rows] == list(range(300))
    for row in rows:
        wanted = reference(sound, row.t)
        got = row.models["acoustic"]
        assert (got is None) == (wanted is None) == (row.t >= seconds)
        if got is not None and wanted is not None:
            np.testing.assert_allclose(got, wanted, atol=1e-6)
    assert len(set(acoustic(rows)) - {None}) == sets  # of windows: one comes, one goes, or both


def test_a_pause_in_the_sound_shifts_nothing() -> None:
    sound = voice(24)
    whole = centred(pictures(steady(24, 5)) + blocks(sound), 5)
    after = round(20 * SAMPLE_RATE)
    broken = centred(pictures(steady(24, 5)) + blocks(sound[: 3 * SAMPLE_RATE]) + blocks(sound[after:], 20.0), 5)
    # What is heard of the part after the pause is heard at its own time: only its windows without zeros are the same.
    assert acoustic(broken)[-2:] == acoustic(whole)[-2:]
    assert all(acoustic(broken)[n] is None for n in range(15, 80))
    assert all(acoustic(broken)[n] is not None for n in [*range(15), *range(90, 120)])


def test_silence_and_next_to_no_sound_are_missing() -> None:
    for sound in (np.zeros(5 * SAMPLE_RATE, np.float32), voice(0.4)):
        assert acoustic(centred(pictures(steady(1, 5)) + blocks(sound), 5)) == [None] * 5


def test_causal_knows_nothing_of_the_future_and_centred_four_seconds_of_it() -> None:
    config = Config()
    films = []
    for seed in (1, 2):
        sound = np.concatenate([voice(8), voice(8, seed)])
        items = sorted(pictures(steady(16, 5)) + blocks(sound), key=lambda item: (place(item), isinstance(item, Frame)))
        films.append((list(decide(items, config, WEIGHTS, tiny_perception(config))), centred(items, 5)))
    (causal, around), (causal2, around2) = films
    assert all(one is not None for one in acoustic(causal)[10:])
    same = [a.models == b.models for a, b in zip(causal, causal2, strict=True)]
    assert all(same[:41])
    assert not any(same[45:])
    same = [a.models == b.models for a, b in zip(around, around2, strict=True)]
    assert same.index(False) == 23  # the first window with new sound spans 4.5 to 8.5 s
    ages = [row.age_ms["acoustic"] or 0 for row in around]
    assert min(ages) == pytest.approx(-4000)
    assert all((row.age_ms["acoustic"] or 0) >= 0 for row in causal)


@pytest.mark.parametrize(("fps", "step"), [(25.0, 5), (24.0, 5), (30.0, 6), (60.0, 12), (4.0, 1)])
def test_the_dynamic_network_steps_every_fifth_of_a_second_and_is_held_in_between(fps: float, step: int) -> None:
    rows = centred(pictures([round(t, 3) for t in steady(3, fps)]), fps)
    said = [row.models["dynamic"] for row in rows]
    assert len(said) == round(3 * fps)
    changes = [n for n in range(1, len(said)) if said[n] != said[n - 1]]
    assert changes == list(range(step, len(said), step))
    assert len({row.models["static"] for row in rows}) == len(rows)
    ages = [row.age_ms["dynamic"] or 0 for row in rows]
    assert max(ages) < 1000 * step / fps


def test_steps_keep_their_time_where_the_frame_rate_varies() -> None:
    times = [*steady(2, 60), *(2 + t for t in steady(2, 10))]
    rows = centred(pictures(times), 35.0)
    said = [row.models["dynamic"] for row in rows]
    steps = [times[n] for n in range(1, len(said)) if said[n] != said[n - 1]]
    assert all(0.18 <= gap <= 0.22 for gap in np.diff([t for t in steps if t < 1.9 or t > 2.2]) if gap < 0.3)
    assert 17 <= len(steps) <= 21


def cold(frame: Item) -> tuple[float, ...]:
    """What the dynamic network says of one frame repeated."""
    assert isinstance(frame, Frame)
    tracker = tiny_perception(Config()).seeing.tracker
    face = tracker.see(frame)
    assert isinstance(face, Face)
    [(_, features)] = StaticModel(TinyEngine("static", 0))(frame, [face])
    probabilities = TinyEngine("dynamic", 1).run(np.stack([features] * LENGTH)[np.newaxis])["probabilities"][0]
    return tuple(probabilities.tolist())


def test_a_lost_face_clears_the_window_and_a_glance_away_does_not() -> None:
    items = pictures(steady(4), dark=(1.5, 2.5))
    rows = centred(items)
    assert rows[0].models["dynamic"] == cold(items[0])
    assert all(rows[n].models["dynamic"] is None and rows[n].reason == "no face" for n in range(38, 62))
    back = next(n for n in range(62, 100) if rows[n].models["dynamic"])
    assert back <= 64  # a new face counts once it was seen twice
    assert rows[back].models["dynamic"] == cold(items[back])
    items = pictures(steady(4), dark=(1.5, 1.8))
    rows = centred(items)
    assert rows[45].models["static"] is not None
    assert rows[45].models["dynamic"] not in (None, cold(items[45]), rows[37].models["dynamic"])
    assert all((row.age_ms["dynamic"] or 0) <= 160.001 for row in rows)


def said(seq: int, compound: tuple[float, ...] | None, label: str | None = None) -> Decision:
    (row,) = centred(pictures([0.0]))
    return replace(row, seq=seq, compound=compound, label=label)


def one_of(winner: int) -> tuple[float, ...]:
    return tuple(0.5 if n == winner else 0.1 for n in range(7))


def test_every_frame_has_a_line_and_gaps_take_the_nearest_class_the_earlier_first(tmp_path: Path) -> None:
    challenge = Challenge()
    for seq, scores in enumerate([None, one_of(3), None, one_of(6), None, None, one_of(2), None]):
        if seq != 4:  # a frame without a row of its own: two pictures of one time
            challenge.add(said(seq, scores))
    assert challenge.classes() == [3, 3, 3, 6, 6, 2, 2, 2]
    write_challenge(tmp_path / "challenge.txt", "one, two", challenge.classes()[:1])
    write_challenge(tmp_path / "plain.txt", "film", challenge.classes())
    assert (tmp_path / "plain.txt").read_text(encoding="utf-8").splitlines()[:3] == [
        "image_location,Fearfully_Surprised,Happily_Surprised,Sadly_Surprised,Disgustedly_Surprised,Angrily_Surprised,"
        "Sadly_Fearful,Sadly_Angry",
        "film/00001.jpg,3",
        "film/00002.jpg,3",
    ]
    assert (tmp_path / "challenge.txt").read_text(encoding="utf-8").splitlines()[1] == '"one, two/00001.jpg",3'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["challenge.txt", "plain.txt"]


def test_a_row_that_the_rule_leaves_empty_gets_the_strongest_pair_not_the_first() -> None:
    fused = dict.fromkeys(BASIC, 0.01) | {"Neutral": 0.9, "Sadness": 0.04, "Anger": 0.03}
    empty = said(0, tuple(compound([fused[name] for name in BASIC], "rule1")))
    challenge = Challenge()
    challenge.add(replace(empty, basic=tuple(fused.values())))
    assert empty.compound == (0.0,) * 7
    assert challenge.classes() == [COMPOUND.index("Sadly Angry")]


def test_a_film_of_which_nothing_is_known_has_no_classes() -> None:
    challenge = Challenge()
    for seq in range(3):
        challenge.add(said(seq, None))
    assert challenge.classes() == []


# The command


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half seconds of a real face at 24 fps, and sound for less than half of it."""
    path = tmp_path_factory.mktemp("film") / "face.mp4"
    sound = (0.3 * np.sin(np.arange(48_000) * 0.05))[None].astype(np.float32)
    return write_clip(path, size=(400, 400), times=steady(2.5, 24), sounds=[("aac", 44_100, sound)])


def run_centred(file: Path, out: Path, **changes: Any) -> int:
    options: dict[str, Any] = {"overwrite": False, "pace": "fastest", "alignment": "centred"}
    return run.run_file(file, out, Config(), **{**options, **changes})


def test_run_gives_a_row_and_a_line_for_every_frame_and_a_film(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_centred(film, tmp_path, overlay=True) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    rows = read_rows(tmp_path / "decisions.jsonl")
    assert [row.seq for row in rows] == list(range(60))
    assert [row.t for row in rows] == pytest.approx(steady(2.5, 24), abs=0.002)
    assert len((tmp_path / "decisions.csv").read_text(encoding="utf-8").splitlines()) == 61
    heard = [row.models["acoustic"] is not None for row in rows]
    assert heard == [row.t < 1.085 for row in rows]  # and not a frame longer
    lines = (tmp_path / "challenge.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert lines == [
        f"face/{n:05d}.jpg,{(row.compound or ()).index(max(row.compound or ()))}" for n, row in enumerate(rows, 1)
    ]
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (summary["alignment"], summary["decisions"], summary["face_share"]) == ("centred", 60, 1.0)
    assert summary["model_present_shares"]["acoustic"] == pytest.approx(sum(heard) / 60, abs=1e-4)
    assert summary["duration_s"] == pytest.approx(2.5, abs=0.05)
    assert len(list(open_media(tmp_path / "overlay.mkv").items(sound=False))) == 60
    assert "challenge.txt" in capsys.readouterr().err
    # Causal in the same folder: what only the other wrote must go.
    assert run_centred(film, tmp_path, alignment="causal", overwrite=True) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "decisions.csv", "decisions.jsonl", "summary.json", "timeline.png",
    ]  # fmt: skip
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (summary["alignment"], summary["decisions"]) == ("causal", 13)


def test_a_challenge_file_alone_is_a_result_too(film: Path, tmp_path: Path) -> None:
    (tmp_path / "challenge.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(Refused, match=r"challenge.txt is there already: add --overwrite"):
        run_centred(film, tmp_path)


def test_what_was_analysed_before_an_interruption_is_kept(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any) -> Iterator[Decision]:
        for number, row in enumerate(decide_centred(*arguments)):
            if number == 7:
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(run, "decide_centred", interrupted)
    config = Config.model_validate({"voice": {"source": "mouth"}})
    assert run.run_file(film, tmp_path, config, overwrite=False, pace="fastest", alignment="centred") == 130
    assert "settings of the voice have no effect" in capsys.readouterr().err
    assert len(read_rows(tmp_path / "decisions.jsonl")) == 7
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["interrupted"] is True
    assert not (tmp_path / "challenge.txt").exists()  # it would lack most frames


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "only.mp4", size=None, sounds=[("aac", 22_050, voice(1)[None])])
    with pytest.raises(Refused, match=r"no picture in only.mp4: --alignment centred decides for every frame"):
        run_centred(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nobody_and_nothing_gives_no_challenge_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_clip(
        tmp_path / "dark.mp4", size=(160, 120), times=steady(0.4), stored=lambda picture: np.zeros_like(picture)
    )
    assert run_centred(path, tmp_path / "out") == 0
    assert "no challenge.txt is written" in capsys.readouterr().err
    assert [row.reason for row in read_rows(tmp_path / "out" / "decisions.jsonl")] == ["no face"] * 10
    assert not (tmp_path / "out" / "challenge.txt").exists()


def test_curves_of_a_film_look_back_as_far_at_any_rate_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "film.mp4", size=(160, 120), times=steady(10))
    rows = centred(pictures(steady(10)))
    assert step_of(rows) == pytest.approx(0.04)
    reach: list[float] = []
    drawn = films.Overlay.draw

    def draw(self: Any, picture: Any, decision: Decision, history: Any, now: float) -> Any:
        assert decision.t == pytest.approx(now, abs=0.001)
        reach.append(now - history[0].t)
        return drawn(self, picture, decision, history[-2:], now)

    monkeypatch.setattr(films.Overlay, "draw", draw)
    monkeypatch.setattr(films, "SPAN_S", 8.0)
    films.write_overlay(path, rows, tmp_path / "overlay.mkv")
    assert len(reach) == 250
    assert max(reach) == pytest.approx(8.4, abs=0.05)


def test_a_real_person_is_recognised_frame_by_frame(data: Path, tmp_path: Path) -> None:
    """She says "kids are talking by the door", neutrally; sound and picture last about as long."""
    (clip,) = (data / "clips").glob("ravdess_*.mp4")
    assert run_centred(clip, tmp_path) == 0
    rows = read_rows(tmp_path / "decisions.jsonl")
    frames = [item for item in open_media(clip).items(sound=False) if isinstance(item, Frame)]
    assert len(rows) == len(frames)
    assert len((tmp_path / "challenge.txt").read_text(encoding="utf-8").splitlines()) == len(frames) + 1
    assert sum(row.models["acoustic"] is not None for row in rows) > 0.95 * len(rows)
    assert all(row.models["static"] and row.models["dynamic"] for row in rows[1:])
    assert all(len(row.basic or ()) == len(BASIC) for row in rows)

"""Overlays: what is drawn, and that the films keep every picture, its time, and the sound."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from parts.clips import click, click_at, number_of, numbered, portrait, turn_mp4, write_clip
from parts.replayed import write_session

from realtime_cer import palette
from realtime_cer.capture.media import open_media
from realtime_cer.cli import main
from realtime_cer.commands.overlay import write_overlay
from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.sinks.film import FilmWriter
from realtime_cer.sinks.lettering import bgr
from realtime_cer.sinks.overlay import Overlay, draw_overlay
from realtime_cer.sinks.panels import layout
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import from_row, read_rows

STEADY = [k / 25 for k in range(50)]
NONE: dict[str, Any] = dict.fromkeys(MODELS)


def decision(t: float, label: str | None = None, reason: str | None = None, **changes: Any) -> Decision:
    """A decision with a face and all models, or what ``changes`` say."""
    winner = COMPOUND.index(label) if label else 0
    said = Decision(
        t=t,
        seq=round(t * 5),
        face=(100.0, 60.0, 80.0, 100.0),
        label=label,
        reason=reason,
        basic=(1 / 7,) * 7,
        compound=tuple(0.8 if i == winner else 0.1 for i in range(7)),
        models=dict.fromkeys(MODELS, (0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1)),
        contributions=dict(zip(MODELS, (0.5, 0.3, 0.2), strict=True)),
        age_ms=NONE,
        dropped=0,
        rule="none",
        weights="equal",
        engine=NONE,
    )
    return replace(said, **changes)


def nothing(t: float) -> Decision:
    """A decision where nothing was known."""
    return decision(t, None, "nothing fresh", face=None, basic=None, compound=None, models=NONE, contributions={})


def near(picture: Any, code: str, within: int = 12) -> int:
    """How many pixels have a colour."""
    return int((np.abs(picture.astype(int) - bgr(code)).max(axis=2) <= within).sum())


def read_film(path: Path) -> tuple[list[float], list[Any], Any, int]:
    """Times and pictures, and the sound as one row from time 0, with its rate."""
    times, pictures, sounds, rate = [], [], [], 1
    with av.open(str(path)) as film:
        for frame in film.decode(film.streams.video[0]):
            times.append(frame.time)
            pictures.append(frame.to_ndarray(format="bgr24"))
    with av.open(str(path)) as film:
        for frame in film.decode(*film.streams.audio[:1]) if film.streams.audio else ():
            samples = frame.to_ndarray()
            rate = frame.sample_rate
            mono = (
                samples.mean(axis=0) if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)[:, 0]
            )
            if not sounds:
                sounds.append(np.zeros(round(frame.time * rate)))
            sounds.append(mono.astype(np.float64))
    return times, pictures, np.concatenate(sounds) if sounds else None, rate


def inside(canvas: Any, width: int, height: int) -> Any:
    """The film's picture out of a canvas."""
    box = layout(width, height).picture
    return canvas[box.y : box.bottom, box.x : box.right]


# What is drawn


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


# Files


def overlaid(path: Path, decisions: list[Decision]) -> tuple[list[float], list[Any], Any, int]:
    out = path.with_suffix(".overlay.mkv")
    write_overlay(path, decisions, out)
    return read_film(out)


def test_every_picture_keeps_its_number_and_time_and_shows_its_own_decision(tmp_path: Path) -> None:
    rate = 44_100
    path = write_clip(tmp_path / "a.mp4", times=STEADY, sounds=[("aac", rate, click(2.0, rate, 1.2345, 2))])
    rows = [decision(k / 5, COMPOUND[k % 7]) for k in range(10)]
    told: list[float] = []
    assert write_overlay(path, rows, tmp_path / "o.mkv", told.append) == []
    times, pictures, sound, rate = read_film(tmp_path / "o.mkv")
    shown = [inside(picture, 320, 240) for picture in pictures]
    assert [number_of(picture) for picture in shown] == list(range(50))
    assert times == pytest.approx(STEADY, abs=0.002)
    assert told == pytest.approx(STEADY, abs=0.002)
    assert click_at(sound, rate) == pytest.approx(1.2345, abs=0.03)
    for number in range(50):
        codes = [near(shown[number][70:150, 98:102], code, 40) for code in palette.COMPOUND]
        assert np.argmax(codes) == number // 5 % 7, f"picture {number}"


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [("a.mkv", "libopus", 48_000, 2), ("b.mp4", "libmp3lame", 44_100, 1), ("c.mov", "pcm_s16le", 16_000, 1)],
)
def test_the_sound_is_copied_and_stays_in_place(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int
) -> None:
    path = write_clip(tmp_path / name, times=STEADY, sounds=[(codec, rate, click(2.0, rate, 0.777, channels))])
    before, _, source, source_rate = read_film(path)
    after, _, sound, kept_rate = overlaid(path, [])
    assert kept_rate == source_rate
    # Everything may begin up to one packet later where the first one reaches before time 0; together, always.
    shift = after[0] - before[0]
    assert abs(shift) < 0.03
    assert click_at(sound, rate) - shift == pytest.approx(click_at(source, rate), abs=0.003)
    with av.open(str(path.with_suffix(".overlay.mkv"))) as film, av.open(str(path)) as original:
        sizes = [[packet.size for packet in one.demux(one.streams.audio[0]) if packet.size] for one in (film, original)]
    assert sizes[0] == sizes[1][-len(sizes[0]) :]
    assert len(sizes[1]) - len(sizes[0]) <= 1


def test_sound_that_matroska_cannot_hold_is_encoded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 22_050
    path = write_clip(tmp_path / "a.mp4", times=STEADY, sounds=[("aac", rate, click(2.0, rate, 1.5))])
    monkeypatch.setattr("realtime_cer.commands.overlay.can_copy", lambda _: False)
    assert "encoded anew" in write_overlay(path, [], tmp_path / "o.mkv")[0]
    _, _, sound, rate = read_film(tmp_path / "o.mkv")
    assert click_at(sound, rate) == pytest.approx(1.5, abs=0.02)


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    gaps = np.random.default_rng(1).choice([0.008, 0.033, 0.1, 0.7], 40)
    uneven = np.cumsum(gaps).tolist()
    path = write_clip(tmp_path / "v.mkv", times=uneven)
    times, pictures, sound, _ = overlaid(path, [decision(0.0, "Sadly Angry")])
    assert sound is None
    assert np.diff(times) == pytest.approx(np.diff(uneven), abs=0.0021)
    assert [number_of(inside(picture, 320, 240)) for picture in pictures] == list(range(40))


def test_a_turned_film_comes_out_upright(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "r.mp4", size=(240, 320), times=STEADY[:10], stored=lambda p: np.rot90(p))
    turn_mp4(path, (0, 1, -1, 0))
    media = open_media(path)
    assert (media.width, media.height) == (240, 320)
    _, pictures, _, _ = overlaid(path, [])
    assert [number_of(inside(picture, 240, 320)) for picture in pictures] == list(range(10))


def test_decisions_that_end_early_leave_the_rest_bare(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", times=STEADY)
    _, pictures, _, _ = overlaid(path, [decision(k / 5, "Happily Surprised") for k in range(4)])
    found = [near(inside(p, 320, 240)[70:150, 98:102], palette.COMPOUND[1], 40) > 40 for p in pictures]
    assert found == [number / 25 < 0.6 + 0.4 for number in range(50)]


def test_a_session_whose_camera_came_later_keeps_its_times(tmp_path: Path) -> None:
    rows = [decision(k / 5, COMPOUND[k % 7]) for k in range(30)]
    session = write_session(tmp_path / "kept", rows, film=False)
    with FilmWriter(session / "film.mkv", (320, 240), fps=5, live=True) as film:
        for k in range(25, 30):
            film.picture(k / 5, portrait(320, 240))
    assert main(["sessions", "overlay", str(session)]) == 0
    times, pictures, _, _ = read_film(session / "overlay.mkv")
    assert times == pytest.approx([k / 5 for k in range(25, 30)], abs=0.002)
    for k, picture in zip(range(25, 30), pictures, strict=True):
        side = inside(picture, 320, 240)[70:150, 98:102]
        assert np.argmax([near(side, code, 40) for code in palette.COMPOUND]) == k % 7, f"the picture at {k / 5} s"


# The recorder


def block(t: float, samples: Any) -> AudioBlock:
    return AudioBlock(t, np.asarray(samples, np.float32))


def test_a_session_holds_rows_pictures_and_sound_in_their_places(tmp_path: Path) -> None:
    session = new_session(tmp_path / "new" / "sessions")
    recorder = Recorder(session, {"settings": {"rule": "none"}}, sound=True, film="both")
    origin = 1000.0
    recorder.begin(origin)
    sound = click(3.0, 16_000, 1.9)[0]
    for k in range(90):
        t = k / 30
        recorder.tap(Frame(origin + t, k, numbered(k, 320, 240)))
        if k % 3 == 2:
            start = round((t - 2 / 30) * 16_000)
            recorder.tap(block(origin + start / 16_000, sound[start : start + 1600]))
        if k % 6 == 5:
            at = k // 6
            recorder.tap(decision(origin + at / 5, COMPOUND[at % 7]))
        time.sleep(0.004)
    assert recorder.close()
    assert (recorder.error, dict(recorder.lost)) == (None, {})
    rows = read_rows(session / "decisions.jsonl")
    assert [row.t for row in rows] == pytest.approx([k / 5 for k in range(15)], abs=1e-6)
    times, pictures, heard, rate = read_film(session / "overlay.mkv")
    shown = [inside(picture, 320, 240) for picture in pictures]
    assert [number_of(picture) for picture in shown] == list(range(90))
    assert times == pytest.approx([k / 30 for k in range(90)], abs=0.002)
    assert click_at(heard, rate) == pytest.approx(1.9, abs=0.02)
    for number in range(90):  # the decision came after its pictures, and is drawn on them all the same
        codes = [near(shown[number][70:150, 98:102], code, 40) for code in palette.COMPOUND]
        assert np.argmax(codes) == number // 6 % 7, f"picture {number}"
    facts = (session / "session.json").read_text()
    assert '"ended": "20' in facts
    assert '"pictures": 90' in facts
    assert '"rule": "none"' in facts


def test_a_slow_encoder_costs_pictures_and_never_time_or_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = FilmWriter.picture

    def slow(self: FilmWriter, t: float, picture: Any) -> bool:
        time.sleep(0.02)
        return write(self, t, picture)

    monkeypatch.setattr(FilmWriter, "picture", slow)
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="overlay")
    recorder.begin(0.0)
    picture = portrait(320, 240)
    taken = longest = 0.0
    for k in range(150):
        before = time.perf_counter()
        recorder.tap(Frame(k / 30, k, picture))
        if k % 6 == 0:
            recorder.tap(decision(k / 30, "Sadly Angry"))
        taken += time.perf_counter() - before
        longest = max(longest, time.perf_counter() - before)
        time.sleep(0.001)
    assert taken < 0.5, "the encoder took more than three seconds for as many"
    assert longest < 0.2
    assert recorder.close()
    lost = recorder.lost["pictures"]
    assert lost > 30
    assert set(recorder.lost) == {"pictures"}
    assert len(read_rows(recorder.folder / "decisions.jsonl")) == 25
    times, *_ = read_film(recorder.folder / "overlay.mkv")
    assert len(times) == 150 - lost
    assert f'"pictures": {lost}' in (recorder.folder / "session.json").read_text()


def test_one_bad_picture_costs_one_picture(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="overlay")
    recorder.begin(0.0)
    for k in range(20):
        bad: Any = np.zeros((0, 0, 3), np.uint8) if k == 5 else numbered(k, 320, 240)
        recorder.tap(Frame(k / 10, k, bad))
        time.sleep(0.003)
    assert recorder.close()
    assert dict(recorder.lost) == {"pictures": 1}
    assert recorder.error
    _, pictures, _, _ = read_film(recorder.folder / "overlay.mkv")
    assert [number_of(inside(p, 320, 240)) for p in pictures] == [k for k in range(20) if k != 5]


def test_a_full_disk_ends_the_film_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FilmWriter, "picture", full)
    recorder = Recorder(new_session(tmp_path), {}, sound=False, film="overlay")
    recorder.begin(0.0)
    for k in range(20):
        recorder.tap(Frame(k / 10, k, portrait(320, 240)))
        recorder.tap(decision(k / 10, "Sadly Angry"))
    assert recorder.close()
    assert recorder.error == "No space left on device"
    assert recorder.lost["pictures"] == 20
    assert len(read_rows(recorder.folder / "decisions.jsonl")) == 20


def test_sound_alone_is_filled_and_pictures_alone_need_none(tmp_path: Path) -> None:
    """A microphone that went away leaves silence, so that nothing piles up for it."""
    film = FilmWriter(tmp_path / "f.mkv", (320, 240), audio_rate=16_000, live=True)
    tone = (0.5 * np.sin(np.arange(1600) / 5)).astype(np.float32)
    with film:
        for k in range(60):
            film.picture(k / 10, numbered(k, 320, 240))
            if k < 10 or k >= 50:
                film.sound(k / 10, tone)
    times, _, sound, rate = read_film(tmp_path / "f.mkv")
    assert len(times) == 60
    loud = np.convolve(np.abs(sound), np.ones(rate // 10) / (rate // 10), "same") > 0.1
    assert len(sound) / rate == pytest.approx(6.0, abs=0.05)
    assert np.flatnonzero(np.diff(loud.astype(int))) / rate == pytest.approx([1.0, 5.0], abs=0.1)


KILLED = """
import sys, time
import numpy as np
from realtime_cer.sinks.film import FilmWriter
film = FilmWriter(sys.argv[1], (320, 240), audio_rate=16000, live=True)
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
for k in range(3000):
    film.picture(k / 30, np.roll(noise, k, 1))
    if k % 3 == 0 and k < 60:
        film.sound(k / 30, np.zeros(1600, np.float32))
    print(k / 30, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_film_opens_up_to_its_last_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "k.mkv"
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    reached = 0.0
    for line in child.stdout:
        reached = float(line)
        if reached > 6.5:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.stdout.close()
    child.wait(10)
    times, _, sound, rate = read_film(path)
    assert times[-1] > reached - 2
    assert len(sound) / rate > reached - 2
    assert times == pytest.approx([k / 30 for k in range(len(times))], abs=0.002)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="is a file"):
        new_session(tmp_path / "file")
    with pytest.raises(Refused, match="cannot be written"):
        new_session(tmp_path / "file" / "below")
    assert len({new_session(tmp_path) for _ in range(3)}) == 3


def test_the_recorder_ends_its_thread(tmp_path: Path) -> None:
    recorder = Recorder(new_session(tmp_path), {}, sound=True)
    recorder.tap(Frame(0.0, 0, portrait(320, 240)))
    recorder.begin(0.0)
    assert recorder.close()
    recorder.tap(Frame(0.0, 0, portrait(320, 240)))
    assert not any(thread.name == "recorder" for thread in threading.enumerate())
    assert not (recorder.folder / "overlay.mkv").exists()


# The command


def test_run_writes_the_film_beside_the_other_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = 16_000
    times = [k / 15 for k in range(24)]
    clip = write_clip(tmp_path / "a.mp4", size=(640, 360), times=times, sounds=[("aac", rate, click(1.6, rate, 0.8))])
    out = tmp_path / "out"
    assert main(["run", str(clip), "--out", str(out), "--overlay"]) == 0
    assert "overlay.mkv" in capsys.readouterr().err
    written, _, sound, rate = read_film(out / "overlay.mkv")
    assert written == pytest.approx(times, abs=0.03)
    assert click_at(sound, rate) == pytest.approx(0.8, abs=0.03)

    assert main(["run", str(clip), "--out", str(out), "--overlay"]) == 2
    assert main(["run", str(out / "overlay.mkv"), "--out", str(out), "--overwrite"]) == 2
    assert "would be replaced" in capsys.readouterr().err
    assert main(["run", str(clip), "--out", str(out), "--overwrite"]) == 0
    assert not (out / "overlay.mkv").exists(), "it belonged to other rows"

    sound_only = write_clip(tmp_path / "s.wav", size=None, sounds=[("pcm_s16le", rate, click(1.0, rate, 0.5))])
    assert main(["run", str(sound_only), "--out", str(tmp_path / "s"), "--overlay"]) == 0
    assert "no overlay is written" in capsys.readouterr().err
    assert not (tmp_path / "s" / "overlay.mkv").exists()


def test_live_records_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = 48_000
    times = [k / 25 for k in range(60)]
    clip = write_clip(tmp_path / "a.mp4", size=(640, 480), times=times, sounds=[("aac", rate, click(2.4, rate, 1.5))])
    assert (
        main(
            [
                "live",
                "--headless",
                "--camera",
                str(clip),
                "--record",
                str(tmp_path / "kept"),
                "--record-film",
                "overlay",
            ]
        )
        == 0
    )
    shown = capsys.readouterr()
    (session,) = (tmp_path / "kept").iterdir()
    assert f"recorded to {session}" in shown.err
    rows, kept = [from_row(json.loads(line)) for line in shown.out.splitlines()], read_rows(session / "decisions.jsonl")
    assert len(rows) == len(kept) >= 12
    assert [row.seq for row in rows] == [row.seq for row in kept]
    assert [replace(row, t=0.0) for row in rows] == [replace(row, t=0.0) for row in kept]
    start = kept[0].t
    assert 0 <= start < 0.25
    facts = json.loads((session / "session.json").read_text())
    assert (facts["error"], facts["decisions"], facts["sources"][0]["name"]) == (None, len(kept), "a.mp4")
    written, _, sound, rate = read_film(session / "overlay.mkv")
    assert len(written) == facts["pictures"] == 60 - facts["lost"].get("pictures", 0)
    begun = written[0]
    assert np.diff(written) == pytest.approx([0.04] * (len(written) - 1), abs=0.0021) or facts["lost"]
    assert click_at(sound, rate) - begun == pytest.approx(1.5, abs=0.04)


def test_live_refuses_a_folder_that_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "a.mp4", times=STEADY)
    assert main(["live", "--headless", "--camera", str(clip), "--record", str(clip)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "is a file: give a folder with --record" in shown.err

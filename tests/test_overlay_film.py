"""Overlays of films: every picture keeps its number and its time, and the sound its place."""

from pathlib import Path

import av
import numpy as np
import pytest
from parts.clips import click, click_at, number_of, portrait, turn_mp4, write_clip
from parts.drawn import STEADY, decision, inside, near
from parts.films import Film, read_film
from parts.replayed import write_session

from realtime_cer import palette
from realtime_cer.capture.media import open_media
from realtime_cer.cli import main
from realtime_cer.commands.overlay import write_overlay
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.film import FilmWriter


def overlaid(path: Path, decisions: list[Decision]) -> Film:
    out = path.with_suffix(".overlay.mkv")
    write_overlay(path, decisions, out)
    return read_film(out)


def test_every_picture_keeps_its_number_and_time_and_shows_its_own_decision(tmp_path: Path) -> None:
    rate = 44_100
    path = write_clip(tmp_path / "a.mp4", times=STEADY, sounds=[("aac", rate, click(2.0, rate, 1.2345, 2))])
    rows = [decision(k / 5, COMPOUND[k % 7]) for k in range(10)]
    told: list[float] = []
    assert write_overlay(path, rows, tmp_path / "o.mkv", told.append) == []
    times, pictures, sound, rate, _ = read_film(tmp_path / "o.mkv")
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
    before, _, source, source_rate, _ = read_film(path)
    after, _, sound, kept_rate, _ = overlaid(path, [])
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
    _, _, sound, rate, _ = read_film(tmp_path / "o.mkv")
    assert click_at(sound, rate) == pytest.approx(1.5, abs=0.02)


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    gaps = np.random.default_rng(1).choice([0.008, 0.033, 0.1, 0.7], 40)
    uneven = np.cumsum(gaps).tolist()
    path = write_clip(tmp_path / "v.mkv", times=uneven)
    times, pictures, sound, *_ = overlaid(path, [decision(0.0, "Sadly Angry")])
    assert not sound.size
    assert np.diff(times) == pytest.approx(np.diff(uneven), abs=0.0021)
    assert [number_of(inside(picture, 320, 240)) for picture in pictures] == list(range(40))


def test_a_turned_film_comes_out_upright(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "r.mp4", size=(240, 320), times=STEADY[:10], stored=lambda p: np.rot90(p))
    turn_mp4(path, (0, 1, -1, 0))
    media = open_media(path)
    assert (media.width, media.height) == (240, 320)
    _, pictures, *_ = overlaid(path, [])
    assert [number_of(inside(picture, 240, 320)) for picture in pictures] == list(range(10))


def test_decisions_that_end_early_leave_the_rest_bare(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", times=STEADY)
    _, pictures, *_ = overlaid(path, [decision(k / 5, "Happily Surprised") for k in range(4)])
    found = [near(inside(p, 320, 240)[70:150, 98:102], palette.COMPOUND[1], 40) > 40 for p in pictures]
    assert found == [number / 25 < 0.6 + 0.4 for number in range(50)]


def test_a_session_whose_camera_came_later_keeps_its_times(tmp_path: Path) -> None:
    rows = [decision(k / 5, COMPOUND[k % 7]) for k in range(30)]
    session = write_session(tmp_path / "kept", rows, film=False)
    with FilmWriter(session / "film.mkv", (320, 240), fps=5, live=True) as film:
        for k in range(25, 30):
            film.picture(k / 5, portrait(320, 240))
    assert main(["sessions", "overlay", str(session)]) == 0
    times, pictures, *_ = read_film(session / "overlay.mkv")
    assert times == pytest.approx([k / 5 for k in range(25, 30)], abs=0.002)
    for k, picture in zip(range(25, 30), pictures, strict=True):
        side = inside(picture, 320, 240)[70:150, 98:102]
        assert np.argmax([near(side, code, 40) for code in palette.COMPOUND]) == k % 7, f"the picture at {k / 5} s"


def test_run_writes_the_film_beside_the_other_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = 16_000
    times = [k / 15 for k in range(24)]
    clip = write_clip(tmp_path / "a.mp4", size=(640, 360), times=times, sounds=[("aac", rate, click(1.6, rate, 0.8))])
    out = tmp_path / "out"
    assert main(["run", str(clip), "--out", str(out), "--overlay"]) == 0
    assert "overlay.mkv" in capsys.readouterr().err
    written, _, sound, rate, _ = read_film(out / "overlay.mkv")
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

"""Measured offsets: kept for each pair of devices, written whole, and never a reason to fall over."""

import json
import os
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from realtime_cer.capture.offsets import Offset, forget_offset, offsets_file, read_offset, write_offset
from realtime_cer.errors import Refused

FOUND = Offset(42.5, 81.0, 1.5, "2026-05-04T10:00:00+02:00")
OTHER = Offset(-7.0, None, 3.0, "2026-05-05T10:00:00+02:00")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kept = tmp_path / "not there yet"
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(kept))
    return kept


def test_nothing_is_known_at_first_and_nobody_is_told(folder: Path) -> None:
    told: list[str] = []
    assert read_offset("0", "default", told.append) is None
    assert not forget_offset("0", "default", told.append)
    assert told == []
    assert not folder.exists()  # to read leaves no traces


def test_each_pair_has_its_own_and_a_new_measurement_replaces_the_old() -> None:
    write_offset("0", "USB Audio", FOUND)
    path = write_offset("rtsp://cam.local/live", "USB Audio", OTHER)
    assert path == offsets_file()
    assert read_offset("0", "USB Audio") == FOUND
    assert read_offset("rtsp://cam.local/live", "USB Audio") == OTHER
    assert read_offset("0", "Über-Mikrofon") is None
    write_offset("0", "USB Audio", OTHER)
    assert read_offset("0", "USB Audio") == OTHER
    assert len(json.loads(path.read_bytes())) == 2


def test_one_pair_is_forgotten_and_the_others_stay() -> None:
    write_offset("0", "a", FOUND)
    write_offset("0", "b", OTHER)
    assert forget_offset("0", "a")
    assert read_offset("0", "a") is None
    assert read_offset("0", "b") == OTHER
    assert not forget_offset("0", "a")


def test_a_card_that_is_numbered_anew_keeps_what_was_measured_and_its_other_inputs_have_their_own() -> None:
    write_offset("0", "C920: USB Audio (hw:1,0)", FOUND)
    write_offset("0", "C920: USB Audio (hw:1,1)", OTHER)
    assert read_offset("0", "C920: USB Audio (hw:3,0)") == FOUND
    assert read_offset("0", "C920: USB Audio (hw:3,1)") == OTHER
    path = write_offset("0", "C920: USB Audio (hw:3,0)", OTHER)
    assert read_offset("0", "C920: USB Audio (hw:1,0)") == OTHER
    assert len(json.loads(path.read_bytes())) == 2
    assert forget_offset("0", "C920: USB Audio (hw:2,0)")
    assert read_offset("0", "C920: USB Audio (hw:3,0)") is None


def test_of_a_file_with_several_the_last_written_counts(folder: Path) -> None:
    pairs = [{**asdict(one), "camera": "0", "microphone": f"USB (hw:{n},0)"} for n, one in enumerate((OTHER, FOUND))]
    folder.mkdir()
    offsets_file().write_text(json.dumps(pairs), encoding="utf-8")
    assert read_offset("0", "USB (hw:0,0)") == FOUND


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b'[{"camera": "0"}]',
        b'[{"camera": "0", "microphone": "a", "audio_video_ms": "much", "glass_to_glass_ms": 1, "spread_ms": 1,'
        b' "measured": ""}]',
        b'[{"camera": "0", "microphone": "a", "audio_video_ms": NaN, "glass_to_glass_ms": 1, "spread_ms": 1,'
        b' "measured": ""}]',
        b'[{"camera": "0", "microphone": "a", "audio_video_ms": 1e9, "glass_to_glass_ms": 1, "spread_ms": 1,'
        b' "measured": ""}]',
    ],
)
def test_a_damaged_file_is_told_of_counts_as_absent_and_is_kept_aside(folder: Path, content: bytes) -> None:
    folder.mkdir()
    offsets_file().write_bytes(content)
    told: list[str] = []
    assert read_offset("0", "a", told.append) is None
    assert len(told) == 1
    assert "\n" not in told[0]
    assert str(offsets_file()) in told[0]
    assert "--clap" in told[0]
    write_offset("0", "a", FOUND, told.append)
    assert read_offset("0", "a", told.append) == FOUND
    assert len(told) == 2
    assert (folder / "offsets.json.damaged").read_bytes() == content


def test_it_tells_on_stderr_where_nobody_asks_otherwise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    offsets_file().write_bytes(b"[")
    assert read_offset("0", "a") is None
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("realtime-cer: measured offsets ")
    assert said.err.count("\n") == 1


def test_what_cannot_be_read_is_absent(folder: Path) -> None:
    (folder / "offsets.json").mkdir(parents=True)
    told: list[str] = []
    assert read_offset("0", "a", told.append) is None
    assert "cannot be read" in told[0]


def test_a_folder_that_cannot_be_written_is_refused_with_a_remedy(folder: Path) -> None:
    folder.write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(Refused, match=r"cannot be written .*REALTIME_CER_CONFIG"):
        write_offset("0", "a", FOUND)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e6])
def test_absurd_figures_are_never_written(folder: Path, wrong: float) -> None:
    with pytest.raises(ValueError, match="an offset of"):
        write_offset("0", "a", Offset(wrong, None, 1.0, "now"))
    assert not folder.exists()


def test_a_failed_write_leaves_the_old_file_whole_and_no_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_offset("0", "a", FOUND)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="No space left"):
        write_offset("0", "a", OTHER)
    assert read_offset("0", "a") == FOUND
    assert [each.name for each in folder.iterdir()] == ["offsets.json"]


def test_a_reader_never_sees_half_a_file(folder: Path) -> None:
    write_offset("0", "a", FOUND)
    told: list[str] = []
    seen: list[Offset | None] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(read_offset("0", "a", told.append))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(100):
        write_offset("0", "b", Offset(float(n), None, 1.0, "now"))
    over.set()
    reader.join(5)
    assert told == []
    assert set(seen) == {FOUND}

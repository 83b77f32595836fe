"""Recording onto disks that are full or cannot be written: real ones, mounted for the test where that is allowed."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from parts.films import read_film
from parts.recording import named, record

from realtime_cer.cli import main
from realtime_cer.records import Frame
from realtime_cer.sessions.folder import read_session
from realtime_cer.sessions.repair import repair
from realtime_cer.sinks.disk import sync
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import read_rows

DEMO = Path(__file__).parents[1] / "realtime_cer" / "assets" / "demo.mp4"


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, and nobody else's."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root on Linux can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place))
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A session in a place that cannot be written any more: another disk for root, whom no permissions stop."""
    place = tmp_path / "kept"
    place.mkdir()
    root = sys.platform == "linux" and not os.geteuid()
    if root:
        mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place))
    try:
        recorder = record(place, 1.0, paced=False, film="clean")
        assert recorder.close()
        if root:
            mount("-o", "remount,ro", str(place))
        else:
            for path in (recorder.folder, place):
                path.chmod(0o500)
        yield recorder.folder
    finally:
        if root:
            subprocess.run(["umount", "-l", str(place)], check=True)
        else:
            for path in (place, *place.iterdir()):
                path.chmod(0o700)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_file_system_that_syncs_no_folders_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    if sys.platform == "win32":
        pytest.skip("folders are not synced there")
    (tmp_path / "file").write_text("")

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(number)):
        sync(tmp_path / "file")
    if number == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(number)):
            sync(tmp_path)
    else:
        sync(tmp_path)


def make_room(disk: Path) -> None:
    mount("-o", "remount,size=16m", str(disk))


def test_a_disk_that_is_full_ends_the_film_and_all_before_is_kept(small_disk: Path) -> None:
    recorder = Recorder(new_session(small_disk), {}, sound=False)
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(4)]
    recorder.begin(0.0)
    k = 0
    while recorder.error is None:
        assert k < 600
        recorder.tap(Frame(k / 30, k, noise[k % 4]))
        recorder.tap(named(k, k / 30))
        k += 1
        time.sleep(0.02)
    assert recorder.error == "No space left on device"
    assert recorder.close(), "nothing hangs"
    rows = read_rows(recorder.folder / "decisions.jsonl")
    assert [row.seq for row in rows] == list(range(k - recorder.lost["decisions"]))
    before = len(read_film(recorder.folder / "film.mkv").times)
    assert before >= 1
    make_room(small_disk)
    done = repair(recorder.folder)
    assert done is not None
    assert (done.decisions, done.torn, done.films) == (len(rows), 0, ("film.mkv",))
    assert len(read_film(recorder.folder / "film.mkv").times) == before
    assert not list(recorder.folder.glob("*.part"))
    assert read_session(recorder.folder).state == "whole"


def test_live_goes_on_where_the_disk_is_full_and_tells_in_the_end(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_disk / "others").write_bytes(bytes((1 << 20) - (48 << 10)))
    assert main(["live", "--headless", "--camera", str(DEMO), "--duration", "4", "--record", str(small_disk)]) == 2
    said = capsys.readouterr()
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == list(range(20)), "recognition goes on"
    [session] = [path for path in small_disk.iterdir() if path.is_dir()]
    told = [line for line in said.err.splitlines() if "No space left" in line]
    assert told == [
        "realtime-cer: the recording is not whole from now on (No space left on device); recognition goes on",
        "realtime-cer: the recording is not whole: No space left on device",
    ]
    assert f"make room, then realtime-cer sessions repair {session}" in said.err
    assert "Traceback" not in said.err
    rows = read_rows(session / "decisions.jsonl")
    assert [row.seq for row in rows] == list(range(len(rows)))
    assert rows
    make_room(small_disk)
    assert main(["sessions", "repair", str(session)]) == 0
    assert read_session(session).state == "whole"


def test_what_cannot_be_written_is_shown_and_otherwise_refused_in_one_line(
    read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in read_only.iterdir()}
    for words in (["list", str(read_only.parent)], ["show", str(read_only)], ["repair", str(read_only)]):
        assert main(["sessions", *words]) == 0, words
        assert capsys.readouterr().err == ""
    live = ["live", "--headless", "--camera", str(DEMO)]
    for words in (
        ["sessions", "delete", "--yes", str(read_only)],
        ["sessions", "overlay", str(read_only)],
        ["sessions", "reel", str(read_only)],
        ["sessions", "export", str(read_only), "--format", "csv"],
        [*live, "--record", str(read_only.parent)],
        [*live, "--keep", str(read_only.parent)],
    ):
        assert main(words) == 2, words
        told = [line for line in capsys.readouterr().err.splitlines() if str(read_only.parent) in line]
        assert len(told) == 1, (words, told)
        assert "Read-only file system" in told[0] or "Permission denied" in told[0], told
    assert {path.name: path.read_bytes() for path in read_only.iterdir()} == before

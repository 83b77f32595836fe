"""What is annotated: which files are collected, where results may lie, and what is refused before anything is done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from parts.annotating import DEMO, TASK, fill

from realtime_cer.batch.jobs import collect, do, sort_out
from realtime_cer.cli import main
from realtime_cer.errors import Refused


def test_media_are_collected_below_a_folder_and_the_rest_is_counted(tmp_path: Path, short: Path) -> None:
    fill(tmp_path, short, "b.mp4", "sub/deep/a.MKV", ".hidden.mp4", "out/old.mp4", "notes.txt", ".trash/x.mp4")
    (tmp_path / "folder.mp4").mkdir()
    jobs, others = collect(tmp_path, tmp_path / "out")
    assert [one.name for one in jobs] == ["b.mp4", "sub/deep/a.MKV"]
    assert others == 1
    assert jobs[1].results == tmp_path / "out" / "sub" / "deep" / "a.MKV"


def test_a_name_that_is_no_text_gets_a_folder_that_is(tmp_path: Path, short: Path) -> None:
    try:
        shutil.copy(short, os.fsencode(tmp_path) + b"/\xff.mp4")
    except OSError:
        pytest.skip("this file system holds only names that are text")
    [one], _ = collect(tmp_path, tmp_path / "out")
    assert one.name == "%ff.mp4"
    assert one.path.is_file()


def test_names_that_become_the_same_text_keep_their_results_apart(tmp_path: Path, short: Path) -> None:
    names = [b"lat%ff.mp4", b"lat\xff.mp4", b"new\nline.mp4", b"sub/lat%ff.mp4"]
    (tmp_path / "in" / "sub").mkdir(parents=True)
    try:
        for name in names:
            shutil.copy(short, os.fsencode(tmp_path / "in") + b"/" + name)
    except OSError:
        pytest.skip("this file system holds only names that are text")
    out = tmp_path / "out"
    jobs, _ = collect(tmp_path / "in", out)
    assert [one.name for one in jobs] == ["lat%ff.mp4", "lat%ff (2).mp4", "new%0aline.mp4", "sub/lat%ff.mp4"]
    assert [os.fsencode(one.path.name) for one in jobs[:2]] == names[:2]
    assert [do(one, TASK, lambda share: None).state for one in jobs[:2]] == ["done", "done"]
    assert [one.name for one in sort_out(jobs, TASK, overwrite=False)[1]] == ["lat%ff.mp4", "lat%ff (2).mp4"]


def test_what_lies_about_in_the_folder_is_left_alone(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    (tmp_path / "in" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "in" / "again.mp4").symlink_to("a.mp4")
    (tmp_path / "in" / "round").symlink_to(tmp_path / "in")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "in" / "pipe.mp4")  # whoever reads it waits for ever
    jobs, _ = collect(tmp_path / "in", tmp_path / "out")
    assert [one.name for one in jobs] == ["a.mp4", "again.mp4"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody may write")
def test_results_that_could_not_be_written_are_refused_before_anything_is_done(
    tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    (tmp_path / "file").touch()
    for out in ("/proc/self/there", tmp_path / "file"):
        assert main(["annotate", str(tmp_path / "in"), "--out", str(out)]) == 2
        captured = capsys.readouterr()
        [line] = captured.err.splitlines()
        assert captured.out == ""
        assert f"{out} cannot be written" in line
        assert line.endswith("give another --out")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv to give up rights with")
@pytest.mark.parametrize(
    ("mode", "told"),
    [
        (0o000, "closed cannot be read (Permission denied): allow it, or move it away"),
        (0o400, "closed/b.mp4 cannot be looked at (Permission denied): see that you may read it, or give another"),
    ],
    ids=["not to be listed", "not to be entered"],
)
def test_a_folder_that_may_not_be_read_is_told_before_anything_is_done(
    tmp_path: Path, short: Path, mode: int, told: str
) -> None:
    fill(tmp_path / "in", short, "a.mp4", "closed/b.mp4")
    (tmp_path / "in" / "closed").chmod(mode)
    less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    words = ["-m", "realtime_cer", "annotate", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    done = subprocess.run([*less, sys.executable, *words], capture_output=True, text=True, timeout=60)
    (tmp_path / "in" / "closed").chmod(0o755)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.endswith(told)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_full_disk_loses_one_file_and_says_what_to_do(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    shutil.copy(DEMO, tmp_path / "in" / "b.mp4")
    out = tmp_path / "out"
    words = f"{sys.executable} -m realtime_cer annotate {tmp_path}/in --out {out} --workers 1 --engine cpu"
    # A limit on the size of files stands for the full disk: writing fails in the same place.
    command = f"trap '' XFSZ; ulimit -f 100; exec {words}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("b.mp4: ")]
    assert line.startswith(f"b.mp4: {out}/b.mp4 cannot be written (File too large): make room, then give the same")
    assert sorted(path.name for path in out.iterdir()) == ["a.mp4", "report.html", "summary.csv", "summary.json"]
    again = subprocess.run(words.split(), capture_output=True, text=True, timeout=100)
    assert (again.returncode, "1 done before" in again.stderr) == (0, True)


@pytest.mark.parametrize(("names", "told"), [([], "no films and no sound"), (["a.txt"], "1 other file\\)")])
def test_a_folder_without_media_is_refused(tmp_path: Path, short: Path, names: list[str], told: str) -> None:
    fill(tmp_path, short, *names)
    with pytest.raises(Refused, match=told):
        collect(tmp_path, tmp_path / "out")


def test_what_is_no_folder_is_refused_with_the_way_out(short: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="for one file use run"):
        collect(short, tmp_path)


def test_results_in_the_place_of_films_are_refused_before_anything_is_done(
    tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = fill(tmp_path / "films", short, "a.mp4", "sub/b.mp4")
    (tmp_path / "link").symlink_to(films)
    before = sorted(films.rglob("*"))
    for out in (films, tmp_path / "link"):
        assert main(["annotate", str(films), "--out", str(out), "--overwrite"]) == 2
        told = capsys.readouterr().err.splitlines()[-1]
        assert f"{out} holds what is to be annotated: give another --out" in told
        assert sorted(films.rglob("*")) == before
    fill(tmp_path / "more", short, "x.mp4/x.mp4", "x.mp4/sub/y.mp4")
    with pytest.raises(Refused, match="or holds what is: give another --out"):
        collect(tmp_path / "more" / "x.mp4", tmp_path / "more")  # they would replace the folder of films


def test_a_file_in_the_place_of_results_is_never_replaced(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.mp4").touch()
    jobs, _ = collect(tmp_path / "in", tmp_path / "out")
    with pytest.raises(Refused, match="is a file, and no results"):
        sort_out(jobs, TASK, overwrite=True)

"""Many files: what is collected, what is done again, who dies, and what is told of it."""

import csv
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from parts.clips import write_clip

from realtime_cer.batch.crew import Event, Processes, work
from realtime_cer.batch.jobs import Job, Outcome, Task, collect, do, share_of, sort_out
from realtime_cer.batch.made import JOB
from realtime_cer.cli import main
from realtime_cer.config import Config, load_weights
from realtime_cer.errors import Refused
from realtime_cer.fusion import weights_toml
from realtime_cer.inference.manifest import engines_folder

DEMO = Path(str(files("realtime_cer") / "assets" / "demo.mp4"))
TASK = Task(Config(engine="cpu"))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a face, silent."""
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    return write_clip(path, size=(320, 240), times=[n / 10 for n in range(10)])


def fill(folder: Path, short: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(short, folder / name)
    return folder


def annotate(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "realtime_cer", "annotate", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=100,
    )


class _Scripted:
    """A crew that says what it was told to say."""

    def __init__(self, size: int, says: dict[str, list[float | Outcome | None]]) -> None:
        self.size, self.replaced = size, list[int]()
        self._says, self._now = says, dict[int, str]()

    def start(self, worker: int, job: Job) -> None:
        self._now[worker] = job.name

    def events(self, timeout_s: float) -> list[Event]:
        time.sleep(0.01)
        return [Event(w, self._says[name].pop(0), "it died") for w, name in self._now.items() if self._says[name]]

    def replace(self, worker: int) -> None:
        self.replaced.append(worker)

    def close(self) -> None:
        self._now.clear()


def job(name: str, out: Path = Path("out"), size: int = 1) -> Job:
    return Job(Path(name), name, size, out)


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


def test_other_numbers_in_a_weights_file_are_other_settings(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    task, keys = replace(TASK, config=Config(weights=str(file))), list[str]()
    for name in ("avcer-7cl", "avcer-8cl", "avcer-7cl"):
        file.write_text(weights_toml(replace(load_weights(name), name="mine")))
        keys.append(task.key)
    assert keys[0] == keys[2] != keys[1]


def test_other_networks_are_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CER_PROFILES", str(tmp_path))
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in engines_folder().glob("*.toml"):
        shutil.copy(path, mine)
    profile = (mine / "profile.toml").read_text().replace('name = "default"', 'name = "mine"')
    (mine / "profile.toml").write_text(profile)
    task = Task(Config(profile="mine"))
    before = task.key
    lines = (mine / "acoustic.toml").read_text().splitlines()
    changed = [f'sha256 = "{"0" * 64}"' if line.startswith("sha256") else line for line in lines]
    assert changed != lines
    (mine / "acoustic.toml").write_text("\n".join(changed))
    assert task.key != before


def test_largest_first_and_what_is_done_is_not_done_again(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4", "b.mp4")
    with (tmp_path / "in" / "b.mp4").open("ab") as file:
        file.write(b"\0" * 4000)
    jobs, _ = collect(tmp_path / "in", tmp_path / "out")
    due, done = sort_out(jobs, TASK, overwrite=False)
    assert [one.name for one in due] == ["b.mp4", "a.mp4"]
    assert not done
    outcome = do(jobs[0], TASK, lambda share: None)
    assert outcome.state == "done", outcome.why
    due, done = sort_out(jobs, TASK, overwrite=False)
    assert [one.name for one in due] == ["b.mp4"]
    assert [one.name for one in done] == ["a.mp4"]
    assert done[0].summary["decisions"] == 5
    os.utime(tmp_path / "in" / "a.mp4", (1, 1))  # another file by now
    assert len(sort_out(jobs, TASK, overwrite=False)[0]) == 2
    with pytest.raises(Refused, match="other settings"):
        sort_out(jobs, replace(TASK, alignment="centred"), overwrite=False)
    assert len(sort_out(jobs, replace(TASK, alignment="centred"), overwrite=True)[0]) == 2


@pytest.fixture
def finished(tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A file that is done; in place of the analysis one file is written, each time the same."""

    def analyse(job: Job, task: Task, folder: Path, progress: object) -> dict[str, Any]:
        (folder / "annotations.eaf").write_text("made")
        return {"notices": ["the sound of a.mp4\nis silent"]}

    monkeypatch.setattr("realtime_cer.batch.jobs._analyse", analyse)
    [one], _ = collect(fill(tmp_path / "in", short, "a.mp4"), tmp_path / "out")
    assert do(one, TASK, lambda share: None).notices == ("the sound of a.mp4 is silent",)
    return one


@pytest.mark.parametrize("name", ["annotations.eaf", "annotations.pfsx", "notes/mine.txt"])
def test_a_changed_film_is_done_again_only_where_nobody_worked_on_its_results(finished: Job, name: str) -> None:
    os.utime(finished.path, (1, 1))
    assert sort_out([finished], TASK, overwrite=False) == ([finished], [])
    (finished.results / name).parent.mkdir(exist_ok=True)
    (finished.results / name).write_text("mine")
    os.utime(finished.results / name, (1, 1))  # a copy may have any time
    due, [left] = sort_out([finished], TASK, overwrite=False)
    assert (due, left.state) == ([], "refused")
    assert f"{finished.results} may hold people's corrections: add --overwrite, which keeps" in left.why
    assert sort_out([finished], TASK, overwrite=True) == ([finished], [])


def test_what_people_worked_on_is_kept_beside_the_new_results(finished: Job) -> None:
    def again() -> list[str]:
        outcome = do(finished, TASK, lambda share: None)
        assert outcome.state == "done", outcome.why
        return [line.rpartition("kept as ")[2] for line in outcome.notices if "kept as" in line]

    assert again() == []  # nobody worked on it
    (finished.results / "annotations.eaf").write_text("corrected")
    assert again() == [f"{finished.results}.before"]
    (finished.results / JOB).unlink()  # as in a folder of somebody else's
    assert again() == [f"{finished.results}.before-2"]
    assert again() == []
    held = {path.parent.name: path.read_text() for path in finished.out.glob("*/annotations.eaf")}
    assert held == {"a.mp4": "made", "a.mp4.before": "corrected", "a.mp4.before-2": "made"}


def test_somebody_elses_folder_is_not_replaced(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    (tmp_path / "out" / "a.mp4").mkdir(parents=True)
    jobs, _ = collect(tmp_path / "in", tmp_path / "out")
    with pytest.raises(Refused, match="in the way"):
        sort_out(jobs, TASK, overwrite=False)


def test_what_was_begun_only_leaves_nothing_and_is_begun_anew(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    [one], _ = collect(tmp_path / "in", tmp_path / "out")
    one.partial.mkdir(parents=True)
    (one.partial / "decisions.jsonl").write_text("torn")
    assert sort_out([one], TASK, overwrite=False)[0] == [one]
    assert not one.partial.exists()


def test_a_bad_file_is_an_outcome_and_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    [one], _ = collect(tmp_path, tmp_path / "out")
    outcome = do(one, TASK, lambda share: None)
    assert outcome.state == "refused"
    assert "no media file" in outcome.why
    assert not one.results.exists()
    assert not one.partial.exists()


def test_annotation_files_lie_beside_the_rows(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "a.mp4")
    [one], _ = collect(tmp_path / "in", tmp_path / "out")
    shares: list[float] = []
    outcome = do(one, replace(TASK, formats=("vtt", "eaf")), shares.append)
    assert outcome.state == "done", outcome.why
    assert {"annotations.eaf", "subtitles.vtt", "decisions.jsonl", "timeline.png", JOB} <= set(os.listdir(one.results))
    assert shares == sorted(shares)
    assert shares
    assert 0 <= shares[0] <= shares[-1] <= 1


def test_all_jobs_are_done_though_workers_die() -> None:
    says: dict[str, list[float | Outcome | None]] = {
        "a": [0.5, Outcome("a", "done")],
        "b": [None],
        "c": [Outcome("c", "refused", "bad")],
        "d": [0.1, 0.9, Outcome("d", "done")],
    }
    crew, shares = _Scripted(2, says), list[tuple[str, float]]()
    went = {one.name: one for one in work(crew, [job(n) for n in says], lambda j, s: shares.append((j.name, s)))}
    assert {name: one.state for name, one in went.items()} == {"a": "done", "b": "fault", "c": "refused", "d": "done"}
    assert went["b"].why == "it died"
    assert len(crew.replaced) == 1
    assert [share for name, share in shares if name == "d"] == [0.1, 0.9]


def test_a_file_that_does_not_move_is_given_up() -> None:
    crew = _Scripted(1, {"stuck": [], "next": [Outcome("next", "done")]})
    went = list(work(crew, [job("stuck"), job("next")], lambda j, s: None, stuck_s=0.1))
    assert [(one.name, one.state) for one in went] == [("stuck", "fault"), ("next", "done")]
    assert "nothing came of it" in went[0].why
    assert crew.replaced == [0]


def test_a_file_whose_share_is_told_but_does_not_grow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    says: dict[str, list[float | Outcome | None]] = {
        "stands": [*[0.5] * 20, Outcome("stands", "done")],
        "moves": [*[n / 20 for n in range(20)], Outcome("moves", "done")],
    }
    now = [0.0]

    class Seconds(_Scripted):
        def events(self, timeout_s: float) -> list[Event]:
            now[0] += 1
            return super().events(timeout_s)

    monkeypatch.setattr("realtime_cer.batch.crew.time", SimpleNamespace(monotonic=lambda: now[0]))
    went = {one.name: one for one in work(Seconds(2, says), [job(n) for n in says], lambda j, s: None, stuck_s=5)}
    assert {name: one.state for name, one in went.items()} == {"stands": "fault", "moves": "done"}
    assert went["stands"].why == "nothing came of it for 5 s"


@pytest.mark.parametrize("length", [None, 0.0, 10.0, 7200.0])
def test_the_share_of_a_film_grows_for_two_hours_whatever_length_it_tells(length: float | None) -> None:
    shares = [share_of(n / 5, length) for n in range(36_000)]
    assert all(one < other for one, other in itertools.pairwise(shares))
    assert shares[0] == 0
    assert shares[-1] < 1


@pytest.fixture
def crew() -> Iterator[Processes]:
    held = Processes(TASK, 1)
    yield held
    held.close()


def test_a_process_that_is_killed_loses_its_file_alone(tmp_path: Path, short: Path, crew: Processes) -> None:
    fill(tmp_path / "in", short, "b.mp4")
    shutil.copy(DEMO, tmp_path / "in" / "a.mp4")
    jobs, _ = collect(tmp_path / "in", tmp_path / "out")
    killed: list[int] = []

    def kill(job: Job, share: float) -> None:
        if job.name == "a.mp4" and not killed:
            [child] = [int(pid) for pid in _children(os.getpid())]
            os.kill(child, signal.SIGKILL)
            killed.append(child)

    went = {one.name: one for one in work(crew, jobs, kill)}
    assert killed
    assert went["a.mp4"].state == "fault"
    assert "SIGKILL" in went["a.mp4"].why
    assert went["b.mp4"].state == "done"


def _children(pid: int) -> list[str]:
    """Python's own spawned workers; its resource tracker is none."""
    import psutil

    return [str(one.pid) for one in psutil.Process(pid).children() if "resource_tracker" not in " ".join(one.cmdline())]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rects, self.outside, self.text = 0, list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rects += tag == "rect"
        self.outside += [v for k, v in attrs if k in ("src", "href") and v and v.startswith("http")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_command_does_all_but_the_bad_and_tells_it_on_a_page(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "b&c.mp4")
    shutil.copy(DEMO, tmp_path / "in" / "demo.mp4")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no film")
    out = tmp_path / "out"
    done = annotate(tmp_path / "in", "--out", out, "--workers", 2, "--engine", "cpu")
    assert done.returncode == 2
    assert "bad.mp4" in done.stderr
    assert "Traceback" not in done.stderr
    assert "2 of 3 files done" in done.stdout
    told = json.loads((out / "summary.json").read_text())
    assert {one["file"]: one["state"] for one in told["files"]} == {
        "b&c.mp4": "done",
        "bad.mp4": "refused",
        "demo.mp4": "done",
    }
    lines = (out / "summary.csv").read_text().splitlines()
    assert len(lines) == 4
    silent = "no sound in b&c.mp4: picture-only"
    assert f"b&c.mp4: {silent}" in done.stderr.splitlines()
    assert told["files"][0]["notices"] == [silent]
    assert next(csv.DictReader(lines))["notices"] == silent
    page = _Page()
    page.feed((out / "report.html").read_text())
    assert silent in page.text
    assert page.rects > 3
    assert not page.outside
    assert "b&c.mp4" in page.text
    assert "Not done" in page.text
    os.utime(tmp_path / "in" / "demo.mp4", (1, 1))
    (out / "demo.mp4" / "notes.txt").write_text("mine")
    again = annotate(tmp_path / "in", "--out", out, "--engine", "cpu")
    assert "1 done before" in again.stderr
    assert again.returncode == 2
    assert (out / "demo.mp4" / "notes.txt").read_text() == "mine"
    [_] = [line for line in again.stderr.splitlines() if line.startswith("demo.mp4: it changed, but ")]
    assert silent not in again.stderr  # it was told when the file was done
    told = json.loads((out / "summary.json").read_text())
    assert [one["state"] for one in told["files"]] == ["done", "refused", "refused"]
    assert told["files"][0]["notices"] == [silent]
    other = annotate(tmp_path / "in", "--out", out, "--rule", "rule2")
    assert other.returncode == 2
    assert other.stderr.count("\n") == 1
    assert "other settings" in other.stderr


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short, "b.mp4")
    for name in ("a", "c"):
        shutil.copy(DEMO, tmp_path / "in" / f"{name}.mp4")
    out = tmp_path / "out"
    words = [sys.executable, "-m", "realtime_cer", "annotate", tmp_path / "in", "--out", out, "--workers", "1"]
    running = subprocess.Popen(
        [*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 60
    while not list(out.glob("*/job.json")) and time.monotonic() < end:
        time.sleep(0.05)
    locked = annotate(tmp_path / "in", "--out", out)
    assert locked.returncode == 2
    assert "another annotate is at work" in locked.stderr
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "goes on where this one was" in told
    assert "Traceback" not in told
    assert not list(out.glob("*.part"))
    finished = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/job.json")}
    assert 1 <= len(finished) < 3
    assert json.loads((out / "summary.json").read_text())["not_done"]
    again = annotate(tmp_path / "in", "--out", out)
    assert again.returncode == 0, again.stderr
    assert {path.parent.name for path in out.glob("*/job.json")} == {"a.mp4", "b.mp4", "c.mp4"}
    assert all((out / name / "job.json").stat().st_mtime_ns == t for name, t in finished.items())


def test_rows_are_those_of_run(tmp_path: Path, short: Path) -> None:
    fill(tmp_path / "in", short)
    (tmp_path / "in").mkdir(exist_ok=True)
    shutil.copy(DEMO, tmp_path / "in" / "demo.mp4")
    [one], _ = collect(tmp_path / "in", tmp_path / "out")
    from realtime_cer.config import read_config
    from realtime_cer.inference.profile import settled

    assert do(one, Task(settled(read_config(None, {"engine": "cpu"}))), lambda share: None).state == "done"
    words = ["run", DEMO, "--out", tmp_path / "run", "--engine", "cpu"]
    subprocess.run(
        [sys.executable, "-m", "realtime_cer", *map(str, words)], check=True, capture_output=True, timeout=60
    )
    assert (one.results / "decisions.jsonl").read_bytes() == (tmp_path / "run" / "decisions.jsonl").read_bytes()


@pytest.mark.parametrize("address", ["127.0.0.1:9", "banana"])
def test_a_cluster_that_does_not_answer_is_refused_in_one_line(tmp_path: Path, short: Path, address: str) -> None:
    pytest.importorskip("ray")
    fill(tmp_path / "in", short, "a.mp4")
    done = annotate(tmp_path / "in", "--out", tmp_path / "out", "--ray", address)
    assert done.returncode == 2
    first, *_, asked, last = done.stderr.splitlines()
    assert first == "1 file"
    assert f"asking the Ray cluster at {address}" in asked
    assert f"no Ray cluster at {address}" in last
    assert "Traceback" not in done.stderr


def test_two_ray_workers_do_what_processes_do(tmp_path: Path, short: Path) -> None:
    pytest.importorskip("ray")
    fill(tmp_path / "in", short, "a.mp4", "b.mp4", "c.mp4")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no film")
    done = annotate(tmp_path / "in", "--out", tmp_path / "out", "--ray", "--workers", 2, "--engine", "cpu")
    assert done.returncode == 2, done.stderr
    assert "3 of 4 files done" in done.stdout
    rows = {path.read_bytes() for path in (tmp_path / "out").glob("*/decisions.jsonl")}
    assert len(rows) == 1  # the same film three times

"""Many files: what is done, what is done again, what is kept of what people did, and what is told of it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from parts.annotating import DEMO, TASK, annotate, fill

from realtime_cer.batch.jobs import Job, Task, collect, do, sort_out
from realtime_cer.batch.made import JOB
from realtime_cer.config import Config, load_weights
from realtime_cer.errors import Refused
from realtime_cer.fusion import weights_toml
from realtime_cer.inference.manifest import engines_folder


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

"""The report: every figure and picture from one command, on made and on real parts, and what it refuses."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.moments import decision
from test_evaluate import raf_ce, raf_db, ravdess

from realtime_cer.commands.evaluate import main
from realtime_cer.fusion import FusionWeights, fuse
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.metrics import macro_f1
from realtime_cer.quiet import cv2
from realtime_cer.rules import RULES
from realtime_cer.training import corpora, fusions, page
from realtime_cer.training.bygroup import groupings
from realtime_cer.training.corpora.corpus import CorpusError, fraction
from realtime_cer.training.evaluate import without_copies
from realtime_cer.training.pictures import reliability_picture, weights_picture
from realtime_cer.training.report import without_paths
from realtime_cer.training.stored import Stored, write
from realtime_cer.training.timelines import lines, timelines_picture


def made(count: int, classes: tuple[str, ...] = BASIC, seed: int = 0, **more: Any) -> Stored:
    """Probabilities that know their labels a little, as three models might give them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(classes)
    scores = rng.normal(size=(count, 3, 7))
    scores[np.arange(count), :, labels] += 1.5
    p = np.exp(scores)
    present = np.ones((count, 3), bool)
    return Stored((p / p.sum(2, keepdims=True)).astype(np.float32), present, labels, classes, "made numbers", **more)


def voices(path: Path, **wrong: Any) -> Path:
    stored = made(140)
    given = {
        "probabilities": stored.probabilities[:, 2],
        "labels": stored.labels,
        "speakers": np.array([f"{n % 10:02d}" for n in range(140)]),
        "corpus": np.array(["ravdess", "nemo"])[np.arange(140) // 70],
    }
    np.savez(path, **(given | wrong))
    return path


def drawn(path: Path) -> np.ndarray:
    """A picture that is large enough to read and not empty."""
    picture = cv2.imread(str(path))
    assert picture is not None, path
    assert min(picture.shape[:2]) >= 250
    assert picture.std() > 10
    assert 0.02 < (picture.min(2) < 200).mean() < 0.9
    return picture


def report(out: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    assert main(["--report", str(out), *arguments]) == 0
    return json.loads((out / "report.json").read_text(encoding="utf-8")), (out / "report.md").read_text("utf-8")


def test_one_command_makes_everything(tmp_path: Path, portrait_clip: Path) -> None:
    data = tmp_path / "corpora"
    raf_db(data / "raf-db")
    raf_ce(data / "raf-ce")
    ravdess(data / "ravdess", range(21, 23))
    write(tmp_path / "av.npz", made(280, half=(np.arange(280) // 7 % 2).astype(np.int8)))
    out = tmp_path / "report"
    found, text = report(
        out,
        *("--data", str(data), "--part", "held-out", "--clip", str(portrait_clip)),
        *("--probabilities", str(tmp_path / "av.npz"), "--voices", str(voices(tmp_path / "unseen.npz"))),
        *("--weights", "equal", "--weights", "avcer-7cl"),
    )
    assert {"raf-db", "raf-ce", "ravdess", "ravdess, unseen speakers", "nemo, unseen speakers"} == set(
        found["measured"]
    )
    assert set(found["measured"]["raf-ce"]["rules"]) == set(RULES)
    assert found["fusions"]["n"] == 140
    assert found["clip"]["decisions"] == 25
    assert found["absent"]["tess"] == "OAF_word_emotion.wav not found in DIR"
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(links) == len(set(links)) == 5 + 4 + 3 + 2
    for link in links:
        drawn(out / link)
    assert sorted(p.name for p in out.iterdir()) == sorted([*links, "report.json", "report.md"])
    # Nothing of this machine, and nothing of today.
    for word in (str(tmp_path), str(Path.home()), "/tmp"):
        assert word not in text
    assert not re.search(r"\b20\d\d-\d\d", text)
    assert str(tmp_path) not in json.dumps(found)
    assert "--voices unseen.npz" in found["command"]
    assert found["command"] in text


def test_the_page_has_the_papers_rows_and_columns(tmp_path: Path, portrait_clip: Path) -> None:
    write(tmp_path / "av.npz", made(140))
    arguments = ["--probabilities", str(tmp_path / "av.npz"), "--data", str(tmp_path), "--clip", str(portrait_clip)]
    found, text = report(tmp_path / "out", *arguments, "--weights", "avcer-7cl", "--weights", "avcer-video")
    rows = re.search(r"\| model or fusion.*?\n\n", text, re.DOTALL)
    assert rows is not None
    names = [line.split("|")[1].strip() for line in rows.group().splitlines()[2:] if line]
    assert names == [
        *MODELS,
        *(
            f"{models}, {w}, {kind}"
            for w, sets in (
                ("avcer-7cl", ("static + dynamic", "static + dynamic + acoustic")),
                ("avcer-video", ("static + dynamic",)),
            )
            for models in sets
            for kind in ("Dirichlet", "hierarchical")
        ),
    ]
    assert len({len(line) for line in rows.group().splitlines() if line}) == 1  # columns stand under each other too
    first = found["fusions"]["rows"][0]
    assert page.percent(first["f1"], first["interval95"]["f1"]) in rows.group()


def test_a_report_on_real_faces(data: Path, tmp_path: Path, portrait_clip: Path) -> None:
    whole = corpora.load("raf-ce", data)
    some = [i for c in range(len(COMPOUND)) for i in np.flatnonzero(whole.labels == c)[:6]]
    small = tmp_path / "raf-ce"
    (small / "aligned").mkdir(parents=True)
    listed = (whole.paths[0].parents[1] / "RAFCE_emolabel.txt").read_text(encoding="utf-8").splitlines()
    names = {whole.groups[i] for i in some}
    kept = [line for line in listed if Path(line.split()[0]).stem in names]
    (small / "RAFCE_emolabel.txt").write_text("\n".join(kept))
    for i in some:
        shutil.copy(whole.paths[i], small / "aligned")
    found, text = report(tmp_path / "out", "--data", str(small), "--corpus", "raf-ce", "--clip", str(portrait_clip))
    rules = found["measured"]["raf-ce"]["rules"]
    assert found["measured"]["raf-ce"]["n"] == 42
    # Far beyond the 14 % of guessing, on faces that no training saw.
    assert max(r["f1"] for r in rules.values()) > 0.3
    assert "Rules on compound expressions: raf-ce" in text
    assert "Part `all`" not in text  # no training sees any of it


def test_a_part_that_training_sees_is_named(tmp_path: Path, portrait_clip: Path) -> None:
    ravdess(tmp_path / "ravdess", range(20, 22))
    for part, told in (("all", True), ("held-out", False)):
        _, text = report(tmp_path / part, "--data", str(tmp_path), "--part", part, "--clip", str(portrait_clip))
        assert ("**Part `all` of ravdess includes files that training may see" in text) == told


def test_figures_without_copies_of_what_was_trained_on(tmp_path: Path) -> None:
    raf_db(tmp_path / "raf", 3)
    lists = tmp_path / "raf" / "EmoLabel" / "list_patition_label.txt"
    images = tmp_path / "raf" / "Image" / "aligned"
    seen = next(f"train_{n:05d}" for n in range(99) if fraction(f"train_{n:05d}") > 0.2)
    shutil.copy(images / "test_1000_aligned.jpg", images / f"{seen}_aligned.jpg")
    found = corpora.load("raf-db", tmp_path / "raf")
    right = found.labels.copy()
    assert without_copies(found, right, tmp_path) is None  # it is there, but not listed
    lists.write_text(f"{lists.read_text()}\n{seen}.jpg 1")
    right[0] = 0  # of the copy alone it is wrong
    assert without_copies(found, right, tmp_path) == {"copies": 1, "accuracy": 1, "uar": 1, "f1": 1}


def test_fusions_are_measured_on_the_half_that_was_not_fitted() -> None:
    half = (np.arange(210) // 7 % 2).astype(np.int8)
    stored = made(210, half=half)
    weights = FusionWeights.published("avcer-7cl")
    rows = fusions.compare(stored, [weights], "none")["rows"]
    last = rows[-1]
    assert last["fusion"] == "avcer-7cl, hierarchical"
    fused, _ = fuse(stored.probabilities[half == 1], weights)
    assert last["f1"] == pytest.approx(macro_f1(stored.labels[half == 1], fused.argmax(1)))
    assert {row["n"] for row in rows} == {int((half == 1).sum())}


def test_a_model_that_is_missing_makes_no_row() -> None:
    stored = made(70)
    present = stored.present & (np.arange(3) != 1)
    without = Stored(stored.probabilities, present, stored.labels, BASIC, "made")
    found = fusions.compare(without, [FusionWeights.equal()], "none")
    assert [row["models"] for row in found["rows"]] == ["static", "acoustic", "static + acoustic"]
    assert set(found["calibration"]) == {"static", "acoustic"}


def test_compound_labels_measure_every_rule() -> None:
    found = fusions.compare(made(70, COMPOUND), [FusionWeights.equal()], "none")
    assert [set(row["rules"]) for row in found["rows"]] == [set(RULES)] * 5
    empty: dict[str, Any] = {"measured": {}, "calibration": {}, "absent": {}, "networks": {}, "part": "all"}
    text = page.page({**empty, "fusions": found, "pictures": {"confusion": {}, "weights": "w.png"}}, "x", None)
    assert "## Models, fusions and rules: compound expressions" in text
    assert "rule2: UAR" in text


def test_each_model_is_judged_alone_for_its_timeline(tmp_path: Path) -> None:
    rows = [decision(k, 0.2 * k, here=MODELS if k % 2 else ("static", "acoustic")) for k in range(20)]
    found = lines(rows, FusionWeights.equal(), "none")
    assert list(found) == [*MODELS, "fused"]
    scores, said = found["dynamic"]
    assert np.isnan(scores[::2]).all()
    assert np.isfinite(scores[1::2]).all()
    assert not any(said[::2])
    p = dict(zip(BASIC, rows[1].models["static"] or (), strict=True))
    assert found["static"][0][1, 0] == pytest.approx(p["Fear"] + p["Surprise"])
    assert found["fused"][1] == [row.label for row in rows]
    timelines_picture(rows, FusionWeights.published("avcer-video"), "none", "a clip $x_1", tmp_path / "t.png")
    drawn(tmp_path / "t.png")
    timelines_picture([], FusionWeights.equal(), "none", "nothing", tmp_path / "n.png")


def test_pictures_show_what_they_are_given(tmp_path: Path) -> None:
    calibrations = fusions.compare(made(700), [], "none")["calibration"]
    after = calibrations["static"]
    both = {"network": "static", "temperature": 0.5, "before": calibrations["dynamic"], "after": after}
    reliability_picture({"network": "static", "after": after}, "one", tmp_path / "one.png")
    reliability_picture(both, "two", tmp_path / "two.png")
    assert drawn(tmp_path / "two.png").shape[1] == 2 * drawn(tmp_path / "one.png").shape[1]
    weights_picture([FusionWeights.equal()], tmp_path / "1.png")
    weights_picture([FusionWeights.published(n) for n in ("avcer-7cl", "avcer-8cl", "avcer-video")], tmp_path / "3.png")
    assert drawn(tmp_path / "3.png").shape[0] > drawn(tmp_path / "1.png").shape[0]


def test_groups_that_a_corpus_tells_of(tmp_path: Path) -> None:
    found = corpora.load("raf-db", raf_db(tmp_path / "raf", 1))
    assert groupings(found) == {}
    annotation = tmp_path / "raf" / "Annotation" / "manual"
    annotation.mkdir(parents=True)
    landmarks = "1.0\t2.0\n" * 5
    (annotation / "test_1000_manu_attri.txt").write_text(f"{landmarks}1\n2\n4\n")
    told = groupings(found)
    assert [told[kind][0] for kind in ("sex", "race", "age")] == ["female", "Asian", "70 and more"]
    assert set(told["sex"][1:]) == {"unknown"}
    for wrong in ("1\n2\n", "1\n2\n9\n", "-1\n0\n0\n", "a\nb\nc\n"):
        (annotation / "test_1000_manu_attri.txt").write_text(landmarks + wrong)
        with pytest.raises(CorpusError, match=r"test_1000_manu_attri\.txt: expected five landmarks"):
            groupings(found)


def test_nemo_tells_the_sex_of_its_speakers(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    lines = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
    for speaker, sex in (("WR0", "male"), ("EB0", "female")):
        lines.append(f"{speaker}_anger_1.wav\tanger\ta\ta\t        {speaker}\t{sex}\t27")
        (tmp_path / "samples" / f"{speaker}_anger_1.wav").touch()
    (tmp_path / "data.tsv").write_text("\n".join(lines))
    assert groupings(corpora.load("nemo", tmp_path))["sex"].tolist() == ["male", "female"]


def test_folders_of_this_machine_are_taken_out(tmp_path: Path) -> None:
    told = f"cannot read picture {tmp_path}/a b/x.png in {Path.home()}/y"
    assert without_paths(told, tmp_path) == "cannot read picture DIR/a b/x.png in ~/y"
    assert without_paths("cannot read /srv/corpora/raf/list.txt: gone", tmp_path) == "cannot read list.txt: gone"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--report", "FILE", "--data", "DIR"], "is a file: give a folder with --report"),
        (["--report", "OUT", "--data", "DIR"], "nothing to measure in"),
        (["--report", "OUT", "--data", "DIR", "--corpus", "tess"], "OAF_word_emotion.wav not found"),
        (["--report", "OUT", "--data", "DIR", "--weights", "nobody"], "no weights 'nobody'"),
        (["--report", "OUT", "--data", "DIR", "--clip", "FILE"], "FILE"),
        (["--report", "OUT", "--data", "DIR", "--voices", "FILE"], "no file of arrays"),
        (["--report", "OUT", "--data", "DIR", "--probabilities", "DIR/none.npz"], "cannot read"),
        (["--report", "OUT", "--data", "DIR", "--json", "x.json"], "leave out --json"),
    ],
)
def test_refused_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    (tmp_path / "FILE").write_text("nothing")
    (tmp_path / "DIR").mkdir()
    places = {"FILE", "OUT", "DIR", "DIR/none.npz"}
    given = [str(tmp_path / word) if word in places else word for word in arguments]
    try:
        code = main(given)
    except SystemExit as end:
        code = int(end.code or 0)
    error = capsys.readouterr().err
    assert code == 2
    assert told in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"labels": np.full(140, 7)}, "from 0 to 6"),
        ({"labels": np.full(140, 0.5)}, "whole numbers"),
        ({"speakers": np.array(["a"])}, r"speakers \(N,\)"),
        ({"probabilities": np.full((140, 7), 0.5)}, "sum to 1"),
        ({"probabilities": np.full((140, 8), 1 / 8)}, r"probabilities \(N, 7\)"),
        ({"corpus": np.array(["a", "b"])}, "corpus must be one name"),
        ({"surplus": np.zeros(1)}, "unknown key 'surplus'"),
    ],
)
def test_voices_that_do_not_fit_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: dict[str, Any], told: str
) -> None:
    path = voices(tmp_path / "unseen.npz", **wrong)
    assert main(["--report", str(tmp_path / "out"), "--data", str(tmp_path), "--voices", str(path)]) == 2
    error = capsys.readouterr().err
    assert re.search(told, error)
    assert error.count("\n") == 1


def test_one_name_for_all_voices_and_intervals_by_speaker(tmp_path: Path) -> None:
    from realtime_cer.training.unseen import measure_unseen

    found = measure_unseen(voices(tmp_path / "unseen.npz", corpus=np.array("ravdess")))
    assert list(found) == ["ravdess"]
    assert found["ravdess"]["interval_by"] == "speaker"
    assert found["ravdess"]["speakers"] == 10
    assert found["ravdess"]["ece"] == found["ravdess"]["calibration"]["after"]["ece"]

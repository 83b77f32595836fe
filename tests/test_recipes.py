"""The training scripts on corpora of a few made files: both recipes, what a run writes down, what is refused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from parts.trees import noise, picture, sound, text
from torch import Tensor, nn

from realtime_cer.errors import Refused
from realtime_cer.inference.engine import load
from realtime_cer.inference.manifest import engines_folder, read_manifest
from realtime_cer.labels import BASIC
from realtime_cer.models.static import Static
from realtime_cer.training import (
    corpora,
    encoded,
    loop,
    recipe,
    runlog,
    train_acoustic,
    train_dynamic,
    train_static,
)
from realtime_cer.training.corpora.corpus import fraction
from realtime_cer.training.crops import crops
from realtime_cer.training.encoded import States

FERPLUS = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Many threads wait for each other on small networks; the scripts set the number too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAF-DB with two pictures of each class to train on, one to validate, one held out; FER+; RAF-CE."""
    folder = tmp_path_factory.mktemp("faces")
    lists = []
    for label in range(1, 8):
        names = [f"train_{n:05d}{label}" for n in range(400)]
        training = [n for n in names if fraction(n) >= 0.14][:2]
        valid = [n for n in names if 0.10 <= fraction(n) < 0.14][:1]
        for name in (*training, *valid, f"test_{label}"):
            picture(folder / "raf-db" / "Image" / "aligned" / f"{name}_aligned.jpg", grey=20 + 30 * label)
            lists.append(f"{name}.jpg {label}")
    text(folder / "raf-db" / "EmoLabel" / "list_patition_label.txt", lists)
    rows = [FERPLUS]
    for n in range(7):
        picture(folder / "ferplus" / "FER2013Train" / f"fer{n}.png", 48, 30 * n)
        rows.append(f"Training,fer{n}.png," + ",".join("8" if i == n else "0" for i in range(7)) + ",1,0,0")
    text(folder / "ferplus" / "fer2013new.csv", rows)
    for n in range(14):
        noise(folder / "raf-ce" / "aligned" / f"{n:04d}_aligned.jpg", n)
    text(folder / "raf-ce" / "RAFCE_emolabel.txt", (f"{n:04d}.jpg {n}" for n in range(14)))
    return folder


@pytest.fixture
def static_on(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags of a short run; FER+'s pictures are taken as they are, because to look for landmarks takes seconds."""
    monkeypatch.setattr(train_static, "crops", lambda corpus: crops(replace(corpus, aligned=True)))
    monkeypatch.setattr(train_static, "load_imagenet", lambda network: None)
    flags = ["--data", str(faces), "--out", str(tmp_path / "run"), "--engines", str(tmp_path / "engines")]
    return [*flags, "--steps", "2", "--batch", "4", "--threads", "1", "--check-every", "1"]


def test_the_second_cycle_starts_from_the_first_and_blends_with_it(
    static_on: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_static.main([*static_on, "--no-raf-ce"]) == 0, capsys.readouterr().err
    first = tmp_path / "run" / "checkpoint.pt"
    again = [*static_on, "--recipe", "second", "--start", str(first), "--out", str(tmp_path / "again"), "--no-raf-ce"]
    a = train_static.parse([*again, "--steps", "2", "--batch", "4", "--teacher", str(tmp_path / "engines")])
    network, _ = train_static.train(a)
    averaged = [
        torch.load(folder / "checkpoint.pt", weights_only=True)["average"]
        for folder in (tmp_path / "run", tmp_path / "again")
    ]
    assert (averaged[0]["fc1.weight"] - averaged[1]["fc1.weight"]).abs().max() > 1e-5
    torch.testing.assert_close(network.fc1.weight.detach(), (averaged[0]["fc1.weight"] + averaged[1]["fc1.weight"]) / 2)


def test_weights_cannot_be_blended_with_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train_static.parse(["--recipe", "second"])
    assert ended.value.code == 2
    assert "needs --start" in capsys.readouterr().err


def _json(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_the_static_script_as_published_ships_what_it_trained(
    static_on: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_static.main([*static_on, "--recipe", "published"]) == 0, capsys.readouterr().err
    out, engines = tmp_path / "run", tmp_path / "engines"
    assert "ferplus: its held-out part is not here" in capsys.readouterr().out
    figures = read_manifest("static", engines).metrics
    assert figures["recipe"] == "published"
    assert figures["raf-db"]["n"] == 7  # type: ignore[index]
    assert {"raf-db", "raf-ce"} <= set(figures)

    settings = _json(out / "settings.json")
    flags = settings["flags"]
    assert (settings["recipe"], settings["steps"], settings["device"]) == ("published", 2, "cpu")
    assert (flags["optimiser"], flags["rate"], flags["restarts"], flags["floor"]) == ("adam", 1e-4, 5, 0)  # type: ignore[index]
    assert set(settings["versions"]) == {"python", "torch", "numpy", "realtime_cer"}  # type: ignore[call-overload]
    rows = json.loads((out / "data.json").read_text())
    told = [(row["name"], row["part"], row["n"]) for row in rows]
    assert told == [("raf-db", "train", 14), ("raf-db", "validation", 7), ("ferplus", "train", 7), ("raf-ce", "all", 7)]
    assert rows[0]["classes"] == dict.fromkeys(BASIC, 2)
    assert settings["hashes"] == {f"{row['name']} {row['part']}": row["sha256"] for row in rows}
    log = runlog.read_log(out / "log.csv")
    assert list(log[0]) == ["step", "loss", "rate", "valid_uar", "valid_accuracy", "raf_ce_f1", "seconds"]
    assert all(0 <= float(row[k]) <= 1 for row in log for k in ("valid_uar", "valid_accuracy", "raf_ce_f1"))
    assert {p.name for p in out.iterdir()} == {
        "best.pt", "checkpoint.pt", "curves.png", "data.json", "log.csv", "settings.json", "tensorboard",
    }  # fmt: skip

    # What was shipped says what the kept network says, mirror image and temperature included.
    network = Static()
    loop.start(network, out / "best.pt")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    logits = train_static.logits_of(network.eval(), pictures)
    wanted = torch.softmax(logits / read_manifest("static", engines).temperature, 1)
    shipped = load("static", "cpu", engines).run(pictures)["probabilities"]
    np.testing.assert_allclose(shipped, wanted.numpy(), atol=3e-3)


def test_a_teacher_softens_labels_and_belongs_to_the_settings(static_on: list[str], tmp_path: Path) -> None:
    flags = [*static_on, "--teacher", str(engines_folder()), "--distil", "0.25", "--no-raf-ce"]
    a = train_static.parse(flags)
    network, _ = train_static.train(a)
    assert not network.training
    hashes = _json(tmp_path / "run" / "settings.json")["hashes"]
    assert hashes["teacher_sha256"] == read_manifest("static").sha256  # type: ignore[index]
    assert "raf-ce all" not in hashes  # type: ignore[operator]
    data = train_static.sources(a)
    teacher = train_static.teacher_of(a)
    soft = train_static.softened(data.valid, teacher, 0.25).soft
    said = teacher.run(data.valid.pictures)["probabilities"]
    np.testing.assert_allclose(soft, 0.75 * data.valid.soft + 0.25 * said, atol=1e-5)
    with pytest.raises(Refused, match=r"teacher_sha256 was '.*', is None"):
        train_static.train(train_static.parse([*static_on, "--no-raf-ce"]))


def test_logits_are_those_of_the_picture_and_its_mirror_image(static_on: list[str]) -> None:
    torch.manual_seed(0)
    network = Static().eval()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    here = train_static.logits_of(network, pictures)
    torch.testing.assert_close(here, train_static.logits_of(network, pictures[:, :, ::-1].copy()), atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(torch.softmax(here, 1), network(torch.from_numpy(pictures))[0], atol=1e-5, rtol=1e-4)


def test_the_dynamic_script_as_published(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = train_dynamic.make
    monkeypatch.setattr(train_dynamic, "make", lambda views, count, seed: make(views, min(count, 100), seed))
    flags = ["--recipe", "published", "--data", str(faces), "--out", str(tmp_path), "--views", "1", "--pool", "40"]
    a = train_dynamic.parse([*flags, "--batch", "16", "--epochs", "3", "--threads", "1"])
    network, found = train_dynamic.train(a)
    assert float(network.temperature) > 0
    assert found["steps"] == 3 * 40 // 16
    assert found["held_out_sequences"]["sequences"] == 5000
    assert [row["part"] for row in json.loads((tmp_path / "data.json").read_text())] == [
        "train", "validation", "held-out",
    ]  # fmt: skip
    assert list(runlog.read_log(tmp_path / "log.csv")[-1])[3:5] == ["valid_uar", "valid_accuracy"]


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAVDESS with three actors, nEMO with two speakers, a clip of each emotion."""
    folder = tmp_path_factory.mktemp("speech")
    for actor in ("01", "02", "03"):
        for emotion in range(1, 9):
            name = f"03-01-{emotion:02d}-01-01-01-{actor}.wav"
            sound(folder / "ravdess" / f"Actor_{actor}" / name, 0.3 + 0.1 * emotion)
    rows = ["file_id\temotion\tspeaker_id"]
    for speaker in ("AA0", "BB0"):
        for emotion in ("anger", "fear", "happiness", "neutral", "sadness", "surprised"):
            sound(folder / "nemo" / "samples" / f"{speaker}_{emotion}_1.wav", 0.5)
            rows.append(f"{speaker}_{emotion}_1.wav\t{emotion}\t{speaker}")
    text(folder / "nemo" / "data.tsv", rows)
    return folder


class Ear(nn.Module):
    """Stands for the encoder, which takes a second for each few windows: the sound itself, in 100 rows."""

    def __init__(self, layers: int) -> None:
        super().__init__()

    def forward(self, waveform: Tensor) -> Tensor:
        return waveform.reshape(-1, 100, 640)[:, :, :512]


def test_the_acoustic_script_as_published_judges_unseen_speakers(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encoded, "Encoder", Ear)
    monkeypatch.setattr(encoded, "load_whisper", lambda encoder: None)
    trained: list[tuple[str, set[str], set[str]]] = []
    fit = train_acoustic.fit

    def noted(a, data, train, valid, name, rows):  # type: ignore[no-untyped-def]
        trained.append((name, set(data.speakers[train].tolist()), set(data.speakers[valid].tolist())))
        return fit(a, data, train, valid, name, rows)

    monkeypatch.setattr(train_acoustic, "fit", noted)
    flags = ["--recipe", "published", "--data", str(speech), "--out", str(tmp_path / "run"), "--engines"]
    short = ["--threads", "1", "--layers", "1", "--views", "1", "1", "--folds", "4", "--steps", "2", "--batch", "8"]
    code = train_acoustic.main([*flags, str(tmp_path / "engines"), *short])
    told = capsys.readouterr()
    assert code == 0, told.err
    for name in ("ravdess", "nemo"):
        assert f"{name}: its held-out part is not here" in told.out
    kept = read_manifest("acoustic", tmp_path / "engines").metrics
    assert set(kept["ravdess_cross_validated"]) == {  # type: ignore[arg-type]
        "n", "folds", "uar", "accuracy", "ece_uncalibrated", "ece", "how",
    }  # fmt: skip
    assert [name for name, _, _ in trained] == ["fold0", "fold1", "fold2", "fold3", "all"]
    with np.load(tmp_path / "run" / "unseen.npz") as file:
        unseen = dict(file)
    assert unseen["probabilities"].shape == (36, 7)
    assert unseen["probabilities"].dtype == np.float32
    np.testing.assert_allclose(unseen["probabilities"].sum(1), 1, atol=1e-5)
    assert dict(zip(*np.unique(unseen["corpus"], return_counts=True), strict=True)) == {"nemo": 12, "ravdess": 24}
    people = set(unseen["speakers"].tolist())
    assert people == {"01", "02", "03", "AA0", "BB0"}
    assert unseen["labels"].dtype == np.int64
    # Nobody is both trained on and choosing, and in each fold somebody is neither.
    for _, train, valid in trained[:-1]:
        assert valid
        assert not train & valid
        assert people - train - valid
    assert (tmp_path / "run" / "settings.json").is_file()


def test_each_fold_gets_the_temperature_of_the_others() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 2, (9000, 7))).float()
    labels = torch.distributions.Categorical(logits=logits).sample().numpy()
    folds = np.arange(9000) % 3
    scaled = logits.clone()
    scaled[torch.from_numpy(folds == 2)] *= 5
    p = train_acoustic.calibrated(scaled, labels, folds)
    # The two others of fold 2 are calibrated as they are, so fold 2 stays five times too sure.
    here = torch.from_numpy(folds == 2)
    torch.testing.assert_close(p[here], torch.softmax(scaled[here], 1), atol=0.03, rtol=0)
    assert p[~here].max() < torch.softmax(scaled[~here], 1).max()


def test_drawing_balances_classes_and_corpora() -> None:
    labels = np.array([0] * 6 + [1] * 2 + [0] * 3 + [1])
    names = np.array(["ravdess"] * 8 + ["nemo"] * 4)
    data = States(np.zeros((12, 1), np.float16), labels, names, names, np.ones(12, bool))
    a = train_acoustic.parse(["--share", "0.75"])
    weights = train_acoustic.drawing(data, a)
    assert weights[:8].sum() == pytest.approx(0.75)
    assert weights[labels == 0].sum() == pytest.approx(0.5)
    a.balance = "loss"
    assert set(train_acoustic.drawing(data, a)) == {1.0}


def test_states_are_cached_by_how_windows_are_made(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path))
    corpus = corpora.load("nemo", speech).select(np.arange(2))
    made = {how: encoded.encode(corpus, 1, 1, how, 1, torch.device("cpu")) for how in encoded.MAKERS}
    assert made["ours"].shape == (2, 2, 100, 512)
    assert (made["ours"][:, 0] == made["published"][:, 0]).all()
    assert (made["ours"][:, 1] != made["published"][:, 1]).any()


def test_the_fingerprint_knows_names_sizes_and_labels_but_not_the_place(tmp_path: Path) -> None:
    for place in ("a", "b"):
        for n in range(3):
            picture(tmp_path / place / "c" / f"{n}.png", 20 + n)
    rows = [[(tmp_path / place / "c" / f"{n}.png", n, "", False) for n in range(3)] for place in ("a", "b")]
    first, second = (corpora.corpus.build("made", "faces", r) for r in rows)
    assert (
        runlog.fingerprint(first)
        == runlog.fingerprint(second)
        == runlog.fingerprint(second.select(np.array([2, 0, 1])))
    )
    relabelled = replace(first, labels=first.labels[::-1].copy())
    (tmp_path / "b" / "c" / "0.png").write_bytes(b"other")
    assert len({runlog.fingerprint(c) for c in (first, relabelled, second, first.select(np.arange(2)))}) == 4


def test_recipes_are_defaults_that_flags_override() -> None:
    ours, published = (train_acoustic.parse(["--recipe", name]) for name in ("ours", "published"))
    assert train_acoustic.parse([]) == ours
    assert (ours.schedule, ours.optimiser, ours.keep) == ("fall", "adamw", "last")
    assert (published.batch, published.length, published.smoothing, published.mixup) == (24, (100, "epochs"), 0.2, 0.3)
    plan = recipe.plan(published, "p", Path("p"), 2400, [], ("uar",))
    assert plan.steps == 10000
    jumps = np.flatnonzero(np.diff([plan.rate_at(n) for n in range(10000)]) > 0) + 1
    assert jumps.tolist() == [1000 * n for n in range(1, 10)]
    for script in (train_static, train_dynamic):
        a = script.parse(["--recipe", "published"])
        assert (a.length, a.restarts, a.rate, a.optimiser) == ((30, "epochs"), 5, 1e-4, "adam")
        assert script.parse(["--recipe", "published", "--steps", "9", "--rate", "0.1"]).length == (9, "steps")


def test_flag_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, static_on: list[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cases = {
        "--device cuda": "no CUDA device",
        f"--start {tmp_path / 'absent.pt'}": "cannot start from",
        f"--start {__file__}": "is no checkpoint",
        f"--teacher {tmp_path}": "no manifest",
    }
    for flags, expected in cases.items():
        assert train_static.main([*static_on, *flags.split()]) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert error.count("\n") == 1
    for flags in ("--steps many", "--recipe theirs", "--floor 1", "--decay 2", "--rate fast", "--batch 1"):
        with pytest.raises(SystemExit) as ended:
            train_static.main(flags.split())
        assert ended.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.delenv("REALTIME_CER_DATA", raising=False)
    for script in (train_static, train_dynamic, train_acoustic):
        assert script.main([]) == 2
        error = capsys.readouterr().err
        assert "REALTIME_CER_DATA" in error
        assert error.count("\n") == 1


def test_more_folds_than_speakers_are_refused(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        train_acoustic,
        "gather",
        lambda parts, *_: States(
            np.zeros((36, 1), np.float16),
            np.concatenate([c.labels for c, _ in parts]),
            np.concatenate([c.groups for c, _ in parts]),
            np.repeat(["ravdess", "nemo"], [24, 12]),
            np.ones(36, bool),
        ),
    )
    assert train_acoustic.main(["--data", str(speech), "--out", str(tmp_path), "--folds", "6"]) == 2
    assert "6 folds of 5 speakers" in capsys.readouterr().err

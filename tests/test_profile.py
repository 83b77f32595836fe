"""Profiles: other sets of networks, with their own crop, weights and rule; lying ones are refused in one line."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from parts.clips import write_clip
from parts.perception import TinyEngine, portrait
from PIL import Image

from realtime_cer.cli import main
from realtime_cer.commands.doctor import sets
from realtime_cer.config import Config, FaceConfig, read_config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights, weights_toml
from realtime_cer.inference.manifest import Tensor, engines_folder, sha256
from realtime_cer.inference.profile import Profile, profiles, read_profile, settled
from realtime_cer.labels import MODELS
from realtime_cer.perception.align import CROP_SIZE, align, cut_box
from realtime_cer.perception.face import FaceFinder
from realtime_cer.perception.static import cut_of
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.records import AudioWindow, Floats

PROFILE = 'name = "mine"\ntitle = "A copy"\ncrop = "aligned"\nweights = "own.toml"\nrule = "rule2"\n'
OWN = FusionWeights(np.tile([[0.5], [0.3], [0.2]], 7), None, "mine-fitted")

Change = Callable[[str, str], None]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a real face."""
    return write_clip(tmp_path_factory.mktemp("clip") / "face.mp4", size=(400, 400), times=[n / 10 for n in range(10)])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile ``mine`` with weights of its own and Rule 2; its networks are missing."""
    monkeypatch.setenv("REALTIME_CER_PROFILES", str(tmp_path / "profiles"))
    folder = tmp_path / "profiles" / "mine"
    folder.mkdir(parents=True)
    (folder / "profile.toml").write_text(PROFILE, encoding="utf-8")
    (folder / "own.toml").write_text(weights_toml(OWN), encoding="utf-8")
    return folder


@pytest.fixture
def whole(mine: Path) -> Path:
    """The profile ``mine`` with the shipped networks."""
    for name in MODELS:
        for suffix in ("onnx", "toml"):
            shutil.copy(engines_folder() / f"{name}.{suffix}", mine)
    return mine


def respell(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def sees_mean_colour(folder: Path, size: int = 224, features: int = 512) -> None:
    """Put a static network into a folder that says Neutral, Anger and Disgust as red, green and blue the crop is."""
    to_seven = np.eye(3, 7, dtype=np.float32)
    to_features = np.ones((3, features), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crop"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["float", "one"], ["bright"]),  # a black crop has a colour, too
            helper.make_node("ReduceMean", ["bright", "places"], ["mean"], keepdims=0),
            helper.make_node("ReduceSum", ["mean", "colours"], ["total"], keepdims=1),
            helper.make_node("Div", ["mean", "total"], ["shares"]),
            helper.make_node("MatMul", ["shares", "to_seven"], ["probabilities"]),
            helper.make_node("MatMul", ["shares", "to_features"], ["features"]),
        ],
        "mean-colour",
        [helper.make_tensor_value_info("crop", TensorProto.UINT8, ["batch", size, size, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 7]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", features]),
        ],
        [
            numpy_helper.from_array(np.float32(1), "one"),
            numpy_helper.from_array(np.array([1, 2]), "places"),
            numpy_helper.from_array(np.array([1]), "colours"),
            numpy_helper.from_array(to_seven, "to_seven"),
            numpy_helper.from_array(to_features, "to_features"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "static.onnx")
    shipped = sha256(engines_folder() / "static.onnx")
    respell(folder / "static.toml", shipped, sha256(folder / "static.onnx"))
    respell(folder / "static.toml", "112, 112", f"{size}, {size}")
    respell(folder / "static.toml", "512", str(features))


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    return said.err


def test_the_default_profile_is_the_shipped_folder() -> None:
    profile = read_profile("default")
    assert (profile.folder, profile.crop) == (engines_folder(), "aligned")
    config = settled(Config())
    assert (config.rule, config.weights) == (profile.rule, profile.weights)


def test_rule_and_weights_are_the_profiles_where_neither_file_nor_flag_names_others(mine: Path) -> None:
    config = settled(Config(profile="mine"))
    assert (config.rule, config.weights) == ("rule2", str(mine / "own.toml"))
    assert settled(config) == config
    # Values that happen to be the program's own defaults count as named, too.
    file = mine.parent / "settings.toml"
    file.write_text('profile = "mine"\nrule = "none"\n', encoding="utf-8")
    config = settled(read_config(file))
    assert (config.rule, config.weights) == ("none", str(mine / "own.toml"))
    config = settled(read_config(file, {"rule": "rule1", "weights": "equal"}))
    assert (config.rule, config.weights) == ("rule1", "equal")


def test_a_profile_says_how_its_acoustic_network_wants_sound(whole: Path) -> None:
    assert settled(Config(profile="mine")).sound_step_s == 0.5
    with (whole / "profile.toml").open("a", encoding="utf-8") as file:
        file.write('padding = "repeat"\nsound_step_s = 1.0\n')
    config = settled(Config(profile="mine"))
    assert config.sound_step_s == 1.0
    assert settled(Config(profile="mine", sound_step_s=0.25)).sound_step_s == 0.25
    samples = np.random.default_rng(0).uniform(-1, 1, 24_000).astype(np.float32)
    with contextlib.closing(load_perception(config)) as perception:
        assert perception.hearing.step == 16_000
        engine = perception.networks["acoustic"]
        again = np.concatenate([samples, samples, samples])[np.newaxis, :64_000]
        expected = engine.run(again)["probabilities"][0]
        said = perception.hearing.acoustic(AudioWindow(1.5, samples, 24_000)).probabilities
    np.testing.assert_array_equal(said, expected)


def test_a_run_with_a_profile_shows_its_weights_and_rule(clip: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["run", str(clip), "--out", str(out), "--profile", "mine"]) == 0
    rows = rows_of(out)
    assert len(rows) == 5
    assert {(row["weights"], row["rule"]) for row in rows} == {("mine-fitted", "rule2")}
    # Equations 1 and 2 with these weights, the sound missing.
    for row in rows:
        static, dynamic = (np.array(list(row["models"][name].values())) for name in ("static", "dynamic"))
        np.testing.assert_allclose(list(row["basic"].values()), 0.625 * static + 0.375 * dynamic, atol=1e-4)
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["settings"]["profile"] == "mine"

    words = ["--profile", "mine", "--weights", "equal", "--rule", "rule1", "--overwrite"]
    assert main(["run", str(clip), "--out", str(out), *words]) == 0
    assert {(row["weights"], row["rule"]) for row in rows_of(out)} == {("equal", "rule1")}


def test_live_uses_the_profile_too(clip: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "--camera", str(clip), "--headless", "--profile", "mine", "--rule", "rule1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) >= 4
    assert {(row["weights"], row["rule"]) for row in rows} == {("mine-fitted", "rule1")}


def test_a_box_profile_sees_the_box_in_the_size_of_its_network(clip: Path, whole: Path, tmp_path: Path) -> None:
    sees_mean_colour(whole)
    respell(whole / "profile.toml", '"aligned"', '"box"')
    respell(whole / "profile.toml", '"own.toml"', '"avcer-8cl"')
    out = tmp_path / "out"
    assert main(["run", str(clip), "--out", str(out), "--profile", "mine"]) == 0
    rows = rows_of(out)
    assert {(row["weights"], row["rule"]) for row in rows} == {("avcer-8cl", "rule2")}
    picture = np.asarray(Image.fromarray(portrait()).resize((400, 400), Image.Resampling.BOX))
    colour = cut_box(picture, found(picture), 224).mean(axis=(0, 1)) + 1
    assert colour[0] > colour[2] + 20  # skin is redder than blue
    for row in rows:
        said = [row["models"]["static"][name] for name in ("Neutral", "Anger", "Disgust")]
        np.testing.assert_allclose(said, colour / colour.sum(), atol=0.01)


def test_profiles_are_listed_by_doctor_and_foreign_folders_are_not(mine: Path) -> None:
    (mine.parent / "empty").mkdir()
    for name in ("default", "Not A Name"):
        shutil.copytree(mine, mine.parent / name)
    assert profiles() == ["default", "mine"]
    checks = {check.name: check for check in sets()}
    assert set(checks) == {"profile default", "profile mine"}
    assert checks["profile mine"].found == "A copy; crop aligned, weights mine-fitted, rule 2"
    (mine / "own.toml").write_text("[classes]\n", encoding="utf-8")
    [_, broken] = sets()
    assert broken.ok is False
    assert "own.toml" in broken.found
    assert broken.remedy


def test_an_unknown_profile_is_refused_with_those_there_and_the_remedy(
    clip: Path, mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(["run", str(clip), "--out", str(tmp_path / "out"), "--profile", "other"], capsys)
    assert "'other'; choose default, mine" in line
    assert "import-avcer" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../mine", "mine/../mine", "/etc", ".", "..", "", "Mine", "mine\n"])
def test_a_name_is_no_path(name: str, mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "profile" in refused(["live", "--profile", name], capsys)
    with pytest.raises(Refused, match="no profile"):
        read_profile(name)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "mine"', 'name = "other"', "its folder, 'mine'"),
        ('title = "A copy"\n', "", "title: Field required"),
        ("title =", "size = 224\ntitle =", "size: Extra inputs"),
        ('"aligned"', '"round"', "crop:"),
        ('"rule2"', '"rule9"', "rule:"),
        ('"own.toml"', '"none.toml"', "no 'none.toml' beside it"),
        ('"own.toml"', '"../mine/own.toml"', "no '../mine/own.toml' beside it"),
        ('"own.toml"', '""', "weights"),
        ("crop =", "crop", "not TOML"),
    ],
)
def test_a_profile_that_lies_is_refused(mine: Path, old: str, new: str, words: str) -> None:
    respell(mine / "profile.toml", old, new)
    with pytest.raises(Refused) as caught:
        read_profile("mine")
    assert words in str(caught.value)
    assert "profile.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_profile_that_cannot_be_read_is_refused(mine: Path) -> None:
    (mine / "profile.toml").unlink()
    (mine / "profile.toml").mkdir()
    with pytest.raises(Refused, match=r"profile\.toml cannot be read"):
        read_profile("mine")


def test_an_altered_network_of_a_profile_is_refused(
    clip: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((whole / "dynamic.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (whole / "dynamic.onnx").write_bytes(content)
    line = refused(["run", str(clip), "--out", str(tmp_path / "out"), "--profile", "mine"], capsys)
    assert str(whole / "dynamic.onnx") in line
    assert "altered" in line
    assert not (tmp_path / "out").exists()


def test_networks_that_do_not_fit_together_are_refused(whole: Path) -> None:
    sees_mean_colour(whole)
    with pytest.raises(Refused, match=r"static takes uint8 .*224.* crop 'aligned' gives uint8 .*112"):
        load_perception(Config(profile="mine"))
    respell(whole / "profile.toml", '"aligned"', '"box"')
    for name in ("static.onnx", "static.toml"):
        shutil.copy(engines_folder() / name, whole)
    sees_mean_colour(whole, features=256)
    with pytest.raises(Refused, match=r"dynamic takes float32 .*512.* given float32 .*256"):
        load_perception(Config(profile="mine"))


@pytest.mark.parametrize(
    ("crop", "dtype", "shape"),
    [
        ("aligned", "float32", (CROP_SIZE, CROP_SIZE, 3)),
        ("aligned", "uint8", (3, CROP_SIZE, CROP_SIZE)),
        ("box", "uint8", (3, 224, 224)),
        ("box", "uint8", (224, 160, 3)),
        ("box", "uint8", ("height", "width", 3)),
        ("box", "uint8", (224,)),
    ],
)
def test_a_network_that_takes_no_such_crop_is_refused(mine: Path, crop: str, dtype: str, shape: tuple) -> None:
    respell(mine / "profile.toml", '"aligned"', f'"{crop}"')
    engine = TinyEngine("static", 0)
    tensor = Tensor.model_validate({"name": "crop", "dtype": dtype, "shape": ("batch", *shape)})
    engine.manifest = engine.manifest.model_copy(update={"inputs": (tensor,)})
    with pytest.raises(Refused, match=f"crop '{crop}'"):
        cut_of(read_profile("mine"), engine)


def test_the_crop_is_as_large_as_the_manifest_says(mine: Path) -> None:
    profile: Profile = read_profile("mine")
    engine = TinyEngine("static", 0)
    for crop, size in (("aligned", CROP_SIZE), ("box", 224), ("box", 96)):
        tensor = Tensor(name="crop", dtype="uint8", shape=("batch", size, size, 3))
        engine.manifest = engine.manifest.model_copy(update={"inputs": (tensor,)})
        cut = cut_of(profile.model_copy(update={"crop": crop}), engine)
        assert cut(portrait(), found(portrait())).shape == (size, size, 3)
        assert (cut is align) == (crop == "aligned")


def found(picture: np.ndarray) -> Floats:
    """Landmarks of the one face in a picture."""
    finder = FaceFinder(FaceConfig())
    [landmarks] = finder.find(picture)
    finder.close()
    return landmarks


def test_the_box_holds_forehead_eyes_and_chin_and_little_more() -> None:
    landmarks = found(portrait())
    # A picture whose colours tell the place: blue is half of x, green half of y.
    y, x = np.mgrid[:512, :512] // 2
    crop = cut_box(np.stack([x, y, x], axis=-1).astype(np.uint8), landmarks, 64).astype(int) * 2
    left, top, right, bottom = crop[0, 0, 2], crop[0, 0, 1], crop[-1, -1, 2] + 2, crop[-1, -1, 1] + 2
    forehead, chin, eyes = landmarks[10], landmarks[152], landmarks[[33, 133, 263, 362]]
    height = chin[1] - forehead[1]
    assert 0.01 * height < forehead[1] - top < 0.1 * height
    assert -1 <= bottom - chin[1] < 0.05 * height
    assert left < eyes[:, 0].min() - 0.05 * height
    assert right > eyes[:, 0].max() + 0.05 * height
    assert 0.7 < (right - left) / (bottom - top) < 1.0


def test_the_box_is_cut_and_stretched_as_pillow_does_it() -> None:
    picture, landmarks = portrait(), found(portrait())
    crop = cut_box(picture, landmarks, 224)
    assert crop.flags.c_contiguous
    assert not crop.flags.writeable
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    whole = (int(left), int(top - 0.05 * (bottom - top)), int(right), int(bottom))
    rgb = Image.fromarray(np.ascontiguousarray(picture[..., ::-1])).crop(whole)
    np.testing.assert_array_equal(crop, np.asarray(rgb.resize((224, 224), Image.Resampling.NEAREST)))


@pytest.mark.parametrize("shape", [(40, 30, 3), (1, 1, 3)])
@pytest.mark.parametrize(("corner", "side"), [(-5000, 300), (5000, 300), (-5000, 10_000), (10, 0), (39.9, 0.05)])
def test_a_box_outside_the_picture_or_without_area_still_gives_a_crop(
    shape: tuple[int, int, int], corner: float, side: float
) -> None:
    places = np.random.default_rng(0).uniform(corner, corner + side, (478, 2)).astype(np.float32)
    assert cut_box(np.full(shape, 7, np.uint8), places, 224).tolist() == np.full((224, 224, 3), 7).tolist()

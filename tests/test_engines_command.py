"""`realtime-cer engines`: engines are built, listed, verified and cleared."""

import argparse
from pathlib import Path

import pytest
from parts.gpus import without_gpu

from realtime_cer.commands.engines import add_arguments, run_engines
from realtime_cer.errors import Refused
from realtime_cer.inference import cache, cuda, opening
from realtime_cer.inference.engine import GPU_BACKENDS, absent
from realtime_cer.inference.manifest import read_manifest
from realtime_cer.inference.tensorrt import FLAVOURS, Flavour
from realtime_cer.labels import MODELS

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install '.[tensorrt-rtx]'")

RTX = FLAVOURS["tensorrt-rtx"]


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers(), argparse.RawDescriptionHelpFormatter)
    return run_engines(parser.parse_args(["engines", *words]))


def test_the_command_builds_lists_and_clears(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("build", "--target", "8.9") == 0
    assert command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in MODELS:
        assert len([line for line in lines if line.startswith(name) and "fp16" in line]) == 2
    assert any("any" in line and "8.9" in line and "MB" in line for line in lines)
    assert command("build", "--target", "8.9") == 0
    assert capsys.readouterr().out.count("is there already") == 3
    # They serve every GPU of that kind.
    key = opening.key_of(read_manifest("static"), RTX, "fp16", cuda.Gpu("GeForce RTX 4070", "8.9", "13.1"))
    assert cache.find(key) is not None
    assert command("clear") == 0
    assert "removed 3 engines" in capsys.readouterr().out
    assert command("list") == 0
    assert "no engines are kept" in capsys.readouterr().out


def test_the_command_verifies_what_is_there_and_tells_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.endswith("agrees")]) >= 6
    assert len([line for line in lines if line.endswith("the reference")]) == 3
    missing = [backend for backend in GPU_BACKENDS if absent(backend)]
    assert [line.split()[2] for line in lines if line.startswith("not verified: ")] == missing


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["build", "--target", "9.0"], "it knows"),
        (["build", "--target", "banana"], "--target 'banana' is no compute capability"),
        (["build", "--target", "8.6x"], "--target '8.6x' is no"),
        (["build", "--target", ""], "--target '' is no"),
        (["build", "--target", "8.6", "--engine", "tensorrt"], "this machine only"),
        (["build", "--target", "8.6", "--profile", "nobody"], "no profile 'nobody'"),
    ],
)
def test_what_the_command_refuses(words: list[str], told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        command(*words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "banana"], "--target 'banana'"),
        (["--profile", "nobody"], "no profile 'nobody'"),
        (["--target", "8.6", "--profile", "nobody"], "no profile 'nobody'"),
        (["--target", "8.6"], r"tensorrt-rtx is not installed: pip install"),
    ],
)
def test_a_bad_value_is_told_before_a_library_is_missed(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FLAVOURS, "tensorrt-rtx", Flavour("tensorrt-rtx", "no_such_module", portable=True))
    with pytest.raises(Refused, match=f"^{told}"):
        command("build", *words)


@without_gpu
def test_building_for_a_gpu_that_is_not_here_names_the_way_out() -> None:
    with pytest.raises(Refused, match=r"needs an NVIDIA GPU.*--target 8\.6"):
        command("build")


def test_the_command_says_when_nothing_can_be_kept(cache_folder: Path) -> None:
    cache_folder.parent.mkdir()
    cache_folder.write_text("in the way")
    with pytest.raises(Refused, match="cannot be kept"):
        command("build", "--target", "8.6", "--precision", "fp32")

"""What a network file promises: read from ``NAME.toml`` beside ``NAME.onnx``, and held against the file."""

import hashlib
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC

DType = Literal["uint8", "float16", "float32", "int64"]


class Tensor(BaseModel):
    """Name, element type and shape of one input or output; a string in the shape is a free dimension."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dtype: DType
    shape: tuple[int | str, ...]


class Manifest(BaseModel):
    """One network: its file and hash, tensors, class order, licence and measured figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str
    sha256: str
    licence: str
    version: str
    classes: tuple[str, ...]
    temperature: float
    normalisation: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metrics: dict[str, float | int | str | dict[str, float | int | str]] = {}


def engines_folder() -> Path:
    """The folder of the networks: inside the installed package, or ``engines/`` of a checkout."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "_engines"
    return packed if packed.is_dir() else package.parent / "engines"


def remedy(folder: Path | None) -> str:
    """What to do about a network that is missing or altered in a folder; None is that of the shipped ones."""
    if folder is None or folder == engines_folder():
        return "restore it or reinstall the package"
    return "restore it, or make its profile again with realtime-cer import-avcer"


def read_manifest(name: str, folder: Path | None = None) -> Manifest:
    """Read ``NAME.toml``.

    Raises
    ------
    Refused
        No such file, not TOML, missing or unknown keys, or another class order than ``labels.BASIC``.
    """
    path, again = (folder or engines_folder()) / f"{name}.toml", remedy(folder)
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Refused(f"no manifest {path}; {again}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"manifest {path} cannot be read ({_one_line(error)}); {again}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise Refused(f"manifest {path}: {key}: {first['msg']}; {again}") from None
    if manifest.classes != BASIC:
        raise Refused(f"manifest {path}: classes must be {', '.join(BASIC)}, in this order")
    if Path(manifest.file).name != manifest.file:
        raise Refused(f"manifest {path}: file must be a plain name beside the manifest, not {manifest.file}")
    return manifest


def sha256(path: Path) -> str:
    """Hash of a file, as lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified_file(manifest: Manifest, folder: Path | None = None) -> Path:
    """Path of the network file, once its hash agrees with the manifest.

    Raises
    ------
    Refused
        The file is missing, cannot be read, or was altered or truncated.
    """
    path = (folder or engines_folder()) / manifest.file
    try:
        digest = sha256(path)
    except OSError as error:
        raise Refused(f"network file {path} cannot be read ({error.strerror}); {remedy(folder)}") from None
    if digest != manifest.sha256:
        raise Refused(
            f"network file {path} is altered or truncated (SHA-256 {digest[:12]}…, its manifest says"
            f" {manifest.sha256[:12]}…); {remedy(folder)}"
        )
    return path


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

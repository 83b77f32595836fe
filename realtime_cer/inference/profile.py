"""Sets of networks: a folder each, with a ``profile.toml`` that tells how they are meant to be used."""

import os
import re
import tomllib
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime_cer.config import DEFAULT_PROFILE, PROFILE_NAME, PUBLISHED, Config
from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import engines_folder
from realtime_cer.rules import Rule

FILE = "profile.toml"

Padding = Literal["mean", "repeat"]
"""How sound shorter than a window is filled up: with its own mean, or by itself again and again."""

Crop = Literal["aligned", "box"]
"""What the static network sees: the face turned upright by eyes and mouth, or its box as a detector cuts it."""


class Profile(BaseModel):
    """One set of networks.

    Attributes
    ----------
    name, title : how flags call it, and what it is
    crop : how its static network wants faces cut
    weights, rule : what it is fused and decided by unless the user names others; weights are ``equal``, a published
        name, or the path of a file in ``folder``
    padding, sound_step_s : what its acoustic network wants short sound to be filled up with, and how many seconds its
        windows are apart unless the user names another step
    folder : holds ``NAME.onnx`` and ``NAME.toml`` of static, dynamic and acoustic
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    crop: Crop
    weights: str
    rule: Rule
    padding: Padding = "mean"
    sound_step_s: float = Field(0.5, ge=0.1, le=4)
    notes: str = ""
    folder: Path


def profiles_folder() -> Path:
    """Where imported profiles are: ``REALTIME_CER_PROFILES``, or a folder among the user's data."""
    own = os.environ.get("REALTIME_CER_PROFILES")
    return Path(own) if own else platformdirs.user_data_path("realtime_cer", appauthor=False) / "profiles"


def profiles() -> list[str]:
    """Names of all profiles, the default first.

    Raises
    ------
    Refused
        The folder of profiles is there, but cannot be read.
    """
    folder = profiles_folder()
    try:
        found = sorted(path.parent.name for path in folder.glob(f"*/{FILE}")) if folder.is_dir() else []
    except OSError as error:
        raise Refused(
            f"profiles in {folder} cannot be read ({error.strerror}): name another folder with REALTIME_CER_PROFILES"
        ) from None
    return [DEFAULT_PROFILE, *(name for name in found if name != DEFAULT_PROFILE and re.fullmatch(PROFILE_NAME, name))]


def read_profile(name: str) -> Profile:
    """Read a profile by its name; its networks are verified when they are loaded.

    Raises
    ------
    Refused
        No such profile, or its ``profile.toml`` cannot be read, lacks or misspells a key, has the name of another, or
        names weights that are not there.
    """
    if name != DEFAULT_PROFILE and name not in profiles():
        choices = ", ".join(profiles())
        raise Refused(f"no profile {name!r}; choose {choices}, or make one with realtime-cer import-avcer DIR")
    folder = engines_folder() if name == DEFAULT_PROFILE else profiles_folder() / name
    path = folder / FILE
    remedy = "reinstall the package" if name == DEFAULT_PROFILE else "restore it or import it again"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        profile = Profile.model_validate({**table, "folder": folder})
    except OSError as error:
        raise Refused(f"profile {path} cannot be read ({error.strerror}); {remedy}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"profile {path} is not TOML ({' '.join(str(error).split())}); {remedy}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise Refused(f"profile {path}: {key}: {first['msg']}; {remedy}") from None
    if profile.name != name:
        raise Refused(f"profile {path} has the name {profile.name!r}: it must be that of its folder, {name!r}")
    if profile.weights in ("equal", *PUBLISHED):
        return profile
    beside = folder / profile.weights
    if Path(profile.weights).name != profile.weights or not beside.is_file():
        raise Refused(f"profile {path}: weights: no {profile.weights!r} beside it; {remedy}")
    return profile.model_copy(update={"weights": str(beside)})


def settled(config: Config) -> Config:
    """The settings with the profile's rule, weights and step where neither a file nor a flag has named others.

    Raises
    ------
    Refused
        As ``read_profile``.
    """
    profile = read_profile(config.profile)
    own = {"rule": profile.rule, "weights": profile.weights, "sound_step_s": profile.sound_step_s}
    return config.model_copy(update={key: own[key] for key in own.keys() - config.model_fields_set})

"""From what a user calls a camera to the device, and what to say where there is none. No threads."""

import difflib
import os
import re
import sys

from realtime_cer.capture.devices import camera_trouble, cameras
from realtime_cer.errors import Refused


def find_camera(spec: str) -> str | int | None:
    """Give a number, a path or an address; a name is looked up among the local cameras, None where it fits none.

    Raises
    ------
    Refused
        A name that fits several.
    """
    if re.fullmatch(r"\d+", spec):
        return int(spec)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", spec):
        return spec
    if spec.startswith("/"):
        return os.path.realpath(spec) if os.path.exists(spec) else None
    fitting = [each for each in cameras() if spec and each.name.lower().startswith(spec.lower())]
    if not fitting:
        return None
    if len(fitting) > 1:
        names = ", ".join(f"{each.select} ({each.name})" for each in fitting)
        raise Refused(f"camera '{spec}' fits several: choose by number: {names}")
    return find_camera(fitting[0].select)


def camera_label(device: str | int) -> str | None:
    """What the system calls a local camera; None where it says so only by opening it, and for network cameras."""
    if sys.platform != "linux":
        return None
    words = {str(device), re.sub(r"^/dev/video", "", str(device))}
    return next((each.name for each in cameras() if each.select in words), None)


def why_not(name: str, device: str | int | None) -> str:
    """Say in one line why a camera gives nothing, and what to do.

    Parameters
    ----------
    name : what to call it, without passwords
    device : what was found under its name, if anything
    """
    if isinstance(device, str) and "://" in device:
        return f"camera {name} does not answer with pictures: check its address and that it is switched on"
    if device is None:
        thing = f"camera {name}" if name.startswith("/") else f"camera or file called '{name}'"
        return f"there is no {thing}; {_offer(name)}"
    path = f"/dev/video{device}" if isinstance(device, int) and sys.platform == "linux" else device
    trouble = camera_trouble(path) if isinstance(path, str) else None
    if trouble is not None:
        return f"camera {name} {trouble}"
    return f"there is no camera {name}; {_offer(str(device))}"


def _offer(text: str) -> str:
    """Name the cameras there are, the nearest first."""
    found = {each.name: each for each in cameras()}
    if not found:
        return "no local camera was found: plug one in, or name a network camera's URL or a file"
    near = difflib.get_close_matches(text, found, n=len(found), cutoff=0.0)
    return "there are " + ", ".join(f"{found[name].select} ({name})" for name in near)

"""The cameras and microphones there are, in the order in which lists offer them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime_cer.capture.devices import DeviceInfo


def devices_of(kind: str) -> "list[DeviceInfo]":
    """All of a kind, ``camera`` or ``microphone``, the default first. A sound system that hangs never answers."""
    from realtime_cer.capture.devices import cameras, microphones

    found = cameras() if kind == "camera" else microphones()
    return sorted(found, key=lambda one: not one.default)


def names_of(kind: str) -> tuple[str, ...]:
    """The names of a kind, the default first, each once."""
    return tuple(dict.fromkeys(one.name for one in devices_of(kind)))

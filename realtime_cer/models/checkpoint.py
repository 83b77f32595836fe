"""Other people's checkpoints: tensors and nothing else, and exactly those that a network has."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from realtime_cer.errors import Refused

_LISTED = 6
"""Names in a message; the rest is counted."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a state dict, bare or under the key ``model_state_dict``; nothing in the file is ever run.

    Raises
    ------
    Refused
        The file cannot be read, is no checkpoint, or holds other things than tensors.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the reader thinks of a file that it then refuses
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Refused(f"checkpoint {path} cannot be read ({error.strerror or error})") from None
    except Exception:  # a damaged file can make the reader raise anything
        raise Refused(
            f"checkpoint {path} is refused: it is damaged, or holds other things than tensors; nothing of it was run"
        ) from None
    state = content.get("model_state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise Refused(f"checkpoint {path} is refused: it holds no state dict, neither bare nor as model_state_dict")
    others = [str(name) for name, value in state.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if others:
        raise Refused(f"checkpoint {path} is refused: not a tensor under a name: {_listed(others)}")
    return state


def fill(network: nn.Module, state: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Give a network, made on the meta device, its tensors as float32, and set it to evaluation.

    Batch norm's counters of batches may be absent; nothing else may be absent, or be there besides.

    Parameters
    ----------
    path, what : the file and the network it should be, for messages

    Raises
    ------
    Refused
        Entries are missing, surplus or misshapen; the message names them.
    """
    wanted = network.state_dict()
    counters = {name: torch.zeros((), dtype=torch.int64) for name in wanted if name.endswith(".num_batches_tracked")}
    faults = {
        "missing": [name for name in wanted if name not in state and name not in counters],
        "surplus": [name for name in state if name not in wanted],
        "misshapen": [
            fault
            for name, tensor in state.items()
            if name in wanted and name not in counters and (fault := _misfit(name, tensor, wanted[name]))
        ],
    }
    if any(faults.values()):
        told = "; ".join(f"{kind}: {_listed(names)}" for kind, names in faults.items() if names)
        raise Refused(f"checkpoint {path} is not {what}: {told}")
    floats = {name: state[name].float().contiguous() for name in wanted if name not in counters}
    network.load_state_dict({**floats, **counters}, assign=True)
    network.eval().requires_grad_(False)


def _misfit(name: str, tensor: Tensor, wanted: Tensor) -> str | None:
    """What is wrong with an entry, if anything."""
    if tensor.shape != wanted.shape:
        return f"{name} is {_shape(tensor)}, not {_shape(wanted)}"
    if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.device.type != "cpu":
        return f"{name} holds no plain floats but {str(tensor.dtype).removeprefix('torch.')}"
    if not tensor.isfinite().all():
        return f"{name} holds values that are no numbers"
    return None


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")

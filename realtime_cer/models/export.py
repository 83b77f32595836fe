"""From torch to what runs: ONNX with float16 weights, a manifest beside it, and the way back for later training."""

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from realtime_cer.inference.manifest import sha256
from realtime_cer.labels import BASIC

OPSET = 18
_SMALL = 1024
"""Tensors of fewer elements stay float32: they weigh nothing, and sums and scales are sensitive."""


def export(
    network: nn.Module, example: Tensor, inputs: str, outputs: Sequence[str], path: Path, half: bool = True
) -> None:
    """Write a network as ONNX with a free batch dimension; ``half``: large weights as float16, cast when loaded."""
    network = network.eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            input_names=[inputs],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            verbose=False,
            external_data=False,
        )
    assert program is not None
    model = program.model_proto
    _name_transposed(model, network)
    if half:
        halve(model)
    _strip(model)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    onnx.save(model, part)
    os.replace(part, path)


def _name_transposed(model: onnx.ModelProto, network: nn.Module) -> None:
    """Give constants that the exporter turned on their side the parameter's name and ``.T``, to find it again."""
    names = {tensor.name for tensor in model.graph.initializer}
    missing = {k: v for k, v in network.state_dict().items() if k not in names and v.ndim == 2}
    renamed = {}
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
            continue
        values = numpy_helper.to_array(tensor).T
        for name, parameter in missing.items():
            if parameter.shape == values.shape and np.array_equal(parameter.numpy(force=True), values):
                old, tensor.name = tensor.name, f"{name}.T"
                renamed[old] = tensor.name
                break
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def halve(model: onnx.ModelProto) -> None:
    """Store large float32 constants as float16 behind a Cast, which engines fold away when they load the file."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _SMALL:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)


def _strip(model: onnx.ModelProto) -> None:
    """Leave out what the exporter notes down for debugging: paths of this machine, traces."""
    model.doc_string = ""
    del model.metadata_props[:]
    for thing in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        thing.doc_string = ""
        del thing.metadata_props[:]
    del model.graph.value_info[:]


def folded(module: nn.Module) -> nn.Module:
    """Fold every batch norm called ``norm`` into the convolution called ``conv`` beside it, in place."""
    for child in module.modules():
        conv, norm = getattr(child, "conv", None), getattr(child, "norm", None)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            child.conv, child.norm = fuse_conv_bn_eval(conv.eval(), norm.eval()), nn.Identity()
    return module


def weights_of(path: Path) -> dict[str, Tensor]:
    """Read an exported network's constants by name, as float32: what ``load_state_dict`` takes, rounding included."""
    tensors = {}
    for tensor in onnx.load(path).graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float16:
            values = values.astype(np.float32)
        name = tensor.name.removesuffix("_half")
        if name.endswith(".T"):
            name, values = name.removesuffix(".T"), values.T
        tensors[name] = torch.from_numpy(np.array(values))
    return tensors


def write_manifest(
    path: Path,
    *,
    licence: str,
    temperature: float,
    normalisation: str,
    inputs: Sequence[tuple[str, str, Sequence[int | str]]],
    outputs: Sequence[tuple[str, str, Sequence[int | str]]],
    metrics: Mapping[str, Any],
    version: str = "2026.11",
) -> None:
    """Write ``NAME.toml`` beside ``NAME.onnx``, with the file's hash."""
    lines = [
        f"name = {_value(path.stem)}",
        f"file = {_value(path.name)}",
        f"sha256 = {_value(sha256(path))}",
        f"licence = {_value(licence)}",
        f"version = {_value(version)}",
        f"classes = {_value(list(BASIC))}",
        f"temperature = {_value(round(temperature, 4))}",
        f"normalisation = {_value(normalisation)}",
    ]
    for kind, tensors in (("inputs", inputs), ("outputs", outputs)):
        for name, dtype, shape in tensors:
            lines += ["", f"[[{kind}]]", f"name = {_value(name)}", f"dtype = {_value(dtype)}"]
            lines += [f"shape = {_value(list(shape))}"]
    lines += ["", "[metrics]"]
    lines += [f"{_key(k)} = {_value(v)}" for k, v in metrics.items() if not isinstance(v, Mapping)]
    for name, table in metrics.items():
        if isinstance(table, Mapping):
            lines += ["", f"[metrics.{_key(name)}]", *(f"{_key(k)} = {_value(v)}" for k, v in table.items())]
    path.with_suffix(".toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _value(name)


def _value(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    if isinstance(value, float):
        return repr(round(value, 4))
    return str(value)

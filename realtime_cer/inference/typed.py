"""Networks spelt out for TensorRT, which takes every type at its word: uint8 cast at once, float16 where it is safe.

The reference is always the shipped file on ONNX Runtime; what is made here is held against it before it is used.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")
"""Fastest first: the order in which they are tried."""

_PRODUCTS = frozenset({"Conv", "Gemm", "MatMul"})
# Softmax, norms, means, roots and logarithms are not among them: they sum many values, or span many magnitudes.
_HALVED = _PRODUCTS | {
    *("Add", "Clip", "Concat", "Div", "Erf", "Gather", "LeakyRelu", "MaxPool", "Mul", "Pad", "Relu", "Reshape"),
    *("Sigmoid", "Slice", "Split", "Squeeze", "Tanh", "Transpose", "Unsqueeze"),
}


def typed(path: Path, precision: Precision) -> bytes:
    """Read a network and write it for a strongly typed engine; inputs and outputs stay as they are.

    In ``fp16`` products and what lies between them are computed in half precision. Everything before the first
    product and before a logarithm (normalisation, the mel front-end) stays float32, and so do sums over many values.

    Parameters
    ----------
    path : the ONNX file, its hash checked already
    precision : "fp32" or "fp16"
    """
    import onnx

    model = onnx.load(path)
    _cast_pixels(model)
    if precision == "fp16" and not any(_has_subgraph(node) for node in model.graph.node):
        _halve(model)
    return bytes(model.SerializeToString())


def _cast_pixels(model: Any) -> None:
    """Turn uint8 inputs to float32 before anything else: TensorRT transposes and cuts no uint8."""
    from onnx import TensorProto, helper

    for tensor in model.graph.input:
        if tensor.type.tensor_type.elem_type == TensorProto.UINT8:
            _rename(model.graph.node, {tensor.name: f"{tensor.name}_float"})
            cast = helper.make_node("Cast", [tensor.name], [f"{tensor.name}_float"], to=TensorProto.FLOAT)
            model.graph.node.insert(0, cast)


def _rename(nodes: Iterable[Any], names: dict[str, str]) -> None:
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]


def _has_subgraph(node: Any) -> bool:
    return any(attribute.HasField("g") for attribute in node.attribute)


def _halve(model: Any) -> None:
    """Set safe nodes to float16, with a Cast wherever a value crosses."""
    from onnx import TensorProto, helper, shape_inference

    floats = (TensorProto.FLOAT, TensorProto.FLOAT16)
    graph = shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input, *graph.output)}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    halved = _safe(model.graph)
    cast: dict[tuple[str, int], str] = {}
    nodes = []
    for n, node in enumerate(model.graph.node):
        nodes.append(node)
        if node.op_type == "Cast":
            if types.get(node.input[0]) == TensorProto.FLOAT16 and types.get(node.output[0]) == TensorProto.FLOAT:
                cast[node.output[0], TensorProto.FLOAT16] = node.input[0]  # weights are stored as float16 already
            continue
        wanted = TensorProto.FLOAT16 if n in halved else TensorProto.FLOAT
        for i, name in enumerate(node.input):
            if types.get(name) not in floats or types[name] == wanted:
                continue
            if (name, wanted) not in cast:
                cast[name, wanted] = f"{name}_as_{'half' if n in halved else 'float'}"
                nodes.insert(-1, helper.make_node("Cast", [name], [cast[name, wanted]], to=wanted))
            node.input[i] = cast[name, wanted]
        for name in node.output:
            if types.get(name) in floats:
                types[name] = wanted
    read = {name for node in nodes for name in node.input} | {value.name for value in model.graph.output}
    del model.graph.node[:]
    model.graph.node.extend(node for node in nodes if read.intersection(node.output))
    del model.graph.value_info[:]


def _safe(graph: Any) -> set[int]:
    """Which nodes may be computed in float16, by position; none that gives an output of the network."""
    outputs = {value.name for value in graph.output}
    behind_product: set[str] = set()
    for node in graph.node:
        if node.op_type in _PRODUCTS or behind_product.intersection(node.input):
            behind_product.update(node.output)
    before_log: set[str] = set()
    for node in reversed(graph.node):
        if node.op_type == "Log" or before_log.intersection(node.output):
            before_log.update(node.input)
    return {
        n
        for n, node in enumerate(graph.node)
        if node.op_type in _HALVED
        and behind_product.intersection(node.output)
        and not before_log.intersection(node.output)
        and not outputs.intersection(node.output)
    }

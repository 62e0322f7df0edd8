"""Reads the head of an ONNX file: opset, inputs, outputs. A dozen lines of protobuf instead of a library.

Wire format: a key (field number << 3 | type), then a varint (0), 8 bytes (1), a length and bytes (2), or 4 bytes (5).
Field numbers are those of onnx.proto: ModelProto.graph 7, .opset_import 8; GraphProto.node 1, .initializer 5,
.input 11, .output 12; TensorProto.name 8; ValueInfoProto.name 1, .type 2; TypeProto.tensor_type 1; Tensor.shape 2;
TensorShapeProto.dim 1; Dimension.dim_value 1.
"""

from collections.abc import Iterator
from itertools import islice

import msgspec

DIMS_MOST = 8


class OnnxHead(msgspec.Struct, frozen=True):
    """`opset` of the default domain; `outputs` by name; `nodes`: how many operations; `sizes` of the first input, 0
    where the file leaves one open.
    """

    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: int
    sizes: tuple[int, ...] = ()


def read_head(data: bytes) -> OnnxHead | None:
    """None when it is no ONNX model."""
    try:
        graph, opset = b"", 0
        for field, value in _fields(data):
            if field == 7 and isinstance(value, bytes):
                graph = value
            elif field == 8 and isinstance(value, bytes):
                parts = dict(_fields(value))
                version = parts.get(2, 0)
                if not parts.get(1) and isinstance(version, int):
                    opset = version
        inputs, outputs, nodes, weights = dict[str, tuple[int, ...]](), list[str](), 0, set[str]()
        for field, value in _fields(graph):
            nodes += field == 1
            if not isinstance(value, bytes):
                continue
            if field == 5:
                weights.add(_inner(value, 8).decode())
            elif field == 11:
                inputs[_inner(value, 1).decode()] = _sizes(_inner(value, 2))
            elif field == 12:
                outputs.append(_inner(value, 1).decode())
    except (ValueError, IndexError):
        return None
    given = [name for name in inputs if name not in weights]  # old files list their weights as inputs, too
    sizes = inputs[given[0]] if given else ()
    return OnnxHead(opset, tuple(given), tuple(outputs), nodes, sizes) if nodes and outputs else None


def _sizes(kind: bytes) -> tuple[int, ...]:
    dims = (value for field, value in _fields(_inner(_inner(kind, 1), 2)) if field == 1 and isinstance(value, bytes))
    sizes = (dict(_fields(dim)).get(1, 0) for dim in islice(dims, DIMS_MOST))
    return tuple(size if isinstance(size, int) and size < 1 << 31 else 0 for size in sizes)  # -1 is open, too


def _inner(data: bytes, field: int) -> bytes:
    found = dict(_fields(data)).get(field, b"")
    return found if isinstance(found, bytes) else b""


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Raises ValueError or IndexError on what is no protobuf."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                number, at = _varint(data, at)
                yield key >> 3, number
            case 1:
                yield key >> 3, data[at : at + 8]
                at += 8
            case 2:
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise ValueError("cut short")
                yield key >> 3, data[at : at + size]
                at += size
            case 5:
                yield key >> 3, data[at : at + 4]
                at += 4
            case _:
                raise ValueError("no protobuf")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("no varint")

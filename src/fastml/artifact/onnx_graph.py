"""An ONNX graph in the making."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastml._version import __version__
from fastml.extras import load_extra

__all__ = ["INT64", "Graph", "Operand"]

Operand: TypeAlias = "str | NDArray[Any] | np.generic"
"""A value of the graph by its name, or a constant."""

OPSET, ML_OPSET, IR_VERSION = 21, 3, 10
INT64 = np.iinfo(np.int64)

_ML = "ai.onnx.ml"
_ML_OPERATORS = {"LabelEncoder"}


class Graph:
    """Collects inputs, operators and outputs, and gives each value a name of its own.

    Parameters
    ----------
    reserved : iterable of str
        Names that no value but an input of that name has.

    Raises
    ------
    ConfigError
        If ONNX is not installed.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self._onnx = load_extra("onnx")
        self._taken = set(reserved)
        self._inputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, tensor: str) -> None:
        """Declare a column of `rows` values, (rows, 1)."""
        self._inputs.append(self._described(name, tensor, ["rows", 1]))

    def output(self, wanted: str, value: str, tensor: str, width: int | None = None) -> str:
        """Give a value out, (rows,) or (rows, width), and return the name that it has there."""
        name = self._free(wanted)
        shape: list[Any] = ["rows"] if width is None else ["rows", width]
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._described(name, tensor, shape))
        return name

    def add(self, operator: str, *operands: Operand, **attributes: Any) -> str:
        """Add an operator and return the name of its result; arrays become constants."""
        return self._results(operator, operands, 1, attributes)[0]

    def cast(self, value: str, tensor: str) -> str:
        """Convert a value to another element type, such as `double`."""
        return self.add("Cast", value, to=self._element(tensor))

    def join(self, values: Iterable[str]) -> str:
        """Put columns side by side."""
        first, *others = values
        return self.add("Concat", first, *others, axis=1) if others else first

    def split(self, value: str, widths: Sequence[int]) -> list[str]:
        """Cut a value into pieces of so many columns, from the first on."""
        if len(widths) == 1:
            return [value]
        return self._results("Split", [value, np.array(widths)], len(widths), {"axis": 1})

    def total(self, values: Sequence[str]) -> str:
        """Sum values of one shape, each onto the sum of those before it."""
        return self.add("Sum", *values) if len(values) > 1 else values[0]

    def finish(self, metadata: Mapping[str, str]) -> bytes:
        """Return the model as a file has it, once ONNX's own checker found nothing."""
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes, "fastml", self._inputs, self._outputs, self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)],
            ir_version=IR_VERSION,
            producer_name="fastml",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(metadata))
        self._onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def _results(
        self, operator: str, operands: Sequence[Operand], n: int, attributes: dict[str, Any]
    ) -> list[str]:
        names = [each if isinstance(each, str) else self._constant(each) for each in operands]
        results = [self._free(f"{operator}_{len(self._nodes)}") for _ in range(n)]
        domain = _ML if operator in _ML_OPERATORS else ""
        node = self._onnx.helper.make_node(operator, names, results, domain=domain, **attributes)
        self._nodes.append(node)
        return results

    def _constant(self, value: NDArray[Any] | np.generic) -> str:
        name = self._free(f"constant_{len(self._constants)}")
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def _described(self, name: str, tensor: str, shape: list[Any]) -> Any:
        return self._onnx.helper.make_tensor_value_info(name, self._element(tensor), shape)

    def _element(self, tensor: str) -> int:
        return int(self._onnx.TensorProto.DataType.Value(tensor.upper()))

    def _free(self, wanted: str) -> str:
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

"""A small, closed language of expressions over columns, for `filter` and `derive`.

It is Python's syntax with a fixed list of operators and functions, interpreted here node by node: no attribute, no
import, no name but a column's. So a spec cannot run code by it. A column whose name is no identifier is written in
backticks: `CO(GT)` > 2 and hour < 6. What the operators do to columns stands in `column_operators`.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millrace.errors import did_you_mean
from millrace.transforms.column_operators import ARITHMETIC, COMPARISONS, calculated, compared, counted, truth

if TYPE_CHECKING:
    import pandas as pd

MAX_LENGTH = 2000
MAX_DEPTH = 100
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`([^`]+)`")


def _numpy(name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        import numpy as np

        with np.errstate(all="ignore"):
            return getattr(np, name)(*arguments)

    return call


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, operator.abs),
    "ceil": (1, _numpy("ceil")),
    "exp": (1, _numpy("exp")),
    "floor": (1, _numpy("floor")),
    "is_null": (1, lambda values: values.isna()),
    "length": (1, lambda values: values.str.len().astype("Int64")),
    "log": (1, _numpy("log")),
    "log10": (1, _numpy("log10")),
    "log1p": (1, _numpy("log1p")),
    "lower": (1, lambda values: values.str.lower()),
    "maximum": (2, _numpy("maximum")),
    "minimum": (2, _numpy("minimum")),
    "not_null": (1, lambda values: values.notna()),
    "round": (2, lambda values, digits: values.round(int(digits))),
    "sqrt": (1, _numpy("sqrt")),
    "strip": (1, lambda values: values.str.strip()),
    "upper": (1, lambda values: values.str.upper()),
}
"""Function name to its number of arguments and its meaning."""


class Expression:
    """A checked expression: `columns` are the names it reads. Raises ValueError when `text` is not one."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ValueError(f"the expression has {len(text):,} characters; at most {MAX_LENGTH:,} are allowed.")
        self.text = text
        self._quoted: dict[str, str] = {}
        try:
            self._tree = ast.parse(_QUOTED.sub(self._placeholder, text.strip()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"'{text}' is no expression. Write for example: hour >= 6 and `CO(GT)` < 10.") from error
        names: dict[str, None] = {}
        self._check(self._tree, names)
        self.columns = tuple(names)

    def _placeholder(self, match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        name = f"column_{len(self._quoted)}_in_backticks"
        self._quoted[name] = match[1]
        return name

    def _check(self, node: ast.expr, names: dict[str, None], depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise ValueError(f"the expression is nested more than {MAX_DEPTH} deep; derive a column for a part of it.")
        if isinstance(node, ast.Name):
            names[self._quoted.get(node.id, node.id)] = None
        for child in _children(node):
            self._check(child, names, depth + 1)

    def evaluate(self, table: pd.DataFrame) -> Any:
        """The value over `table`: a Series, or a scalar when no column is named. Raises TypeError or ValueError."""
        return self._value(self._tree, table)

    def _value(self, node: ast.expr, table: pd.DataFrame) -> Any:
        return _MEANINGS[type(node)](self, node, table)

    def _name(self, node: ast.Name, table: pd.DataFrame) -> Any:
        return table[self._quoted.get(node.id, node.id)]

    def _constant(self, node: ast.Constant, table: pd.DataFrame) -> Any:
        return node.value

    def _list(self, node: ast.List | ast.Tuple, table: pd.DataFrame) -> Any:
        return [self._value(item, table) for item in node.elts]

    def _arithmetic(self, node: ast.BinOp, table: pd.DataFrame) -> Any:
        return calculated(type(node.op), self._value(node.left, table), self._value(node.right, table))

    def _unary(self, node: ast.UnaryOp, table: pd.DataFrame) -> Any:
        value = self._value(node.operand, table)
        if isinstance(node.op, ast.Not):
            return ~truth(value)
        return -counted(value) if isinstance(node.op, ast.USub) else counted(value)

    def _both(self, node: ast.BoolOp, table: pd.DataFrame) -> Any:
        combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        value = truth(self._value(node.values[0], table))
        for part in node.values[1:]:
            value = combine(value, truth(self._value(part, table)))
        return value

    def _comparison(self, node: ast.Compare, table: pd.DataFrame) -> Any:
        sides = [self._value(side, table) for side in (node.left, *node.comparators)]
        value: Any = None
        for left, kind, right in zip(sides, node.ops, sides[1:], strict=False):
            one = compared(type(kind), left, right)
            value = one if value is None else truth(value) & truth(one)
        return value

    def _call(self, node: ast.Call, table: pd.DataFrame) -> Any:
        _, function = FUNCTIONS[_function_name(node)]
        try:
            return function(*(self._value(argument, table) for argument in node.args))
        except AttributeError as error:
            raise TypeError(f"{_function_name(node)}() does not take such values") from error


_MEANINGS: dict[type[ast.expr], Callable[[Any, Any, Any], Any]] = {
    ast.Name: Expression._name,
    ast.Constant: Expression._constant,
    ast.List: Expression._list,
    ast.Tuple: Expression._list,
    ast.BinOp: Expression._arithmetic,
    ast.UnaryOp: Expression._unary,
    ast.BoolOp: Expression._both,
    ast.Compare: Expression._comparison,
    ast.Call: Expression._call,
}


def _children(node: ast.expr) -> list[ast.expr]:
    """The operands of an allowed node; ValueError for every other kind of node."""
    if type(node) not in _MEANINGS:
        raise ValueError(f"an expression cannot contain '{ast.unparse(node)}'. {did_you_mean('', FUNCTIONS)}")
    if isinstance(node, ast.Call):
        return _checked_call(node)
    if isinstance(node, ast.Compare):
        _check_comparison(node)
    if isinstance(node, ast.BinOp) and type(node.op) not in ARITHMETIC:
        raise ValueError(f"'{ast.unparse(node)}' uses an operator that is not allowed. Write 'and', 'or', 'not'.")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        raise ValueError(f"'{ast.unparse(node)}' uses '~'. Write 'not'.")
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str):
        raise ValueError(f"'{ast.unparse(node)}' is no number, text or truth value. For nulls, write is_null(column).")
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _checked_call(node: ast.Call) -> list[ast.expr]:
    name = _function_name(node)
    if name not in FUNCTIONS:
        raise ValueError(f"there is no function '{name}'. {did_you_mean(name, FUNCTIONS)}")
    if node.keywords or len(node.args) != FUNCTIONS[name][0]:
        raise ValueError(f"{name}() takes {FUNCTIONS[name][0]} argument(s); found '{ast.unparse(node)}'.")
    return node.args


def _check_comparison(node: ast.Compare) -> None:
    for kind, right in zip(node.ops, node.comparators, strict=True):
        if type(kind) not in COMPARISONS:
            raise ValueError(f"'{ast.unparse(node)}' compares with 'is'. Write == or is_null(column).")
        if isinstance(kind, ast.In | ast.NotIn) != isinstance(right, ast.List | ast.Tuple):
            raise ValueError(f"'{ast.unparse(node)}': 'in' takes a list of values, the other comparisons take one.")
        if isinstance(right, ast.List | ast.Tuple) and any(isinstance(part, ast.Name) for part in ast.walk(right)):
            raise ValueError(f"'{ast.unparse(node)}': the list of 'in' holds values, no columns. Compare them with ==.")


def _function_name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)

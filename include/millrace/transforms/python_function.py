"""The step `python`: a function of your own, by its dotted name, for what no other step does."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from millrace.errors import MillraceError, TransformError
from millrace.transforms.base import TransformContext, TransformStep

if TYPE_CHECKING:
    import pandas as pd


class PythonFunction(TransformStep):
    """Call `function(table, **options)`; it returns the new table."""

    repeatable = False

    step: Literal["python"]
    function: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$", description="package.module:function"
    )
    row_wise: bool = Field(
        default=False, description="The function looks at each row by itself, and may be called part by part."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")

    def is_row_wise(self) -> bool:
        """As the spec says."""
        return self.row_wise

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """What the function returns, when it is a table."""
        function = self._function()
        try:
            result = function(table.copy(), **self.options)
        except MillraceError:
            raise
        except Exception as error:
            raise TransformError(
                f"Transform step 'python': {self.function} raised {type(error).__name__}: {error}.",
                hint="Mend the function or its options.",
            ) from error
        return self._checked(result)

    def _function(self) -> Callable[..., Any]:
        module, _, name = self.function.replace(":", ".").rpartition(".")
        try:
            function = getattr(importlib.import_module(module), name, None)
        except Exception as error:  # a module may raise anything while it is imported
            raise TransformError(
                f"Transform step 'python' cannot import '{module}': {type(error).__name__}: {error}.",
                hint="Install the package where the pipeline runs, or mend the name.",
            ) from error
        if not callable(function):
            raise TransformError(
                f"Transform step 'python': '{module}' has no function '{name}'.", hint="Write package.module:function."
            )
        return function  # type: ignore[no-any-return]

    def _checked(self, result: Any) -> pd.DataFrame:
        import pandas as pd

        if not isinstance(result, pd.DataFrame):
            raise TransformError(
                f"Transform step 'python': {self.function} returned {type(result).__name__}, not a DataFrame.",
                hint="Return the table.",
            )
        names = [str(name) for name in result.columns]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise TransformError(
                f"Transform step 'python': {self.function} returned two columns called '{twice}'.",
                hint="Give each column a name of its own.",
            )
        return result.set_axis(names, axis="columns").reset_index(drop=True)

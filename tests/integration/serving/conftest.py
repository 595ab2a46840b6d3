"""The tables and models that the unit tests of the service have too."""

from served_tables import mixed, mixed_table, table

__all__ = ["mixed", "mixed_table", "table"]

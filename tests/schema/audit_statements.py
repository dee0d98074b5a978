"""Builds the statements that lists of audit entries run."""

from models import AuditEntry
from models.storage.row_query import RowQuery, Shape
from models.storage.row_query_compiler import compile_shape


class Row:
    """An audit entry that the statement returned."""


def reader() -> RowQuery:
    columns = ("id", "subject_id", "operation", "at")
    shape = Shape(Row, AuditEntry, {column: ((column,), None) for column in columns})
    return RowQuery(compile_shape(shape))

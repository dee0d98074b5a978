"""The statements behind lists of audit entries."""

from models import AuditEntry
from models.storage.row_query import RowQuery, Shape
from models.storage.row_query_compiler import compile_shape


class Row:
    """An entry that was read."""


def reader() -> RowQuery:
    columns = ("id", "subject_id", "operation", "at")
    shape = Shape(Row, AuditEntry, {column: ((column,), None) for column in columns})
    return RowQuery(compile_shape(shape))

"""A step of a migration that notes another description of a column, such as of an enum."""

from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class DescribeField(ops.AlterField):
    """Notes another description of a column, and leaves the database as it is.

    On SQLite, altering a column means to copy the table, and the copy would lack its triggers.
    """

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Do nothing: an enum is stored as a text."""

    async def database_backward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Do nothing: see above."""

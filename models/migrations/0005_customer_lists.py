"""Adds indexes for lists of customers by class and sort order, without erased customers."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State

from models.storage.indexes import IndexWhere, of_living


class DropColumnIndex(ops.AlterField):
    """Drops the index of a column without altering the column.

    On SQLite, altering a column means to copy the table, and the copy would lack the triggers that
    keep the search index up to date.
    """

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Drop the index."""
        if state_editor is not None:
            model = new_state.apps.get_model(f"{app_label}.{self.model_name}")
            await state_editor.remove_index(model, self._index(model))

    async def database_backward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Create the index again."""
        if state_editor is not None:
            model = new_state.apps.get_model(f"{app_label}.{self.model_name}")
            await state_editor.add_index(model, self._index(model))

    def _index(self, model: Any) -> Index:
        return Index(fields=(model._meta.fields_map[self.name].source_field,))


REMOVED = (
    ("name_key", "id"),
    ("customer_class_id", "name_key", "id"),
    ("created_at", "id"),
    ("enrichment_status", "name_key", "id"),
)

ADDED = (
    of_living("name_key", "id"),
    of_living("created_at", "id"),
    of_living("account_number", "id"),
    of_living("customer_class_id", "name_key", "id"),
    of_living("customer_class_id", "created_at", "id"),
    of_living("customer_class_id", "account_number", "id"),
    of_living("enrichment_status", "name_key", "id"),
    IndexWhere(
        fields=("parent_id", "name_key", "id", "erased_at"), where="parent_id IS NOT NULL"
    ),
)


class Migration(migrations.Migration):
    """Creating the indexes blocks writes to the table, for two seconds with 100,000 customers."""

    dependencies = [("models", "0004_token_signal")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        *(ops.RemoveIndex("Customer", fields=list(columns)) for columns in REMOVED),
        DropColumnIndex(
            "Customer",
            "parent",
            fields.ForeignKeyField(
                "models.Customer",
                source_field="parent_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        *(ops.AddIndex("Customer", index) for index in ADDED),
    ]

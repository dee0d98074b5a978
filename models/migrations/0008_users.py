"""Adds users, groups and their permissions, and links access tokens to users and resellers."""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps
from models.storage.identifiers import new_group_id, new_membership_id, new_user_id
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

# Permissions of tokens depend on these tables too, so their triggers call the function of 0004.
POSTGRES = (
    """CREATE TRIGGER app_user_changed
         AFTER DELETE OR TRUNCATE OR UPDATE OF name, permissions, disabled_at ON app_user
         FOR EACH STATEMENT EXECUTE FUNCTION access_token_changed()""",
    """CREATE TRIGGER user_group_changed
         AFTER DELETE OR TRUNCATE OR UPDATE OF permissions, external_name ON user_group
         FOR EACH STATEMENT EXECUTE FUNCTION access_token_changed()""",
    """CREATE TRIGGER group_membership_changed
         AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON group_membership
         FOR EACH STATEMENT EXECUTE FUNCTION access_token_changed()""",
    """CREATE FUNCTION refuse_other_binding() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
           RAISE EXCEPTION 'whose a credential is, and what it is bound to, never changes'
             USING ERRCODE = 'restrict_violation';
         END $$""",
    """CREATE TRIGGER access_token_bound BEFORE UPDATE ON access_token FOR EACH ROW
         WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id
           OR OLD.reseller_id IS DISTINCT FROM NEW.reseller_id)
         EXECUTE FUNCTION refuse_other_binding()""",
    """CREATE TRIGGER app_user_bound BEFORE UPDATE ON app_user FOR EACH ROW
         WHEN (OLD.reseller_id IS DISTINCT FROM NEW.reseller_id)
         EXECUTE FUNCTION refuse_other_binding()""",
)

SQLITE = (
    """CREATE TRIGGER access_token_bound BEFORE UPDATE ON access_token
       WHEN OLD.user_id IS NOT NEW.user_id OR OLD.reseller_id IS NOT NEW.reseller_id BEGIN
         SELECT RAISE(ABORT, 'whose a credential is, and what it is bound to, never changes');
       END""",
    """CREATE TRIGGER app_user_bound BEFORE UPDATE ON app_user
       WHEN OLD.reseller_id IS NOT NEW.reseller_id BEGIN
         SELECT RAISE(ABORT, 'whose a credential is, and what it is bound to, never changes');
       END""",
)

PERSONAL = ("customers:", "contacts:", "consent:", "enrichment:")
"""Beginnings of scopes that allowed to see personal data before `personal_data:read` existed."""


async def guard(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create triggers that notify processes of changes, and that refuse a change of owners."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


async def keep_showing_persons(apps: StateApps, editor: BaseSchemaEditor) -> None:
    """Add the new scope `personal_data:read` to existing tokens that could see personal data."""
    access_token: Any = apps.get_model("models.AccessToken")
    for token in await access_token.all().using_db(editor.client):
        if any(scope.startswith(PERSONAL) for scope in token.scopes):
            scopes = sorted({*token.scopes, "personal_data:read"})
            await access_token.filter(id=token.id).using_db(editor.client).update(scopes=scopes)


class Migration(migrations.Migration):
    dependencies = [('models', '0007_consent_ledger')]

    initial = False

    operations = [
        ops.CreateModel(
            name='User',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_user_id, unique=True, db_index=True, max_length=32)),
                ('name', fields.CharField(max_length=200)),
                ('name_key', fields.CharField(max_length=600)),
                ('email', fields.CharField(null=True, max_length=254)),
                ('issuer', fields.CharField(null=True, max_length=255)),
                ('subject', fields.CharField(null=True, max_length=255)),
                ('reseller', fields.ForeignKeyField('models.Customer', source_field='reseller_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('permissions', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('disabled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_modified_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
            ],
            options={'table': 'app_user', 'app': 'models', 'unique_together': (('issuer', 'subject'),), 'indexes': [Index(fields=['name_key', 'id'])], 'pk_attr': 'id', 'table_description': 'A person or program that uses the API with access tokens, or by an identity provider.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='UserGroup',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_group_id, unique=True, db_index=True, max_length=32)),
                ('name', fields.CharField(max_length=200)),
                ('name_key', fields.CharField(unique=True, max_length=600)),
                ('description', fields.CharField(null=True, max_length=1000)),
                ('external_name', fields.CharField(null=True, unique=True, max_length=255)),
                ('permissions', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_modified_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
            ],
            options={'table': 'user_group', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Users with common permissions. An identity provider may call the group `external_name`.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='GroupMembership',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_membership_id, unique=True, db_index=True, max_length=32)),
                ('group', fields.ForeignKeyField('models.UserGroup', source_field='group_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('joined_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'group_membership', 'app': 'models', 'unique_together': (('group', 'user'),), 'pk_attr': 'id', 'table_description': 'The membership of a user in a group.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='AccessToken',
            name='reseller',
            field=fields.ForeignKeyField('models.Customer', source_field='reseller_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='AccessToken',
            name='rotated_from_id',
            field=fields.CharField(null=True, max_length=32),
        ),
        ops.AddField(
            model_name='AccessToken',
            name='user',
            field=fields.ForeignKeyField('models.User', source_field='user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='AccessToken',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddIndex('AccessToken', Index(fields=['user_id', 'id'])),
        ops.AddIndex('AccessToken', Index(fields=['reseller_id', 'id'])),
        ops.RunPython(keep_showing_persons, ops.RunPython.noop),
        ops.RunPython(guard, ops.RunPython.noop),
    ]

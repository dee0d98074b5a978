"""The operator's command that checks documents against the schema, and registers them in a file."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from graphql import GraphQLError, OperationDefinitionNode, specified_rules

from schema.limits import Limits
from schema.root import build_schema
from schema.serving import CustomerClassesSchema
from schema.trusted_documents import id_of, read_documents
from settings import Settings


def register_documents(
    source: Annotated[Path, typer.Argument(help="A folder of .graphql files, or a JSON file.")],
    to: Annotated[
        Path | None, typer.Option(help="Write them into this JSON file, for TRUSTED_DOCUMENTS.")
    ] = None,
) -> None:
    """Check documents against the schema and the limits that are set; print the id of each."""
    try:
        documents = read_documents(source)
        schema = build_schema().under(Limits.of(Settings()))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    is_clean = True
    for document_id, text in documents.items():
        faults = faults_of(schema, text)
        is_clean = is_clean and not faults
        print(document_id, "; ".join(faults) or "ok", flush=True)
    if is_clean and to is not None:
        registered = {id_of(text): text for text in documents.values()} | documents
        to.write_bytes(orjson.dumps(registered, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    if not is_clean:
        print("Nothing was registered." if to else "Some are not valid.", file=sys.stderr)
        sys.exit(1)


def faults_of(schema: CustomerClassesSchema, text: str) -> list[str]:
    """Say what is wrong with a text, a line each."""
    try:
        document = schema.parsed(text)
    except GraphQLError as error:
        return [error.message]
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if not operations:
        return ["There is no operation in it."]
    return [error.message for error in schema.faults(document, tuple(specified_rules))]

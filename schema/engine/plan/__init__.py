"""Compiled completion: a selection of plain fields is answered by one generated function.

Pass `PlannedExecution` to a Strawberry schema as its `execution_context_class`
(`build_schema(is_planned=False)` does not, and graphql-core completes all values). When a resolver
has given a value, graphql-core walks it field by field; most of that walk is the same each time
that the document is executed. Here it is walked once, by `compiler`, which writes a Python function
that turns the value into its part of the answer. `executor` keeps that function on the document,
for as long as the document lives, and calls it in place of graphql-core's walk.

A field is plain if Strawberry only reads an attribute for it, or calls a method that takes nothing
but the object and is not async: it has no arguments and no extensions, and its type is a scalar, an
enum, or an object or list made of these. A field with the metadata `{PREPARED: name_of}` is plain
too, whatever its arguments: its value lies ready on the object, in the attribute whose name
`name_of` gives for the field's node, and may be an exception. If the attribute is missing because
the caller may not see it, the field's resolver runs instead. Its extensions do not run, so the
metadata lists by `HONOURED` the classes of extensions that were applied when the value was
prepared; a field with any other extension is not plain.

An operation that was executed before is not prepared again (`operation`, `arguments`, `variables`).
Instants in UTC are left in the answer as they are, for orjson to write.

The other fields of an object go to graphql-core, and so does all of a value at which the function
meets anything that it was not written for. So errors are always found, located and propagated by
graphql-core. Plain attributes may then be read twice, and are read before the resolvers beside
them run.
"""

from schema.engine.plan.executor import PlannedExecution
from schema.engine.plan.plain import HONOURED, PREPARED, foreign_extensions

__all__ = ["HONOURED", "PREPARED", "PlannedExecution", "foreign_extensions"]

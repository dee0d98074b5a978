"""Plans: generated functions that turn the values that resolvers return into parts of the answer.

To *complete* a value means, in the GraphQL specification, to turn it into its part of the answer.
graphql-core does so field by field, and most of this work is the same each time that a document is
executed. `compiler` does that part once, and writes a Python function that completes the value: the
plan. `executor` stores the plan with the document, and calls it. A Strawberry schema uses plans if
its `execution_context_class` is `PlannedExecution`; with `build_schema(is_planned=False)`,
graphql-core completes all values.

Plans contain only plain fields. A field is plain if Strawberry resolves it by reading an attribute,
or by calling a synchronous method that takes only the object; it has no arguments and no
extensions; and its type is a scalar, an enum, or an object or list of these. A field with the
metadata `{PREPARED: name_of}` is plain too, even if it has arguments. Its value, or an exception,
was stored on the object before, in the attribute whose name `name_of` returns for the field's node.
If the attribute is missing because the caller may not see it, the field's resolver runs instead.
Plans do not run extensions, so the metadata `HONOURED` lists the classes of extensions that were
applied already when the value was stored; a field with any other extension is not plain.

An operation that was executed before is not prepared again (`operation`, `arguments`, `variables`).
Instants in UTC stay `datetime` objects in the answer, as orjson writes them correctly.

graphql-core completes all fields that are not plain. If a plan meets a value that it cannot
complete, graphql-core completes the whole value for which the plan was called. So it is always
graphql-core that finds, locates and propagates errors. Plain attributes may then be read twice, and
they are read before the resolvers of the object's other fields run.
"""

from schema.engine.plan.executor import PlannedExecution
from schema.engine.plan.plain import HONOURED, PREPARED, foreign_extensions

__all__ = ["HONOURED", "PREPARED", "PlannedExecution", "foreign_extensions"]

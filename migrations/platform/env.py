"""How Alembic runs the platform's migrations: on the connection that `fleet.py` hands over."""

from alembic import context

from saas.core.database import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table_schema=Base.metadata.schema,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == Base.metadata.schema,
)
with context.begin_transaction():
    context.run_migrations()

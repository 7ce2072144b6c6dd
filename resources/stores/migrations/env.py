"""Run by Alembic: applies migrations within the transaction it was handed."""

from alembic import context

from resources.stores.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()

"""PostgreSQL no longer looks for the signup of each fact (schema.py says why). SQLite does, where it is cheap."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("fk_facts_signup_signups", "facts", type_="foreignkey")

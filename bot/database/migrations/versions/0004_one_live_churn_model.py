"""One live churn model"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of several live ones the newest was served; ids are in the order of time.
    op.execute(
        "UPDATE churn_models SET status = 'retired' WHERE status = 'live' "
        "AND id < (SELECT MAX(newest.id) FROM churn_models AS newest WHERE newest.status = 'live')"
    )
    op.execute("UPDATE churn_models SET live_since = created_at WHERE live_since IS NULL AND status IN ('live', 'retired')")
    live = sa.text("status = 'live'")
    op.create_index("ix_churn_models_live", "churn_models", ["status"], unique=True, sqlite_where=live, postgresql_where=live)


def downgrade() -> None:
    op.drop_index("ix_churn_models_live", table_name="churn_models")

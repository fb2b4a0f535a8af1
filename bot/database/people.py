"""Tables of customers (identity apart from behaviour) and of agents."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.types import Json, UtcTime, id_column, key_to, metadata

customers = sa.Table(
    "customers",  # the id is the pseudonymous key of everything about behaviour
    metadata,
    id_column(),
    sa.Column("shop_customer_id", sa.String(64), unique=True),  # the company's own number, the `sub` of its JWT
    sa.Column("language", sa.String(8), nullable=False, default=""),
    sa.Column("objects_to_profiling", sa.Boolean, nullable=False, default=False),
    sa.Column("merged_into", sa.String(36), index=True),  # the record of the same person that is kept; from customer_merges
    sa.Column("created_at", UtcTime, nullable=False),
)

customer_identities = sa.Table(
    "customer_identities",
    metadata,
    key_to("customers.id", "customer_id", primary_key=True),
    sa.Column("name", sa.LargeBinary),  # encrypted by bot.crypto with "customer_identities.name" as associated data, and so on
    sa.Column("phone", sa.LargeBinary),
    sa.Column("email", sa.LargeBinary),
    sa.Column("address", sa.LargeBinary),
    sa.Column("birth_date", sa.LargeBinary),
    sa.Column("phone_index", sa.String(64), index=True),  # keyed HMAC, for equality look-up
    sa.Column("email_index", sa.String(64), index=True),
)

customer_profiles = sa.Table(
    "customer_profiles",  # one pre-joined record per customer, read by key
    metadata,
    key_to("customers.id", "customer_id", primary_key=True),
    sa.Column("record", Json, nullable=False),  # bot.customers.profile.Profile
    sa.Column("model_id", sa.String(36)),
    sa.Column("expected_loss_minor", sa.BigInteger, nullable=False, default=0, server_default="0", index=True),  # the desk lists by it
    sa.Column("updated_at", UtcTime, nullable=False),
)

churn_models = sa.Table(
    "churn_models",
    metadata,
    id_column(),
    sa.Column("status", sa.String(16), nullable=False),  # candidate, shadow, live, retired
    sa.Column("kind", sa.String(32), nullable=False, default="logistic_regression", server_default="logistic_regression"),
    sa.Column("weights", Json, nullable=False),  # closed form of a linear model: feature, mean, scale, coefficient; and the intercept
    sa.Column("artifact", sa.LargeBinary),  # any other model as skops writes it; `artifact_sha256` in the card
    sa.Column("card", Json, nullable=False),  # data checksum, metrics with their folds, features, threshold and its costs, alarms
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("live_since", UtcTime),
    sa.Index(
        "ix_churn_models_live", "status", unique=True, sqlite_where=sa.text("status = 'live'"), postgresql_where=sa.text("status = 'live'")
    ),
)

agents = sa.Table(
    "agents",
    metadata,
    id_column(),
    sa.Column("username", sa.String(64), nullable=False, unique=True),
    sa.Column("display_name", sa.String(120), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),  # argon2id
    sa.Column("role", sa.String(16), nullable=False),  # agent, supervisor
    sa.Column("languages", Json, nullable=False),  # ["zh", "en"]
    sa.Column("topics", Json, nullable=False),  # skill topics served; [] means all
    sa.Column("capacity", sa.Integer, nullable=False, default=10),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    sa.Column("created_at", UtcTime, nullable=False),
)

agent_sessions = sa.Table(
    "agent_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),  # sha256 of the cookie's value
    key_to("agents.id", "agent_id", nullable=False, index=True),
    sa.Column("csrf_token", sa.String(64), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)

audit_log = sa.Table(
    "audit_log",  # who looked at or did what: log-ins, reveals of personal data
    metadata,
    id_column(),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("details", Json, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
)

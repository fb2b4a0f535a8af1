"""Tables of customer intelligence: what came in, from which run, what customers did, who is the same person, what was scored and offered.

Behaviour stands under the pseudonymous key `customers.id`; who that is stands in `customer_identities` only.
"""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.types import Json, UtcTime, id_column, key_to, metadata

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up INTEGER keys only

pipeline_runs = sa.Table(
    "pipeline_runs",  # lineage: every step that read or wrote anything
    metadata,
    id_column(),
    sa.Column("step", sa.String(32), nullable=False),  # ingest, resolve, train, refresh …
    sa.Column("source", sa.String(64), nullable=False, default=""),
    sa.Column("input", sa.String(500), nullable=False, default=""),  # a file's name or an address without its secrets
    sa.Column("checksum", sa.String(64), nullable=False, default="", index=True),  # sha256 of the input
    sa.Column("code_version", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # running, done, stopped, failed
    sa.Column("counts", Json, nullable=False),  # rows read, stored, unchanged, quarantined by rule …
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime),
)

quarantined_rows = sa.Table(
    "quarantined_rows",  # what ingestion refused, for a person to look at
    metadata,
    id_column(),
    key_to("pipeline_runs.id", "run_id", nullable=False, index=True),
    sa.Column("file", sa.String(300), nullable=False),
    sa.Column("row", sa.BigInteger, nullable=False),  # counted as a person sees it: the header is row 1
    sa.Column("column", sa.String(120), nullable=False),
    sa.Column("value", sa.LargeBinary),  # encrypted, since a bad telephone number is somebody's
    sa.Column("rule", sa.String(64), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

source_cursors = sa.Table(
    "source_cursors",  # up to where a source has been read, so that the next run goes on there
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("cursor", sa.String(500), nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

customer_keys = sa.Table(
    "customer_keys",  # under which key a source knows a customer; the shop's own number is customers.shop_customer_id
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(128), primary_key=True),  # as the source writes it, or its keyed index where it is personal (an e-mail)
    key_to("customers.id", "customer_id", nullable=False, index=True),
    sa.Column("created_at", UtcTime, nullable=False),
)

customer_events = sa.Table(
    "customer_events",  # everything that customers did, from every source; a row is never changed, only superseded by a later one
    metadata,
    sa.Column("seq", BigKey, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("key", sa.String(128), nullable=False),  # unique in its source: an order's number and kind, a messageId
    sa.Column("revision", sa.Integer, nullable=False, default=1),  # 2 and later are corrections of the same key
    key_to("customers.id", "customer_id", nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),  # bot.customers.events.Kind
    sa.Column("at", UtcTime, nullable=False),  # when it happened
    sa.Column("created_at", UtcTime, nullable=False),  # since when it is known in this form
    sa.Column("superseded_at", UtcTime),  # since when a correction stands in its place; known at t: created_at < t <= superseded_at
    sa.Column("withdrawn", sa.Boolean, nullable=False, default=False),  # a correction that says: it never happened
    sa.Column("amount_minor", sa.BigInteger),
    sa.Column("currency", sa.String(3)),
    sa.Column("value", sa.Float),
    sa.Column("ref", sa.String(64)),
    key_to("pipeline_runs.id", "run_id"),
    sa.UniqueConstraint("source", "key", "revision"),
    sa.Index("ix_customer_events_customer_id_at", "customer_id", "at"),
)

customer_traits = sa.Table(
    "customer_traits",  # what customers are rather than do: demographics and the like, where there are any
    metadata,
    sa.Column("seq", BigKey, primary_key=True, autoincrement=True),
    key_to("customers.id", "customer_id", nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("value", sa.String(200), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("superseded_at", UtcTime),
    sa.Index("ix_customer_traits_customer_id_name", "customer_id", "name"),
)

merge_suggestions = sa.Table(
    "merge_suggestions",  # two records that look like one person; a person decides
    metadata,
    id_column(),
    key_to("customers.id", "left_id", nullable=False),
    key_to("customers.id", "right_id", nullable=False),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("reasons", Json, nullable=False),  # field: how far it agrees; no values
    sa.Column("status", sa.String(16), nullable=False),  # open, accepted, refused
    sa.Column("decided_by", sa.String(64), nullable=False, default=""),
    sa.Column("decided_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("left_id", "right_id"),
)

customer_merges = sa.Table(
    "customer_merges",  # the truth about merges; customers.merged_into is computed from those that stand
    metadata,
    id_column(),
    key_to("customers.id", "kept_id", nullable=False, index=True),
    key_to("customers.id", "merged_id", nullable=False, index=True),
    sa.Column("why", sa.String(64), nullable=False),  # verified_phone, verified_email, same_key, suggestion
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
)

churn_scores = sa.Table(
    "churn_scores",  # which model said what of whom, and when: for calibration and lift once outcomes are known
    metadata,
    key_to("churn_models.id", "model_id", primary_key=True),
    key_to("customers.id", "customer_id", primary_key=True),
    sa.Column("at", UtcTime, primary_key=True),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("drifting", Json),  # values of the features that drift is watched on
)

offers_made = sa.Table(
    "offers_made",  # every automated offer with its reasons (GDPR Art. 22, PIPL Art. 24), and every offer held out to measure the effect
    metadata,
    id_column(),
    key_to("customers.id", "customer_id", nullable=False, index=True),
    sa.Column("conversation_id", sa.String(64), unique=True),  # one a conversation
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("value", sa.BigInteger, nullable=False),
    sa.Column("rule", sa.String(64), nullable=False),  # which row of offers.yml
    sa.Column("held_out", sa.Boolean, nullable=False),
    sa.Column("model_id", sa.String(36)),
    sa.Column("probability", sa.Float),
    sa.Column("expected_loss_minor", sa.BigInteger),
    sa.Column("reasons", Json, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("accepted_at", UtcTime),
)

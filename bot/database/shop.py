"""Tables of the demo company: what `yingda sample-data` fills and `bot.shop.demo` reads and changes."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.types import Json, UtcTime, metadata


def _text(name: str, length: int = 64, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=options.pop("nullable", False), **options)  # type: ignore[arg-type, call-overload, no-any-return]


products = sa.Table(
    "shop_products",
    metadata,
    _text("sku", primary_key=True),
    _text("name_zh", 200),
    _text("name_en", 200),
    _text("category", 40),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
    _text("currency", 3),
    sa.Column("attributes", Json, nullable=False),
)

orders = sa.Table(
    "shop_orders",
    metadata,
    _text("number", 40, primary_key=True),  # e.g. A20261029-0042
    _text("customer_id", 64, index=True),  # the company's customer number
    _text("status", 20),  # placed, paid, shipped, delivered, cancelled
    _text("payment_status", 20),  # pending, paid, failed, refunded
    _text("payment_method", 20),  # wechat_pay, alipay, card, paypal
    sa.Column("total_minor", sa.BigInteger, nullable=False),
    _text("currency", 3),
    sa.Column("receiver", sa.LargeBinary, nullable=False),  # encrypted JSON {name, phone, address}
    _text("coupon", 40, nullable=True),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("promised_at", UtcTime, nullable=False),
    sa.Column("cancelled_at", UtcTime),
)

order_lines = sa.Table(
    "shop_order_lines",
    metadata,
    _text("id", 48, primary_key=True),  # order number + "-" + position
    sa.Column("order_number", sa.String(40), sa.ForeignKey("shop_orders.number"), nullable=False, index=True),
    sa.Column("sku", sa.String(64), sa.ForeignKey("shop_products.sku"), nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
)

shipments = sa.Table(
    "shop_shipments",
    metadata,
    _text("tracking_number", 40, primary_key=True),
    sa.Column("order_number", sa.String(40), sa.ForeignKey("shop_orders.number"), nullable=False, index=True),
    _text("carrier", 40),
    _text("status", 20),  # in_transit, out_for_delivery, delivered, exception
    sa.Column("shipped_at", UtcTime, nullable=False),
    sa.Column("delivered_at", UtcTime),
)

tracking_events = sa.Table(
    "shop_tracking_events",
    metadata,
    sa.Column("tracking_number", sa.String(40), sa.ForeignKey("shop_shipments.tracking_number"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    _text("code", 40),  # picked_up, in_transit, arrived_hub, out_for_delivery, delivered, delayed, exception
    _text("city_zh", 60),
    _text("city_en", 60),
)

returns = sa.Table(
    "shop_returns",
    metadata,
    _text("number", 40, primary_key=True),  # R + order number + "-" + position
    sa.Column("order_line_id", sa.String(48), sa.ForeignKey("shop_order_lines.id"), nullable=False),
    _text("kind", 16),  # return, refund (without sending back), exchange
    _text("reason", 40),
    _text("status", 20),  # requested, approved, received, refunded, rejected
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("requested_at", UtcTime, nullable=False),
    sa.Index(
        "uq_shop_returns_open",
        "order_line_id",
        unique=True,
        sqlite_where=sa.text("status IN ('requested', 'approved', 'received')"),
        postgresql_where=sa.text("status IN ('requested', 'approved', 'received')"),
    ),
)

invoices = sa.Table(
    "shop_invoices",
    metadata,
    _text("number", 40, primary_key=True),
    sa.Column("order_number", sa.String(40), sa.ForeignKey("shop_orders.number"), nullable=False, unique=True),
    sa.Column("title", sa.LargeBinary, nullable=False),  # encrypted: a person's or a company's name
    _text("tax_number", 40),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("issued_at", UtcTime, nullable=False),
)

memberships = sa.Table(
    "shop_memberships",
    metadata,
    _text("customer_id", 64, primary_key=True),
    _text("tier", 20),  # silver, gold, platinum
    _text("status", 20),  # active, cancelled, expired
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("renews_at", UtcTime, nullable=False),
    sa.Column("cancelled_at", UtcTime),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
    _text("currency", 3),
)

coupons = sa.Table(
    "shop_coupons",
    metadata,
    _text("code", 40, primary_key=True),
    _text("customer_id", 64, index=True),
    _text("kind", 24),  # amount, percent, membership_months, price_protection
    sa.Column("value", sa.BigInteger, nullable=False),  # minor units, percent or months
    _text("currency", 3),
    _text("source", 40),  # campaign, retention, price_protection:<line id>
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime),
    sa.UniqueConstraint("customer_id", "source"),
)

shop_customers = sa.Table(
    "shop_customers",
    metadata,
    _text("customer_id", 64, primary_key=True),  # e.g. C000017
    _text("language", 8),
    _text("city_zh", 60),
    _text("city_en", 60),
    _text("country", 2),
    sa.Column("identity", sa.LargeBinary, nullable=False),  # encrypted JSON {name, phone, email, address}
    sa.Column("registered_at", UtcTime, nullable=False),
)

page_visits = sa.Table(
    "shop_page_visits",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    _text("customer_id", 64, index=True),
    _text("page", 60),  # product, cart, help, membership_cancel …
    _text("sku", 64, nullable=True),
    sa.Column("at", UtcTime, nullable=False),
)

contacts = sa.Table(
    "shop_contacts",  # past contacts with customer service, before Yingda
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    _text("customer_id", 64, index=True),
    _text("topic", 40),
    _text("channel", 32),
    sa.Column("csat", sa.Integer),
    sa.Column("resolved", sa.Boolean, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

"""What is told of a change whose reply was refused: the key of a sentence in `bot/notices` and the values that fill it."""

from __future__ import annotations

from bot.shop.protocol import Coupon, Invoice, Membership, Money, Order, Return

Summary = dict[str, str]


def return_created(order_number: str, made: Return) -> Summary:
    return {"key": f"effect_{made.kind}_created", "order": order_number, "number": made.number, "amount": money(made.amount)}


def order_cancelled(order: Order) -> Summary:
    key = "effect_order_cancelled_refunded" if order.payment_status == "refunded" else "effect_order_cancelled"
    return {"key": key, "order": order.number, "amount": money(order.total)}


def address_changed(order: Order) -> Summary:
    return {"key": "effect_address_changed", "order": order.number}


def invoice_issued(invoice: Invoice) -> Summary:
    return {"key": "effect_invoice_issued", "order": invoice.order_number, "number": invoice.number, "amount": money(invoice.amount)}


def price_protected(order_number: str, coupon: Coupon) -> Summary:
    return {
        "key": "effect_price_protected",
        "order": order_number,
        "code": coupon.code,
        "amount": money(Money(coupon.value, coupon.currency)),
    }


def membership_cancelled(membership: Membership) -> Summary:
    return {"key": "effect_membership_cancelled", "tier": membership.tier}


def offer_granted(coupon: Coupon) -> Summary:
    value = money(Money(coupon.value, coupon.currency)) if coupon.kind == "amount" else str(coupon.value)
    return {"key": f"effect_offer_{coupon.kind}", "code": coupon.code, "value": value}


def money(amount: Money) -> str:
    """Write minor units as both languages read them: 399.00 CNY."""
    return f"{amount.minor // 100}.{amount.minor % 100:02d} {amount.currency}"

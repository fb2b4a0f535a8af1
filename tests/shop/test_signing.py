"""Signatures of requests to a company's shop."""

from __future__ import annotations

import pytest

from bot.errors import AuthError
from bot.shop.signing import SIGNATURE, TIMESTAMP, sign, verify

NOW = 1_793_000_000
PATH = "/yingda/customers/C1/orders?limit=5"


def check(**changed: object) -> None:
    headers = sign("secret", "POST", PATH, NOW, b"{}")
    seen = {
        "timestamp": headers[TIMESTAMP],
        "signature": headers[SIGNATURE],
        "now": NOW + 10,
        "method": "POST",
        "path": PATH,
        "body": b"{}",
    }
    seen |= changed
    verify("secret", seen.pop("method"), seen.pop("path"), seen.pop("body"), **seen)  # type: ignore[arg-type]


def test_a_signed_request_is_accepted() -> None:
    check()
    check(method="post")

    assert sign("secret", "post", PATH, NOW, b"{}") == sign("secret", "POST", PATH, NOW, b"{}")


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b"{ }"},
        {"path": "/yingda/customers/C2/orders?limit=5"},
        {"path": "/yingda/customers/C1/orders?limit=50"},
        {"method": "PUT"},
        {"timestamp": str(NOW + 1)},
        {"timestamp": ""},
        {"timestamp": "soon"},
        {"timestamp": "１７９３００００００"},
        {"signature": ""},
        {"signature": "v1=é"},
        {"now": NOW + 301},
        {"now": NOW - 301},
    ],
    ids=str,
)
def test_whatever_was_changed_or_is_old_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(AuthError):
        check(**changed)


def test_the_signature_is_the_one_of_the_description() -> None:
    """So that companies can check their own implementation against a fixed example."""
    signature = sign("secret", "GET", "/health", 1700000000, b"")[SIGNATURE]

    assert signature == "v1=755370630fd0af856b4abd57f3608acc01dac5c32c1b4676065dc7fb80f9ae47"

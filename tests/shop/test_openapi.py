"""The description for companies says what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import bot.shop
from bot.shop import protocol, rules
from bot.shop.protocol import Refusal, Shop
from bot.shop.remote import RemoteShop
from tests.shop.company import Company

DESCRIPTION: dict[str, Any] = yaml.safe_load((Path(bot.shop.__file__).parent / "openapi.yaml").read_text(encoding="utf8"))
SCHEMAS = DESCRIPTION["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
}
STRUCTS = ["Money", "Product", "OrderLine", "TrackingEvent", "Shipment", "Order", "Return", "Invoice", "Membership", "Coupon", "Contact"]


@pytest.mark.parametrize("name", STRUCTS)
def test_every_struct_is_described_as_it_is(name: str) -> None:
    fields = msgspec.structs.fields(getattr(protocol, name))

    assert list(SCHEMAS[name]["properties"]) == [field.name for field in fields]
    assert SCHEMAS[name]["required"] == [field.name for field in fields if field.required]


def test_every_method_of_the_protocol_is_an_operation() -> None:
    methods = {name for name in vars(Shop) if not name.startswith("_")} - {"close"}

    assert set(OPERATIONS) == methods


def test_every_refusal_is_described() -> None:
    assert SCHEMAS["Problem"]["properties"]["error"]["properties"]["reason"]["enum"] == [reason.value for reason in Refusal]


def test_what_may_be_asked_for_is_described() -> None:
    def allowed(operation: str, name: str) -> list[str]:
        body = OPERATIONS[operation][2]["requestBody"]["content"]["application/json"]["schema"]
        return list(body["properties"][name]["enum"])

    assert allowed("create_return", "kind") == list(rules.RETURN_KINDS)
    assert allowed("create_return", "reason") == list(rules.RETURN_REASONS)
    assert allowed("grant_offer", "kind") == list(rules.OFFER_LIMITS)
    assert SCHEMAS["Order"]["properties"]["status"]["enum"] == [status.value for status in protocol.OrderStatus]


def test_every_change_takes_an_idempotency_key_and_says_how_it_is_refused() -> None:
    changes = {
        name for name, method in vars(RemoteShop).items() if "key" in getattr(method, "__annotations__", {}) and not name.startswith("_")
    }
    key = {"$ref": "#/components/parameters/idempotency_key"}

    assert {name for name, (_, _, operation) in OPERATIONS.items() if key in operation.get("parameters", [])} == changes
    for name in changes:
        assert OPERATIONS[name][2]["responses"]["409"] == {"$ref": "#/components/responses/Refused"}
        assert any(reason in OPERATIONS[name][2]["description"] for reason in Refusal)


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, list):
            return [found for item in node for found in references(item)]
        if not isinstance(node, dict):
            return []
        return [value for name, value in node.items() if name == "$ref"] + [found for value in node.values() for found in references(value)]

    def leads_somewhere(reference: str) -> bool:
        node: Any = DESCRIPTION
        for piece in reference.removeprefix("#/").split("/"):
            node = node.get(piece, {})
        return bool(node)

    found = references(DESCRIPTION)
    assert found
    assert [reference for reference in found if not leads_somewhere(reference)] == []


def test_the_company_of_the_tests_serves_what_is_described(company: Company) -> None:
    served = {(route.method, _shape(route.path)) for route in company._reads() + company._changes()}

    assert served == {(method, _shape(path)) for method, path, _ in OPERATIONS.values()}


def _shape(path: str) -> str:
    """Return the path with its parameters unnamed."""
    return "/".join("{}" if piece.startswith("{") else piece for piece in path.split("/"))

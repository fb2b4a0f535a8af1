"""A company's own system as `bot/shop/openapi.yaml` describes it: a real HTTP server in front of a shop, which can be made to fail."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from bot.effects import EffectKey
from bot.errors import AuthError, BotError
from bot.shop.demo import DemoShop
from bot.shop.protocol import ShopRefusal
from bot.shop.signing import SIGNATURE, TIMESTAMP, verify

CONVERSATION = "company"  # the company's shop records its effects under this one


@dataclass
class Company:
    """The server's memory. `faults` happen to the next requests: busy (503), lost (done, but not answered), slow, or a ready response."""

    shop: DemoShop
    secret: str
    faults: list[str | web.Response] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)  # method and path
    keys: list[str] = field(default_factory=list)  # Idempotency-Key of each change

    def app(self) -> web.Application:
        """Serve below /yingda, as a company would beside its other pages."""
        inner = web.Application(middlewares=[self._boundary])
        inner.add_routes(self._reads() + self._changes())
        outer = web.Application()
        outer.add_subapp("/yingda", inner)
        return outer

    def _reads(self) -> list[web.RouteDef]:
        shop = self.shop

        def get(path: str, answer: Callable[[dict[str, str], Any], Awaitable[Any]]) -> web.RouteDef:
            async def handler(request: web.Request) -> web.Response:
                return _json(await answer(dict(request.match_info), request.query))

            return web.get(path, handler)

        async def health(_request: web.Request) -> web.Response:
            return _json({"status": "ok"})

        async def proof(request: web.Request) -> web.Response:
            body = await request.json()
            return _json(await shop.prove_order(body["number"], phone_last4=body["phone_last4"]))

        customer = "/customers/{customer_id}"
        return [
            web.get("/health", health),
            web.post("/order-proofs", proof),
            get(f"{customer}/orders", lambda at, q: shop.orders(at["customer_id"], limit=int(q.get("limit", 5)))),
            get(f"{customer}/orders/{{number}}", lambda at, q: shop.order(at["number"], customer_id=at["customer_id"])),
            get(f"{customer}/shipments/{{number}}", lambda at, q: shop.shipment(at["number"], customer_id=at["customer_id"])),
            get(f"{customer}/returns", lambda at, q: shop.returns(at["customer_id"], limit=int(q.get("limit", 5)))),
            get(f"{customer}/membership", lambda at, q: shop.membership(at["customer_id"])),
            get(f"{customer}/coupons", lambda at, q: shop.coupons(at["customer_id"])),
            get(f"{customer}/contact", lambda at, q: shop.contact(at["customer_id"])),
            get("/products", lambda at, q: shop.products(q.getall("sku"))),
            get("/products/search", lambda at, q: shop.search_products(q["q"], limit=int(q.get("limit", 3)))),
        ]

    def _changes(self) -> list[web.RouteDef]:
        shop = self.shop

        def change(method: str, path: str, deed: Callable[[str, dict[str, Any], EffectKey], Awaitable[Any]]) -> web.RouteDef:
            async def handler(request: web.Request) -> web.Response:
                key = self._key(request, path)
                return _json(await deed(request.match_info["id"], await request.json(), key))

            return web.route(method, path, handler)

        return [
            change("POST", "/orders/{id}/returns", lambda id, b, key: shop.create_return(id, b.pop("line_id"), **b, key=key)),
            change("POST", "/orders/{id}/cancellation", lambda id, b, key: shop.cancel_order(id, key=key)),
            change("PUT", "/orders/{id}/address", lambda id, b, key: shop.change_address(id, **b, key=key)),
            change("POST", "/orders/{id}/invoice", lambda id, b, key: shop.issue_invoice(id, **b, key=key)),
            change("POST", "/orders/{id}/price-protection", lambda id, b, key: shop.protect_price(id, key=key)),
            change("POST", "/customers/{id}/membership/cancellation", lambda id, b, key: shop.cancel_membership(id, key=key)),
            change("POST", "/customers/{id}/offers", lambda id, b, key: shop.grant_offer(id, **b, key=key)),
        ]

    def _key(self, request: web.Request, action: str) -> EffectKey:
        """Return the company's own effect key for an Idempotency-Key."""
        header = request.headers["Idempotency-Key"]
        self.keys.append(header)
        return EffectKey(CONVERSATION, hashlib.sha256(header.encode()).hexdigest()[:36], action[-64:], 1)

    @web.middleware
    async def _boundary(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        self.requests.append((request.method, request.raw_path))
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "busy":
            return _problem(503, "busy")
        if fault == "slow":
            await asyncio.sleep(1)
        if isinstance(fault, web.Response):
            return fault
        answer = await self._answered(request, handler)
        if fault == "lost" and request.transport:
            request.transport.close()
        return answer

    async def _answered(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        headers = {"timestamp": request.headers.get(TIMESTAMP, ""), "signature": request.headers.get(SIGNATURE, "")}
        try:
            verify(self.secret, request.method, request.raw_path, await request.read(), **headers, now=time.time())
            return await handler(request)
        except ShopRefusal as refusal:
            return _problem(409, "refused", reason=refusal.reason)
        except (BotError, AuthError) as error:
            return _problem(error.status, error.code)


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _problem(status: int, code: str, *, reason: str = "") -> web.Response:
    body = {"error": {"code": code, "message": f"the company says {code}", "reason": reason}}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")

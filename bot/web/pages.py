"""Pages and files: the desk, the demo shop, the widget's script."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import sqlalchemy as sa
import yaml
from jinja2 import Environment, FileSystemLoader, select_autoescape
from sanic import Request
from sanic.response import HTTPResponse, file, html, redirect

from bot.conversations.services import Services
from bot.database.shop import products
from bot.errors import BotError, NotFoundError
from bot.ids import utcnow
from bot.shop.protocol import Money
from bot.web.greeting import money_text
from bot.web.requests import App

HERE = Path(__file__).parent
IDENTITY_LIFE = timedelta(minutes=10)  # the demo shop vouches for its customer for as long as a page is fresh

# Scripts come from here only; the widget's and desk's styles are set by script on shadow roots, and the demo's pictures are gradients.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)

DEMO_PRODUCTS = 12


def install(app: App) -> None:
    pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())
    app.static("/static", HERE / "static", name="static")

    @app.get("/widget.js", name="widget_script")
    async def widget_script(_request: Request) -> HTTPResponse:
        return await file(HERE / "static" / "widget.js", max_age=300)

    @app.get("/", name="start")
    async def start(request: Request) -> HTTPResponse:
        return redirect("/demo" if request.app.ctx.settings.demo else "/desk")

    @app.get("/desk", name="desk_page")
    async def deskpage(request: Request) -> HTTPResponse:
        settings = request.app.ctx.settings
        company = {"zh": settings.company_name_zh, "en": settings.company_name_en}
        return page(pages.get_template("desk.html").render(company=company))

    @app.get("/demo", name="demo_page")
    async def demopage(request: Request) -> HTTPResponse:
        if not request.app.ctx.settings.demo:
            raise NotFoundError("there is no demo shop here; YINGDA_DEMO is off")
        return page(pages.get_template("demo.html").render(**await demo_context(request)))


async def demo_context(request: Request) -> dict[str, Any]:
    """Return what the demo shop's page shows: products, who one can be, and the shop's signed word for who one is."""
    services: Services = request.app.ctx.services
    language = "en" if request.args.get("lang", services.settings.default_language).startswith("en") else "zh"
    people = await demo_customers(services)
    customer = request.args.get("customer", "")
    if customer not in {person["id"] for person in people}:
        customer = ""
    return {
        "language": language,
        "customers": people,
        "customer": customer,
        "identity": _identity(services, customer) if customer else "",
        "products": await demo_products(services),
    }


async def demo_products(services: Services) -> list[dict[str, str]]:
    """Return what stands in the window: of each category the first few, so that the shop looks like one."""
    place = sa.func.row_number().over(partition_by=products.c.category, order_by=products.c.sku)
    each = sa.select(products, place.label("place")).subquery()
    query = sa.select(each).order_by(each.c.place, each.c.category).limit(DEMO_PRODUCTS)
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [
        {
            "sku": row.sku,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "price": money_text(Money(row.price_minor, row.currency)),
            "category": row.category,
        }
        for row in rows
    ]


async def demo_customers(services: Services) -> list[dict[str, str]]:
    """Return the customers whom the demo lets one be: those of the sample data that the shop has."""
    found = []
    for person in yaml.safe_load((HERE / "templates" / "demo_customers.yml").read_text(encoding="utf8")):
        try:
            await services.shop.contact(person["id"])
        except BotError:
            continue
        found.append(dict(person))
    return found


def _identity(services: Services, customer: str) -> str:
    """Sign as the demo shop does; a real shop signs in its own back end with YINGDA_IDENTITY_SECRET."""
    claims = {"sub": customer, "exp": utcnow() + IDENTITY_LIFE}
    return jwt.encode(claims, services.settings.identity_secret, algorithm="HS256")


def page(text: str) -> HTTPResponse:
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "X-Frame-Options": "DENY", "Cache-Control": "no-store"}
    return html(text, headers=headers)

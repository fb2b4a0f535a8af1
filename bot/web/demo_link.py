"""The demo shop's side of a link: its customer confirms that a conversation on a channel is theirs, and the shop says so to Yingda.

A real shop does the same: it has its customer log in, asks, and sends the signed word from its own back end.
"""

from __future__ import annotations

from typing import Any

import jwt
from jinja2 import Environment, FileSystemLoader, select_autoescape
from sanic import Request
from sanic.response import HTTPResponse

from bot.conversations import links
from bot.errors import BotError, NotFoundError
from bot.ids import utcnow
from bot.web.origins import check_origin
from bot.web.pages import HERE, IDENTITY_LIFE, demo_customers, page
from bot.web.requests import App, services


def install(app: App) -> None:
    template = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape()).get_template("demo_link.html")

    @app.get("/demo/link", name="demo_link")
    async def ask(request: Request) -> HTTPResponse:
        _demo_only(request)
        token = request.args.get(links.PARAMETER, "")
        state = "ask"
        try:
            await links.look(services(request), token)
        except BotError:
            state = "over"
        return page(template.render(**await _shown(request, token, state)))

    @app.post("/demo/link", name="demo_link_confirm")
    async def confirm(request: Request) -> HTTPResponse:
        _demo_only(request)
        check_origin(request, own_only=True)
        form: dict[str, list[str]] = dict(request.form or {})
        token, customer = (form.get(name, [""])[0] for name in ("link", "customer"))
        settings = services(request).settings
        people = await demo_customers(services(request))
        state = "over"
        if customer in {person["id"] for person in people}:
            word = {"sub": customer, "link": token, "exp": utcnow() + IDENTITY_LIFE}
            try:
                await links.confirm(services(request), jwt.encode(word, settings.identity_secret, algorithm="HS256"))
                state = "done"
            except BotError:
                state = "over"
        return page(template.render(**await _shown(request, token, state)))


def _demo_only(request: Request) -> None:
    if not request.app.ctx.settings.demo:
        raise NotFoundError("there is no demo shop here; YINGDA_DEMO is off")


async def _shown(request: Request, token: str, state: str) -> dict[str, Any]:
    language = "en" if request.args.get("lang", services(request).settings.default_language).startswith("en") else "zh"
    return {"language": language, "customers": await demo_customers(services(request)), "token": token, "state": state}

"""Which pages may use the widget's calls: our own, and those in ALLOWED_ORIGINS."""

from __future__ import annotations

from email.utils import formatdate

from sanic import Request
from sanic.response import HTTPResponse, empty

from bot.errors import ForbiddenError
from bot.settings import Settings
from bot.web.requests import App


def allowed_origins(settings: Settings) -> set[str]:
    listed = {origin.strip().rstrip("/") for origin in settings.allowed_origins.split(",") if origin.strip()}
    return listed | {settings.public_url.rstrip("/")}


def is_own(request: Request, origin: str) -> bool:
    """Tell whether the page is ours: served under this host, or under PUBLIC_URL when a proxy has changed the host."""
    public: str = request.app.ctx.settings.public_url.rstrip("/")
    return origin.partition("://")[2] == request.host or origin == public


def check_origin(request: Request, *, own_only: bool = False) -> None:
    """Refuse a browser's request from a page that is not ours and not listed; other clients send no Origin."""
    origin = request.headers.get("Origin", "")
    if not origin or is_own(request, origin):
        return
    if own_only or origin not in request.app.ctx.origins:
        raise ForbiddenError(f"the page {origin[:200]} may not connect here; list it in ALLOWED_ORIGINS")


def install_cors(app: App) -> None:
    """Let listed pages call the widget's API; they carry a token, no cookies."""

    @app.on_request
    async def preflight(request: Request) -> HTTPResponse | None:
        if not request.path.startswith("/api/widget/"):
            return None
        check_origin(request)
        return empty() if request.method == "OPTIONS" else None

    async def headers(request: Request, response: HTTPResponse) -> None:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        response.headers.setdefault("Date", formatdate(usegmt=True))  # the desk corrects a wrong clock by it
        if request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-cache")  # asked again each time, so that an upgrade never mixes modules
        origin = request.headers.get("Origin", "")
        public = request.path.startswith(("/api/widget/", "/static/widget", "/widget.js"))
        if origin and public and (origin in request.app.ctx.origins or is_own(request, origin)):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Vary"] = "Origin"

    app.on_response(headers)  # type: ignore[no-untyped-call]

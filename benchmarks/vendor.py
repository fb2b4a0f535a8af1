"""A vendor that takes everything at once, in a process of its own. `python -m benchmarks.vendor PORT`."""

from __future__ import annotations

import sys

from aiohttp import web


async def take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=b'{"id":"v"}', content_type="application/json")


def main() -> None:
    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()

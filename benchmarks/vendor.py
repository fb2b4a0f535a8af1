"""A vendor that takes everything at once, in a process of its own. `python -m benchmarks.vendor PORT [--show]`."""

from __future__ import annotations

import sys

from aiohttp import web

# Enough of an answer for the generic channel, and for those of WeChat and WeCom with their token.
TAKEN = b'{"id":"v","errcode":0,"access_token":"ACCESS","expires_in":7200}'


async def take(request: web.Request) -> web.Response:
    body = await request.read()
    if "--show" in sys.argv:
        print(request.path, body.decode(), flush=True)
    return web.Response(body=TAKEN, content_type="application/json")


def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()

"""What a person sees: a page to try the models on, the API in words, and the figures.

Each page is one file without any address of another: it works where there is no network.
"""

import base64
import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.responses import HTMLResponse

from headstart.serving.meters import Meters
from headstart.types import Unchecked

_STYLE = """body { font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto;
  padding: 0 1rem; }
h2 { font-size: 1.1rem; border-top: 1px solid gray; padding-top: .8rem; }
code { overflow-wrap: anywhere; }"""


def add(app: FastAPI, meters: Meters) -> None:
    """Give an application its pages."""

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return _html(_page())

    @app.get("/docs", include_in_schema=False)
    async def docs(_: Request) -> Response:
        return _html(_described(app.openapi()))

    @app.get("/metrics", tags=["Figures"])
    def metrics() -> Response:
        """What Prometheus collects."""
        return Response(meters.text(), media_type=meters.content_type)


@cache
def _page() -> str:
    return Path(__file__).with_name("page.html").read_text("utf-8")


def _html(content: str) -> Response:
    return HTMLResponse(content, headers={"content-security-policy": _policy(content)})


@cache
def _policy(content: str) -> str:
    """A policy that allows what is in a page and no more."""
    styles, scripts = (_hashes(tag, content) for tag in ("style", "script"))
    return (
        f"default-src 'none'; style-src {styles}; script-src {scripts}; connect-src 'self'; "
        "img-src blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(tag: str, content: str) -> str:
    blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", content, re.S)
    digests = (hashlib.sha256(each.encode()).digest() for each in blocks)
    return " ".join(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests) or "'none'"


def _described(openapi: Unchecked) -> str:
    """The API as a page: what FastAPI would show loads scripts from elsewhere."""
    parts = []
    for path, methods in openapi["paths"].items():
        for method, about in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(about.get('description', ''))}</p>")
            parameters = [
                f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}): "
                f"{escape(each.get('description', ''))}</li>"
                for each in about.get("parameters", ())
            ]
            bodies = [
                f"<li><code>{escape(kind)}</code></li>"
                for kind in about.get("requestBody", {}).get("content", ())
            ]
            parts += ["<ul>", *parameters, "</ul>"] if parameters else []
            parts += ["<p>Body:</p><ul>", *bodies, "</ul>"] if bodies else []
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>headstart: API</title>'
        f'<meta name="color-scheme" content="light dark"><style>{_STYLE}</style></head><body>'
        "<h1>API</h1><p>For programs: <a href='openapi.json'>openapi.json</a>. "
        "<a href='./'>Try the model.</a></p>"
        f"{''.join(parts)}</body></html>"
    )

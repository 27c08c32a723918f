"""Errors as responses: RFC 9457 problem documents for programs and page scripts, error.html for people.

Called by web/app.py's handlers only. Never echoes what was sent.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hotline import i18n
from hotline.errors import HotlineError, NotSignedIn
from hotline.labels import N_

SIGN_IN = "/sign-in"
_MEDIA_TYPE = "application/problem+json"
# What HTTP itself refuses, in our words.
_PLAIN: Mapping[int, tuple[str, str]] = {
    400: ("bad-request", N_("The request cannot be understood.")),
    404: ("not-found", N_("There is nothing at this address.")),
    405: ("method-not-allowed", N_("This cannot be done at this address.")),
    413: ("too-large", N_("What was sent is too large; nothing was stored.")),
    422: ("invalid", N_("The input is not valid; nothing was stored.")),
    500: ("error", N_("Something went wrong on our side. What was saved before is kept.")),
    503: ("store-unavailable", N_("The database does not answer. Nothing was stored; try again in a moment.")),
}


def plain(status: int) -> tuple[str, str]:
    """Stable code and sentence of an HTTP status that no error of ours stands behind."""
    known = _PLAIN.get(status)
    if known is not None:
        return known
    phrase = HTTPStatus(status).phrase
    return phrase.lower().replace(" ", "-"), f"{phrase}."


def is_page(request: Request) -> bool:
    """A person's browser opens a page; everything else (fetch, htmx, programs) reads problem documents."""
    return (
        "text/html" in request.headers.get("accept", "")
        and "hx-request" not in request.headers
        and not request.url.path.startswith("/api/")
    )


def locale_of(request: Request) -> str:
    """The person's language, a stranger's by what the browser prefers first."""
    signed = getattr(request.state, "signed", None)
    if signed is not None:
        return i18n.known(signed.actor.locale)
    first = request.headers.get("accept-language", "").partition(",")[0].strip().lower()
    return "en" if first.startswith("en") else i18n.DEFAULT


def of_error(request: Request, error: HotlineError) -> dict[str, Any]:
    """The document of one of our errors; `detail` in the person's language."""
    detail = i18n.translate(error.message, locale_of(request), error.values)
    document = {**error.extra, **document_of(error.http_status, error.code, detail)}
    if isinstance(error, NotSignedIn):
        document["sign_in"] = SIGN_IN
    return document


def plain_document(request: Request, status: int, extra: Mapping[str, Any]) -> dict[str, Any]:
    """The document of what HTTP itself refuses."""
    code, sentence = plain(status)
    return {**extra, **document_of(status, code, i18n.translate(sentence, locale_of(request)))}


def document_of(status: int, code: str, detail: str) -> dict[str, Any]:
    return {"type": f"urn:hotline:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code,
            "detail": detail}  # fmt: skip


def response(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """The document with its status; 401 and 429 with the headers that HTTP wants."""
    status = int(document["status"])
    more = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    if "retry_after_s" in document:
        more["Retry-After"] = str(document["retry_after_s"])
    return Response(
        json.dumps(document, ensure_ascii=False, default=str),
        status,
        {**more, "Cache-Control": "no-store"},
        _MEDIA_TYPE,
    )


def to_sign_in(request: Request) -> Response:
    """A page asked for by nobody: sign in first, then come back to what can be opened again."""
    if request.method != "GET":
        return RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(target, safe='/')}", HTTPStatus.SEE_OTHER)


def local_path(target: str) -> str:
    """`target` if it is a path of ours, else the start page: nobody is sent elsewhere by a link to us."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if safe and "\\" not in target else "/"

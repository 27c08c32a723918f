"""The OpenAPI document of /api/v1. Open to everybody: it describes, it does not tell."""

from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.requests import Request

from web.auth import public

router = APIRouter()
PREFIX = "/api/v1/"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; compare this, not the text."},
        "detail": {"type": "string", "description": "One sentence in the caller's language."},
    },
}
_REFUSED = {
    "description": "Refused; nothing was changed.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


@router.get("/api/v1/openapi.json", dependencies=[public("openapi")], include_in_schema=False)
async def openapi(request: Request) -> dict[str, Any]:
    known: dict[str, Any] | None = getattr(request.app.state, "openapi", None)
    if known is None:
        known = request.app.state.openapi = describe(request.app)
    return known


def describe(app: Any) -> dict[str, Any]:
    """The document: API routes only, every error a problem document, a bearer token everywhere."""
    routes = [route for route in iter_route_contexts(app.routes) if (route.path or "").startswith(PREFIX)]
    document = get_openapi(title="Hotline", version="1", routes=routes)
    document["components"]["schemas"]["Problem"] = _PROBLEM
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = operation["responses"]["5XX"] = _REFUSED
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document

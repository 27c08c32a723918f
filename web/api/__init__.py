"""The programming interface under /api/v1: JSON in and out, problem documents, lists by cursor."""

from web.api import agents, calls, document, queues, tickets

ROUTERS = (calls.router, tickets.router, agents.router, queues.router, document.router)

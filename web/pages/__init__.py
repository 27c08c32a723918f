"""Screens, one module each. `ROUTERS` is what web.app includes."""

from web.pages import board, calls, console, health, live, me, operations, session, tickets

ROUTERS = (
    session.router,
    console.router,
    board.router,
    tickets.router,
    calls.router,
    me.router,
    operations.router,
    health.router,
    live.router,
)

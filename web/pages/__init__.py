"""Screens, one module each. `ROUTERS` is what web.app includes."""

from web.pages import board, calls, console, health, live, me, session, tickets

ROUTERS = (
    session.router,
    console.router,
    board.router,
    tickets.router,
    calls.router,
    me.router,
    health.router,
    live.router,
)

"""Screens, one module each. `ROUTERS` is what web.app includes."""

from web.pages import (
    board,
    calls,
    console,
    health,
    live,
    me,
    me_call,
    me_dial,
    me_phone,
    me_say,
    opening,
    operations,
    prompts,
    session,
    supervision,
    tickets,
)

ROUTERS = (
    session.router,
    console.router,
    board.router,
    tickets.router,
    calls.router,
    me.router,
    me_call.router,
    me_dial.router,
    me_phone.router,
    me_say.router,
    operations.router,
    opening.router,
    prompts.router,
    supervision.router,
    health.router,
    live.router,
)

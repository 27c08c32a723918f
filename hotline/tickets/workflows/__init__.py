"""Every workflow by code and version: a ticket keeps the version it began with."""

from hotline.errors import NotFound
from hotline.tickets.workflow import Workflow
from hotline.tickets.workflows.general import GENERAL

WORKFLOWS = {(workflow.code, workflow.version): workflow for workflow in (GENERAL,)}


def workflow_of(code: str, version: int) -> Workflow:
    """Raises NotFound when this code does not have it (a newer hotline opened the ticket)."""
    try:
        return WORKFLOWS[code, version]
    except KeyError:
        raise NotFound("This hotline does not know the ticket's workflow.", workflow=code, version=version) from None

"""A local Companies House that speaks the wire protocol of the real one, with made-up companies.

``async with sandbox_server(SandboxConfig()) as sandbox:`` serves both APIs on one port of this
machine and document storage on another; see `catalogue` for what each company number shows.

Any key is accepted, save that one beginning with ``invalid`` gets 401 and one beginning with
``blocked`` gets 403. Troubles that pass are counted for each key, so a fresh key meets them anew.
"""

from enrichment.sandbox.catalogue import describe_catalogue
from enrichment.sandbox.request_log import LoggedRequest
from enrichment.sandbox.server import Sandbox, SandboxConfig, sandbox_server

__all__ = ["LoggedRequest", "Sandbox", "SandboxConfig", "describe_catalogue", "sandbox_server"]

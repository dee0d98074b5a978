"""A local sandbox: a server with the APIs of Companies House and made-up companies.

``async with sandbox_server(SandboxConfig()) as sandbox:`` serves both APIs on one port of this
machine, and document storage on another. `catalogue` lists the companies, each of which shows one
case to test.

Any API key is accepted, except that a key beginning with ``invalid`` is answered with 401, and one
beginning with ``blocked`` with 403. Temporary failures are counted per key, so they begin again
with a new key.
"""

from enrichment.sandbox.catalogue import describe_catalogue
from enrichment.sandbox.request_log import LoggedRequest
from enrichment.sandbox.server import Sandbox, SandboxConfig, sandbox_server

__all__ = ["LoggedRequest", "Sandbox", "SandboxConfig", "describe_catalogue", "sandbox_server"]

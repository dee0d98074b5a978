"""Files of customers that tests send to be imported, and the jobs that import them."""

from typing import Any

from models.jobs.kinds import IMPORT
from tests.graphql_client import Api

HEADER = "name,classCode"
SELECTED = """state failure rowCount doneRowCount storedRowCount failedRowCount errorFilePath
  earlierImportId
  faults { totalCount nodes { line column code } }"""


def lines(count: int, *more: str) -> bytes:
    """Return a file with this number of customers, and then the rows `more`."""
    rows = [f"Customer {number},CHARITY" for number in range(count)]
    return "\n".join([HEADER, *rows, *more, ""]).encode()


async def send(api: Api, content: bytes, query: str = "", **headers: str) -> Any:
    """Send a file; return the response."""
    token = headers.pop("token", api.token)
    kind = headers.pop("kind", "text/csv")
    return await api.http.post(
        f"/imports{query}",
        content=content,
        headers={"Authorization": f"Bearer {token}", "Content-Type": kind, **headers},
    )


async def sent(api: Api, content: bytes, query: str = "", *, token: str | None = None) -> str:
    """Send a file; return the id of its import, which waits for a worker."""
    return id_of(await send(api, content, query, token=token or api.token))


def id_of(response: Any) -> str:
    """Return the id of the import that an upload has begun."""
    assert response.status_code == 202, response.text
    import_id: str = response.json()["importId"]
    return import_id


async def imported(api: Api, content: bytes, query: str = "", **headers: str) -> Any:
    """Send a file, run its import, and return the import."""
    return await ended(api, await send(api, content, query, **headers), headers.get("token"))


async def ended(api: Api, response: Any, token: str | None = None) -> Any:
    """Run the import that an upload has begun, and return it."""
    await run_imports(api)
    document = f"query($id: ID!) {{ importJob(id: $id) {{ {SELECTED} }} }}"
    found = await api.data(document, id=id_of(response), token=token)
    return found["importJob"]


def faults(job: Any) -> list[tuple[int, str | None, str]]:
    """Return line, column and code of the faults of an import."""
    return [(one["line"], one["column"], one["code"]) for one in job["faults"]["nodes"]]


async def run_imports(api: Api) -> None:
    """Run the jobs of imports, and no others."""
    worker = await api.platform.worker("worker-of-the-tests", [IMPORT])
    while await worker.run_due():
        pass

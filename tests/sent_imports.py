"""Files of customers that tests send to be imported, and the jobs that import them."""

from models.jobs.kinds import IMPORT
from tests.graphql_client import Api

HEADER = "name,classCode"


def lines(count: int, *more: str) -> bytes:
    """Return a file with this number of customers, and then the rows `more`."""
    rows = [f"Customer {number},CHARITY" for number in range(count)]
    return "\n".join([HEADER, *rows, *more, ""]).encode()


async def sent(api: Api, content: bytes, query: str = "", *, token: str | None = None) -> str:
    """Send a file; return the id of its import, which waits for a worker."""
    response = await api.http.post(
        f"/imports{query}",
        content=content,
        headers={"Authorization": f"Bearer {token or api.token}", "Content-Type": "text/csv"},
    )
    assert response.status_code == 202, response.text
    import_id: str = response.json()["importId"]
    return import_id


async def run_imports(api: Api) -> None:
    """Run the jobs of imports, and no others."""
    worker = await api.platform.worker("worker-of-the-tests", [IMPORT])
    while await worker.run_due():
        pass

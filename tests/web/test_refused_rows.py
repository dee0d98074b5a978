"""Rows of imports that could not be read: sent back unmended, they are refused again."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import Customer
from models.rules.import_columns import ERROR_CODES, ERROR_MESSAGES, Header
from models.rules.import_csv import CsvReader
from tests.graphql_client import Api
from tests.sent_imports import run_imports, sent
from web.csv_answer import written
from web.refused_rows import refused_header, refused_row

NAMES = ("name", "classCode", "companyNumber", "externalReference")
COLUMNS = st.builds(
    lambda names, end: [*names, *end],
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    st.sampled_from([[], [ERROR_CODES], [ERROR_CODES, ERROR_MESSAGES]]),
).flatmap(st.permutations)
LINES = st.lists(st.text(alphabet='a,"; \r\n=\xa3\x00', max_size=12), min_size=1, max_size=6)

Raw = list[tuple[str, str]]
"""The texts of rows that cannot be read, each with the code of its fault."""


def unreadable(columns: list[str], body: bytes) -> tuple[Raw, int]:
    """Return the rows of a file that cannot be read, and the number of its other rows."""
    reader, header, raw, others = CsvReader(), Header.of(1, columns), Raw(), 0
    for found in (*reader.feed(body), *reader.end()):
        if found.fault is not None:
            raw.append((found.text, found.fault.code))
            continue
        row = header.row(found.line, found.text, found.cells)
        if row.is_readable:
            others += 1
        else:
            raw.append((found.text, row.faults[0].code))
    return raw, others


@given(COLUMNS, LINES, st.sampled_from(["utf-8", "latin-1"]))
@example(["name", "classCode"], ["Smith, Jones Ltd,CHARITY", '"a', 'b",CHARITY'], "utf-8")
@example(["name"], ["\xa3"], "latin-1")
@example(["name", ERROR_CODES, ERROR_MESSAGES], ["a", "a,b"], "utf-8")
def test_unreadable_rows_stay_unreadable(
    columns: list[str], lines: list[str], encoding: str
) -> None:
    raw, _ = unreadable(columns, "\n".join(lines).encode(encoding))
    for _ in range(3):
        file = written(refused_row(text, columns, [code], "Line 2: bad.") for text, code in raw)
        columns = refused_header(columns)
        again, others = unreadable(columns, file.encode())
        assert (len(again), others) == (len(raw), 0)
        raw = again


@pytest.mark.parametrize(
    "line",
    [
        b"Smith, Jones Ltd,CHARITY",
        b"Smith",
        b'Sm"ith,CHARITY',
        b'"Smith,CHARITY',
        b"Sm\xffith,CHARITY",
        b"x" * 200_000,
    ],
)
async def test_an_unmended_row_is_refused_again(api: Api, line: bytes) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    content = b"name,classCode\n" + line + b"\n"
    before = await Customer.all().count()
    for _ in range(3):
        import_id = await sent(api, content)
        await run_imports(api)
        answer = await api.http.get(f"/imports/{import_id}/errors.csv", headers=headers)
        content = answer.content
        _, failed = csv.reader(io.StringIO(answer.text, newline=""))
        assert any(cell.startswith("Line 2: ") for cell in failed)
        assert await Customer.all().count() == before


async def test_cells_of_a_row_with_too_many_stay_as_they_were(api: Api) -> None:
    import_id = await sent(api, b"name,classCode\nSmith, Jones Ltd,CHARITY\n")
    await run_imports(api)
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = await api.http.get(f"/imports/{import_id}/errors.csv", headers=headers)
    header, failed = answer.text.splitlines()
    assert header == "name,classCode,import.errorCodes,import.errorMessages"
    assert failed.startswith("Smith, Jones Ltd,CHARITY,WRONG_CELL_COUNT,")


@pytest.mark.parametrize("line", [b'{"name": "Sm\xffith", "classCode": "CHARITY"}', b"x" * 200_000])
async def test_an_unmended_object_is_refused_again(api: Api, line: bytes) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    before, content = await Customer.all().count(), line
    for _ in range(2):
        response = await api.http.post(
            "/imports",
            content=content,
            headers={**headers, "Content-Type": "application/jsonl"},
        )
        await run_imports(api)
        path = f"/imports/{response.json()['importId']}/errors.jsonl"
        content = (await api.http.get(path, headers=headers)).content
        assert len(content.splitlines()) == 1
        assert await Customer.all().count() == before

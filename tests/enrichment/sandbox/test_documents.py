"""Documents over the wire: metadata, signed redirects, storage, and folders of real ones."""

from pathlib import Path

import orjson
from yarl import URL

from tests.enrichment.sandbox.calling import ALPHA, Clock, calling


async def test_a_paper_filing_exists_as_a_picture_only() -> None:
    async with calling() as caller:
        history = await caller.json("/company/00000201/filing-history?category=accounts")
        newest, _, earlier = history["items"]
        assert newest["paper_filed"] is True
        path = URL(newest["links"]["document_metadata"]).path
        assert set((await caller.json(path))["resources"]) == {"application/pdf"}
        path = URL(earlier["links"]["document_metadata"]).path
        kinds = set((await caller.json(path))["resources"])
    assert kinds == {"application/pdf", "application/xhtml+xml"}


async def test_content_is_a_redirect_without_body_to_another_origin() -> None:
    async with calling() as caller:
        link = await caller.accounts_link()
        metadata = await caller.json(URL(link).path)
        accept = {"Accept": "application/xhtml+xml"}
        status, headers, body = await caller.ask(f"{link}/content", **accept)
        assert (status, body) == (302, b"")
        location = URL(headers["location"], encoded=True)
        assert str(location.origin()) == caller.sandbox.storage_url != caller.sandbox.api_url
        assert location.query["X-Amz-Expires"] == "60"
        status, headers, body = await caller.ask(str(location), key=None)
    assert (status, headers["content-type"]) == (200, "application/xhtml+xml")
    assert len(body) == metadata["resources"]["application/xhtml+xml"]["content_length"]
    assert metadata["company_number"] == "00000101"
    assert metadata["links"] == {"self": link, "document": f"{link}/content"}


async def test_the_default_content_is_the_picture_and_unlisted_types_are_not_acceptable() -> None:
    async with calling() as caller:
        link = await caller.accounts_link()
        _, headers, _ = await caller.ask(f"{link}/content")
        _, _, body = await caller.ask(headers["location"], key=None)
        assert body.startswith(b"%PDF-")
        for accept in ("application/json", "application/zip"):
            assert (await caller.ask(f"{link}/content", Accept=accept))[0] == 406
        for path in ("/document/unknown", "/document/unknown/content"):
            assert (await caller.ask(path))[0] == 404


async def test_storage_refuses_a_login_an_old_link_and_a_changed_one() -> None:
    clock = Clock()
    async with calling(clock=clock) as caller:
        link = await caller.accounts_link()
        _, headers, _ = await caller.ask(f"{link}/content")
        location = headers["location"]
        status, _, body = await caller.ask(location)
        assert status == 400
        assert b"Only one auth mechanism allowed" in body
        assert (await caller.ask(location.replace("Expires=60", "Expires=90"), key=None))[0] == 403
        clock.now += 59
        assert (await caller.ask(location, key=None))[0] == 200
        clock.now += 1
        status, _, body = await caller.ask(location, key=None)
        assert status == 403
        assert b"Request has expired" in body


async def test_a_folder_of_documents_becomes_companies(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "Prod224_2601_00990175_20250630.html").write_bytes(b"<html>new</html>")
    (folder / "Prod224_2501_00990175_20240630.html").write_bytes(b"<html>old</html>")
    (folder / "Prod223_3951_OC990776_20240831_CIC.zip").write_bytes(b"PK")
    (folder / "named_elsewhere.xml").write_bytes(b"<xbrl/>")
    (folder / "unknown.html").write_bytes(b"")
    (folder / "Prod224_2601_00990179_20259999.pdf").write_bytes(b"")
    expected = {
        "named_elsewhere.xml": {
            "company_number": "990177",
            "company_name": "A Real Name PLC",
            "balance_sheet_date": "2009-07-31",
        }
    }
    (tmp_path / "expected.json").write_bytes(orjson.dumps(expected))
    async with calling(documents=folder) as caller:
        profile = await caller.json("/company/00990175")
        assert profile["company_name"] == "SANDBOX DOCUMENT 00990175 LIMITED"
        assert profile["accounts"]["last_accounts"]["period_end_on"] == "2025-06-30"
        history = await caller.json("/company/00990175/filing-history?category=accounts")
        assert [item["action_date"] for item in history["items"]] == ["2025-06-30", "2024-06-30"]
        link = history["items"][0]["links"]["document_metadata"]
        _, headers, _ = await caller.ask(f"{link}/content", Accept="application/xhtml+xml")
        assert (await caller.ask(headers["location"], key=None))[2] == b"<html>new</html>"
        named = await caller.json("/company/00990177")
        assert (named["company_name"], named["type"]) == ("A Real Name PLC", "plc")
        assert (await caller.json("/company/OC990776"))["type"] == "llp"
        assert (await caller.ask("/company/00990179"))[0] == 404
        assert (await caller.json(ALPHA))["company_number"] == "00000101"

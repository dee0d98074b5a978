"""The id of the platform's defaults, by which client caches keep them."""

from tests.graphql_client import Api

DEFAULTS = "{ platformDefaults { id version } }"


async def test_the_defaults_have_one_id_which_their_audit_entries_name(api: Api) -> None:
    before = (await api.data(DEFAULTS))["platformDefaults"]
    charity = await api.class_of("CHARITY")
    saved = await api.done(
        "savePlatformDefaults", "platformDefaults { id version }", classId=charity["id"]
    )
    assert before["id"] == saved["platformDefaults"]["id"] == "platform_defaults"
    assert (await api.data(DEFAULTS))["platformDefaults"] == saved["platformDefaults"]
    trail = await api.data(
        "query($filter: AuditFilter) { auditTrail(filter: $filter) { nodes { operation } } }",
        filter={"subjectId": before["id"]},
    )
    assert trail["auditTrail"]["nodes"] == [{"operation": "PLATFORM_DEFAULTS_SAVED"}]
    assert await api.data('query { node(id: "platform_defaults") { id } }') == {"node": None}

"""The queries of background jobs, and who may ask them."""

from typing import Any

import pytest

from models import AuditEntry, Job
from models.jobs.job import JobState
from models.rules.urgency import Urgency
from models.tables.access import Scope
from tests.graphql_client import Api, stored
from tests.partner_world import bound_token

ALL = """id kind state urgency attemptCount reason subjectIds resellerId requestId createdAt dueAt
  startedAt finishedAt"""
JOBS = f"""query($first: Int, $after: String, $filter: JobFilter, $sort: JobSort) {{
  jobs(first: $first, after: $after, filter: $filter, sort: $sort) {{
    totalCount nodes {{ {ALL} }} pageInfo {{ endCursor hasNextPage }} }} }}"""


async def add_jobs(api: Api, count: int = 1, **values: Any) -> list[str]:
    """Save companies, whose lookups wait; change the jobs, and return their ids, oldest first."""
    for number in range(count):
        given = {"classCode": "COMPANY_UK_LIMITED", "companyNumber": f"9000000{number + 1}"}
        await api.save_customer(**given)
    ids = [job.id for job in await Job.all().order_by("-id").limit(count)]
    await Job.filter(id__in=ids).update(**values)
    return ids[::-1]


async def test_a_job_shows_what_operators_need_without_personal_data(api: Api) -> None:
    response = await api.post(
        """mutation { saveCustomer(input: { name: "Secret Society",
          classCode: "COMPANY_UK_LIMITED", companyNumber: "90000001" }) {
            customer { id } } }""",
        headers={"X-Request-Id": "ours"},
    )
    saved = response.json()["data"]["saveCustomer"]["customer"]
    stored = await Job.get()
    found = (await api.data(JOBS))["jobs"]
    now = api.clock().isoformat(timespec="milliseconds").replace(".000+00:00", "Z")
    assert found["totalCount"] == 1
    (job,) = found["nodes"]
    assert sorted(job.pop("subjectIds")) == sorted([saved["id"], stored.payload["run_id"]])
    assert {job.pop("createdAt")[:19], job.pop("dueAt")[:19]} == {now[:19]}
    assert job == {
        "id": stored.id,
        "kind": "ENRICH",
        "state": "READY",
        "urgency": "SAVED",
        "attemptCount": 0,
        "reason": None,
        "resellerId": None,
        "requestId": "ours",
        "startedAt": None,
        "finishedAt": None,
    }
    one = await api.data("query($id: ID!) { job(id: $id) { id kind } }", id=stored.id)
    assert one["job"] == {"id": stored.id, "kind": "ENRICH"}
    assert "Secret" not in (await api.post(JOBS)).text


async def test_a_running_job_is_not_due_and_an_unknown_kind_is_null(api: Api) -> None:
    await add_jobs(api, state=JobState.RUNNING, kind="of_a_later_release")
    (job,) = (await api.data(JOBS))["jobs"]["nodes"]
    assert (job["state"], job["dueAt"], job["kind"]) == ("RUNNING", None, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [2, 1, 0]),
        ({"kind": "ENRICH"}, [2, 1, 0]),
        ({"kind": "IMPORT"}, []),
        ({"states": ["FAILED"]}, [0]),
        ({"states": ["FAILED", "READY"]}, [2, 0]),
        ({"states": []}, [2, 1, 0]),
        ({"states": None, "urgency": "BULK"}, [1]),
        ({"reason": "GAVE_UP"}, [0]),
        ({"reason": "GAVE"}, []),
        ({"reason": "' OR '1'='1"}, []),
        ({"states": ["FAILED"], "urgency": "BULK"}, []),
    ],
)
async def test_filters_are_met_all(api: Api, given: dict[str, Any], expected: list[int]) -> None:
    ids = await add_jobs(api, 3)
    await Job.filter(id=ids[0]).update(state=JobState.FAILED, reason="GAVE_UP")
    await Job.filter(id=ids[1]).update(state=JobState.WAITING, urgency=int(Urgency.BULK))
    found = (await api.data(JOBS, filter=given))["jobs"]
    assert [one["id"] for one in found["nodes"]] == [ids[place] for place in expected]
    assert found["totalCount"] == len(expected)


async def test_pages_follow_each_other(api: Api) -> None:
    ids = await add_jobs(api, 3)
    first = (await api.data(JOBS, first=2))["jobs"]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = (await api.data(JOBS, first=2, after=first["pageInfo"]["endCursor"]))["jobs"]
    assert [one["id"] for one in (*first["nodes"], *rest["nodes"])] == ids[::-1]
    oldest = (await api.data(JOBS, first=2, sort="CREATED_AT_ASC"))["jobs"]
    assert [one["id"] for one in oldest["nodes"]] == ids[:2]


async def test_only_the_permission_of_its_own_shows_jobs(api: Api) -> None:
    (job_id,) = await add_jobs(api)
    for scope in Scope:
        token = await api.token_for(scope)
        body = await api.answer(JOBS, token=token)
        if scope is Scope.JOBS_ADMINISTER:
            assert body["data"]["jobs"]["nodes"][0]["id"] == job_id
        else:
            assert body["data"]["jobs"] is None
            assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_partner_is_refused_whatever_its_token_says(api: Api) -> None:
    customer = await api.save_customer()
    (job_id,) = await add_jobs(api)
    _, partner = await bound_token(customer["id"], api.clock(), *Scope)
    for document in (JOBS, f'{{ job(id: "{job_id}") {{ id }} }}'):
        error = await api.error(document, token=partner)
        assert error["extensions"]["code"] == "FORBIDDEN"
    node = await api.data(f'{{ node(id: "{job_id}") {{ id }} }}', token=partner)
    assert node == {"node": None}


async def test_jobs_are_retried_and_discarded_all_or_none(api: Api) -> None:
    ids = await add_jobs(api, 2)
    failed = {"state": JobState.FAILED, "live_key": None, "due_at": None}
    await Job.filter(id__in=ids).update(**failed)
    first, second = ids
    payload = await api.done("retryJobs", "jobs { id state }", ids=[second, first, second])
    assert payload["jobs"] == [{"id": one, "state": "READY"} for one in (second, first)]
    await api.refused("retryJobs", "JOB_NOT_CHANGEABLE", "NOT_FOUND", ids=[first, "job_nope"])
    payload = await api.done("discardJobs", "jobs { id state }", ids=ids)
    assert payload["jobs"] == [{"id": one, "state": "CANCELLED"} for one in ids]
    (error, _) = await api.refused(
        "discardJobs", "JOB_NOT_CHANGEABLE", "JOB_NOT_CHANGEABLE", ids=ids
    )
    assert error["path"] == ["ids", "0"]
    entries = await AuditEntry.filter(operation__startswith="job.").order_by("id")
    told = sorted((one.operation, one.subject_id) for one in entries)
    assert told == sorted((f"job.{done}", one) for done in ("retried", "discarded") for one in ids)
    assert {one.actor_name for one in entries} == {"Tess Tester"}


async def test_a_repeated_request_retries_nothing_twice(api: Api) -> None:
    (job_id,) = await add_jobs(api, state=JobState.FAILED, live_key=None)
    document = """mutation($ids: [ID!]!) { retryJobs(input: { ids: $ids }) {
      jobs { id state } userErrors { code } } }"""
    headers = {"Idempotency-Key": "once"}
    answers = [await api.post(document, {"ids": [job_id]}, headers=headers) for _ in range(2)]
    assert answers[0].json()["data"] == answers[1].json()["data"]
    assert await AuditEntry.filter(operation="job.retried").count() == 1


async def test_kinds_are_paused_and_resumed(api: Api) -> None:
    for _ in range(2):
        paused = await api.done("pauseJobs", "pausedKinds", kind="CONFIRMATION_MAIL")
        assert paused["pausedKinds"] == ["CONFIRMATION_MAIL"]
    assert (await api.done("pauseJobs", "pausedKinds", kind="ENRICH"))["pausedKinds"] == [
        "CONFIRMATION_MAIL",
        "ENRICH",
    ]
    await add_jobs(api)
    assert await api.work() == 0
    dry = await api.done("resumeJobs", "isDryRun pausedKinds", kind="ENRICH", dryRun=True)
    assert dry == {"isDryRun": True, "pausedKinds": ["CONFIRMATION_MAIL"], "userErrors": []}
    for _ in range(2):
        resumed = await api.done("resumeJobs", "pausedKinds", kind="CONFIRMATION_MAIL")
        assert resumed["pausedKinds"] == ["ENRICH"]
    entries = await AuditEntry.filter(operation__startswith="jobs.").order_by("id")
    assert [one.operation for one in entries] == ["jobs.paused", "jobs.paused", "jobs.resumed"]


async def test_a_partner_changes_no_job(api: Api) -> None:
    customer = await api.save_customer()
    (job_id,) = await add_jobs(api, state=JobState.FAILED, live_key=None)
    _, partner = await bound_token(customer["id"], api.clock(), *Scope)
    before = await stored()
    for mutation, given in (
        ("retryJobs", f'ids: ["{job_id}"]'),
        ("discardJobs", f'ids: ["{job_id}"]'),
        ("pauseJobs", "kind: ENRICH"),
        ("resumeJobs", "kind: ENRICH"),
    ):
        document = f"mutation {{ {mutation}(input: {{ {given} }}) {{ userErrors {{ code }} }} }}"
        error = await api.error(document, token=partner)
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert await stored() == before

"""Which hosts may receive the API key, and which redirects are followed."""

import pytest

from enrichment.endpoints import Endpoints
from enrichment.errors import InvalidDocumentLink, RedirectRefused

REGISTER = Endpoints()
LOCAL = Endpoints("http://127.0.0.1:8080", "http://127.0.0.1:8080")
SIGNED = "?X-Amz-Signature=a%2Bb%2Fc&X-Amz-Expires=60"


def test_the_default_is_the_register() -> None:
    assert REGISTER.api_url == "https://api.company-information.service.gov.uk"
    assert REGISTER.document_url == "https://document-api.company-information.service.gov.uk"
    assert REGISTER.is_register
    assert REGISTER.source == "REGISTER"


@pytest.mark.parametrize(
    ("api_url", "document_url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://api-sandbox.company-information.service.gov.uk", REGISTER.document_url),
        (REGISTER.api_url, "https://documents.example.com"),
        ("https://api.company-information.service.gov.uk.example.com", REGISTER.document_url),
        ("https://api.company-information.service.gov.uk:8443", REGISTER.document_url),
    ],
)
def test_all_but_the_registers_own_hosts_count_as_made_up(api_url: str, document_url: str) -> None:
    endpoints = Endpoints(api_url, document_url)
    assert not endpoints.is_register
    assert endpoints.source == "SANDBOX"


def test_every_document_host_of_the_register_is_known() -> None:
    for host in (
        "document-api.companieshouse.gov.uk",
        "frontend-doc-api.company-information.service.gov.uk",
        "frontend-doc-api.companieshouse.gov.uk",
    ):
        assert Endpoints(document_url=f"https://{host}/").is_register


@pytest.mark.parametrize(
    "url",
    [
        "http://api.company-information.service.gov.uk",  # would send the key unencrypted
        "http://10.0.0.1:8080",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "api.company-information.service.gov.uk",
        "",
        "https://",
        "https://user@api.company-information.service.gov.uk",
        "https://:secret@api.company-information.service.gov.uk",
        "https://example.com/path",
        "https://example.com?query=1",
        "https://example.com#fragment",
        "https://exa mple.com",
        "https://example.com\\@evil.example",
    ],
)
def test_an_endpoint_that_is_no_safe_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"Companies House URL|plain http"):
        Endpoints(api_url=url)
    with pytest.raises(ValueError, match=r"Companies House URL|plain http"):
        Endpoints(document_url=url)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1"])
def test_plain_http_is_allowed_to_this_machine(url: str) -> None:
    assert Endpoints(url, url).api_url == url


@pytest.mark.parametrize(
    "link",
    [
        "https://document-api.company-information.service.gov.uk/document/8_jg",
        "https://document-api.companieshouse.gov.uk/document/8_jg",
        "https://frontend-doc-api.company-information.service.gov.uk/document/8_jg/content",
        "https://evil.example/document/8_jg",
        "http://169.254.169.254/document/8_jg/",
        "/document/8_jg",
    ],
)
def test_of_a_document_link_only_the_id_is_used(link: str) -> None:
    assert REGISTER.document_metadata_url(link) == f"{REGISTER.document_url}/document/8_jg"
    assert LOCAL.document_metadata_url(link) == "http://127.0.0.1:8080/document/8_jg"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://document-api.companieshouse.gov.uk/",
        "https://document-api.companieshouse.gov.uk/document/",
        "https://document-api.companieshouse.gov.uk/document/../company/1",
        "https://document-api.companieshouse.gov.uk/document/a/b",
        "https://document-api.companieshouse.gov.uk/document/a?b=c",
        "https://document-api.companieshouse.gov.uk/document/a%2Fb",
        "https://document-api.companieshouse.gov.uk/document/a\n",
        "//evil.example/document/a",
        "https://evil.example\\/document/a",
        "/document/" + "a" * 129,
    ],
)
def test_a_link_without_a_document_id_is_refused(link: str) -> None:
    with pytest.raises(InvalidDocumentLink):
        REGISTER.document_metadata_url(link)


@pytest.mark.parametrize(
    "host",
    [
        "s3.eu-west-2.amazonaws.com",
        "s3.eu-west-2.amazonaws.com:443",
        "S3.EU-West-2.amazonaws.com",
        "document-api-images-live.ch.gov.uk.s3.eu-west-2.amazonaws.com",
        "document-api-images-live-2.s3.eu-west-2.amazonaws.com",
    ],
)
def test_the_registers_document_store_is_followed_with_its_signature_untouched(host: str) -> None:
    location = (
        f"https://{host}/document-api-images-live.ch.gov.uk/docs/8_jg/application-pdf{SIGNED}"
    )
    assert REGISTER.storage_url(location).raw_query_string == SIGNED[1:]


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/relative",
        "//s3.eu-west-2.amazonaws.com/a",
        "http://s3.eu-west-2.amazonaws.com/a",  # unencrypted
        "https://s3.eu-west-2.amazonaws.com:8443/a",
        "https://s3.eu-west-2.amazonaws.com:notaport/a",
        "https://user@s3.eu-west-2.amazonaws.com/a",
        "https://s3.eu-west-2.amazonaws.com@evil.example/a",
        "https://s3.eu-west-2.amazonaws.com.evil.example/a",
        "https://evil.example/s3.eu-west-2.amazonaws.com",
        "https://evil.s3.eu-west-2.amazonaws.com/a",
        "https://s3.us-east-1.amazonaws.com/a",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/a",
        "http://127.0.0.1:9000/a",
        "http://localhost/a",
        "https://s3.eu-west-2.amazonaws.com\\@evil.example/a",
        "https://s3.eu-west-2.amazonaws.com/a b",
        "https://s3.eu-west-2.amazonaws.com/a\r\nHost: evil",
        "https://[::1/a",
        "file:///etc/passwd",
        "data:text/plain,x",
        "https://",
    ],
)
def test_a_redirect_to_any_other_place_is_refused(location: str) -> None:
    with pytest.raises(RedirectRefused):
        REGISTER.storage_url(location)


def test_a_document_api_on_this_machine_may_send_us_to_this_machine_only() -> None:
    assert LOCAL.storage_url("http://127.0.0.1:9000/a?b=c").port == 9000
    for location in (
        "http://10.0.0.1/a",
        "https://s3.eu-west-2.amazonaws.com/a",
        "ftp://127.0.0.1/",
    ):
        with pytest.raises(RedirectRefused):
            LOCAL.storage_url(location)

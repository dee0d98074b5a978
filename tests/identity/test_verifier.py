"""Verifying tokens: a truth table of valid and invalid ones."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import Key, RSAKey

from identity.errors import TokenRefused
from identity.key_set import key_set
from identity.provider import Provider
from identity.token_form import MAX_TOKEN, is_token
from identity.verifier import read_header, verify
from models.changes.sign_in import Identity
from tests.clock import START, Clock
from tests.identity_provider import AUDIENCE, IdentityProvider, key_pair, public, segment, signed

ISSUER = "https://id.example/realm"
RSA, OTHER = key_pair("RSA"), key_pair("RSA", 2)
P256, P384, ED = key_pair("P-256"), key_pair("P-384"), key_pair("Ed25519")
NOW = START.timestamp()
LEEWAY_S = 60
EVERY = frozenset({"RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"})
PROVIDER = Provider(ISSUER, AUDIENCE, algorithms=EVERY, leeway=timedelta(seconds=LEEWAY_S))
GOOD = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 300}


def claims(**changes: Any) -> dict[str, Any]:
    """Return valid claims with changes; a value of None removes the claim."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not None}


def checked(token: str, *published: Any, provider: Provider = PROVIDER) -> Identity:
    """Verify a token with published keys, as signing in does."""
    header = read_header(token, provider)
    key = key_set(published or [public(RSA)]).find(header.kid, header.alg)
    if key is None:
        raise TokenRefused("UNKNOWN_KEY")
    return verify(token, key, provider, START)


def reason(token: str, *published: Any, provider: Provider = PROVIDER) -> str:
    """Return the reason why a token is refused."""
    with pytest.raises(TokenRefused) as refused:
        checked(token, *published, provider=provider)
    assert str(refused.value) == refused.value.reason
    return refused.value.reason


def test_a_good_token_says_who_it_is_until_when_and_in_which_groups() -> None:
    said = claims(
        name=" Alice Able ",
        email="alice@id.example",
        groups=["staff", "sales", "staff"],
        iat=NOW - 5,
    )
    token = signed(said, RSA)
    assert checked(token) == Identity(
        issuer=ISSUER,
        subject="alice",
        name="Alice Able",
        email="alice@id.example",
        groups=frozenset({"staff", "sales"}),
        issued_at=START - timedelta(seconds=5),
        # Leeway included: from then on the token is refused.
        expires_at=START + timedelta(seconds=300 + LEEWAY_S),
    )


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("RS256", RSA),
        ("PS256", RSA),
        ("ES256", P256),
        ("ES384", P384),
        ("Ed25519", ED),
        ("EdDSA", ED),  # an older name of the same claim
    ],
)
def test_each_allowed_algorithm_signs_in_and_no_other(alg: str, key: Key) -> None:
    token = signed(claims(), key, alg)
    assert checked(token, public(key)).subject == "alice"
    others = EVERY - {alg}
    narrow = Provider(ISSUER, AUDIENCE, algorithms=others)
    assert reason(token, public(key), provider=narrow) == "ALGORITHM"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "alice"),
        ({"aud": [AUDIENCE, "billing"]}, "alice"),  # our audience among others
        ({"exp": NOW - LEEWAY_S + 1}, "alice"),  # the last second of leeway
        ({"exp": NOW - LEEWAY_S}, "EXPIRED_TOKEN"),
        ({"exp": NOW - 86_400}, "EXPIRED_TOKEN"),
        ({"exp": NOW + 0.5}, "alice"),  # a NumericDate may have a fraction
        ({"exp": 10**30}, "alice"),
        ({"nbf": NOW + LEEWAY_S}, "alice"),
        ({"nbf": NOW + LEEWAY_S + 1}, "INVALID_CLAIM"),  # not yet valid
        ({"iat": NOW + LEEWAY_S}, "alice"),
        ({"iat": NOW + LEEWAY_S + 1}, "INVALID_CLAIM"),  # issued in the future
        ({"exp": None}, "MISSING_CLAIM"),
        ({"sub": None}, "MISSING_CLAIM"),
        ({"iss": None}, "MISSING_CLAIM"),
        ({"aud": None}, "MISSING_CLAIM"),
        ({"iss": "https://id.example/realm/"}, "INVALID_CLAIM"),  # must be equal exactly
        ({"iss": "https://evil.example"}, "INVALID_CLAIM"),
        ({"iss": [ISSUER]}, "INVALID_CLAIM"),
        ({"aud": "billing"}, "INVALID_CLAIM"),
        ({"aud": ["billing", "other"]}, "INVALID_CLAIM"),
        ({"aud": []}, "INVALID_CLAIM"),
        ({"aud": {AUDIENCE: True}}, "INVALID_CLAIM"),
        ({"aud": AUDIENCE.upper()}, "INVALID_CLAIM"),
        ({"sub": ""}, "INVALID_CLAIM"),
        ({"sub": 7}, "INVALID_CLAIM"),
        ({"sub": "a" * 256}, "SUBJECT"),
        ({"sub": "a\0b"}, "SUBJECT"),  # too long for the column
        ({"sub": "\ud800"}, "SUBJECT"),
        ({"sub": " alice"}, "SUBJECT"),  # compared exactly
        ({"exp": str(NOW + 300)}, "INVALID_CLAIM"),
        ({"exp": True}, "INVALID_CLAIM"),
        ({"exp": [NOW + 300]}, "INVALID_CLAIM"),
        ({"nbf": "now"}, "INVALID_CLAIM"),
    ],
)
def test_claims_decide(changes: dict[str, Any], expected: str) -> None:
    token = signed(claims(**changes), RSA)
    if expected == "alice":
        assert checked(token).subject == "alice"
    else:
        assert reason(token) == expected


def test_fractions_of_seconds_count() -> None:
    exact = Provider(ISSUER, AUDIENCE, leeway=timedelta(0))
    now = START + timedelta(milliseconds=500)
    (key,) = key_set([public(RSA)]).keys
    assert verify(signed(claims(iat=NOW + 0.4, nbf=NOW + 0.5), RSA), key, exact, now)
    for late in ({"iat": NOW + 0.6}, {"nbf": NOW + 0.6}, {"exp": NOW + 0.4}):
        with pytest.raises(TokenRefused):
            verify(signed(claims(**late), RSA), key, exact, now)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"typ": None}, "alice"),  # the header is optional
        ({"typ": "at+jwt"}, "alice"),  # an access token (RFC 9068)
        ({"typ": "application/at+JWT"}, "alice"),
        ({"typ": "logout+jwt"}, "TYPE"),
        ({"typ": "dpop+jwt"}, "TYPE"),
        ({"typ": ["JWT"]}, "TYPE"),
        ({"crit": ["exp"], "exp": 1}, "CRITICAL_HEADER"),
        ({"crit": []}, "CRITICAL_HEADER"),
        ({"b64": True}, "CRITICAL_HEADER"),
        ({"kid": None}, "alice"),  # there is only one key
        ({"kid": "nobody's"}, "UNKNOWN_KEY"),
        ({"kid": "k" * 256}, "KEY_ID"),
        ({"jku": "https://evil.example/keys"}, "alice"),  # ignored
        ({"x5u": "https://evil.example/keys"}, "alice"),
        ({"jwk": public(OTHER)}, "alice"),
        ({"nonce": "of another standard"}, "alice"),
    ],
)
def test_headers_decide(header: dict[str, Any], expected: str) -> None:
    token = signed(claims(), RSA, **header)
    if expected == "alice":
        assert checked(token).subject == "alice"
    else:
        assert reason(token) == expected


def by_hand(header: Any, payload: Any, signature: bytes = b"signature") -> str:
    return f"{segment(header)}.{segment(payload)}.{segment(signature)}"


def test_a_key_that_the_token_brings_or_points_to_opens_nothing() -> None:
    """The token is signed correctly, but with an attacker's key."""
    headers: list[dict[str, Any]] = [
        {"jwk": public(OTHER)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/keys"},
        {"x5c": ["MIIB"]},
    ]
    for header in headers:
        assert reason(signed(claims(), OTHER, **header)) == "UNKNOWN_KEY"
        named_ours = {**header, "kid": RSA.kid}
        assert reason(signed(claims(), OTHER, **named_ours)) == "BAD_SIGNATURE"


def test_no_algorithm_without_a_signature_or_with_a_shared_secret_counts() -> None:
    for alg in ("none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS257", None, 7):
        unsigned = f"{segment({'alg': alg, 'kid': RSA.kid})}.{segment(claims())}."
        assert reason(unsigned) == "FORM"
        assert reason(by_hand({"alg": alg, "kid": RSA.kid}, claims())) == "ALGORITHM"
    assert reason(by_hand({"kid": RSA.kid}, claims())) == "ALGORITHM"
    for name in ("none", "HS256"):
        with pytest.raises(ValueError, match="OIDC_ALGORITHMS"):
            Provider(ISSUER, AUDIENCE, algorithms=frozenset({"RS256", name}))


def test_the_public_key_is_nobodys_shared_secret() -> None:
    """Algorithm confusion: HS256 with the public key as its secret."""
    assert isinstance(RSA, RSAKey)
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False), str(public(RSA)).encode()):
        signing_input = f"{segment({'alg': 'HS256', 'kid': RSA.kid})}.{segment(claims())}"
        mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        assert reason(f"{signing_input}.{segment(mac)}") == "ALGORITHM"


def test_a_key_checks_what_it_is_for_and_nothing_else() -> None:
    token = signed(claims(), RSA)
    cases = [
        public(P256, kid=RSA.kid),  # another type
        public(RSA, alg="PS256"),  # for another algorithm
        public(RSA, use="enc"),
        public(RSA, key_ops=["encrypt"]),
        public(RSA, kid=None),
        {**RSA.as_dict(private=True)},  # a key whose private half is published
        {"kty": "oct", "k": "c2VjcmV0", "kid": RSA.kid},
        {"kty": "RSA", "kid": RSA.kid},
        {"kty": "RSA", "kid": RSA.kid, "n": 7, "e": "AQAB"},
        public(RSA, n="!!!"),
        {"kty": "X", "kid": RSA.kid},
        "text",
        None,
    ]
    for published in cases:
        assert reason(token, published) == "UNKNOWN_KEY", published
    es384 = signed(claims(), P384, "ES384")
    assert reason(es384, public(P256, kid=P384.kid)) == "UNKNOWN_KEY"  # another curve
    assert reason(token, public(OTHER, kid=RSA.kid)) == "BAD_SIGNATURE"
    # An unusable key does not affect the others.
    assert checked(token, *cases, public(RSA, x5c=["not looked at"])).subject == "alice"


def test_a_key_that_is_too_short_checks_nothing() -> None:
    with pytest.warns(match="Key size"):
        short = RSAKey.generate_key(1024, {"kid": "short"})
    assert reason(signed(claims(), short), public(short)) == "UNKNOWN_KEY"


def test_a_token_without_a_key_id_needs_a_single_key() -> None:
    token = signed(claims(), RSA, kid=None)
    assert reason(token, public(RSA), public(OTHER)) == "UNKNOWN_KEY"
    assert checked(token, public(RSA), public(P256)).subject == "alice"  # a key of this type


GOOD_TOKEN = signed(claims(), RSA)
HEAD, BODY, SIGNATURE = GOOD_TOKEN.split(".")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TWICE = b'{"alg": "none", "alg": "RS256"}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d.e",  # an encrypted one
        f"{HEAD}.{BODY}.",
        f"{HEAD}..{SIGNATURE}",
        f"{GOOD_TOKEN}=",
        f"{HEAD}=.{BODY}.{SIGNATURE}",
        f"{HEAD}.{BODY} .{SIGNATURE}",
        f"{HEAD}\n.{BODY}.{SIGNATURE}",
        f" {GOOD_TOKEN}",
        f"{GOOD_TOKEN}\n",
        f"{HEAD}.{BODY}.{SIGNATURE[:-1]}+",
        f"{HEAD}.{BODY}.{SIGNATURE[:-1]}é",
        f"{segment(b'[]')}.{BODY}.{SIGNATURE}",
        f"{segment(b'7')}.{BODY}.{SIGNATURE}",
        f"{segment(b'{')}.{BODY}.{SIGNATURE}",
        f"{segment(bytes([255, 254]))}.{BODY}.{SIGNATURE}",
        f"{segment(b'{' + b'[' * 5_000)}.{BODY}.{SIGNATURE}",
        f"{segment(TWICE)}.{BODY}.{SIGNATURE}",
        f"{HEAD[:-1]}.{BODY}.{SIGNATURE}",
    ],
)
def test_what_has_not_the_form_of_a_token_is_refused(text: str) -> None:
    assert reason(text) == "FORM"


def test_a_changed_token_is_refused() -> None:
    assert reason(f"{HEAD}.{segment(claims(sub='mallory'))}.{SIGNATURE}") == "BAD_SIGNATURE"
    assert reason(f"{HEAD}.{BODY}.{SIGNATURE[:-4]}") == "BAD_SIGNATURE"
    assert reason(f"{HEAD}.{BODY}.{segment(b'')}x") == "BAD_SIGNATURE"
    # The same bytes in two encodings are two tokens, one of which is invalid.
    last = SIGNATURE[-1]
    spelt = [
        c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if c != last
    ]
    assert {reason(f"{HEAD}.{BODY}.{SIGNATURE[:-1]}{c}") for c in spelt} == {"BAD_SIGNATURE"}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{",
        b"\xff",
        b'{"sub": "alice", "sub": "mallory"}',
        b'{"sub": NaN}',
        b"[" * 10_000,
    ],
)
def test_claims_that_are_no_object_or_say_a_thing_twice_are_refused(payload: bytes) -> None:
    assert reason(signed(payload, RSA)) == "FORM"


def test_a_token_has_a_longest_length() -> None:
    longest = signed(claims(groups=["x" * 100] * 100), RSA)
    assert len(longest) < MAX_TOKEN
    assert checked(longest).groups == {"x" * 100}
    assert reason(signed(claims(groups=["x" * 100] * 130), RSA)) == "TOO_LONG"
    assert reason("a" * (MAX_TOKEN + 1)) == "TOO_LONG"


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (["staff", "sales"], {"staff", "sales"}),
        ("staff", {"staff"}),
        ([], set()),
        (None, set()),
        ({"staff": True}, set()),
        ([7, None, "", " ", "staff", ["sales"], "a\0b"], {"staff"}),
    ],
)
def test_groups_are_read_from_the_claim_that_is_set(claim: Any, groups: set[str]) -> None:
    named = Provider(ISSUER, AUDIENCE, groups_claim="https://id.example/roles")
    token = signed({**claims(groups=["unheeded"]), "https://id.example/roles": claim}, RSA)
    assert checked(token, provider=named).groups == groups


def test_a_name_and_an_address_that_make_no_sense_count_as_not_said() -> None:
    said = checked(signed(claims(name=["A"], email=7, preferred_username="al"), RSA))
    assert (said.name, said.email) == ("al", None)
    for name in ("A\0l", "A\nl", "A\ud800", "A\u202el", " "):
        assert checked(signed(claims(name=name), RSA)).name is None
    name = "\u0645\u06cc\u200c\u062e\u0648"  # a zero-width joiner is part of the name
    assert checked(signed(claims(name=name), RSA)).name == name


def test_a_credential_is_told_from_a_token_by_its_form() -> None:
    assert is_token(GOOD_TOKEN)
    assert not is_token("ccl_abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"issuer": "http://id.example"}, "OIDC_ISSUER must be https"),
        ({"issuer": "id.example"}, "OIDC_ISSUER must begin with https"),
        ({"issuer": "https://user:secret@id.example"}, "without a user name"),
        ({"issuer": "https://id.example?tenant=1"}, "must not have a query"),
        ({"issuer": "https://id.example/#a"}, "must not have a query"),
        ({"issuer": "https://id.example/a b"}, "spaces"),
        ({"issuer": f"https://id.example/{'a' * 240}"}, "255 characters"),
        ({"audience": ""}, "OIDC_AUDIENCE"),
        ({"algorithms": frozenset[str]()}, "OIDC_ALGORITHMS"),
        ({"jwks_url": "http://id.example/keys"}, "OIDC_JWKS_URL must be https"),
        (
            {"jwks_url": "http://127.0.0.1/keys"},
            "OIDC_JWKS_URL must be https",
        ),  # a loopback URL, while the issuer is another host
        ({"issuer": "http://127.0.0.1:1", "jwks_url": "http://10.0.0.1/keys"}, "OIDC_JWKS_URL"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Provider(**{"issuer": ISSUER, "audience": AUDIENCE, **given})


def test_plain_http_is_for_this_machine_only() -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:9"):
        assert Provider(f"http://{host}/realm", AUDIENCE).discovery_url.scheme == "http"


def test_calendars_end_and_tokens_do_not_break_them() -> None:
    far = checked(signed(claims(exp=10**300, iat=-(10**300)), RSA))
    assert far.expires_at == datetime(9000, 1, 1, 0, 1, tzinfo=UTC)
    assert far.issued_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_provider_of_other_tests_signs_good_tokens() -> None:
    provider = IdentityProvider(Clock(), url="http://127.0.0.1:1")
    at_home = Provider(provider.issuer, AUDIENCE)
    assert checked(provider.token(), provider=at_home).subject == "alice"

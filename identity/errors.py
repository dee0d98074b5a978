"""Errors of signing in through the identity provider.

IdentityFault
├── TokenRefused         the token is invalid; retrying does not help
├── ProviderFault        a request to the provider failed
└── ProviderUnavailable  the token cannot be checked now; try again later
"""


class IdentityFault(Exception):
    """A sign-in through the identity provider failed."""


class TokenRefused(IdentityFault):
    """A token is invalid; `reason` is a code for the log, which contains no part of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderFault(IdentityFault):
    """The identity provider did not answer, or answered incorrectly; `code` says how."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderUnavailable(IdentityFault):
    """No key of the identity provider can be trusted now; retry after `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("the identity provider is unavailable")
        self.wait = wait

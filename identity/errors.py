"""What can go wrong when somebody signs in through the identity provider.

IdentityFault
├── TokenRefused         the token opens nothing; the same one never will
├── ProviderFault        one question to the provider went wrong
└── ProviderUnavailable  nobody can tell now whether the token is good: try again later
"""


class IdentityFault(Exception):
    """Signing in through the identity provider did not work."""


class TokenRefused(IdentityFault):
    """A token opens nothing; `reason` is for the log, and holds nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderFault(IdentityFault):
    """The provider did not answer, or not as it must; `code` says how."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderUnavailable(IdentityFault):
    """No key of the provider's can be trusted now; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("the identity provider can't be asked now")
        self.wait = wait

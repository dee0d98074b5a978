"""What the settings say about refreshes of companies."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from models.rules.refresh import RefreshPolicy
from settings import Settings
from workers import refresh_policy


@pytest.mark.parametrize(
    ("days", "grace", "policy"),
    [
        (None, None, RefreshPolicy(timedelta(days=30), timedelta(days=1))),  # the defaults
        ("7", "0", RefreshPolicy(timedelta(days=7), timedelta(0))),
        ("0.5", "2.5", RefreshPolicy(timedelta(hours=12), timedelta(hours=60))),
        ("0", "3", None),  # never
    ],
)
def test_the_settings_say_when_companies_are_looked_up_again(
    monkeypatch: pytest.MonkeyPatch, days: str | None, grace: str | None, policy: RefreshPolicy
) -> None:
    for name, value in (("REFRESH_DAYS", days), ("REFRESH_GRACE_DAYS", grace)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert refresh_policy(Settings()) == policy


@pytest.mark.parametrize(
    ("name", "value"),
    [("REFRESH_DAYS", "-1"), ("REFRESH_DAYS", "3651"), ("REFRESH_GRACE_DAYS", "366")],
)
def test_a_setting_out_of_range_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()

"""Does once for all tests of a process what each start of the application would do again.

A third of the time of a short test was spent on it. The results don't depend on the test.
"""

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from tortoise.apps import Apps

from settings import Settings


class GivenSettings(Settings):
    """Settings that are passed to the constructor, or else the defaults, never the environment.

    Searching the environment for each of a hundred settings takes longer than starting the rest.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature of pydantic
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def prepare_models_once() -> None:
    """Let Tortoise prepare the models for a dialect once, not at each start."""
    prepare = Apps._build_initial_querysets
    prepared_for: list[str] = []

    def prepare_if_new(apps: Apps) -> None:
        dialect = apps._connections.get("default").capabilities.dialect
        if prepared_for != [dialect]:
            prepare(apps)
            prepared_for[:] = [dialect]

    Apps._build_initial_querysets = prepare_if_new  # type: ignore[assignment, method-assign]  # for tests

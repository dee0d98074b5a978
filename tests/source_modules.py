"""The source files of the project, by dotted module name."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


PACKAGES = (
    *("schema", "resolvers", "models", "enrichment", "notifications", "identity", "commands"),
    *("web", "observability"),
)


ENTRIES = ("app", "manage", "opening", "setting_values", "settings", "workers")


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for pattern in (
        *(f"{name}/**/*.py" for name in PACKAGES),
        *(f"{name}.py" for name in ENTRIES),
    )
    for path in sorted(ROOT.glob(pattern))
    if path.parent.name != "migrations"
}

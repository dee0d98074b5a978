"""Names of stored values in the API: `customer_class_id` is `classId` there. PURE."""

from functools import lru_cache

OTHER_NAMES = {
    "customer_class_id": "classId",
    "entries": "entryCount",
    "lookups": "lookupCount",
    "moved_customers": "movedCustomerCount",
}
"""Stored names whose name in the API does not follow from them, such as those of counts."""


@lru_cache(maxsize=500)
def api_name(stored: str) -> str:
    """Return the name in the API of a value with this stored name."""
    first, *rest = stored.split("_")
    return OTHER_NAMES.get(stored) or first + "".join(word.capitalize() for word in rest)

"""What a bulk mutation does if some of its rows have errors."""

from models.rules.row_policy import RowPolicy
from schema.base.descriptions import described_enum

RowPolicyEnum = described_enum(
    RowPolicy,
    "RowPolicy",
    "What a bulk mutation does with the rows without errors if other rows have errors.",
    {
        "REFUSE_ALL": "Save nothing of the call, and tell the errors of all rows.",
        "REFUSE_FAILED_ROWS": "Save the rows without errors; a row with errors changes nothing.",
    },
)

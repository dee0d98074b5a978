"""The orders of lists of customers."""

from models.lists.customer_list import CustomerOrder
from schema.base.descriptions import described_enum

CustomerSort = described_enum(
    CustomerOrder,
    "CustomerSort",
    "The order of a list of customers. Customers with the same name, time or number are ordered by"
    " id.",
    {
        "NAME_ASC": "By name, A to Z, regardless of case.",
        "NAME_DESC": "By name, Z to A, regardless of case.",
        "CREATED_AT_ASC": "By time of creation, oldest first. Do not use it to wait for new"
        " customers, because a customer can appear after a younger one was listed; read"
        " `auditTrail` with the operation CUSTOMER_CREATED instead.",
        "CREATED_AT_DESC": "By time of creation, newest first.",
        "LAST_MODIFIED_AT_ASC": "By time of the last change of a stored value by a user, oldest"
        " first.",
        "LAST_MODIFIED_AT_DESC": "By time of the last change of a stored value by a user, newest"
        " first.",
        "CHANGED_AT_ASC": "By `changedAt`, oldest first.",
        "CHANGED_AT_DESC": "By `changedAt`, newest first.",
        "ACCOUNT_NUMBER_ASC": "By account number, ascending.",
        "ACCOUNT_NUMBER_DESC": "By account number, descending.",
    },
)

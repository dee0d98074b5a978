"""English texts for delivery decisions, steps and documents. PURE."""

from models.rules.delivery import BillSection, Decision, DeliveryOutcome, DeliveryReason, Step
from models.rules.document import Document

_FORMS = {
    DeliveryOutcome.ITEMISED: "The bill is emailed with the list of calls",
    DeliveryOutcome.SHORT: "The bill is emailed without the list of calls",
    DeliveryOutcome.PLAIN: "The CDR ZIP is emailed unencrypted",
    DeliveryOutcome.PASSWORD_PROTECTED: (
        "The CDR ZIP is emailed encrypted with a password, which is shared by another way than"
        " email"
    ),
    DeliveryOutcome.SENT: "The usage files are emailed",
    DeliveryOutcome.WITHHELD: "The usage files are not emailed",
}

_NAMES = {
    Document.BILL: "The bill is not emailed to this contact",
    Document.CDR_ZIP: "The CDR ZIP is not emailed to this contact",
    Document.USAGE_FILES: "The usage files are not emailed to this contact",
}

_REASONS = {
    DeliveryReason.ACCOUNT_CONSENT: "the customer's consent is in force, for the whole account",
    DeliveryReason.CONTACT_PREFERENCE: "this contact has confirmed an attachment preference that"
    " covers the document",
    DeliveryReason.NO_CONSENT: (
        "the customer's consent is not in force, and no confirmed attachment preference of this"
        " contact covers the document"
    ),
    DeliveryReason.EMAIL_NOT_VERIFIED: "the email address of this contact is not verified",
    DeliveryReason.NON_ITEMISED_REQUESTED: "the customer requested bills without a list of calls",
    DeliveryReason.CONTACT_INACTIVE: "the contact is not active",
    DeliveryReason.DOES_NOT_RECEIVE_BILLS: "the contact is not on the bill distribution list",
    DeliveryReason.EMAIL_MISSING: "the contact has no email address",
}

_STEPS = {
    Step.ACTIVATE_CONTACT: "Make the contact active.",
    Step.SET_RECEIVES_BILLS: "Put the contact on the bill distribution list.",
    Step.ADD_EMAIL: "Save an email address for the contact.",
    Step.VERIFY_EMAIL: "Ask the contact to verify their email address.",
    Step.RECORD_CONSENT: (
        "Record the customer's consent, if all contacts on the bill distribution list may receive"
        " documents in full."
    ),
    Step.CONFIRM_PREFERENCE: (
        "Ask this contact to confirm an attachment preference, if only they want documents in full."
        " Their email address must be verified first."
    ),
    Step.WITHDRAW_NON_ITEMISED_REQUEST: (
        "Record that the customer withdraws the request for bills without a list of calls."
    ),
    Step.REQUEST_NON_ITEMISED_BILLS: (
        "Record that the customer requests bills without a list of calls."
    ),
    Step.WITHDRAW_CONSENT: "Record that the customer withdraws consent, which affects the whole"
    " account.",
    Step.WITHDRAW_PREFERENCE: "Withdraw the attachment preference of this contact.",
}

MUTATIONS = {
    Step.ACTIVATE_CONTACT: "saveContact",
    Step.SET_RECEIVES_BILLS: "saveContact",
    Step.ADD_EMAIL: "saveContact",
    Step.VERIFY_EMAIL: "requestEmailVerification",
    Step.RECORD_CONSENT: "recordConsent",
    Step.CONFIRM_PREFERENCE: "requestAttachmentPreference",
    Step.WITHDRAW_NON_ITEMISED_REQUEST: "withdrawNonItemisedBillsRequest",
    Step.REQUEST_NON_ITEMISED_BILLS: "requestNonItemisedBills",
    Step.WITHDRAW_CONSENT: "withdrawConsent",
    Step.WITHDRAW_PREFERENCE: "withdrawAttachmentPreference",
}
"""The GraphQL mutation that takes or starts each step."""

CONTENTS = {
    BillSection.SUMMARY_TOTALS: "The totals of the bill.",
    BillSection.LINE_RENTALS: "The rental of each of the customer's lines.",
    BillSection.RECURRING_CHARGES: "The charges that recur with each bill.",
    BillSection.FEATURES: "The features of the services that are charged for.",
    BillSection.ITEMISED_CALLS: "The list of the individual calls.",
}
"""Descriptions of the sections of a bill (R72)."""

MY_ACCOUNT = {
    Document.BILL: "The customer can always get the itemised bill in MyAccount, whatever is"
    " emailed.",
    Document.CDR_ZIP: "The customer can always get the unencrypted call data records in MyAccount,"
    " whatever is emailed.",
    Document.USAGE_FILES: "The customer can always get the usage files in MyAccount, whatever is"
    " emailed.",
}
"""Sentences about the documents in MyAccount, the customers' portal (R74)."""


def sentence_of(decision: Decision) -> str:
    """Return a sentence that says what happens to a document, and why."""
    if decision.outcome is DeliveryOutcome.NOT_ADDRESSED:
        return f"{_NAMES[decision.document]}: {_REASONS[decision.reason]}."
    return f"{_FORMS[decision.outcome]}: {_REASONS[decision.reason]}."


def instruction_of(step: Step) -> str:
    """Return a sentence that tells a user how to perform a step."""
    return _STEPS[step]

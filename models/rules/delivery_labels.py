"""English texts for delivery decisions, steps and documents. PURE."""

from models.rules.delivery import BillSection, Decision, DeliveryOutcome, DeliveryReason, Step
from models.rules.document import Document

_FORMS = {
    DeliveryOutcome.ITEMISED: "The bill is emailed with its list of calls",
    DeliveryOutcome.SHORT: "The bill is emailed in its short version, without the list of calls",
    DeliveryOutcome.PLAIN: "The CDR ZIP is emailed unencrypted",
    DeliveryOutcome.PASSWORD_PROTECTED: (
        "The CDR ZIP is emailed with a password, which is shared separately"
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
    DeliveryReason.ACCOUNT_CONSENT: "consent is recorded for the whole account",
    DeliveryReason.CONTACT_PREFERENCE: "this contact has confirmed an attachment preference",
    DeliveryReason.NO_CONSENT: (
        "no consent is recorded for the account, and no confirmed preference of this contact"
        " covers it"
    ),
    DeliveryReason.UNVERIFIED_ADDRESS: "the email address of this contact is not verified",
    DeliveryReason.NON_ITEMISED_REQUESTED: "the customer asked for bills that are not itemised",
    DeliveryReason.CONTACT_INACTIVE: "the contact is not active",
    DeliveryReason.NOT_ON_BILL_LIST: "the contact is not on the bill distribution list",
    DeliveryReason.NO_EMAIL: "the contact has no email address",
}

_STEPS = {
    Step.ACTIVATE_CONTACT: "Make the contact active.",
    Step.ADD_TO_BILL_LIST: "Put the contact on the bill distribution list.",
    Step.ADD_ADDRESS: "Give the contact an email address.",
    Step.VERIFY_ADDRESS: "Have the contact verify the email address.",
    Step.RECORD_CONSENT: (
        "Record the consent that exists for the whole account, if all contacts on the bill"
        " distribution list may receive documents in full."
    ),
    Step.CONFIRM_PREFERENCE: (
        "Ask this contact to confirm an attachment preference, if only they want documents in full."
        " The email address must be verified first."
    ),
    Step.WITHDRAW_NON_ITEMISED_REQUEST: (
        "Record that the customer withdraws the request for bills without a list of calls."
    ),
    Step.REQUEST_NON_ITEMISED_BILLS: (
        "Record that the customer requests bills without a list of calls."
    ),
    Step.WITHDRAW_CONSENT: "Withdraw the consent of the account.",
    Step.WITHDRAW_PREFERENCE: "Withdraw the attachment preference of this contact.",
}

MUTATIONS = {
    Step.ACTIVATE_CONTACT: "saveContact",
    Step.ADD_TO_BILL_LIST: "saveContact",
    Step.ADD_ADDRESS: "saveContact",
    Step.VERIFY_ADDRESS: "requestEmailVerification",
    Step.RECORD_CONSENT: "recordConsent",
    Step.CONFIRM_PREFERENCE: "requestAttachmentPreference",
    Step.WITHDRAW_NON_ITEMISED_REQUEST: "withdrawNonItemisedBillsRequest",
    Step.REQUEST_NON_ITEMISED_BILLS: "requestNonItemisedBills",
    Step.WITHDRAW_CONSENT: "withdrawConsent",
    Step.WITHDRAW_PREFERENCE: "withdrawAttachmentPreference",
}
"""The GraphQL mutation that performs or starts each step."""

CONTENTS = {
    BillSection.SUMMARY_TOTALS: "The totals of the bill.",
    BillSection.LINE_RENTALS: "The rental of each line.",
    BillSection.RECURRING_CHARGES: "The charges that recur with each bill.",
    BillSection.FEATURES: "The features that are charged for.",
    BillSection.ITEMISED_CALLS: "The list of the individual calls.",
}
"""Descriptions of the sections of a bill (R72)."""

MY_ACCOUNT = {
    Document.BILL: "The itemised bill is in MyAccount, whatever is emailed.",
    Document.CDR_ZIP: "The unencrypted CDRs are in MyAccount, whatever is emailed.",
    Document.USAGE_FILES: "The usage files are in MyAccount, whatever is emailed.",
}
"""Descriptions of the documents in MyAccount (R74)."""


def sentence_of(decision: Decision) -> str:
    """Return a sentence that says what happens to a document, and why."""
    if decision.outcome is DeliveryOutcome.NOT_ADDRESSED:
        return f"{_NAMES[decision.document]}: {_REASONS[decision.reason]}."
    return f"{_FORMS[decision.outcome]}: {_REASONS[decision.reason]}."


def instruction_of(step: Step) -> str:
    """Return a sentence that tells a user how to perform a step."""
    return _STEPS[step]

"""Points of fields beyond their objects, and the assumed lengths of lists without a limit."""

MUTATION_WEIGHT = 10
"""Points of an ordinary mutation: it writes, and leaves an audit entry."""

ORDINARY_READS = (
    "Query.accessTokens",
    "Query.auditTrail",
    "Query.customer",
    "Query.customerClass",
    "Query.customerClasses",
    "Query.customerTemplates",
    "Query.customers",
    "Query.deliveryRules",
    "Query.node",
    "Query.nodes",
    "Query.permissions",
    "Query.platformDefaults",
    "Query.userGroups",
    "Query.users",
    "Query.viewer",
    "Subscription.customerEnriched",
)
"""Root fields whose work is covered by the objects that they return."""

ORDINARY_MUTATIONS = (
    "Mutation.acceptSuggestion",
    "Mutation.changeCustomerClass",
    "Mutation.changeGroupMembers",
    "Mutation.correctConsent",
    "Mutation.deleteContact",
    "Mutation.eraseContact",
    "Mutation.deleteCustomer",
    "Mutation.deleteCustomerClass",
    "Mutation.deleteCustomerTemplate",
    "Mutation.deleteUserGroup",
    "Mutation.disableUser",
    "Mutation.enableUser",
    "Mutation.eraseActorNames",
    "Mutation.grantPermissions",
    "Mutation.issueAccessToken",
    "Mutation.reactivateCustomerClass",
    "Mutation.recordConsent",
    "Mutation.rejectSuggestion",
    "Mutation.requestAttachmentPreference",
    "Mutation.requestEmailVerification",
    "Mutation.requestNonItemisedBills",
    "Mutation.revokeAccessToken",
    "Mutation.revokePermissions",
    "Mutation.rotateAccessToken",
    "Mutation.saveContact",
    "Mutation.saveCustomer",
    "Mutation.saveCustomerClass",
    "Mutation.saveCustomerTemplate",
    "Mutation.savePlatformDefaults",
    "Mutation.saveUser",
    "Mutation.saveUserGroup",
    "Mutation.withdrawAttachmentPreference",
    "Mutation.withdrawConsent",
    "Mutation.withdrawNonItemisedBillsRequest",
)

WEIGHTS = {
    **dict.fromkeys(ORDINARY_READS, 0),
    **dict.fromkeys(ORDINARY_MUTATIONS, MUTATION_WEIGHT),
    "Query.__schema": 500,
    "Query.__type": 20,
    "Query.companySearch": 19_000,
    "Query.consentAdvisoryCounts": 200,
    "Query.consentEvidence": 100,
    "Query.deliveryExposure": 500,
    "Query.enrichmentBacklog": 50,
    "Query.verifyConsentLedger": 100,
    "AccessTokenConnection.totalCount": 20,
    "AuditEntryConnection.totalCount": 20,
    "AuditEntryConnection.totalCountIsExact": 20,
    "Customer.deliveryPreview": 20,
    "CustomerClass.deletability": 5,
    "CustomerClass.retirability": 5,
    "CustomerClassConnection.totalCount": 5,
    "CustomerConnection.totalCount": 20,
    "CustomerConnection.totalCountIsExact": 20,
    "Enrichment.queue": 2,
    "UserConnection.totalCount": 20,
    "UserGroupConnection.totalCount": 20,
    "Mutation.requestEnrichment": 200,
    "Mutation.restartEnrichments": 200,
    "Mutation.retireCustomerClass": 200,
}
"""Points of single fields, for work that is not seen in what they give; of every root field.

A search asks the register, which answers all of us 600 times in five minutes: with the default
`MAX_COST`, an operation holds five.
"""

ASSUMED_ROWS = 10
ASSUMED_PARTS = 3
"""Assumed entries of a list without a limit: of rows, and of parts of a row."""

SIZES = {
    "Customer.auditTrail": 100,
    "CustomerClass.auditTrail": 100,
    "Contact.auditTrail": 100,
    "Query.consentAdvisoryCounts": 10,
    "DeliveryRules.cases": 100,
    "ConsentEvidence.entries": 50,
}
"""Lists whose length is known better."""

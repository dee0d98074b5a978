"""Extra points of fields, and the assumed lengths of lists without a limit."""

MUTATION_WEIGHT = 10
"""Points of an ordinary mutation, which writes rows and an audit entry."""

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
"""Root fields without extra points: the points of the returned objects cover their work."""

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
"""Extra points by field, for work that the number of returned objects does not show.

Every root field must be here. `companySearch` sends a request to Companies House, which allows this
service 600 requests in five minutes: with the default `MAX_COST`, an operation can search five
times.
"""

ASSUMED_ROWS = 10
ASSUMED_PARTS = 3
"""Assumed lengths of lists without a limit: lists of rows, and lists within a row."""

SIZES = {
    "Customer.auditTrail": 100,
    "CustomerClass.auditTrail": 100,
    "Contact.auditTrail": 100,
    "Query.consentAdvisoryCounts": 10,
    "DeliveryRules.cases": 100,
    "ConsentEvidence.entries": 50,
}
"""Assumed lengths of single lists, where ASSUMED_ROWS and ASSUMED_PARTS would be wrong."""

"""Extra points of fields, and the assumed lengths of lists without a limit."""

MUTATION_WEIGHT = 10
"""The points of an ordinary mutation, which writes a few rows and an audit entry."""

ORDINARY_READS = (
    "Query.accessToken",
    "Query.accessTokens",
    "Query.auditTrail",
    "Query.contact",
    "Query.contacts",
    "Query.customer",
    "Query.customerClass",
    "Query.customerClasses",
    "Query.customerTemplate",
    "Query.customerTemplates",
    "Query.customers",
    "Query.deliveryRules",
    "Query.deprecatedUses",
    "Query.enrichmentRun",
    "Query.importJob",
    "Query.imports",
    "Query.job",
    "Query.jobs",
    "Query.node",
    "Query.nodes",
    "Query.permissions",
    "Query.platformDefaults",
    "Query.suggestion",
    "Query.user",
    "Query.userGroup",
    "Query.userGroups",
    "Query.users",
    "Query.viewer",
    "Query.webhookDeliveries",
    "Query.webhookEndpoint",
    "Query.webhookEndpoints",
    "Subscription.contactConfirmed",
    "Subscription.customerEnriched",
    "Subscription.events",
    "Subscription.importProgressed",
)
"""Root fields without extra points, as the points of the returned objects are enough."""

ORDINARY_MUTATIONS = (
    "Mutation.acceptSuggestion",
    "Mutation.acceptSuggestions",
    "Mutation.cancelImport",
    "Mutation.changeCustomerClass",
    "Mutation.changeGroupMembers",
    "Mutation.correctConsent",
    "Mutation.createExport",
    "Mutation.deleteContact",
    "Mutation.eraseContact",
    "Mutation.deleteCustomer",
    "Mutation.deleteCustomerClass",
    "Mutation.deleteCustomerTemplate",
    "Mutation.deleteUserGroup",
    "Mutation.deleteWebhookEndpoint",
    "Mutation.disableUser",
    "Mutation.pauseJobs",
    "Mutation.resumeJobs",
    "Mutation.enableUser",
    "Mutation.eraseActorNames",
    "Mutation.grantPermissions",
    "Mutation.issueAccessToken",
    "Mutation.pingWebhookEndpoint",
    "Mutation.reactivateCustomerClass",
    "Mutation.recordConsent",
    "Mutation.rejectSuggestion",
    "Mutation.rejectSuggestions",
    "Mutation.requestAttachmentPreference",
    "Mutation.requestEmailVerification",
    "Mutation.requestNonItemisedBills",
    "Mutation.revokeAccessToken",
    "Mutation.revokePermissions",
    "Mutation.rotateAccessToken",
    "Mutation.rotateWebhookSecret",
    "Mutation.saveContact",
    "Mutation.saveCustomer",
    "Mutation.saveCustomerClass",
    "Mutation.saveCustomerTemplate",
    "Mutation.savePlatformDefaults",
    "Mutation.saveUser",
    "Mutation.saveUserGroup",
    "Mutation.saveWebhookEndpoint",
    "Mutation.withdrawAttachmentPreference",
    "Mutation.withdrawConsent",
    "Mutation.withdrawNonItemisedBillsRequest",
)

ROWS_OF = {
    "Mutation.saveCustomers": "contacts",
    "Mutation.saveContacts": None,
    "Mutation.recordConsents": None,
}
"""Mutations of many rows: each row of the input's `rows` costs MUTATION_WEIGHT points.

So does each entry of the row's list that is named here.
"""

WEIGHTS = {
    **dict.fromkeys(ORDINARY_READS, 0),
    **dict.fromkeys(ORDINARY_MUTATIONS, MUTATION_WEIGHT),
    "Mutation.discardJobs": 200,
    "Mutation.retryJobs": 200,
    "Query.__schema": 500,
    "Query.__type": 20,
    "Query.companySearch": 19_000,
    "Query.consentAdvisoryCounts": 200,
    "Query.consentEvidence": 100,
    "Query.customerReport": 500,
    "Query.customersOverTime": 1_000,
    "Query.deliveryExposure": 500,
    "Query.enrichmentBacklog": 50,
    "Query.eventTypes": 5,
    "Query.events": 20,
    "Query.usage": 20,
    "Query.verifyConsentLedger": 100,
    "AccessTokenConnection.totalCount": 20,
    "AuditEntryConnection.totalCount": 20,
    "AuditEntryConnection.isTotalCountExact": 20,
    "ContactConnection.totalCount": 20,
    "ContactConnection.isTotalCountExact": 20,
    "Customer.deliveryPreview": 20,
    "CustomerClass.deletability": 5,
    "CustomerClass.retirability": 5,
    "CustomerClassConnection.totalCount": 5,
    "CustomerConnection.totalCount": 20,
    "CustomerConnection.isTotalCountExact": 20,
    "CustomerTemplateConnection.totalCount": 5,
    "Enrichment.queue": 2,
    "UsageConnection.totalCount": 20,
    "UsageConnection.totals": 50,
    "ImportJobConnection.totalCount": 5,
    "UserConnection.totalCount": 20,
    "UserGroupConnection.totalCount": 20,
    **dict.fromkeys(ROWS_OF, 0),
    "WebhookDeliveryConnection.totalCount": 20,
    "WebhookDeliveryConnection.isTotalCountExact": 20,
    "WebhookEndpoint.lastSuccessAt": 1,
    "WebhookEndpoint.pendingCount": 10,
    "WebhookEndpointConnection.totalCount": 5,
    "Mutation.redeliverWebhooks": 200,
    "Mutation.requestEnrichment": 200,
    "Mutation.restartEnrichments": 200,
    "Mutation.retireCustomerClass": 200,
}
"""Extra points by field, for work that the number of returned objects does not show.

Every root field must be listed. `companySearch` sends a request to Companies House, which allows
this service 600 requests in five minutes: with the default of the setting `MAX_COST`, an operation
can search five times.
"""

ASSUMED_ROWS = 10
ASSUMED_PARTS = 3
"""ASSUMED_ROWS and ASSUMED_PARTS: assumed lengths of lists of rows, and of lists within a row.

They apply to lists without an argument that limits them.
"""

SIZES = {
    "Query.eventTypes": 40,
    "Query.consentAdvisoryCounts": 10,
    "Query.customersOverTime": 20,
    "CustomerReport.rows": 50,
    "CustomerSeries.intervals": 12,
    "DeliveryRules.cases": 100,
    "ConsentEvidence.entries": 50,
}
"""Assumed lengths of some lists, for which ASSUMED_ROWS and ASSUMED_PARTS would be wrong."""

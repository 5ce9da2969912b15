"""Where a rule does not apply, and why. A path that ends in a slash stands for all that is below it."""

ALLOWED: dict[str, dict[str, str]] = {
    "schema-names": {
        "migrations/": "makes the schemas, roles and grants",
        "saas/core/database.py": "gives the platform's models their schema, once for all",
        "saas/devstack/cluster.py": "makes the embedded server as its superuser",
        "tenants/isolation/": "is the one place that speaks of schemas and roles",
        "tenants/probe/payloads.py": "spells what no tenant may say",
    },
    "commits": {
        "billing/acting/acts.py": "what Stripe has refused stays known when its request is rolled back",
        "billing/acting/checkout.py": "what Stripe could not do is not asked again under the same key",
        "billing/acting/customers.py": "the same",
        "billing/metering/": "tells Stripe hour by hour: one that was told is written down before the next",
        "billing/sandbox/store.py": "keeps the stand-in's own file, where each call is a transaction",
        "billing/offering/sync.py": "reads what was published first, since no transaction spans a call to Stripe",
        "billing/tasks.py": "reads what to ask first, since no transaction spans a call to Stripe",
        "migrations/": "runs on the administrator's connection, batch by batch",
        "saas/cli/": "a command is a transaction",
        "saas/console/once.py": "a form that failed may be sent again, though its request is rolled back",
        "saas/core/administrator.py": "opens the administrator's transactions",
        "saas/core/attempts.py": "an attempt counts even when the request is rolled back",
        "saas/core/database.py": "is the edge",
        "saas/core/edge.py": "a request is a transaction, which ends here",
        "saas/core/jobs/": "a job is a transaction, and so is a dispatcher's round",
        "saas/core/mail/tasks.py": "reads the mail first, since no transaction spans the call to the server",
        "saas/core/problems.py": "undoes what failed before the error's page is built",
        "saas/devstack/demo/": "plays a visitor, each of whose requests is a transaction",
        "saas/devstack/postgres.py": "makes databases as the embedded server's superuser",
        "saas/devstack/rules/": "spells what it looks for",
        "tenants/isolation/": "forgets the tenant when its connection commits or rolls back",
        "tenants/usage/flows.py": "writes down what was counted, in no request",
        "tenants/usage/hours.py": "claims an hour before it is told outside, where no transaction may be open",
        "tenants/building.py": "builds a batch a transaction, on the administrator's connection",
        "tenants/probe/": "makes each attempt in a transaction of its own",
        "tenants/doctor/": "looks, and mends one tenant a transaction, on the administrator's connection",
        "tenants/provisioning.py": "runs on the administrator's connection",
        "tenants/reclaim.py": "removes one tenant a transaction, on the administrator's connection",
        "tenants/suspension.py": "asks how a tenant stands beside whatever transaction is open",
    },
    "bind-once": {
        "saas/app.py": "hands it to the jobs' runner, which may not import it",
        "saas/devstack/demo/": "plays a visitor of the demo business",
        "tenants/probe/": "enters each of its own two tenants, and tries the other",
        "tenants/routing.py": "turns a request's host or key into its tenant",
        "tenants/team/service.py": "ends a membership as the application, then the person's keys as their tenant",
    },
    "redis-in-core": {
        "saas/core/": "carries jobs; every other room goes through it",
    },
}


def allowed(rule: str, path: str) -> bool:
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in ALLOWED[rule])

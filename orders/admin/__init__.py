"""Admin pages, one module per subject.

Django's autodiscovery imports this package, and each module registers its pages.
"""

from orders.admin import (
    access,
    archive,
    audit,
    keys,
    operations,
    orders,
    pauses,
    people,
    policy,
    site,
    wallets,
    webhooks,
)

__all__ = [
    "access",
    "archive",
    "audit",
    "keys",
    "operations",
    "orders",
    "pauses",
    "people",
    "policy",
    "site",
    "wallets",
    "webhooks",
]

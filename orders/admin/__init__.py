"""Admin pages, one module per subject.

Django's autodiscovery imports this package, and each module registers its pages.
"""

from orders.admin import access, archive, keys, login, operations, orders, pauses, wallets, webhooks

__all__ = ["access", "archive", "keys", "login", "operations", "orders", "pauses", "wallets", "webhooks"]

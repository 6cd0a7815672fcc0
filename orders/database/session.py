"""This thread's session with the database, by what `orderengine.postgres` adds to Django's: `rows` and `later`.

Statements of a transaction that are said by `later` share a round trip with its next one, or with COMMIT.
"""

from typing import Any

from django.db import connection

# The stubs know nothing of either.
session: Any = connection

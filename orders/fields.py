"""Database columns that Django does not ship: integer atoms, the terms of orders, PostgreSQL transaction ids."""

from decimal import Decimal
from typing import Any

import orjson
from django.db import models
from django.db.models.fields.json import KeyTransform

from orders.terms import SwapTerms

ATOMS_DIGITS = 78  # 2**256 has 78 decimal digits


class AtomsField(models.DecimalField):  # type: ignore[type-arg]
    """Token atoms: NUMERIC(78, 0) in the database, `int` in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = ATOMS_DIGITS
        kwargs["decimal_places"] = 0
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Leave the fixed size out of migrations."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("max_digits", None)
        kwargs.pop("decimal_places", None)
        return name, path, args, kwargs

    def from_db_value(self, value: Decimal | None, *_: object) -> int | None:
        """NUMERIC arrives as Decimal."""
        return None if value is None else int(value)

    def to_python(self, value: Any) -> Any:
        """Form and fixture input to int."""
        return None if value is None else int(value)

    def run_validators(self, value: Any) -> None:
        """Those of Django count the digits of a Decimal; without this no form with atoms can be saved."""
        super().run_validators(Decimal(value) if isinstance(value, int) else value)


class TermsField(models.JSONField):
    """Terms: JSONB in the database, `SwapTerms` in Python."""

    _pyi_private_set_type: SwapTerms
    _pyi_private_get_type: SwapTerms

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Raises: UnreadableTerms. What SQL took out of the terms stays as it is."""
        if value is None or isinstance(expression, KeyTransform):
            return super().from_db_value(value, expression, connection)
        return SwapTerms.from_json(orjson.loads(value))

    def get_prep_value(self, value: Any) -> Any:
        """Terms as they are stored; what lookups compare with is JSON already."""
        return super().get_prep_value(value.to_json() if isinstance(value, SwapTerms) else value)

    def value_to_string(self, obj: models.Model) -> Any:
        """For `dumpdata`."""
        return self.get_prep_value(self.value_from_object(obj))


class TransactionIdField(models.Field):  # type: ignore[type-arg]
    """`xid8`: the writing transaction's id, so that readers can order events as they were committed."""

    def db_type(self, connection: Any) -> str:
        """PostgreSQL's 64-bit transaction id."""
        return "xid8"

    def from_db_value(self, value: str | int | None, *_: object) -> int | None:
        """xid8 has no Python type of its own and arrives as text."""
        return None if value is None else int(value)


class CurrentTransactionId(models.Func):
    """`pg_current_xact_id()`, as a column default."""

    function = "pg_current_xact_id"
    output_field = TransactionIdField()
    arity = 0


class LogEdge(models.Func):
    """The end of the event log: every event that is settled has a smaller transaction id. As a column default."""

    template = "pg_snapshot_xmin(pg_current_snapshot())"
    output_field = TransactionIdField()
    arity = 0

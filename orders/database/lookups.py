"""A lookup that keeps a statement's text the same however many values it is asked for, so that it stays prepared.

`IN (%s, %s, ...)` is another statement for each length: parsed and planned again, and each takes the place of one that
is used all the time.
"""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Field, ForeignKey, Lookup


class AnyOf(Lookup):
    """`column__any_of=values`: as `__in`, but the values go out as one array."""

    lookup_name = "any_of"

    def get_prep_lookup(self) -> list[Any]:
        """Each value as its column takes it."""
        return [self.lhs.output_field.get_prep_value(value) for value in self.rhs]

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        """One parameter, and its type: a list of small integers would else be another statement than one of large ones.

        Without the column's length, to which the cast would cut values.
        """
        field = self.lhs.output_field
        db_type = str(field.rel_db_type(connection)).partition("(")[0]
        return f"%s::{db_type}[]", [[field.get_db_prep_value(one, connection, prepared=True) for one in value]]

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """`column = ANY(array)`. Raises: EmptyResultSet where there is no value; Django then asks nothing."""
        if not self.rhs:
            raise EmptyResultSet
        column, column_params = self.process_lhs(compiler, connection)
        array, params = self.process_rhs(compiler, connection)
        return f"{column} = ANY({array})", [*column_params, *params]


def register_lookups() -> None:
    """For columns of every type, and for foreign keys, which take none from other fields."""
    Field.register_lookup(AnyOf)
    ForeignKey.register_lookup(AnyOf)

"""Rows of a model from a statement of its own, where the ORM would build the same SQL again for each request."""

from collections.abc import Collection, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


class Condition(NamedTuple):
    """A condition in SQL, for the statement that acts under it, and its parameters."""

    sql: str = "TRUE"
    parameters: Sequence[Any] = ()

    def with_also(self, other: "Condition") -> "Condition":
        """Both of them."""
        return Condition(f"{self.sql} AND {other.sql}", (*self.parameters, *other.parameters))


ALWAYS = Condition()


class Rows(Generic[M]):
    """How rows of a model are read: the columns to select, and the instances that the ORM would make of them.

    Fields of `left_out` are read by the instance itself on their first access.
    """

    def __init__(self, model: type[M], left_out: Collection[str] = ()) -> None:
        self._model = model
        fields = [field for field in model._meta.concrete_fields if field.attname not in left_out]
        self._columns = [str(field.column) for field in fields]
        self._names = [field.attname for field in fields]
        self._readers = [(at, field, read) for at, field in enumerate(fields) if (read := _reader(field)) is not None]

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self._columns)

    def columns(self, table: str) -> str:
        """The columns, as a SELECT names them."""
        return ", ".join(f"{table}.{column}" for column in self._columns)

    def read(self, row: Sequence[Any]) -> M:
        """The instance that a row begins with."""
        values = list(row[: self.width])
        for at, field, read in self._readers:
            values[at] = read(values[at], field, connection)
        return self._model.from_db("default", self._names, values)


def _reader(field: Any) -> Any:
    return getattr(field, "from_db_value", None)

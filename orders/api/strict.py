"""A serializer that knows its fields, and asks none that a request leaves out."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt guard must not be a missing guard."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises: ValidationError. Fields that are left out are not asked, half of what the framework does."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        names, ways = self._ways
        if not data.keys() <= names:
            unknown = [name for name in data if name not in names]
            raise serializers.ValidationError(
                {str(name): serializers.ErrorDetail("there is no such field", "unknown_field") for name in unknown}
            )
        read, errors = {}, {}
        for name, field, check, is_always_read in ways:
            if not is_always_read and name not in data:
                continue
            try:
                value = field.run_validation(data.get(name, empty))
                read[name] = value if check is None else check(value)
            except serializers.ValidationError as error:
                errors[name] = error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return read

    @cached_property
    def _ways(self) -> tuple[frozenset[str], list[tuple[str, Any, Any, bool]]]:
        """The names of the fields; each field, the check of its own, and whether it is read where it is left out."""
        fields = self.fields.items()
        ways = [(name, one, getattr(self, f"validate_{name}", None), _is_always_read(one)) for name, one in fields]
        return frozenset(name for name, _ in fields), ways

    def run_validators(self, value: Any) -> None:
        """Those of the whole, where there are any: for none the framework asks each field for its default."""
        if self.validators:
            super().run_validators(value)


def _is_always_read(field: Any) -> bool:
    return field.required or field.default is not empty

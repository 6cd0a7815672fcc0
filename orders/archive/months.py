"""Months of orders, told by their ids: a UUIDv7 begins with the time at which it was made. Pure."""

from datetime import UTC, date, datetime
from uuid import UUID


def first_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def after(month: date) -> date:
    """The month that follows."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def begin(month: date) -> datetime:
    """When a month begins."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def lowest_id(month: date) -> UUID:
    """Not above any id that was made in the month or later, and above all from before."""
    return UUID(int=int(begin(month).timestamp() * 1000) << 80)


def month_of(order_id: UUID) -> date:
    """The month in which an id was made."""
    return first_of(datetime.fromtimestamp((order_id.int >> 80) / 1000, UTC).date())

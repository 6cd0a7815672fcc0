"""Whose turn it is: accounts take turns, and so do the sockets of each. Pure."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Members by owner. However many members an owner has, each owner gets as many turns as another that has work."""

    def __init__(self) -> None:
        self._owners: OrderedDict[int, OrderedDict[T, None]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._owners.values()))

    def __iter__(self) -> Iterator[T]:
        return (member for members in self._owners.values() for member in members)

    def add(self, owner: int, member: T) -> None:
        """A member that comes last of its owner's; an owner without others comes last of all."""
        self._owners.setdefault(owner, OrderedDict())[member] = None

    def remove(self, owner: int, member: T) -> None:
        """A member that may have been removed before."""
        members = self._owners.get(owner)
        if members is not None:
            members.pop(member, None)
            if not members:
                del self._owners[owner]

    def next(self, has_work: Callable[[T], bool]) -> T | None:
        """The member whose turn it is of those that have work; its next turn comes after those of all others."""
        for owner, members in self._owners.items():
            for member in members:
                if has_work(member):
                    members.move_to_end(member)
                    self._owners.move_to_end(owner)
                    return member
        return None

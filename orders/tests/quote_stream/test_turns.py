"""Turns: accounts alike, however many sockets each has."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from orders.quote_stream.turns import Turns

members = st.dictionaries(st.integers(0, 5), st.integers(1, 6), min_size=1)


@given(members, st.integers(1, 60))
def test_owners_get_turns_alike_and_so_do_the_members_of_each(owned: dict[int, int], count: int) -> None:
    turns: Turns[tuple[int, int]] = Turns()
    for owner, size in owned.items():
        for number in range(size):
            turns.add(owner, (owner, number))

    taken = [turns.next(lambda _: True) for _ in range(count)]

    by_owner = Counter(member[0] for member in taken if member)
    of_each = [by_owner[owner] for owner in owned]
    assert max(of_each) - min(of_each) <= 1
    for owner, size in owned.items():
        of_members = Counter(member for member in taken if member and member[0] == owner)
        shares = [of_members[owner, number] for number in range(size)]
        assert max(shares) - min(shares) <= 1


@given(members, st.data())
def test_one_without_work_is_passed_over_and_one_that_left_has_no_turn(
    owned: dict[int, int], data: st.DataObject
) -> None:
    turns: Turns[tuple[int, int]] = Turns()
    everyone = [(owner, number) for owner, size in owned.items() for number in range(size)]
    for member in everyone:
        turns.add(member[0], member)
    gone = data.draw(st.sets(st.sampled_from(everyone)))
    idle = data.draw(st.sets(st.sampled_from(everyone)))
    for member in gone:
        turns.remove(member[0], member)
        turns.remove(member[0], member)

    busy = set(everyone) - gone - idle
    taken = [turns.next(lambda member: member not in idle) for _ in range(6 * 6 * 6)]

    assert {member for member in taken if member} == busy
    assert (None in taken) == (not busy)
    assert set(turns) == set(everyone) - gone
    assert len(turns) == len(everyone) - len(gone)

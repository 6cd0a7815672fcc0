"""Keys of the advisory locks that this package takes, in one place so that no two mean the same."""

# Held to the end of a transaction that writes to the audit log: the chain of hashes cannot fork. Taken last of all.
AUDIT = 4_201_001
# Shared by every transaction that makes submissions, exclusive for pausing: a pause that returned holds.
PAUSE = 4_201_002
# Held while findings of an audit are compared with what is reported: each is reported once.
EXAMINE = 4_201_003
# Held while an archive file is registered: no two hold the same orders.
ARCHIVE = 4_201_004
# Held while a webhook is made: no account gets more than it may have.
WEBHOOKS = 4_201_005

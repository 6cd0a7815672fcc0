"""The life of orders that wait, over HTTP: cancels by filter, the dead-man switch, replaced terms, links."""

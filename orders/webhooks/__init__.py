"""Webhooks: endpoints of accounts, and their delivery from the event log, each at its own pace and in order."""

"""The AsyncAPI document: what the WebSockets and webhooks send and take."""

"""The HTTP edge: one module per resource, with serializers, schema, errors, permissions and throttles."""

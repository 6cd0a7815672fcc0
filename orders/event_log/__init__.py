"""The append-only log of events, in the order that its readers see, and the cursor that says where one stands."""

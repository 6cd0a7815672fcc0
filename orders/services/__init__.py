"""Use cases that a person or a program asks for: each changes or judges orders in one verb."""

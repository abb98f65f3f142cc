"""What everything rests on: a method, a case, a result, the one way to compute and keep it."""

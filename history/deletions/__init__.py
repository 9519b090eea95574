"""Deleting recordings for good: found, confirmed, delayed, deleted one by one, certified."""

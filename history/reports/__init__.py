"""From an order to a proven file, step by step. Nothing here needs Celery or a request."""

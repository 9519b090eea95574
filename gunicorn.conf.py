"""Gunicorn as Voxledger wants it. Read by itself when gunicorn starts in this directory."""

wsgi_app = "dashboard.wsgi"
# Threads, since a page mostly waits for the remote API. WEB_CONCURRENCY sets the processes.
worker_class = "gthread"
threads = 8
keepalive = 5
# A request that is under way gets this long when the server is told to stop.
graceful_timeout = 30
timeout = 60
# Without the query: filters hold phone numbers.
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"
control_socket_disable = True

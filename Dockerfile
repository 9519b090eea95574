# Voxledger: one image for the web, the workers, beat and `manage.py`.
#
#   docker build -t voxledger .
#
# With Sentry and OpenTelemetry: --build-arg REQUIREMENTS=requirements-extras.txt

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG REQUIREMENTS=requirements.txt
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/voxledger
RUN python -m venv /venv
COPY requirements*.txt ./
# Wheels alone: nothing is compiled, so there is no compiler to take out again.
RUN /venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary :all: -r "${REQUIREMENTS}" \
    && /venv/bin/pip uninstall --quiet --yes pip
COPY manage.py gunicorn.conf.py CHANGELOG.md ./
COPY dashboard dashboard
COPY history history
COPY sandbox sandbox
COPY templates templates
COPY static static
COPY locale locale
RUN DATA_DIR=/tmp/data STATIC_ROOT=/srv/static /venv/bin/python manage.py collectstatic --noinput \
    && rm -rf /tmp/data \
    && /venv/bin/python -m compileall -q /venv/lib /srv/voxledger

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Voxledger" \
      org.opencontainers.image.licenses="MIT"
# pg_dump and pg_restore are for `manage.py backup` and `restore`. No installer of Python packages
# is left, and nobody but root may write anywhere but to /data and /tmp.
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --quiet --yes pip \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data \
      --shell /usr/sbin/nologin voxledger \
    && install --directory --owner=voxledger --group=voxledger --mode=0700 /data
COPY --from=build /venv /venv
COPY --from=build /srv /srv
WORKDIR /srv/voxledger
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    STATIC_ROOT=/srv/static \
    # A worker that is told to stop lays long work down after a while instead of finishing it:
    # the row keeps what is done, the next worker goes on (docs/operations.md).
    REMAP_SIGTERM=SIGQUIT
USER voxledger
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# For the web, which is the command below; docker-compose.yml has the others'.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--bind", "0.0.0.0:8000"]

# Image of `mallard serve`: docker build -t mallard-metrics .

FROM node:22-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392 AS browser
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY dashboard/ dashboard/
COPY tracker/ tracker/
RUN npm run build

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS packages
WORKDIR /app
RUN python -m venv .venv
COPY requirements/build.txt requirements/serve.txt requirements/
RUN .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements/build.txt -r requirements/serve.txt
COPY pyproject.toml README.md ./
COPY layers/common/ layers/common/
# Installed in place, as by `make setup`, with the dashboard beside the package. The installers are removed afterwards.
RUN .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable . \
    && .venv/bin/python -m pip uninstall --yes setuptools pip \
    && .venv/bin/python -m compileall -q layers/common

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
RUN groupadd --gid 10001 mallard \
    && useradd --uid 10001 --gid mallard --no-create-home --shell /usr/sbin/nologin mallard \
    && install --directory --owner mallard --group mallard /data
WORKDIR /app
COPY --from=packages /app/ ./
COPY --from=browser /app/dashboard/ dashboard/
COPY --from=browser /app/tracker/dist/ tracker/dist/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLARD_HOST=0.0.0.0 \
    MALLARD_DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8000
# SIGTERM flushes pending events and stops the process.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-m", "mallard.health.container_check"]
ENTRYPOINT ["mallard"]
CMD ["serve"]

# One image for every role: web, dispatcher, workers, migrate. kubernetes/ says which command each of them runs.
#
#     docker build --tag freehold .
#
# BASE is any image with Python 3.11 or newer and its venv module; both stages need the same one.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /app
RUN python3 -m venv /app/.venv
# Without the extra `run`: production refuses an embedded PostgreSQL, so the image has none to start.
COPY kubernetes/image.lock kubernetes/
RUN .venv/bin/python -m pip install --no-cache-dir --no-compile --require-hashes --only-binary :all: -r kubernetes/image.lock \
    && .venv/bin/python -m pip uninstall --yes --quiet pip
COPY . .
# The root file system is read-only at run time, so what Python would cache is made here.
RUN .venv/bin/python -m compileall -q -j 0 .

FROM ${BASE}
# Owned by root, so that the processes can't change their own code.
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--blocking-threads", "64", "wsgi:app"]

# One image for web, worker, beat and the migration; docker-compose.yml says which command each runs.
# .dockerignore lists what of this directory is in it; orderengine/tests/test_image.py runs an order with that alone.
FROM python:3.12-slim AS build

WORKDIR /app
COPY requirements.txt .
# The environment has no pip of its own: a running engine installs nothing.
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY . .
RUN python -m compileall -q dex orders orderengine
# Pages travel at a third of their size: whitenoise sends the compressed file where it finds one.
RUN /venv/bin/python -m whitenoise.compress --quiet --no-brotli orders/static

FROM python:3.12-slim

ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# Owns what it must write, the state, and nothing else.
RUN useradd --system --uid 10001 --no-create-home engine && install -d -o engine -g engine -m 0700 /state
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
USER engine
ENV STATE_DIR=/state
EXPOSE 3000

CMD ["python", "-m", "orderengine.web", "-v", "0", "-b", "0.0.0.0", "-p", "3000", "--no-server-name", "orderengine.asgi:application"]

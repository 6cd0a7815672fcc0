# One image for web, worker, beat and the migration; docker-compose.yml says which command each runs.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt

# Owns what it must write, the state, and nothing else.
RUN useradd --system --uid 10001 --no-create-home engine && install -d -o engine -g engine -m 0700 /state
COPY . .
RUN python -m compileall -q orderengine orders dex
USER engine
ENV STATE_DIR=/state
EXPOSE 3000

CMD ["python", "-m", "daphne", "-v", "0", "-b", "0.0.0.0", "-p", "3000", "--no-server-name", "orderengine.asgi:application"]

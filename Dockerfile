# Blindspot for one computer, or behind a proxy that you run (SECURITY.md says how).
# Never built so far: there was no Docker daemon where it was written. tests/test_docker.py reads it.
#
#   docker build -t blindspot .                               PyTorch for the CPU
#   docker build -t blindspot:cuda --build-arg TORCH=cuda .   PyTorch with CUDA
#   docker run --rm -p 127.0.0.1:8501:8501 -v blindspot:/kept blindspot
#   docker run --rm -p 127.0.0.1:8501:8501 -v blindspot:/kept --gpus all blindspot:cuda
#
# Publish the port on 127.0.0.1: without an address Docker opens it to the network, past the
# firewall. Names other than localhost are refused until they are allowed, for example behind a
# proxy; the list replaces the built-in one, and the health check below needs 127.0.0.1 in it:
#   docker run … blindspot --server.allowedHosts blindspot.example.org --server.allowedHosts 127.0.0.1
# The image has no C++ compiler, so models run as they are and are not compiled.

ARG TORCH=cpu

FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    BLINDSPOT_HOME=/kept
RUN useradd --create-home --uid 10001 blindspot \
    && install -d -o blindspot -g blindspot -m 700 /kept
WORKDIR /app
COPY requirements.txt ./

FROM base AS cpu-packages
RUN pip install --index-url https://download.pytorch.org/whl/cpu torch torchvision \
    && pip install -r requirements.txt

FROM base AS cuda-packages
RUN pip install -r requirements.txt

FROM ${TORCH}-packages AS app
COPY . .
USER blindspot
VOLUME ["/kept"]
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0"]

"""The metrics of ``motia worker``, sent as the documentation says, to a receiver of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.docs.pages import ROOT, blocks

APP = """
from telemetry import send_metrics
from motia import Motia, QueueConfig, queue, step

@step(triggers=[queue("t", config=QueueConfig(max_retries=0))])
async def fails(data):
    raise ValueError("no")

@step(triggers=[queue("t")])
async def works(data): ...

send_metrics()
motia = Motia("sqlite:///metrics.db", steps=[fails, works])
"""


@contextmanager
def receiver() -> Iterator[tuple[str, list[ExportMetricsServiceRequest]]]:
    """What was sent, by OTLP over HTTP, to an address of ours."""
    received: list[ExportMetricsServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join(10)


@pytest.mark.timeout(60)
def test_a_worker_sends_what_the_documentation_says(tmp_path: Path) -> None:
    (snippet,) = [block for block in blocks(ROOT / "docs" / "worker.md", "python") if block.file == "telemetry.py"]
    (tmp_path / "telemetry.py").write_text(snippet.text)
    (tmp_path / "metered.py").write_text(APP)
    with receiver() as (address, received):
        for words in (["emit", "metered:motia", "t", "{}"], ["worker", "metered:motia", "--drain"]):
            subprocess.run(
                [sys.executable, "-m", "motia", *words],
                check=True,
                cwd=tmp_path,
                env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"},
                capture_output=True,
                timeout=50,
            )
    found = {
        (metric.name, *(item.value.string_value for item in point.attributes)): point.as_int
        for request in received
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.sum.data_points
        if scope.scope.name == "motia"
    }
    assert found == {
        ("motia.dead", "fails", "failed"): 1,
        ("motia.deliveries", "fails", "dead"): 1,
        ("motia.deliveries", "works", "done"): 1,
    }

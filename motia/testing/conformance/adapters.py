"""The suite that the adapter of every web framework passes."""

from __future__ import annotations

from motia.testing.conformance.adapter_answers import AnswerCases, ErrorCases
from motia.testing.conformance.adapter_client import Client, Reply
from motia.testing.conformance.adapter_events import EventCases
from motia.testing.conformance.adapter_flows import RunCases, StreamCases
from motia.testing.conformance.adapter_health import HealthCases
from motia.testing.conformance.adapter_requests import RequestCases
from motia.testing.conformance.adapter_steps import conformance_app


class AdapterConformance(RequestCases, AnswerCases, ErrorCases, StreamCases, RunCases, HealthCases):
    """Everything that a request to an http step promises, over a real connection.

    The adapter serves ``conformance_app(...)`` by any server, ASGI or WSGI, in this process or in another, with the
    worker in the server's process, and gives the fixture ``client``. WSGI servers want 40 threads::

        @pytest.fixture(scope="module")
        def client():
            with my_server(conformance_app(upload=lambda request: request.files["file"].read())) as address:
                yield Client(address)

        class TestMyAdapter(AdapterConformance):
            pass

        class TestMyStreams(EventCases):
            pass
    """


__all__ = ["AdapterConformance", "Client", "EventCases", "Reply", "conformance_app"]

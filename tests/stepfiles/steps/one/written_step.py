"""1.0: a def handler that writes its answer."""

from motia import http

config = {"name": "Written", "triggers": [http("POST", "/one/written")], "enqueues": []}


def handler(request):
    request.response.headers({"content-type": "text/csv"})
    request.response.writer.stream.write("a,b\n")
    size = sum(len(chunk) for chunk in request.request_body.stream)
    request.response.writer.stream.write(f"{size},{len(request.request_body.read_all())}\n")
    request.response.close()

"""0.x: every shape of an answer."""

ANSWERS = {
    "plain": {"message": "no status"},
    "status_code": {"status_code": 202, "body": {"a": 1}},
    "error": {"error": "not here", "status": 404},
    "text": {"status": 200, "body": "plain text"},
    "list": [1, 2],
    "none": None,
    "domain": {"status": "shipped", "body": 5},
}
config = {"type": "api", "name": "Answers", "path": "/zero/answers/:kind", "method": "GET", "emits": []}


async def handler(req, _ctx):
    if req["pathParams"]["kind"] == "boom":
        raise RuntimeError("secret of the house")
    return ANSWERS[req.get("path_params")["kind"]]

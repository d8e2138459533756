"""0.x: an api step; the request is a dict, the body schema documents, emits are objects."""

import os

from pydantic import BaseModel

from ...src.services.prices import total
from .lib import RATE


class Order(BaseModel):
    items: list[dict]


config = {
    "type": "api",
    "name": "CreateOrder",
    "description": "Takes an order",
    "path": "/zero/orders/:customer",
    "method": "POST",
    "emits": [{"topic": "zero.ordered", "label": "accepted"}, {"topic": "zero.refused", "conditional": True}],
    "virtualEmits": ["/zero/pay"],
    "flows": ["zero"],
    "bodySchema": Order.model_json_schema(),
    "responseSchema": {201: {"type": "object"}, 400: {"type": "object"}},
    "queryParams": [{"name": "tag", "description": "may be repeated"}],
    "includeFiles": ["./*.txt"],
}


async def handler(req, context):
    body = req.get("body", {})
    items = body.get("items")
    if not isinstance(req, dict) or not isinstance(items, list):
        context.logger.warning("no items", {"body": body})
        return {"status": 400, "body": {"error": "items are missing"}}
    customer = req.get("pathParams").get("customer")
    await context.state.set("zero", "order", {"customer": customer, "trace": context.traceId})
    await context.emit({"topic": "zero.ordered", "data": {"customer": customer, "total": total(items)}})
    return {
        "status": 201,
        "headers": {"X-Rate": str(RATE)},
        "body": {
            "total": total(items),
            "greeting": os.environ.get("GREETING"),
            "tag": req["queryParams"].get("tag"),
            "raw": len(req["rawBody"]),
            "flows": context.flows,
            "same": req.body is req["body"] and req.path_params == req["params"] == req["pathParams"],
        },
    }

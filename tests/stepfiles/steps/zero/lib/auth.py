import functools


async def authenticated(req, context, next_fn):
    token = req["headers"].get("authorization")
    if token is None:
        return {"status": 401, "body": {"error": "who are you?"}}
    req["user"] = token.removeprefix("Bearer ")
    return await next_fn()


def stamped(name):
    async def middleware(req, context, next_fn):
        response = await next_fn()
        response["headers"] = {**response.get("headers", {}), "x-stamp": name}
        return response

    return middleware


def guarded(handler):  # a decorator of the careless kind, without functools.wraps
    async def inner(*args, **kwargs):
        try:
            return await handler(*args, **kwargs)
        except KeyError as error:
            return {"status": 422, "body": {"error": f"{error} is missing"}}

    return inner


def polite(handler):
    @functools.wraps(handler)
    async def inner(*args, **kwargs):
        return await handler(*args, **kwargs)

    return inner

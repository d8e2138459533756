"""0.x: a stream file; its schema documents."""

from pydantic import BaseModel


class Card(BaseModel):
    id: str
    title: str


def can_access(subscription, auth):
    return subscription["groupId"] != "secret"


config = {
    "name": "board",
    "schema": Card.model_json_schema(),
    "baseConfig": {"storageType": "default"},
    "canAccess": can_access,
}

"""Files written for Motia's Python SDK, both generations: what they import, and how they are read.

The rest of the package has never heard of it: ``motia`` finds the names here when a file asks for them, and
``motia.discovery.readers`` reads a module with a ``config`` by it.
"""

from motia.compat.channels import (
    ChannelReader,
    ChannelWriter,
    MotiaHttpResponse,
)
from motia.compat.guards import (
    get_api_triggers,
    get_cron_triggers,
    get_http_triggers,
    get_queue_triggers,
    get_state_triggers,
    get_stream_triggers,
    is_api_step,
    is_api_trigger,
    is_cron_step,
    is_cron_trigger,
    is_event_step,
    is_http_step,
    is_http_trigger,
    is_noop_step,
    is_queue_step,
    is_queue_trigger,
    is_state_step,
    is_state_trigger,
    is_stream_step,
    is_stream_trigger,
)
from motia.compat.http import (
    MotiaHttpArgs,
    MotiaHttpRequest,
)
from motia.compat.modules import (
    read,
)
from motia.compat.schemas import (
    generate_step_id,
    schema_to_json_schema,
)
from motia.compat.streams import (
    StreamConfig,
)
from motia.compat.types import (
    ApiMiddleware,
    ApiRouteMethod,
    ApiStreamHttpRequest,
    ApiStreamRequest,
    ApiStreamResponse,
    ApiTrigger,
    Emitter,
    Enqueuer,
    MultiTriggerStepBuilder,
    StateManager,
    StepDefinition,
    StreamAuthInput,
    StreamAuthResult,
    StreamSubscription,
    TriggerCondition,
    TriggerConfig,
    TriggerInput,
    TriggerMetadata,
    api,
    define_step,
    event,
)
from motia.inputs import (
    StreamEvent,
)
from motia.steps import (
    Enqueue,
    StepBuilder,
    StepConfig,
)
from motia.triggers import (
    CronTrigger,
    HttpTrigger,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
)

__all__ = [
    "ApiMiddleware",
    "ApiRouteMethod",
    "ApiStreamHttpRequest",
    "ApiStreamRequest",
    "ApiStreamResponse",
    "ApiTrigger",
    "ChannelReader",
    "ChannelWriter",
    "CronTrigger",
    "Emitter",
    "Enqueue",
    "Enqueuer",
    "HttpTrigger",
    "MotiaHttpArgs",
    "MotiaHttpRequest",
    "MotiaHttpResponse",
    "MultiTriggerStepBuilder",
    "QueueTrigger",
    "StateManager",
    "StateTrigger",
    "StepBuilder",
    "StepConfig",
    "StepDefinition",
    "StreamAuthInput",
    "StreamAuthResult",
    "StreamConfig",
    "StreamEvent",
    "StreamSubscription",
    "StreamTrigger",
    "TriggerCondition",
    "TriggerConfig",
    "TriggerInput",
    "TriggerMetadata",
    "api",
    "define_step",
    "event",
    "generate_step_id",
    "get_api_triggers",
    "get_cron_triggers",
    "get_http_triggers",
    "get_queue_triggers",
    "get_state_triggers",
    "get_stream_triggers",
    "is_api_step",
    "is_api_trigger",
    "is_cron_step",
    "is_cron_trigger",
    "is_event_step",
    "is_http_step",
    "is_http_trigger",
    "is_noop_step",
    "is_queue_step",
    "is_queue_trigger",
    "is_state_step",
    "is_state_trigger",
    "is_stream_step",
    "is_stream_trigger",
    "read",
    "schema_to_json_schema",
]

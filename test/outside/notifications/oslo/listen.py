"""Listens as an OpenStack service does, and prints each notification as a line of JSON.

Arguments: one JSON object {url, exchange, topic, pool?, durable?}. Ends when its input ends.
"""
import json
import sys

import oslo_messaging
from oslo_config import cfg

given = json.loads(sys.argv[1])
conf = cfg.ConfigOpts()
conf([])
oslo_messaging.set_transport_defaults(given["exchange"])
transport = oslo_messaging.get_notification_transport(conf, url=given["url"])
if given.get("durable"):
    conf.set_override("amqp_durable_queues", True, group="oslo_messaging_rabbit")


def show(kind, **fields):
    sys.stdout.write(json.dumps({"kind": kind, **fields}) + "\n")
    sys.stdout.flush()


class Endpoint:
    def __getattr__(self, priority):
        if priority not in ("audit", "debug", "info", "warn", "error", "critical", "sample"):
            raise AttributeError(priority)

        def handle(ctxt, publisher_id, event_type, payload, metadata):
            try:
                text = json.dumps(payload, allow_nan=False)
                small = payload if len(text) < 2000 else "large"
            except ValueError:
                small = "not JSON"
            show(
                "notification",
                priority=priority,
                publisher_id=publisher_id,
                event_type=event_type,
                payload=small,
                message_id=metadata.get("message_id"),
                timestamp=metadata.get("timestamp"),
                context={key: value for key, value in ctxt.items() if value is not None},
            )

        return handle


server = oslo_messaging.get_notification_listener(
    transport,
    [oslo_messaging.Target(topic=given["topic"], exchange=given["exchange"])],
    [Endpoint()],
    executor="threading",
    pool=given.get("pool"),
)
server.start()
show("ready")
sys.stdin.read()
server.stop()
server.wait()

"""Notifies as an OpenStack service does: for each line of input, one notification.

Arguments: one JSON object {url, exchange, topic, publisher_id, driver?, durable?}. A line of input is
{priority, event_type, payload, context?}; the answer is a line of JSON.
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
notifier = oslo_messaging.Notifier(
    transport,
    publisher_id=given["publisher_id"],
    driver=given.get("driver", "messagingv2"),
    topics=[given["topic"]],
    retry=0,
)
sys.stdout.write(json.dumps({"kind": "ready"}) + "\n")
sys.stdout.flush()
for line in sys.stdin:
    each = json.loads(line)
    send = getattr(notifier, each["priority"])
    send(each.get("context", {}), each["event_type"], each["payload"])
    sys.stdout.write(json.dumps({"kind": "sent"}) + "\n")
    sys.stdout.flush()

"""Tells what oslo.messaging's routing driver would choose. Input and output are JSON.

Input: [{groups, messages: [[event_type, priority], ...]}, ...]. Output: for each, a list of names for
each message.
"""
import json
import sys

from oslo_messaging.notify import _impl_routing

driver = _impl_routing.RoutingDriver.__new__(_impl_routing.RoutingDriver)
answers = []
for case in json.load(sys.stdin):
    answer = []
    for event_type, priority in case["messages"]:
        chosen = set()
        for group in case["groups"].values():
            chosen.update(driver._get_drivers_for_message(group, event_type, priority.lower()))
        answer.append(sorted(chosen))
    answers.append(answer)
json.dump(answers, sys.stdout)

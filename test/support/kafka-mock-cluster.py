"""librdkafka's mock cluster, told what to do by lines: each line read is a call, each line written its answer.

The argument is how many brokers. A topic that makes itself has four partitions. The first line
written is the address. Ends with its input, so that it does not outlive whoever started it.
"""

import ctypes
import sys

rdkafka = ctypes.CDLL("librdkafka.so.1")
rdkafka.rd_kafka_conf_new.restype = ctypes.c_void_p
rdkafka.rd_kafka_new.restype = ctypes.c_void_p
rdkafka.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
rdkafka.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
rdkafka.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
rdkafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
rdkafka.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]

text, number = ctypes.c_char_p, ctypes.c_int32
calls = {
    # topic, partitions, replicas
    "topic_create": [text, ctypes.c_int, ctypes.c_int],
    # topic, partition, broker
    "partition_set_leader": [text, number, number],
    # broker
    "broker_set_down": [number],
    "broker_set_up": [number],
    # "group", group, broker
    "coordinator_set": [text, text, number],
}
functions = {}
for name, arguments in calls.items():
    functions[name] = getattr(rdkafka, "rd_kafka_mock_" + name)
    functions[name].argtypes = [ctypes.c_void_p, *arguments]

handle = rdkafka.rd_kafka_new(0, rdkafka.rd_kafka_conf_new(), ctypes.create_string_buffer(512), 512)
cluster = rdkafka.rd_kafka_mock_cluster_new(handle, int(sys.argv[1]))
print(rdkafka.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)

for line in sys.stdin:
    name, *words = line.split()
    arguments = [
        word.encode() if kind is text else int(word)
        for word, kind in zip(words, calls[name], strict=True)
    ]
    print(functions[name](cluster, *arguments), flush=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks DPDK's telemetry socket and prints each answer as a line of JSON, as dpdk-telemetry.py does.

usage: telemetry.py SOCKET COMMAND[,PARAMETERS]...
"""
import json
import socket
import sys

client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.settimeout(5)
client.connect(sys.argv[1])
hello = json.loads(client.recv(1024))
for request in sys.argv[2:]:
    client.send(request.encode())
    answer = client.recv(hello["max_output_len"] + 1)
    assert len(answer) <= hello["max_output_len"], len(answer)
    print(json.dumps(json.loads(answer)))

# SPDX-License-Identifier: BSD-3-Clause
# An HTTP receiver for the outlets' tests: Splunk's event collector, a bulk interface, or anything
# that takes JSON; and one that fails in every way a receiver can.
#
#   receiver.py KIND OUT [--port N] [--faults LIST] [--cert FILE --key FILE [--client-ca FILE]]
#               [--token SECRET] [--poison TEXT]
#
# Prints its port. What it takes stands in OUT, one JSON object a line, written before the answer:
# {"n": request, "id":.., "sequence":.., "event":..}; each request in OUT.requests. Request i meets
# fault i of LIST, after that none:
#   ok  503  429 (Retry-After: 1)  slow (answers too late)  lost (takes it, says nothing)
#   cut (takes it, half an answer)  deaf (half of it read, nothing taken)  301  403  garbage  huge
#   busy (bulk: takes every other record, the rest is too much)
import argparse
import gzip
import json
import os
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("kind", choices=["hec", "bulk", "webhook"])
parser.add_argument("out")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--faults", default="")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--client-ca")
parser.add_argument("--token")
parser.add_argument("--poison")
arguments = parser.parse_args()

faults = [f for f in arguments.faults.split(",") if f]
lock = threading.Lock()
requests = 0
out = open(arguments.out, "a")
log = open(arguments.out + ".requests", "a")
seen = set()
acks = {}


def objects(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        while at < len(text) and text[at] in " \r\n":
            at += 1


def keep(n, event):
    inner = event.get("event", event)
    if "offhook" in inner and "sequence" not in inner:
        inner = inner["offhook"]
    line = {"n": n, "id": inner["id"], "sequence": inner["sequence"], "event": event}
    out.write(json.dumps(line) + "\n")
    out.flush()


def is_poison(event):
    return arguments.poison and arguments.poison in json.dumps(event, ensure_ascii=False)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError):
            pass

    def answer(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def hang_up(self):
        self.close_connection = True
        self.connection.close() if arguments.cert else self.connection.shutdown(2)

    def do_POST(self):
        global requests
        with lock:
            n, fault = requests, faults[requests] if requests < len(faults) else "ok"
            if "/ack" not in self.path:
                requests += 1
            else:
                fault = "ok"
        length = int(self.headers["Content-Length"])
        if fault == "deaf":
            self.rfile.read(length // 2)
            self.note(n, fault)
            return self.hang_up()
        body = self.rfile.read(length)
        size = len(body)
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.note(n, fault, size)
        if fault == "503":
            return self.answer(503, {"text": "Server is busy", "code": 9})
        if fault == "429":
            return self.answer(429, b"", [("Retry-After", "1")])
        if fault == "301":
            return self.answer(301, b"", [("Location", "/elsewhere")])
        if fault == "403":
            return self.answer(403, {"text": "Invalid token", "code": 4})
        if fault == "garbage":
            return self.answer(200, b"\x00\xff{[" * 100)
        status, answer = getattr(self, arguments.kind)(n, fault, body.decode())
        if fault == "slow":
            time.sleep(1.5)
        elif fault == "lost":
            return self.hang_up()
        elif fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")
            self.wfile.flush()
            return self.hang_up()
        elif fault == "huge":
            status, answer = 200, json.dumps(answer or "").encode() + b" " * (3 << 20)
        self.answer(status, answer)

    def note(self, n, fault, size=0):
        with lock:
            log.write(json.dumps({"n": n, "fault": fault, "path": self.path, "bytes": size,
                                  "headers": dict(self.headers), "at": time.time()}) + "\n")
            log.flush()

    def hec(self, n, fault, body):
        if "/ack" in self.path:
            wanted = json.loads(body)["acks"]
            with lock:
                for ack in wanted:
                    acks[ack] = acks.get(ack, 0) + 1
                # Indexed at the third question.
                return 200, {"acks": {str(ack): acks[ack] >= 3 for ack in wanted}}
        if arguments.token and self.headers["Authorization"] != "Splunk " + arguments.token:
            return 401, {"text": "Invalid authorization", "code": 3}
        events = list(objects(body))
        for i, event in enumerate(events):
            if is_poison(event):
                return 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": i}
        with lock:
            for event in events:
                keep(n, event)
        if "X-Splunk-Request-Channel" in self.headers:
            return 200, {"text": "Success", "code": 0, "ackId": n}
        return 200, {"text": "Success", "code": 0}

    def bulk(self, n, fault, body):
        lines = body.split("\n")
        items = []
        with lock:
            for i in range(0, len(lines) - 1, 2):
                action, document = json.loads(lines[i])["create"], json.loads(lines[i + 1])
                status, error = 201, None
                if fault == "busy" and i // 2 % 2:
                    status, error = 429, "es_rejected_execution_exception"
                elif is_poison(document):
                    status, error = 400, "document_parsing_exception"
                elif (action["_index"], action["_id"]) in seen:
                    status, error = 409, "version_conflict_engine_exception"
                if status == 201:
                    seen.add((action["_index"], action["_id"]))
                event = document["event"]
                out.write(json.dumps({"n": n, "id": event["id"], "sequence": event["sequence"],
                                      "status": status, "_id": action["_id"], "_index": action["_index"],
                                      "event": document}) + "\n")
                item = {"status": status}
                if error:
                    item["error"] = {"type": error, "reason": "so it is"}
                items.append({"create": item})
            out.flush()
        return 200, {"items": items}

    def webhook(self, n, fault, body):
        events = json.loads(body) if body.startswith("[") else list(objects(body))
        if any(is_poison(event) for event in events):
            return 422, {"error": "no"}
        with lock:
            for event in events:
                keep(n, event)
        return 204, None


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def finish_request(self, request, address):
        # The handshake, on the connection's own thread.
        if context:
            try:
                request = context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, ConnectionError):
                return
        super().finish_request(request, address)


context = None
if arguments.cert:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)
    if arguments.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(arguments.client_ca)
server = Server(("127.0.0.1", arguments.port), Handler)
print(server.server_port, flush=True)
server.serve_forever()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What receivers of syslog have stored, against what `offhook watch --json` has told.

received.py send PORT COUNT FIRST     lines of COUNT phones to 127.0.0.1, hostile ones among them
received.py count WATCHED             how many states of diagnoses were told
received.py same WATCHED FORMAT FILE...     each state is there, with its user, and nothing else; a
                                      state may come twice
Each format is read by rules of its own here.
"""
import json
import re
import socket
import sys
import time

HOSTILE = [
    "a|b=c\\d\"e]f[g", "x cs1=forged act=forged", "x\"] forged [y z=\"1", "|x|LEEF:2.0|x09|",
    "\x1b[31mred\x1b[0m", "tab\there", "h\u00f6r \u5ee0", "\u202eoverride", "C1 \u009b31m", "back\\nslash \\",
]


def send(port, count, first):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(int(first), int(first) + int(count)):
        user = f"CP-7962G-SEP00CB{i:08X}"
        if i % 4 == 0:
            user = HOSTILE[i // 4 % len(HOSTILE)]
        user = user.encode() + (b"\xff\xfe" if i % 16 == 8 else b"")
        ip = f"198.18.{i >> 8 & 255}.{i & 255}"
        out.sendto(b"<164>Nov 21 2026 10:19:27 asa-hq-1 : %%ASA-4-724002: Group <VPNPhone> User <%s> IP <%s> "
                   b"WebVPN session not terminated. Cisco Secure Desktop was not running on the client's workstation."
                   % (user, ip.encode()), ("127.0.0.1", int(port)))
        if i % 20 == 19:
            time.sleep(0.01)


BAD = "\ufffd"
GONE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]")


def shown(text):
    """As formats that cannot escape it show it."""
    return GONE.sub(BAD, text.replace("\t", " ").replace("\n", " ").replace("\r", " ")).rstrip(" ")


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), text)


def read_cef(line):
    head = re.match(r"<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ (CEF:0(?:\|(?:[^|\\]|\\.)*){6}\|)(.*)$", line)
    keys = re.findall(r"(?:^| )(\w+)=((?:[^=\\]|\\.)*)(?=$| \w+=)", head[2])
    values = {k: unescape(v) for k, v in keys}
    return values["externalId"], int(values["cn1"]), values.get("suser"), shown


def read_leef(line):
    head = re.match(r"<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ LEEF:2\.0\|offhook\|offhook\|[^|]*\|[^|]*\|x09\|(.*)$", line)
    values = dict(pair.split("=", 1) for pair in head[1].split("\t"))
    return values["eventId"], int(values["sequence"]), values.get("usrName"), shown


def read_rfc5424(line):
    head = re.match(r"<\d+>1 \S+Z \S+ offhookd \d+ \S+ \[offhook@32473((?: \w+=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)\] \S.*$", line)
    keys = re.findall(r" (\w+)=\"((?:[^\"\\\]]|\\.)*)\"", head[1])
    values = {k: re.sub(r"\\(.)", r"\1", v) for k, v in keys}
    return values["id"], int(values["sequence"]), values.get("user"), shown


def read_ecs(line):
    head = re.match(r"(?:<\d+>1 \S+Z \S+ offhookd \d+ \S+ - )?(\{.*)$", line)
    document = json.loads(head[1])
    return (document["event"]["id"], document["event"]["sequence"], document.get("user", {}).get("name"),
            lambda text: text)


READ = {"cef": read_cef, "leef": read_leef, "rfc5424": read_rfc5424, "ecs": read_ecs}


def told(path):
    states = {}
    for line in open(path, encoding="utf-8"):
        if line.endswith("\n") and '"type":"diagnosis"' in line:
            state = json.loads(line)
            states[state["id"], state["sequence"]] = state["user"]
    return states


def stored(kind, paths):
    for path in paths:
        for line in open(path, encoding="utf-8", newline="\n"):
            if line.endswith("\n"):
                try:
                    yield READ[kind](line[:-1])
                except (TypeError, KeyError, ValueError) as error:
                    sys.exit(f"{path}: {error!r}: {line!r}")


def compare(watched, kind, paths):
    states, seen, n = told(watched), {}, 0
    for ident, sequence, user, as_shown in stored(kind, paths):
        n += 1
        wanted = states.get((ident, sequence), KeyError)
        if wanted is KeyError:
            return f"{kind}: {ident} {sequence} was not told"
        if (user or "") != as_shown(wanted or ""):
            return f"{kind}: {user!r} is not {wanted!r}"
        seen[ident, sequence] = True
    missing = [key for key in states if key not in seen]
    if missing:
        return f"{kind}: {len(missing)} of {len(states)} are missing, {missing[:3]}"
    print(f"{kind}: {len(states)} states, {n - len(seen)} twice")
    return None


command, arguments = sys.argv[1], sys.argv[2:]
if command == "send":
    send(*arguments)
elif command == "count":
    print(sum(1 for line in open(arguments[0], encoding="utf-8") if '"type":"diagnosis"' in line))
elif command == "same":
    sys.exit(compare(arguments[0], arguments[1], arguments[2:]))

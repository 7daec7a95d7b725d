#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Log text of strangers, sent as phones' failures, and what comes of it.

hostile.py send PORT         from 127.0.0.1
hostile.py receive OUT       syslog over TCP with octet counting on free ports, one a format, which it prints; each message
                             in OUT.FORMAT, its bytes in hex
hostile.py check HISTORY DIR what `history --changes` has, against what was sent; and each format in DIR, read by its
                             rules and written again: the same bytes
"""
import json
import re
import socket
import sys
import threading
import time

FORMATS = "cef", "leef", "rfc5424", "ecs"
NASTY = [
    b"a|b=c\\d\"e]f[g", b"x cs1=forged act=forged", b"x\"] forged [y z=\"1", b"|x|LEEF:2.0|x09|", b"\x1b[31mred\x1b[0m",
    b"\x1b]0;title\x07", b"tab\there", "h\u00f6r \u5ee0 \u202eoverride".encode(), "C1 \u009b31m".encode(), b"back\\nslash \\",
    b"nul\0in it", b"bad \xff\xfe utf \xc3", b"cr\rin it", b"'; DROP TABLE x; --", b"{\"json\":[1]}\\u0000", b"%s%n%d", b"= = | |",
    b"x" * 8000, b"y" * 600, "\u5ee0".encode() * 2700, b"trailing \\", b"<script>alert(1)</script>", b"$(reboot) `reboot`",
]
GATEWAY = b"asa|=\\]\"\x1b[2J\xff"


def line(user, ip, gateway=b"asa-1"):
    return (b"<164>Nov 21 2026 10:19:27 %s : %%ASA-4-724002: Group <VPNPhone> User <%s> IP <%s> WebVPN session not terminated. Cisco "
            b"Secure Desktop was not running on the client's workstation." % (gateway, user, ip.encode()))


def send(port):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def tell(data):
        out.sendto(data, ("127.0.0.1", int(port)))
        time.sleep(0.01)

    for i, text in enumerate(NASTY):
        tell(line(text, f"198.18.0.{i + 1}"))
    tell(line(b"new\nline", "198.18.2.1"))  # within a value a line break is a byte like others
    for i in range(60):  # enough for an alert
        tell(line(b"CP-7962G-SEP00CC%08X" % i, f"198.18.3.{i + 1}", GATEWAY))


def receive(out):
    def serve(listener, path):
        stream = listener.accept()[0].makefile("rb")
        with open(path, "w", buffering=1) as stored:
            while True:
                length = b""
                while (c := stream.read(1)).isdigit():
                    length += c
                if c != b" ":
                    return
                stored.write(stream.read(int(length)).hex() + "\n")

    for kind in FORMATS:
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], end=" ", flush=True)
        threading.Thread(target=serve, args=(listener, f"{out}.{kind}")).start()
    print(flush=True)


# ---- each format by its rules ----

GONE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def one_line(text):
    """As a format shows it that cannot escape controls."""
    return GONE.sub("\ufffd", text.replace("\t", " ").replace("\n", " ").replace("\r", " ").rstrip(" "))


def cef(text):
    head = re.fullmatch(r"(<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ CEF:0\|offhook\|offhook\|[^|]+\|(?:[^|\\]|\\[\\|])+\|"
                        r"(?:[^|\\]|\\[\\|])+\|(?:\d|10)\|)(.*)", text)
    pairs = re.findall(r"(?:^|(?<= ))(\w+)=((?:[^=\\\n\r]|\\[=\\nr])*?)(?= \w+=|$)", head[2])
    values = {k: re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), v) for k, v in pairs}
    escape = {"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"}
    again = head[1] + " ".join(k + "=" + re.sub(r"[\\=\n\r]", lambda m: escape[m[0]], v) for k, v in values.items())
    return again, values["externalId"], int(values["cn1"]), {
        "user": values.get("suser"), "gateway": values.get("dvchost"), "evidence": values.get("msg")}, (
            lambda t: GONE.sub("\ufffd", t.replace("\t", " ").rstrip(" \n\r")))


def leef(text):
    head = re.fullmatch(r"(<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ LEEF:2\.0\|offhook\|offhook\|[^|]+\|[^|]+\|x09\|)(.*)", text)
    values = dict(pair.split("=", 1) for pair in head[2].split("\t"))
    again = head[1] + "\t".join(k + "=" + v for k, v in values.items())
    return again, values["eventId"], int(values["sequence"]), {
        "user": values.get("usrName"), "gateway": values.get("gateway"), "evidence": values.get("evidence")}, one_line


def rfc5424(text):
    head = re.fullmatch(r"(<\d+>1 \S+Z [!-~]{1,255} offhookd \d+ [!-~]{1,32} \[offhook@32473)"
                        r"((?: [!#-<>-\\^-~]{1,32}=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)(\] .*)", text)
    pairs = re.findall(r" (\S+?)=\"((?:[^\"\\\]]|\\.)*)\"", head[2])
    values = {k: re.sub(r"\\(.)", r"\1", v) for k, v in pairs}
    again = head[1] + "".join(" %s=\"%s\"" % (k, re.sub(r"([\"\\\]])", r"\\\1", v)) for k, v in values.items()) + head[3]
    return again, values["id"], int(values["sequence"]), {
        n: values.get(n) for n in ("user", "gateway", "evidence")}, one_line


def evidence(diagnosis):
    return diagnosis["evidence"][-1]["text"] if diagnosis.get("evidence") else None


def ecs_of(document):
    return document["event"]["id"], document["event"]["sequence"], {
        "user": document.get("user", {}).get("name"), "gateway": document.get("observer", {}).get("name"),
        "evidence": evidence(document["offhook"])}, lambda text: text


def ecs(text):
    head = re.fullmatch(r"(?:<\d+>1 \S+Z \S+ offhookd \d+ \S+ - )?(\{.*\})", text)
    return (text,) + ecs_of(json.loads(head[1], strict=True))


def plain(text):
    """A JSON object of a receiver, one a line: as `watch` has it, as ECS, or Splunk's."""
    event = json.loads(text)["event"]
    if "ecs" in event:
        return (text,) + ecs_of(event)
    if "sequence" not in event:  # Splunk's envelope
        event = event["event"]["offhook"]
    return text, event["id"], event["sequence"], {
        "user": event.get("user"), "gateway": event.get("gateway"), "evidence": evidence(event)}, lambda text: text


# ---- compared ----

def capped(text):
    """Values are cut at 1024 bytes, between characters."""
    if text is None or len(text.encode()) <= 1024:
        return text
    return text.encode()[:1024].decode(errors="ignore")


def taken(history):
    """What was taken of what was sent."""
    of = {d["client_ip"]: d for d in history if d["type"] == "diagnosis"}

    def same(ip, name, sent):
        if ip not in of and len(sent) > 8000 - 1:  # a line too long to be one
            return
        wanted, got = sent.split(b"\0")[0].decode(errors="replace"), of[ip][name]  # a name ends at a NUL
        if not (got == wanted or len(sent) > 255 and len(got) >= 60 and wanted.startswith(got.rstrip("\ufffd\u2026"))):
            sys.exit(f"{ip}: {name} {got!r} is not {wanted!r}")

    for i, text in enumerate(NASTY):
        same(f"198.18.0.{i + 1}", "user", text)
        same(f"198.18.3.{i + 1}", "gateway", GATEWAY)
    same("198.18.2.1", "user", b"new\nline")


def check(history, directory, arrived=None):
    history = [json.loads(one) for one in open(history, encoding="utf-8", newline="\n")]
    if arrived is None:
        taken(history)
    states = {(one["id"], one["sequence"]): one for one in history}
    for name, read in {"syslog.cef": cef, "syslog.leef": leef, "syslog.rfc5424": rfc5424, "syslog.ecs": ecs, "file": ecs,
                       "webhook": plain, "splunk": plain, "elastic": plain, "kafka": plain}.items():
        seen = set()
        try:
            lines = open(f"{directory}/{name}", encoding="utf-8", newline="\n").read().split("\n")[:-1]
        except FileNotFoundError:
            if name == "kafka":
                continue
            raise
        for one in lines:
            text = bytes.fromhex(one).decode() if "syslog" in name else one  # valid UTF-8, or it ends here
            try:
                again, ident, sequence, values, shown = read(text)
            except (TypeError, KeyError, ValueError) as error:
                sys.exit(f"{name}: {error!r}: {text!r}")
            if again != text:
                sys.exit(f"{name}:\n{text!r}\nis not\n{again!r}")
            state = states[ident, sequence]
            for key, got in values.items():
                wanted = evidence(state) if key == "evidence" else state.get(key)
                if key == "evidence" and wanted is None:
                    continue  # an alert's own words
                wanted = shown(capped(wanted)) if wanted is not None else None
                if (got or None) != (wanted or None):
                    sys.exit(f"{name}: {key} {got!r} is not {wanted!r}")
            seen.add((ident, sequence))
        if seen != set(states):
            sys.exit(f"{name}: {len(set(states) - seen)} of {len(states)} are missing: {sorted(set(states) - seen)[:3]}")
        print(f"{name}: {len(seen)} states")


command, arguments = sys.argv[1], sys.argv[2:]
globals()[command](*arguments)

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is known of a swapped certificate, wherever it is told.

swapped.py holds ALERTS EXPRESSION          of `offhook alerts --json`: `alerts` are all, `firing` those that fire
swapped.py series|prometheus|manager SAID EXPRESSION    of what an address said: of Prometheus's query `v`, values by
                                            their labels; of its alerts and of Alertmanager's `alerts`
swapped.py diagnosed DIAGNOSES EXPRESSION   of `diagnoses --json`: `all`, `confirmed`, `probable`; and none blames another
swapped.py fleet FLEET PHONES               of `fleet --json`: so many phones of one gateway fail, all others are well
swapped.py told HISTORY KIND FILE           each state of an alert in `history --changes` is in a receiver's FILE,
                                            and nothing else: its id, sequence, state, phones, hash, gateway
swapped.py episode HISTORY PHONES           one alert, firing once and resolved once
swapped.py delay WATCHED                    from the lines of the phone that reached a threshold to the alert
"""
import datetime
import json
import re
import sys

from swap import HASH, OLD_HASH


def read(path):
    return [json.loads(line) for line in open(path, encoding="utf-8") if line.endswith("\n")]


def holds(path, expression):
    alerts = read(path)
    return bool(eval(f"({expression})", {"alerts": alerts, "firing": [a for a in alerts if a["state"] == "firing"]}))


def name_of(labels):
    return " ".join(labels[k] for k in sorted(labels) if k not in ("__name__", "instance", "job"))


def said(kind, path, expression):
    try:
        one = json.load(open(path))
        if kind == "series":
            names = {"v": {name_of(r["metric"]): float(r["value"][1]) for r in one["data"]["result"]}}
        elif kind == "prometheus":
            names = {"alerts": sorted((a["labels"]["alertname"], a["state"]) for a in one["data"]["alerts"])}
        else:
            names = {"alerts": sorted(tuple(a["labels"].get(n) for n in ("alertname", "gateway", "severity")) for a in one)}
    except (ValueError, KeyError):  # nobody is there yet
        return False
    return bool(eval(expression, names))


def diagnosed(path, expression):
    diagnoses = read(path)
    of = {c: [d for d in diagnoses if d["confidence"] == c] for c in ("confirmed", "probable", "suspected")}
    print({c: len(d) for c, d in of.items()}, sum(d["ambiguous"] for d in diagnoses), "ambiguous")
    for d in diagnoses:
        if d["diagnosis"] != "cert-hash-mismatch" or d["gateway"] not in ("asa-07", None if d["client_ip"] is None else "asa-07"):
            sys.exit("what is that: %s" % d)
    if not eval(expression, {"all": diagnoses, **of}):
        sys.exit("not so: " + expression)


def fleet(path, phones):
    for gateway in read(path):
        of, swapped = gateway["phones"], gateway["gateway"] == "asa-07"
        n, failing = (int(phones), of["failing"]) if swapped else (100, 0)
        if (of["known"], of["ok"]) != (n, 0 if swapped else n) or failing < n * 4 // 5 * swapped or (
                gateway["causes"] != ({"cert-hash-mismatch": failing} if swapped else {})):
            sys.exit(json.dumps(gateway))


def of_history(a):
    details = a["details"]
    expected = ",".join(details["expected_hash"] or []) or None
    return a["id"], a["sequence"], a["state"], a["phones"]["affected"], details["leaf_hash"], expected, a["gateway"]


STATES = {"fleet-alert-firing": "firing", "fleet-alert-resolved": "resolved"}


def of_ecs(line):
    d = json.loads(line)
    return (d["event"]["id"], d["event"]["sequence"], d["offhook"]["fleet"]["state"],
            d["offhook"]["fleet"]["phones"]["affected"], d.get("tls", {}).get("server", {}).get("hash", {}).get("sha1"),
            ",".join(d["offhook"].get("cert", {}).get("expected_sha1", [])) or None, d.get("observer", {}).get("name"))


def of_cef(line):
    v = dict(re.findall(r"(?:[| ])(\w+)=((?:[^=\\]|\\.)*)(?=$| \w+=)", line))
    return v["externalId"], int(v["cn1"]), STATES[v["act"]], int(v["cnt"]), v.get("cs1"), v.get("cs2"), v.get("dvchost")


def of_rfc5424(line):
    v = dict(re.findall(r" (\w+)=\"((?:[^\"\\\]]|\\.)*)\"", line))
    return v["id"], int(v["sequence"]), STATES[v["action"]], int(v["phones"]), v.get("leaf_hash"), v.get("expected_hash"), v.get("gateway")


def told(history, kind, path):
    wanted = {of_history(a) for a in read(history)}
    got = {globals()["of_" + kind](line) for line in open(path, encoding="utf-8", newline="\n") if line.endswith("\n")}
    if got != wanted:
        sys.exit(f"{kind}: missing {sorted(wanted - got)}, not told {sorted(got - wanted)}")
    print(f"{kind}: {len(got)} states")


def episode(history, phones):
    states = sorted(read(history), key=lambda a: a["sequence"])
    last, before = states[-1], states[:-1]
    wrong = []

    def want(what, is_so):
        if not is_so:
            wrong.append(what)

    want("one alert", {a["id"] for a in states} == {"fleet-asa-07-fleet-cert-mismatch"})
    want("one episode", len({(a["since"], a["fired_at"]) for a in states}) == 1)
    want("no sequence twice", len({a["sequence"] for a in states}) == len(states))
    want("one resolution, at the end", last["state"] == "resolved" and all(a["state"] == "firing" for a in before))
    want("critical", last["severity"] == "critical")
    want("the count", max(a["phones"]["affected"] for a in states) == last["phones"]["peak"] == int(phones))
    want("the phones known", last["phones"]["known"] == int(phones))
    want("the hash", last["details"]["leaf_hash"] == HASH)
    want("the hash expected", last["details"]["expected_hash"] == [OLD_HASH])
    want("the gateway", {a["gateway"] for a in states} == {"asa-07"})
    if wrong:
        sys.exit("\n".join(["not so: " + ", ".join(wrong)] + [json.dumps(a) for a in states]))
    print(f"{len(states)} states")


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def delay(path):
    seen, alerts = {}, []
    for one in read(path):
        if one["type"] == "alert":
            alerts.append(one)
        elif one["diagnosis"] == "cert-hash-mismatch" and one["confidence"] != "suspected":
            seen.setdefault(one["device"], at(one["first_seen"]))
    phones = sorted(seen.values())
    for n, alert in (5, alerts[0]), (100, next(a for a in alerts if a["severity"] == "critical")):
        told = at(alert["fired_at"] if n == 5 else alert["updated_at"])
        late = (told - phones[n - 1]).total_seconds()
        print(f"{alert['severity']}: {late:.3f} s after the lines of phone {n}, {alert['phones']['affected']} phones then")
        # A machine that does nothing else for half a minute says nothing of it.
        if not 0 <= late < 30:
            sys.exit("that is late")


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "holds":
        sys.exit(0 if holds(*arguments) else 1)
    if command in ("series", "prometheus", "manager"):
        sys.exit(0 if said(command, *arguments) else 1)
    globals()[command](*arguments)

# SPDX-License-Identifier: BSD-3-Clause
# Records for the outlets' tests, one JSON object a line, with hostile text in what strangers type;
# and whether a receiver has got them.
#
#   records.py make FIRST N [--rate N] [--alerts] [--poison PLACE]
#   records.py same OUT FIRST N [--refused ID...]     all of them, and twice only the same
import argparse
import json
import sys
import time

HOSTILE = "a|b=c]d\"e\\f\n\x1b[2J\r\x00\u202e\ufffd\t{}'<>&%s" + "x" * 200


def time_of(i):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1732184367 + i)) + ".%03dZ" % (i % 1000)


def diagnosis(i, poison=False):
    return {
        "type": "diagnosis", "id": "%016x" % (i // 3), "diagnosis": "cert-hash-mismatch",
        "scope": "phone", "state": "open", "confidence": "confirmed", "is_phone": True,
        "sequence": i % 3 + 1, "client_ip": "203.0.113.%d" % (i // 3 % 250 + 1), "tunnel_ip": None,
        "device": "SEP%012X" % (i // 3) if i // 3 % 4 else None, "model": "CP-7962G",
        "user": "POISON" if poison else HOSTILE + str(i),
        "tunnel_group": "VPNPhone", "group_policy": None, "gateway": "asa-hq-%d" % (i // 3 % 5),
        "first_seen": time_of(i), "last_seen": time_of(i + 1), "recovered_at": None, "count": 1,
        "details": {"leaf_hash": "1289B8A7AA9FFD84865E38939F3466A61B5608FC"}, "ambiguous": False,
        "title": "Certificate hash mismatch", "remedy": "Import the certificate.", "reference": None,
        "evidence": [{"time": time_of(i), "source": "asa", "code": "725014",
                      "text": "SSL lib error. Function: " + HOSTILE}],
    }


def alert(i, state="firing", severity="critical", sequence=None, rule="fleet-cert-mismatch"):
    gateway = "asa-hq-%d" % i
    return {
        "type": "alert", "id": "fleet-%s-%s" % (gateway, rule), "alert": rule,
        "name": "FleetCertificateMismatch", "category": "certificate", "state": state,
        "severity": severity, "sequence": sequence or 1, "gateway": gateway, "site": "hq",
        "group": {"gateway": gateway}, "since": time_of(i), "fired_at": time_of(i + 60),
        "updated_at": time_of(i + 120), "resolved_at": time_of(i + 180) if state == "resolved" else None,
        "phones": {"affected": 412, "known": 498}, "window": "5m", "threshold": {"phones": 10, "share": 0.2},
        "details": {"leaf_hash": "1289B8A7AA9FFD84865E38939F3466A61B5608FC", "expected_hash": [],
                    "trustpoint": None, "days": None},
        "sample": ["SEP8CB64F576113"], "diagnoses": ["cert-hash-mismatch"], "absorbed_by": None,
        "title": "Fleet certificate mismatch",
        "summary": "%s: 412 of 498 phones reject the certificate" % gateway, "remedy": "Import it.",
        "reference": "https://docs.example.net/r/fleet-cert-mismatch",
    }


def key(i):
    one = diagnosis(i)
    return one["id"], one["sequence"]


def same(path, first, n, refused):
    got = {}
    for line in open(path):
        one = json.loads(line)
        if one.get("status") in (429, 400):
            continue
        name = (one["id"], one["sequence"])
        event = one["event"]
        if name in got and got[name] != event:
            sys.exit("%s came twice, and differs" % (name,))
        got[name] = event
    wanted = {key(i) for i in range(first, first + n)} - {key(i) for i in refused}
    missing, strange = wanted - set(got), set(got) - wanted
    if missing or strange:
        sys.exit("%d missing, %d strange: %s" % (len(missing), len(strange), sorted(missing | strange)[:5]))
    return got


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "alert", "same"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--poison", type=int, nargs="*", default=[])
    parser.add_argument("--refused", type=int, nargs="*", default=[])
    o = parser.parse_args()
    if o.what == "alert":
        i, state, severity, sequence = o.rest
        print(json.dumps(alert(int(i), state, severity, int(sequence))), flush=True)
    elif o.what == "make":
        first, n = int(o.rest[0]), int(o.rest[1])
        for i in range(first, first + n):
            print(json.dumps(diagnosis(i, i in o.poison)), flush=o.rate > 0)
            if o.rate:
                time.sleep(1 / o.rate)
    else:
        same(o.rest[0], int(o.rest[1]), int(o.rest[2]), o.refused)


if __name__ == "__main__":
    main()

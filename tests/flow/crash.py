# SPDX-License-Identifier: BSD-3-Clause
# A daemon under traffic that is killed, or stopped, or told to reload, again and again; and what must be as it was.
#
#   crash.py kill SEED     killed at random moments twenty times, stopped in between, and started anew each time
#   crash.py reload SEED   reloads under traffic, good ones and bad ones
#
# In a directory that has offhook.yaml (socket control.sock, history history, outlets file and hook), with OFFHOOK and
# OFFHOOKD in the environment. Gateway 1's phones reject its certificate from the first to the last moment: one alert.
# Those of gateway 2 fail and recover, a few at a time; those of gateway 3 fail and recover once; PCs fail and are no phones.
import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

import swap

KILLS = 20
STOPS = (6, 13, 19)   # before these kills: a clean stop
RELAPSES = (4, 15)    # before these: a phone recovers, and fails again after them
IN_START = (3, 9, 17)  # these come while the daemon starts
ALERT = "fleet-asa-01-fleet-cert-mismatch"
RANK = ["suspected", "probable", "confirmed"]
WAIT_S = 30
offhook, offhookd = os.environ["OFFHOOK"], os.environ["OFFHOOKD"]


class Wrong(Exception):
    pass


def brief(part):
    texts = ("title", "remedy", "reference", "summary", "evidence")
    if not isinstance(part, dict):
        return str(part)
    return json.dumps({name: value for name, value in part.items() if name not in texts and value is not None})


def check(holds, *what):
    if not holds:
        raise Wrong(" ".join(brief(part) for part in what))


def wait_for(what, holds):
    until = time.monotonic() + WAIT_S
    while not (found := holds()):
        check(time.monotonic() < until, "not in time:", what)
        time.sleep(0.02)
    return found


def say(*command):
    done = subprocess.run([offhook, "--socket", "control.sock", *command], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def ask(*command):
    code, out, error = say(*command, "--json")
    check(code == 0, command, "says", error)
    return [json.loads(line) for line in out.splitlines()]


def by_id(objects):
    return {one["id"]: one for one in objects}


def status():
    return ask("status")[0]


# ---- traffic ----

OPTIONS = argparse.Namespace(nat=1, hidden=False, own=False, logs=10, well=0)


def phone_of(gateway, number):
    return swap.Phone(gateway, number, OPTIONS)


def strange(number):
    pc = phone_of(1 + number % 3, 0)
    pc.address = "198.51.100.%d" % (number % 250 + 1)
    yield from swap.hello(pc)
    yield swap.asa(pc, 7, "725014", "SSL lib error. Function: SSL3_READ_BYTES Reason: tlsv1 alert unknown ca")
    yield swap.asa(pc, 6, "725006", "Device failed SSL handshake with client %s" % pc.peer)


class Traffic:
    def __init__(self, dice):
        self.dice, self.sent, self.n, self.pause_s = dice, 0, 0, 0.03
        self.out = swap.socket.socket(swap.socket.AF_INET, swap.socket.SOCK_DGRAM)
        self.out.connect(("127.0.0.1", 5514))
        self.swapped = [phone_of(1, n) for n in range(30)]
        self.flapping = [phone_of(2, n) for n in range(12)]
        self.once = [phone_of(3, n) for n in range(400)]
        self.relapsing = [phone_of(4, n + 1) for n in range(len(RELAPSES) + 1)]
        self.thread = None

    def send(self, lines):
        for _, line in lines:
            try:
                self.out.send(line.encode())
                self.sent += 1
            except ConnectionRefusedError:  # what an earlier one met, when nobody was there
                self.out.send(line.encode())
                self.sent += 1

    def morning(self):
        for phone in self.swapped + self.flapping + self.once[:50] + self.relapsing:
            self.send(swap.connect(phone))

    def burst(self):
        for phone in self.dice.sample(self.swapped, 10):
            self.send(swap.refuse(phone))
        for phone in self.dice.sample(self.flapping, 2):
            self.send(swap.refuse(phone))
            self.send(swap.connect(phone))
        once = self.once[self.n % len(self.once)]
        if self.n < len(self.once):
            self.send(swap.refuse(once))
            self.send(swap.connect(once))
        self.send(strange(self.dice.randrange(1000)))
        self.n += 1

    def run(self):
        while not self.over:
            self.burst()
            time.sleep(self.dice.uniform(0, self.pause_s))

    def start(self):
        self.over, self.thread = False, threading.Thread(target=self.run)
        self.thread.start()

    def stop(self):
        if self.thread:
            self.over = True
            self.thread.join()
        self.thread = None


# ---- a daemon, and who watches it ----

class Daemon:
    def __init__(self):
        self.n_lives, self.process, self.watchers = 0, None, []
        self.notes = open("notes", "ab")

    def spawn(self):
        self.n_lives += 1
        self.process = subprocess.Popen([offhookd, "-c", "offhook.yaml"], stderr=self.notes)

    def ready(self):
        def listens():
            check(self.process.poll() is None, "offhookd does not start")
            return say("status")[0] == 0
        wait_for("the daemon's start", listens)
        self.paths = ["watched.%d.%d" % (self.n_lives, i) for i in range(2)]
        self.watchers = []
        for path in self.paths:
            with open(path, "wb") as out:
                self.watchers.append(subprocess.Popen([offhook, "--socket", "control.sock", "watch", "--json"],
                                                      stdout=out, stderr=subprocess.DEVNULL))
        wait_for("watchers", lambda: status()["control"]["watchers"] == 2)

    def end(self, signal):
        if self.process is None:
            return 0
        self.process.send_signal(signal)
        code = self.process.wait()
        for watcher in self.watchers:
            watcher.wait()
        self.process, self.watchers = None, []
        return code

    # In the order in which it was shown; the last line may be torn.
    def shown(self):
        for path in self.paths:
            for line in open(path, "rb"):
                if line.endswith(b"\n"):
                    yield json.loads(line)


# ---- what was shown is there ----

class Memory:
    def __init__(self):
        self.shown = {}     # id: as it was shown last
        self.recorded = {}  # id: the highest sequence that was recorded

    def take(self, daemon):
        last = {}
        for one in daemon.shown():
            if one.get("type") not in ("diagnosis", "alert"):
                continue
            before = last.get(one["id"])
            if before is None or one["sequence"] > before["sequence"]:
                last[one["id"]] = one
        self.shown.update(last)

    def compare(self):
        recorded = by_id(ask("history", "--limit", "100000"))
        diagnoses = by_id(ask("diagnoses", "--state", "all"))
        alerts = by_id(ask("alerts"))
        for ident, shown in self.shown.items():
            kept = recorded.get(ident)
            check(kept, "shown, and gone:", shown)
            check(kept["sequence"] >= self.recorded.get(ident, 0), "went back:", kept)
            if kept["sequence"] < shown["sequence"]:  # it was only counted since
                for name in ("state", "confidence", "is_phone", "fired_at", "severity"):
                    check(kept.get(name) == shown.get(name), name, "is older than what was shown:", kept, shown)
            if shown["type"] == "diagnosis":
                check(RANK.index(kept["confidence"]) >= RANK.index(shown["confidence"]), "surer:", shown, kept)
            elif kept["fired_at"] != shown["fired_at"]:
                check(shown["state"] == "resolved", "fires anew:", shown, kept)
        for ident, kept in recorded.items():
            self.recorded[ident] = kept["sequence"]
            now = (diagnoses if kept["type"] == "diagnosis" else alerts).get(ident)
            if kept["type"] == "alert":
                check(now and now["sequence"] >= kept["sequence"], "alert:", kept, now)
                check(now["fired_at"] == kept["fired_at"], "fires anew:", kept, now)
                check(now["state"] == kept["state"] or now["state"] == "resolved", "state:", kept, now)
            elif kept["state"] == "open":
                check(now and now["state"] == "open", "not open any more:", kept, now)
                check(now["sequence"] >= kept["sequence"], "sequence:", kept, now)
                check(RANK.index(now["confidence"]) >= RANK.index(kept["confidence"]), "confidence:", kept, now)
            else:
                check(now is None or now["state"] != "open", "open again:", kept, now)


# A machine that is too busy drops before the daemon can take: at its port, where that is counted.
def accounted():
    found = status()
    return found["messages"], sum(port["missed"] for port in found["ports"])


def check_counted(traffic, before):
    sent = traffic.sent - before
    wait_for("all that was sent is counted", lambda: sum(accounted()) >= sent)
    time.sleep(0.05)
    counted, missed = accounted()
    check(counted <= sent <= counted + missed, sent, "sent,", counted, "counted,", missed, "missed")
    print("%d messages sent, %d counted" % (sent, counted))


def wait_delivered():
    def delivered():
        found = status()
        journal = found["history"]
        return (journal["waiting"] == 0 and journal["settled"] == journal["last"] and
                all(outlet["waiting"] == 0 for outlet in found["outlets"]))
    wait_for("outlets that have all", delivered)


# ---- the journal and the outlets ----

def journal():
    with sqlite3.connect("history/history.db") as db:
        return [json.loads(text) for text, in db.execute("SELECT text FROM records ORDER BY number")]


def check_journal(records):
    last = {}
    for one in records:
        before = last.get(one["id"])
        check(before is None or one["sequence"] > before["sequence"], "sequence:", before, one)
        if before and one["type"] == "alert" and one["fired_at"] != before["fired_at"]:
            check(before["state"] == "resolved", "fires anew:", before, one)
        last[one["id"]] = one


def check_outlet(name, got, records):
    wanted = {(one["id"], one["sequence"]) for one in records}
    contents, newest = {}, {}
    for key, content in got:
        check(key in wanted, name, "has what is no record:", key)
        if key in contents:
            check(contents[key] == content, name, "has twice, and different:", key)
            continue
        check(newest.get(key[0], 0) < key[1], name, "has out of order:", key, "after", newest.get(key[0]))
        contents[key] = content
        newest[key[0]] = key[1]
    missing = wanted - set(contents)
    check(not missing, name, "misses", len(missing), "of", len(wanted), sorted(missing)[:3])
    print("%s: %d records, %d of them again" % (name, len(contents), len(got) - len(contents)))


def file_lines(path, n_torn_most):
    got, n_torn = [], 0
    for line in open(path, "rb"):
        try:
            event = json.loads(line)["event"]
        except ValueError:
            n_torn += 1
            continue
        got.append(((event["id"], event["sequence"]), line))
    check(n_torn <= n_torn_most, path, "has", n_torn, "torn lines")
    return got


def hook_lines(path):
    got = []
    for line in open(path, "rb"):
        one = json.loads(line)
        got.append(((one["id"], one["sequence"]), json.dumps(one["event"], sort_keys=True)))
    return got


# ---- kill ----

def find(daemon, phone, state):
    for one in daemon.shown():
        if one.get("device") == phone.device and one["state"] == state:
            return one
    return None


def fail_and_recover(daemon, traffic, phone):
    traffic.send(swap.connect(phone))
    traffic.send(swap.refuse(phone))
    wait_for("a failure is shown", lambda: find(daemon, phone, "open"))
    traffic.send(swap.connect(phone))
    return wait_for("a recovery is shown", lambda: find(daemon, phone, "recovered"))


def relapse(daemon, traffic, phone, before):
    traffic.send(swap.refuse(phone))
    again = wait_for("a relapse is shown", lambda: find(daemon, phone, "open"))
    check(again["id"] == before["id"] and again["sequence"] > before["sequence"], "relapse:", before, again)
    traffic.send(swap.connect(phone))
    wait_for("its recovery is shown", lambda: find(daemon, phone, "recovered"))


# Nothing at all is lost, counts included.
def stop_cleanly(daemon, traffic, memory, before):
    check_counted(traffic, before)
    time.sleep(0.1)
    was = by_id(ask("diagnoses"))
    check(was, "nothing is open")
    memory.take(daemon)
    check(daemon.end(15) == 0, "the daemon does not end well")
    daemon.spawn()
    daemon.ready()
    now = by_id(ask("diagnoses"))
    for ident, one in was.items():
        check(now.get(ident) == one, "after a clean stop", one, "is", now.get(ident))
    check(len(now) == len(was), "more is open after a clean stop")


def kill_all(daemon, traffic, dice):
    memory, steps = Memory(), dict(start=0.0, n=0)

    def start():
        begun = time.monotonic()
        daemon.spawn()
        daemon.ready()
        steps["start"] += time.monotonic() - begun
        steps["n"] += 1

    start()
    traffic.morning()
    traffic.start()
    wait_for("the alert is shown", lambda: [one for one in daemon.shown() if one.get("id") == ALERT])
    traffic.stop()
    for i in range(KILLS):
        before = 0 if i == 0 else traffic.sent
        relapsing = None
        traffic.start()
        if i in RELAPSES:
            phone = traffic.relapsing[RELAPSES.index(i)]
            traffic.stop()
            relapsing = phone, fail_and_recover(daemon, traffic, phone)
            traffic.start()
        if i in STOPS:
            time.sleep(dice.uniform(0.2, 0.5))
            traffic.stop()
            stop_cleanly(daemon, traffic, memory, before)
            memory.compare()
            traffic.start()
        time.sleep(dice.uniform(0.02, 0.7 if i % 4 else 1.6))  # alerts are looked at once a second
        daemon.end(9)
        traffic.stop()
        memory.take(daemon)
        if i in IN_START:
            daemon.spawn()
            time.sleep(dice.uniform(0, 0.4))
            daemon.end(9)
        start()
        memory.compare()
        if relapsing:
            relapse(daemon, traffic, *relapsing)
    print("%d starts, %.2f s each until two watch; %d things shown" %
          (steps["n"], steps["start"] / steps["n"], len(memory.shown)))
    return memory


# It ends under its old name, once.
def recover(daemon, traffic):
    was = {one["id"] for one in ask("diagnoses", "--gateway", "asa-01") if one["scope"] == "phone"}
    alert = by_id(ask("alerts")).get(ALERT)
    check(alert and alert["state"] == "firing", "the alert does not fire:", alert)
    check(len(was) >= len(traffic.swapped), "only", len(was), "are open")
    phones = traffic.swapped + traffic.flapping + traffic.once[:traffic.n] + traffic.relapsing
    for i in range(0, len(phones), 20):  # a few at a time: none of these lines may be missed
        before, sent = sum(accounted()), traffic.sent
        for phone in phones[i:i + 20]:
            traffic.send(swap.connect(phone))
        wait_for("what was sent is counted", lambda: sum(accounted()) - before >= traffic.sent - sent)
    try:
        wait_for("all are back", lambda: not [one for one in ask("diagnoses") if one["scope"] == "phone"])
    except Wrong as wrong:
        raise Wrong("%s: %s" % (wrong, [brief(one) for one in ask("diagnoses")][:2])) from wrong
    wait_for("the alert is resolved", lambda: by_id(ask("alerts"))[ALERT]["state"] == "resolved")
    wait_delivered()
    left = by_id(ask("history", "--limit", "100000"))
    for ident in was:
        check(left[ident]["state"] == "recovered", "not recovered:", left[ident])


def check_alert(records):
    states = [one for one in records if one["id"] == ALERT]
    check(len({one["fired_at"] for one in states}) == 1, "fired more than once:", [one["fired_at"] for one in states])
    over = [one for one in states if one["state"] == "resolved"]
    check(len(over) == 1 and states[-1] is over[0], "resolved", len(over), "times")
    print("the alert: %d states, one of them resolved" % len(states))


def kill(daemon, traffic, dice):
    kill_all(daemon, traffic, dice)
    recover(daemon, traffic)
    check(daemon.end(15) == 0, "the daemon does not end well")
    records = journal()
    check_journal(records)
    check_alert(records)
    check_outlet("file", file_lines("file", KILLS + len(IN_START)), records)
    check_outlet("hook", hook_lines("hook"), records)


# ---- reload ----

def metric(name):
    with urllib.request.urlopen("http://127.0.0.1:9514/metrics", timeout=WAIT_S) as answer:
        for line in answer.read().decode().splitlines():
            if line.split(" ")[0] == name:
                return float(line.split(" ")[1])
    raise Wrong("no metric " + name)


def outlet_names():
    return sorted(outlet["name"] for outlet in status()["outlets"])


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def reload_well(what):
    code, _, error = say("reload")
    check(code == 0, "reload of", what, "says", error)
    rules = status()["rules"]
    check(rules["last_failure"] is None, what, "leaves", rules)
    wait_for("a metric of success after " + what, lambda: metric("offhook_config_last_reload_successful") == 1)


def reload_badly(path, text, says):
    was = read(path), outlet_names(), status()["rules"]
    write(path, text)
    code, _, error = say("reload")
    check(code == 1 and says in error, path, "is answered by", code, error)
    rules = status()["rules"]
    check(rules["last_failure"] and says in rules["last_failure"]["errors"], path, "in status:", rules)
    check({**rules, "last_failure": None} == {**was[2], "last_failure": None}, path, "has changed", was[2], rules)
    check(outlet_names() == was[1], path, "has changed the outlets")
    wait_for("a metric of failure of " + path, lambda: metric("offhook_config_last_reload_successful") == 0)
    write(path, was[0])


# Of an event that the pack has: what messages compile to comes from the cache.
SITE = """diagnoses:
  - id: site-own
    when: csd-not-running
    window: 5m
    title: {en: "Not there"}
    remedy: {en: "None."}
"""


def reload(daemon, traffic, _):
    traffic.pause_s = 0.1
    daemon.spawn()
    daemon.ready()
    traffic.morning()
    traffic.start()
    config, fleet = read("offhook.yaml"), read("rules/fleet.yaml")
    wait_for("the alert", lambda: by_id(ask("alerts")).get(ALERT))
    n_before = status()["history"]["last"]
    write("offhook.yaml", config + "  more: {type: file, path: %s/more}\n" % os.getcwd())
    reload_well("an outlet that is new")
    check(outlet_names() == ["file", "hook", "more"], "outlets:", outlet_names())
    time.sleep(0.3)
    write("offhook.yaml", config.replace("batch: 50", "batch: 20"))
    reload_well("an outlet that is gone, and one that is changed")
    check(outlet_names() == ["file", "hook"], "outlets:", outlet_names())
    write("rules/site.yaml", SITE)
    n_diagnoses = status()["rules"]["diagnoses"]
    reload_well("rules")
    check(status()["rules"]["diagnoses"] == n_diagnoses + 1, "the diagnosis that is new is not there")
    write("rules/fleet.yaml", fleet.replace("{below: 3, for: 1s}", "{below: 2, for: 2s}", 1))
    reload_well("fleet rules")
    reload_badly("rules/site.yaml", SITE.replace("csd-not-running", "no-such-event"), "site.yaml:3:")
    reload_badly("rules/fleet.yaml", fleet.replace("severity: medium", "severity: middling", 1), "fleet.yaml:")
    reload_badly("offhook.yaml", config + "  bad: {type: file, pth: /x}\n", "offhook.yaml:")
    reload_badly("offhook.yaml", config.replace("outlets:", "outlets: ["), "offhook.yaml:")
    reload_well("what is good again")
    traffic.stop()
    check_counted(traffic, 0)
    recover(daemon, traffic)
    check_counted(traffic, 0)
    check(daemon.end(15) == 0, "the daemon does not end well")
    records = journal()
    check_journal(records)
    check_alert(records)
    check_outlet("file", file_lines("file", 0), records)
    check_outlet("hook", hook_lines("hook"), records)
    check_more(records, n_before)


# All from when it was made to when it was taken away: one stretch of the journal.
def check_more(records, n_before):
    got = [key for key, _ in file_lines("more", 0)]
    places = {(one["id"], one["sequence"]): i for i, one in enumerate(records)}
    stretch = [places[key] for key in got]
    check(stretch and stretch == list(range(stretch[0], stretch[-1] + 1)), "an outlet for a while:", stretch)
    check(stretch[0] >= n_before, "an outlet that is new gets what was before it")


def main():
    dice = random.Random(int(sys.argv[2]))
    daemon, traffic = Daemon(), Traffic(dice)
    try:
        {"kill": kill, "reload": reload}[sys.argv[1]](daemon, traffic, dice)
    except Wrong as wrong:
        sys.exit("life %d: %s" % (daemon.n_lives, wrong))
    finally:
        traffic.stop()
        daemon.end(9)


if __name__ == "__main__":
    main()

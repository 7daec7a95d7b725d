#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# swap: the lines of a fleet whose one gateway gets a new certificate, as a text log on stdout or as UDP
# datagrams.
#
#   swap PHASE... [OPTION]... [--to ADDRESS PORT]
#
# PHASE  morning: every phone of every gateway connects
#        swap: the phones of the swapped gateways run into the new certificate, in the order of the dice
#        fix: they connect again
#
# --gateways N   that there are
# --phones N     of each of them,
# --swapped N    and of one that is swapped
# --gateway K..  those that are swapped
# --rate N       not more datagrams a second
# --daemon PATH  its control socket: it is not outrun
# --logs N       each Nth phone logs to a relay which certificate it was shown
# --own          phones send what they log themselves, from their own addresses
# --hidden       the gateway prints user names as *****
# --nat N        so many phones are behind one address
# --mix N        the lines of N phones come mixed with each other, each phone's own in order
# --well N       each Nth swapped phone knows the new certificate
import argparse
import itertools
import json
import random
import socket
import sys
import time

HASH = "9F0C5B5E3C1D8A7764E2B1A05D4C3B2A19080706"  # of the new certificate
OLD_HASH = "1289B8A7AA9FFD84865E38939F3466A61B5608FC"
POLICY = "GroupPolicy_VPNPhone"


class Phone:
    def __init__(self, gateway, number, options):
        behind = number // options.nat
        self.gateway = gateway
        self.device = "SEP%04X%08X" % (gateway, number)
        self.user = "*****" if options.hidden else "CP-7962G-" + self.device
        self.address = "10.%d.%d.%d" % (100 + gateway, behind // 250, behind % 250 + 1)
        self.tunnel = "10.%d.%d.%d" % (200 + gateway % 50, number // 250, number % 250 + 1)
        self.port = 20000 + number % 40000
        self.line = 100
        self.logs = number % options.logs == 0
        self.sender = self.address if options.own else None
        self.well = options.well and number % options.well == 0
        self.silent = number % 4 == 0  # its old tunnel is not known to be over


def asa(phone, severity, code, text):
    now = time.strftime("%b %d %Y %H:%M:%S", time.gmtime())
    return None, "<%d>%s asa-%02d : %%ASA-%d-%s: %s" % (160 + severity, now, phone.gateway, severity, code, text)


def phone_line(phone, level, text):
    now = time.time()
    phone.line += 1
    return phone.sender, "<134>%s %s %d: %s %s.%06d %s" % (
        time.strftime("%b %e %H:%M:%S", time.gmtime(now)), phone.device, phone.line, level,
        time.strftime("%H:%M:%S", time.gmtime(now)), now % 1 * 1000000, text)


def hello(phone):
    phone.port = 20000 + (phone.port - 19999) % 40000
    phone.peer = "outside:%s/%d to 192.0.2.%d/443" % (phone.address, phone.port, 100 + phone.gateway)
    yield asa(phone, 6, "725001", "Starting SSL handshake with client %s for TLSv1 session" % phone.peer)
    yield asa(phone, 7, "725012", "Device chooses cipher : AES128-SHA for the SSL session with client %s" % phone.peer)


def connect(phone, shown=OLD_HASH):
    who = "Group <%s> User <%s> IP <%s>" % (POLICY, phone.user, phone.address)
    yield from hello(phone)
    if phone.logs:
        yield phone_line(phone, "NOT", "SECD: Leaf cert hash = " + shown)
    yield asa(phone, 6, "725002", "Device completed SSL handshake with client %s for TLSv1 session" % phone.peer)
    yield asa(phone, 6, "113039", who + " AnyConnect parent session started.")
    yield asa(phone, 6, "722055", who + " Client Type: Cisco SVC IPPhone Client v1.0 (1.0)")
    yield asa(phone, 6, "722051", who + " IPv4 Address <%s> IPv6 address <::> assigned to session" % phone.tunnel)
    yield asa(phone, 5, "722033", who + " First TCP SVC connection established for SVC session.")


def leave(phone):
    yield asa(phone, 4, "113019", "Group = VPNPhone, Username = %s, IP = %s, Session disconnected. Session Type: "
              "AnyConnect-Parent, Duration: 0h:32m:16s, Bytes xmt: 61404, Bytes rcv: 33012, Reason: Lost Service"
              % (phone.user, phone.address))


def refuse(phone):
    if not phone.silent:
        yield from leave(phone)
    yield from hello(phone)
    yield asa(phone, 7, "725014", "SSL lib error. Function: SSL3_READ_BYTES Reason: tlsv1 alert unknown ca")
    yield asa(phone, 6, "725006", "Device failed SSL handshake with client %s" % phone.peer)
    if phone.logs:
        yield phone_line(phone, "NOT", "SECD: Leaf cert hash = " + HASH)
        yield phone_line(phone, "ERR", "VPNC: VPN cert chain verification failed, issuer certificate not found and leaf not trusted")
        yield phone_line(phone, "ERR", "VPNC: alert_err: SSL write alert: code 48, unknown CA")
        yield phone_line(phone, "NOT", "VPNC: vpnc_send_notify: notify code: 37 [SslAlertSrvrCert]")


def mixed(streams, n, dice):
    """The lines of N streams at a time, each stream's own in order."""
    streams = iter(streams)
    under_way = list(itertools.islice(streams, n))
    while under_way:
        place = dice.randrange(len(under_way))
        line = next(under_way[place], None)
        if line:
            yield line
            continue
        under_way[place] = next(streams, None)
        if under_way[place] is None:
            del under_way[place]


def lines(options):
    def fleet(gateway):
        return [Phone(gateway, number, options)
                for number in range(options.swapped if gateway in options.gateway else options.phones)]

    def story(phase, phone):
        if phase != "swap":
            return connect(phone)
        return connect(phone, HASH) if phone.well else refuse(phone)

    fleets = [fleet(gateway) for gateway in range(1, options.gateways + 1)]
    swapped = [phone for phones in fleets for phone in phones if phone.gateway in options.gateway]
    dice = random.Random(1)
    for phase in options.phase:
        phones = sum(fleets, []) if phase == "morning" else swapped
        if phase != "morning":
            dice.shuffle(phones)
        yield from mixed((story(phase, phone) for phone in phones), options.mix, dice)


class Daemon:
    """What it has read of what was sent, asked now and then. One that is away is not waited for."""
    WINDOW = 400

    def __init__(self, path):
        self.path, self.stream, self.n = path, None, 0
        self.base = self.read()

    def read(self):
        try:
            if not self.stream:
                out = socket.socket(socket.AF_UNIX)
                out.connect(self.path)
                self.stream = out.makefile("rw")
                self.stream.readline()
            self.stream.write('{"command":"status"}\n')
            self.stream.flush()
            status = json.loads(self.stream.readline())["data"]
        except (OSError, ValueError):
            self.stream = None
            return None
        return status["datagrams"] + sum(port["missed"] for port in status["ports"])

    def sent(self, n):
        self.n += n
        if self.n % self.WINDOW == 0:
            self.catch_up()

    def catch_up(self):
        for _ in range(10000):
            now = self.read()
            if now is None or self.base is None or now < self.base:  # it has gone, or come
                self.base, self.n = now, 0
                return
            if now - self.base >= self.n:
                return
            time.sleep(0.002)
        sys.exit("only %d of %d datagrams were read" % (now - self.base, self.n))


def send(options):
    address, port = options.to
    outs = {}

    def out_of(sender):
        if sender not in outs:
            outs[sender] = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            if sender:
                outs[sender].bind((sender, 0))
        return outs[sender]

    daemon = Daemon(options.daemon) if options.daemon else None
    start = time.monotonic()
    for n, (sender, line) in enumerate(lines(options)):
        out_of(sender).sendto(line.encode(), (address, int(port)))
        if options.rate and n % 16 == 0:
            time.sleep(max(0, n / options.rate - (time.monotonic() - start)))
        if daemon:
            daemon.sent(1)
    if daemon:
        daemon.catch_up()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("phase", nargs="+", choices=["morning", "swap", "fix"])
    parser.add_argument("--gateways", type=int, default=20)
    parser.add_argument("--gateway", type=int, nargs="+", default=[7])
    parser.add_argument("--phones", type=int, default=250)
    parser.add_argument("--swapped", type=int, default=5000)
    parser.add_argument("--well", type=int, default=0)
    parser.add_argument("--logs", type=int, default=10)
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--hidden", action="store_true")
    parser.add_argument("--nat", type=int, default=1)
    parser.add_argument("--mix", type=int, default=1)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--daemon")
    parser.add_argument("--to", nargs=2)
    options = parser.parse_args()
    if options.to:
        send(options)
    else:
        sys.stdout.writelines(line + "\n" for _, line in lines(options))


if __name__ == "__main__":
    main()

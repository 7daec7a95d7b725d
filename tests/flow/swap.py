#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# swap: the lines of a fleet whose one gateway gets a new certificate, as a text log on stdout or as UDP
# datagrams.
#
#   swap PHASE... [--gateways N] [--phones N] [--gateway K] [--rate N] [--spread S] [--to ADDRESS PORT]
#
# PHASE  morning: every phone of every gateway connects
#        swap: the phones of gateway K run into its new certificate, in the order of the dice
#        fix: they connect again
#
# --phones  of each gateway; gateway K has as many as --swapped says
# --rate    datagrams a second, 0: as fast as it goes
#
# A tenth of the phones logs to a relay what it saw of the certificate.
import argparse
import datetime
import random
import socket
import sys
import time

HASH = "9F0C5B5E3C1D8A7764E2B1A05D4C3B2A19080706"
POLICY = "GroupPolicy_VPNPhone"


class Phone:
    def __init__(self, gateway, number):
        self.gateway = gateway
        self.device = "SEP%04X%08X" % (gateway, number)
        self.user = "CP-7962G-" + self.device
        self.address = "10.%d.%d.%d" % (100 + gateway, number // 250, number % 250 + 1)
        self.tunnel = "10.%d.%d.%d" % (200 + gateway % 50, number // 250, number % 250 + 1)
        self.port = 20000 + number % 40000
        self.line = 100
        self.logs = number % 10 == 0
        self.silent = number % 4 == 0  # its old tunnel is not known to be over


def asa(phone, severity, code, text):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%b %d %Y %H:%M:%S")
    return "<%d>%s asa-%02d : %%ASA-%d-%s: %s" % (160 + severity, now, phone.gateway, severity, code, text)


def phone_line(phone, level, text):
    now = datetime.datetime.now(datetime.timezone.utc)
    phone.line += 1
    return "<134>%s %s %d: %s %s %s" % (now.strftime("%b %e %H:%M:%S"), phone.device, phone.line, level,
                                        now.strftime("%H:%M:%S.%f"), text)


def hello(phone):
    phone.port = 20000 + (phone.port - 19999) % 40000
    phone.peer = "outside:%s/%d to 192.0.2.%d/443" % (phone.address, phone.port, 100 + phone.gateway)
    yield asa(phone, 6, "725001", "Starting SSL handshake with client %s for TLSv1 session" % phone.peer)
    yield asa(phone, 7, "725012", "Device chooses cipher : AES128-SHA for the SSL session with client %s" % phone.peer)


def connect(phone):
    who = "Group <%s> User <%s> IP <%s>" % (POLICY, phone.user, phone.address)
    yield from hello(phone)
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


def lines(arguments):
    fleets = [[Phone(g, n) for n in range(arguments.swapped if g == arguments.gateway else arguments.phones)]
              for g in range(1, arguments.gateways + 1)]
    dice = random.Random(1)
    swapped = list(fleets[arguments.gateway - 1])
    for phase in arguments.phase:
        if phase == "morning":
            for phone in sum(fleets, []):
                yield from connect(phone)
        else:
            dice.shuffle(swapped)
            for phone in swapped:
                yield from refuse(phone) if phase == "swap" else connect(phone)


def send(arguments):
    address, port = arguments.to
    out = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    out.connect((address, int(port)))
    start = time.monotonic()
    for n, line in enumerate(lines(arguments)):
        out.send(line.encode())
        ahead = n / arguments.rate - (time.monotonic() - start) if arguments.rate else 0
        if ahead > 0.002:
            time.sleep(ahead)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("phase", nargs="+", choices=["morning", "swap", "fix"])
    parser.add_argument("--gateways", type=int, default=20)
    parser.add_argument("--gateway", type=int, default=7)
    parser.add_argument("--phones", type=int, default=250)
    parser.add_argument("--swapped", type=int, default=5000)
    parser.add_argument("--rate", type=int, default=10000)
    parser.add_argument("--to", nargs=2)
    arguments = parser.parse_args()
    if arguments.to:
        send(arguments)
    else:
        sys.stdout.writelines(line + "\n" for line in lines(arguments))


main()

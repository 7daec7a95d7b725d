#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the flow tests send: syslog from several source ports, ping, TCP, and captures.

traffic.py send IP PORT COUNT FIRST [SIZE]   "<134>probe K", K from FIRST, from 16 source ports
traffic.py ping IP                           one echo request; fails without an answer in 2 s
traffic.py serve PORT                        one TCP connection: sends back all that comes
traffic.py fetch IP PORT BYTES               the other side of it
traffic.py knock IP PORT                     fails if the kernel refuses a datagram
traffic.py tagged INTERFACE MAC COUNT FIRST  COUNT each of IPv4 and IPv6 in a VLAN, and in two
traffic.py ask INTERFACE                     ARP, ND and echo, with tags too, are answered in kind
traffic.py capture FILE COUNT [LINKTYPE]     a pcap file of frames as `send` makes them
traffic.py broken FILE                       one with frames of every fate; prints the stats to be had
traffic.py split FILE PART...                its packets dealt to several files in turn
traffic.py count FILE                        how many packets it has
traffic.py replay INTERFACE MAC FILE IP      its IPv4 frames, to another address
"""
import json
import os
import socket
import struct
import sys
import time


def family(ip):
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send(ip, port, count, first, size=0):
    flows = [socket.socket(family(ip), socket.SOCK_DGRAM) for _ in range(16)]
    for i in range(int(count)):
        text = b"<134>probe %d " % (int(first) + i)
        flows[i % 16].sendto(text.ljust(int(size), b"x"), (ip, int(port)))
        if i % 200 == 199:
            time.sleep(0.002)  # slower than any ring


def ping(ip):
    six = ":" in ip
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    raw = socket.socket(family(ip), socket.SOCK_RAW, protocol)
    raw.settimeout(0.5)
    identity = os.getpid() & 0xFFFF
    request = struct.pack("!BBHHH", 128 if six else 8, 0, 0, identity, 1) + b"offhook" * 8
    if not six:  # of IPv6 the kernel makes it
        request = request[:2] + struct.pack("!H", checksum(request)) + request[4:]
    end = time.time() + 2
    while time.time() < end:
        raw.sendto(request, (ip, 0))
        try:
            answer = raw.recv(2000)
        except socket.timeout:
            continue
        answer = answer if six else answer[20:]
        if answer[0] == (129 if six else 0) and answer[4:] == request[4:]:
            return
    sys.exit(f"no answer from {ip}")


def serve(port):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", int(port)))
    listener.listen()
    print("ready", flush=True)
    peer, _ = listener.accept()
    while data := peer.recv(65536):
        peer.sendall(data)


def fetch(ip, port, count):
    peer = socket.create_connection((ip, int(port)), timeout=5)
    left, block = int(count), b"offhook!" * 512
    while left > 0:
        peer.sendall(block)
        got = b""
        while len(got) < len(block):
            got += peer.recv(len(block) - len(got)) or sys.exit("connection lost")
        if got != block:
            sys.exit("not what was sent")
        left -= len(block)


def knock(ip, port):
    knocker = socket.socket(family(ip), socket.SOCK_DGRAM)
    knocker.connect((ip, int(port)))
    for _ in range(3):
        knocker.send(b"<134>knock")  # a refusal comes with the next one
        time.sleep(0.1)


# ---- frames made by hand: not every kernel has VLAN devices ----

TAGGINGS = (b"", b"\x81\x00\x00\x64", b"\x88\xa8\x00\xc8\x81\x00\x01\x2c")
IPV4 = bytes([10, 7, 0, 1]), bytes([10, 7, 0, 2])
IPV6 = tuple(socket.inet_pton(socket.AF_INET6, ip) for ip in ("fd07::1", "fd07::2"))


def ipv4(protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, *IPV4)
    return b"\x08\0" + header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(protocol, payload, hops, target=IPV6[1]):
    return b"\x86\xdd" + struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, hops, IPV6[0],
                                     target) + payload


def pseudo6(protocol, payload, target=IPV6[1]):
    return IPV6[0] + target + struct.pack("!II", len(payload), protocol) + payload


def udp(version, number):
    text = b"<134>probe %d " % number
    datagram = struct.pack("!HHHH", 40000 + number % 16, 5514, 8 + len(text), 0) + text
    if version == 4:
        return ipv4(17, datagram)
    field = struct.pack("!H", checksum(pseudo6(17, datagram)))
    return ipv6(17, datagram[:6] + field + datagram[8:], 64)


def icmp6(message, hops, target=IPV6[1]):
    field = struct.pack("!H", checksum(pseudo6(58, message, target)))
    return ipv6(58, message[:2] + field + message[4:], hops, target)


def raw_socket(interface):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind((interface, 3))
    raw.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
    raw.settimeout(2)
    return raw


def tagged(interface, mac, count, first):
    raw = raw_socket(interface)
    to = bytes.fromhex(mac.replace(":", ""))
    number = int(first)
    for tags in TAGGINGS[1:]:
        for version in (4, 6):
            for _ in range(int(count)):
                raw.send(to + raw.getsockname()[4] + tags + udp(version, number))
                number += 1
                if number % 200 == 0:
                    time.sleep(0.002)


def receive(raw):
    """The next frame that came in, with the tag that the kernel keeps beside it put back."""
    while True:
        frame, ancillary, _, source = raw.recvmsg(2000, 200)
        if source[2] == 4:  # PACKET_OUTGOING
            continue
        for _, _, data in ancillary:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data)
            if status & 0x10:  # TP_STATUS_VLAN_VALID
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        return frame


def ask(interface):
    raw = raw_socket(interface)
    me = raw.getsockname()[4]
    group = b"\xff\x02" + bytes(9) + b"\1\xff" + IPV6[1][13:]
    echo = struct.pack("!HHI", 0, 0, 0x12345678) + b"offhook" * 8
    echo4 = b"\x08\0" + struct.pack("!H", checksum(b"\x08" + echo[1:])) + echo[4:]
    echo6 = b"\x80" + echo[1:]
    solicitation = b"\x87" + bytes(7) + IPV6[1] + b"\1\1" + me
    arp = b"\x08\x06" + bytes([0, 1, 8, 0, 6, 4, 0, 1]) + me + IPV4[0] + bytes(6) + IPV4[1]
    for tags in TAGGINGS:
        # DPDK's AF_PACKET driver puts the outer tag back as 0x8100, whatever it was.
        tags = tags.replace(b"\x88\xa8", b"\x81\x00")
        raw.send(b"\xff" * 6 + me + tags + arp)
        answer = expect_answer(raw, me, tags + b"\x08\x06" + bytes([0, 1, 8, 0, 6, 4, 0, 2]))
        mac = answer[6:12]
        if answer[14 + len(tags) + 8:][:20] != mac + IPV4[1] + me + IPV4[0]:
            sys.exit("ARP: not the answer to the question")
        raw.send(b"\x33\x33" + group[12:] + me + tags + icmp6(solicitation, 255, group))
        answer = expect_answer(raw, me, tags + b"\x86\xdd")
        if answer[14 + len(tags) + 40] != 136 or answer[-6:] != mac:
            sys.exit("ND: not the answer to the question")
        for request in (ipv4(1, echo4), icmp6(echo6, 64)):
            raw.send(mac + me + tags + request)
            answer = expect_answer(raw, me, tags + request[:2])
            if not answer.endswith(echo[4:]):
                sys.exit("echo: not the answer to the question")


def expect_answer(raw, me, start):
    while True:
        frame = receive(raw)
        if frame[:6] == me and frame[12:].startswith(start):
            return frame


def capture(path, count, link="1"):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, int(link)))
        for i in range(int(count)):
            text = b"<134>probe %d" % i
            udp = struct.pack("!HHHH", 50000, 5514, 8 + len(text), 0)
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(text), i & 0xFFFF, 0, 64, 17, 0,
                             bytes([10, 0, i >> 8 & 255, i & 255]), bytes([10, 9, 8, 7]))
            ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
            frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + udp + text
            file.write(struct.pack("<IIII", i // 1000, i % 1000, len(frame), len(frame)) + frame)


# ---- frames of every fate ----

def packet4(payload, protocol=17, identity=1, fragment=0):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identity, fragment, 64,
                         protocol, 0, *IPV4)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def datagram(text, port=5514, field=0, length=None):
    return struct.pack("!HHHH", 50000, port, 8 + len(text) if length is None else length,
                       field) + text


def pieces(text, identity, sizes):
    """One datagram in fragments: all but the last are of a multiple of 8 bytes."""
    whole, at, made = datagram(text), 0, []
    for i, size in enumerate(sizes):
        more = 0x2000 if i + 1 < len(sizes) else 0
        made.append(packet4(whole[at:at + size], identity=identity, fragment=more | at // 8))
        at += size
    return made


def broken(path):
    line = b"<166>fw1 : %%ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.%d/9"
    four, six = b"\x08\0", b"\x86\xdd"
    good = packet4(datagram(line % 1))
    bad_sum = good[:10] + bytes([good[10] ^ 0xFF]) + good[11:]
    old_version = b"\x55" + good[1:]
    frames = [(four, good)] * 3
    frames += [(four, packet4(datagram(line % 2 + b"\n" + line % 3)))]
    frames += [(b"", udp(6, 7))]
    frames += [(four, piece) for piece in pieces(line % 4, 100, (48, 40, 999))]
    frames += [(four, piece) for piece in reversed(pieces(line % 5, 101, (64, 999)))]
    dropped = {
        "empty": [packet4(datagram(b"")), packet4(datagram(b" \n\r\n"))],
        "bad_ip_checksum": [bad_sum] * 2,
        "bad_ip_header": [old_version],
        "truncated": [good[:-10]] * 3,
        "short_frame": [good[:12]],
        "not_udp": [packet4(bytes(20), 6), packet4(bytes(8), 1)],
        "other_port": [packet4(datagram(b"x", 53)), packet4(datagram(line % 6, 515))],
        "bad_udp_length": [packet4(datagram(b"x", length=7)), packet4(datagram(b"x", length=99)),
                           packet4(b"\0\0\0")],
        "bad_udp_checksum": [packet4(datagram(line % 7, field=0x1234))],
        "fragment_incomplete": pieces(line % 8, 102, (32, 32, 999))[:2]
                               + pieces(line % 8, 103, (32, 32, 999))[1:],
        "fragment_invalid": [packet4(bytes(15), identity=104, fragment=0x2000)],
    }
    frames += [(four, packet) for packets_ in dropped.values() for packet in packets_]
    frames += [(b"\x08\x06", bytes(28)), (b"\x88\xcc", bytes(50)), (six, bytes(12))]
    counts = {reason: len(packets_) for reason, packets_ in dropped.items()}
    counts |= {"arp": 1, "other_ethertype": 1, "short_frame": counts["short_frame"] + 1}
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for i, (kind, packet) in enumerate(frames):
            frame = b"\2\0\0\0\0\1\2\0\0\0\0\2" + kind + packet
            file.write(struct.pack("<IIII", i // 1000, i % 1000, len(frame), len(frame)) + frame)
    print(json.dumps({"packets": len(frames), "datagrams": 7, "fragments_merged": 3, "messages": 8,
                      "by_source": {"asa": 7, "phone": 0, "other": 1}, "dropped": counts}))


def split(path, *parts):
    data = open(path, "rb").read()
    files = [open(part, "wb") for part in parts]
    for file in files:
        file.write(data[:24])
    at, n = 24, 0
    while at < len(data):
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        files[n % len(files)].write(data[at:end])
        at, n = end, n + 1


def packets(path):
    data = open(path, "rb").read()
    at = 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def count(path):
    print(sum(1 for _ in packets(path)))


def replay(interface, mac, path, ip):
    """Frames with their own sender, to another address: a UDP checksum of 0 is none at all."""
    raw = raw_socket(interface)
    target = bytes.fromhex(mac.replace(":", ""))
    for frame in packets(path):
        header = frame[14:24] + b"\0\0" + frame[26:30] + socket.inet_aton(ip)
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        raw.send(target + frame[6:14] + header + frame[34:40] + b"\0\0" + frame[42:])
        time.sleep(0.004)  # what one worker sends another is there before the next line


if __name__ == "__main__":
    command = {f.__name__: f for f in (send, ping, serve, fetch, knock, tagged, ask, capture, broken, split,
                                       count, replay)}
    command[sys.argv[1]](*sys.argv[2:])

// SPDX-License-Identifier: BSD-3-Clause
#include "wire.h"

#include <pcap/pcap.h>
#include <stdlib.h>

#include "../frame.h"

bool wire_open(struct wire *wire, const char *pcap, const char *text)
{
	if (pcap) {
		wire->pcap = pcap_open_dead(DLT_EN10MB, 262144);
		wire->dumper = wire->pcap ? pcap_dump_open(wire->pcap, pcap) : NULL;
	}
	if (text)
		wire->text = fopen(text, "w");
	return (pcap == NULL || wire->dumper) && (text == NULL || wire->text);
}

static void write_packet(
	struct wire *wire, uint64_t at_us, const char *sender, const char *payload, size_t len)
{
	uint8_t frame[FRAME_MAX];
	size_t frame_len = frame_make(sender, payload, len, frame);
	if (frame_len == 0)
		abort(); // no sender of ours is not an address
	struct pcap_pkthdr header = {
		.caplen = (bpf_u_int32)frame_len, .len = (bpf_u_int32)frame_len};
	header.ts.tv_sec = (time_t)(at_us / 1000000);
	header.ts.tv_usec = (suseconds_t)(at_us % 1000000);
	pcap_dump(wire->dumper, &header, frame);
}

void wire_write(
	struct wire *wire, uint64_t at_us, const char *sender, const char *payload, size_t len)
{
	if (wire->dumper)
		write_packet(wire, at_us, sender, payload, len);
	if (wire->text) {
		fwrite(payload, 1, len, wire->text);
		fputc('\n', wire->text);
	}
	wire->n_datagrams++;
}

bool wire_close(struct wire *wire)
{
	bool ok = true;
	if (wire->dumper) {
		ok = pcap_dump_flush(wire->dumper) == 0;
		pcap_dump_close(wire->dumper);
		pcap_close(wire->pcap);
	}
	if (wire->text) {
		ok &= !ferror(wire->text);
		ok &= fclose(wire->text) == 0;
	}
	return ok;
}

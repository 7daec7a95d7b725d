// SPDX-License-Identifier: BSD-3-Clause
#include "capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "headers.h"

#define ETHERNET_LEN 14
#define FRAME_MAX 262144     // libpcap's own limit
#define AHEAD_LINES_MAX 4096 // how far a text log is read ahead for its first date
#define AHEAD_BYTES_MAX (4 << 20)
#define INPUT_BUFFER (256 * 1024)
#define SECONDS_MAX \
	253402300799 // the end of the year 9999: what a damaged file can bring beyond is cut

struct ahead_line {
	char *bytes;
	uint32_t len;
};

struct capture {
	char *path;
	enum capture_kind kind;
	gzFile gz;
	uint64_t size;
	struct capture_item item;
	bool has_item, ended;
	char error[256];
	// bytes read to learn what the file is, given again first
	unsigned char head[4];
	unsigned head_len, head_used;
	// packets
	pcap_t *pcap;
	int link;
	unsigned char *frame;
	// text
	struct logtime clock;
	struct headers headers;
	char *buffer;
	unsigned buffer_at, buffer_len;
	bool in_long_line;
	bool known, single;	   // the item: its header is known; or it is `message` alone
	struct headers_line quick; // a known one
	struct message message;
	struct ahead_line *ahead;
	unsigned n_ahead, ahead_next;
	size_t ahead_bytes;
	struct logtime_date date;
	bool looked;
};

// ---- bytes ----

// zlib's reason, without the "<fd:3>: " by which it names the file.
static void tell_gz_error(struct capture *c, const char *reason)
{
	const char *end = reason[0] == '<' ? strstr(reason, ">: ") : NULL;
	snprintf(c->error, sizeof(c->error), "%s", end ? end + 3 : reason);
}

static int read_bytes(struct capture *c, void *out, unsigned len)
{
	unsigned n = 0;
	int code = Z_OK;
	while (c->head_used < c->head_len && n < len)
		((unsigned char *)out)[n++] = c->head[c->head_used++];
	if (n == len)
		return (int)n;
	int got = gzread(c->gz, (char *)out + n, len - n);
	// The end of a file in the middle of its stream is no error of gzread().
	const char *reason = gzerror(c->gz, &code);
	if (got < 0 || (got < (int)(len - n) && code != Z_OK))
		tell_gz_error(c, reason);
	if (got < 0)
		return n ? (int)n : -1;
	return (int)n + got;
}

static ssize_t cookie_read(void *cookie, char *buffer, size_t size)
{
	int n = read_bytes(cookie, buffer, size > INPUT_BUFFER ? INPUT_BUFFER : (unsigned)size);
	return n < 0 ? -1 : n;
}

// ---- opening ----

// Magic numbers of pcap (microseconds, nanoseconds, either order), of modified pcap and of pcapng.
static bool is_packets(const unsigned char *head, unsigned len)
{
	static const unsigned char magic[][4] = {{0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1},
		{0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0xcd, 0x34},
		{0x34, 0xcd, 0xb2, 0xa1}, {0x0a, 0x0d, 0x0d, 0x0a}};
	for (size_t i = 0; len == 4 && i < sizeof(magic) / sizeof(magic[0]); i++) {
		if (memcmp(head, magic[i], 4) == 0)
			return true;
	}
	return false;
}

static bool is_known_link(int link)
{
	return link == DLT_EN10MB || link == DLT_RAW || link == DLT_IPV4 || link == DLT_IPV6 ||
	       link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2 || link == DLT_NULL ||
	       link == DLT_LOOP;
}

// libpcap reads pcapng whose interfaces are alike, and no other.
static void tell_pcap_error(struct capture *c, const char *reason)
{
	bool unlike = strstr(reason, "different from") != NULL;
	snprintf(c->error, sizeof(c->error), "%.180s%s", reason,
		unlike ? "; editcap -F pcap makes a file that can be read" : "");
}

static bool open_packets(struct capture *c)
{
	char why[PCAP_ERRBUF_SIZE];
	FILE *stream = fopencookie(c, "r", (cookie_io_functions_t){.read = cookie_read});
	c->frame = malloc(ETHERNET_LEN + FRAME_MAX);
	if (stream == NULL || c->frame == NULL) {
		if (stream)
			fclose(stream);
		snprintf(c->error, sizeof(c->error), "out of memory");
		return false;
	}
	c->pcap =
		pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_MICRO, why);
	if (c->pcap == NULL) {
		fclose(stream);
		tell_pcap_error(c, why);
		return false;
	}
	c->link = pcap_datalink(c->pcap);
	if (is_known_link(c->link))
		return true;
	const char *name = pcap_datalink_val_to_name(c->link);
	snprintf(c->error, sizeof(c->error),
		"link type %s (%d) is not read; Ethernet, raw IP, Linux cooked and BSD loopback are",
		name ? name : "unknown", c->link);
	return false;
}

static bool open_bytes(struct capture *c)
{
	struct stat st;
	bool input = strcmp(c->path, "-") == 0;
	int fd = input ? dup(STDIN_FILENO) : open(c->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(c->error, sizeof(c->error), "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(c->error, sizeof(c->error), "is a directory");
		close(fd);
		return false;
	}
	c->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	c->gz = gzdopen(fd, "rb");
	if (c->gz == NULL) {
		close(fd);
		return false;
	}
	gzbuffer(c->gz,
		INPUT_BUFFER / 4); // then a plain file is read straight to where it is wanted
	int n = gzread(c->gz, c->head, sizeof(c->head));
	if (n < 0) {
		int code;
		tell_gz_error(c, gzerror(c->gz, &code));
		return false;
	}
	c->head_len = (unsigned)n;
	return true;
}

struct capture *capture_open(
	const char *path, const struct logtime_options *options, char *error, size_t error_size)
{
	struct capture *c = calloc(1, sizeof(*c));
	if (c == NULL || (c->path = strdup(path)) == NULL) {
		free(c);
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	c->clock.options = options;
	bool ok = open_bytes(c);
	if (ok && is_packets(c->head, c->head_len)) {
		c->kind = CAPTURE_PACKETS;
		ok = open_packets(c);
	} else if (ok) {
		c->kind = CAPTURE_TEXT;
		c->buffer = calloc(1, INPUT_BUFFER + HEADERS_ROOM);
		c->ahead = calloc(AHEAD_LINES_MAX, sizeof(*c->ahead));
		ok = c->buffer && c->ahead;
	}
	if (ok)
		return c;
	snprintf(error, error_size, "%s", c->error[0] ? c->error : "out of memory");
	capture_close(c);
	return NULL;
}

void capture_close(struct capture *c)
{
	if (c == NULL)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	if (c->gz)
		gzclose(c->gz);
	for (unsigned i = 0; i < c->n_ahead; i++)
		free(c->ahead[i].bytes);
	free(c->ahead);
	free(c->buffer);
	free(c->frame);
	free(c->path);
	free(c);
}

enum capture_kind capture_kind_of(const struct capture *c)
{
	return c->kind;
}

const char *capture_path(const struct capture *c)
{
	return c->path;
}

const char *capture_error(const struct capture *c)
{
	return c->ended && c->error[0] ? c->error : NULL;
}

void capture_progress(const struct capture *c, uint64_t *done, uint64_t *size)
{
	z_off_t at = gzoffset(c->gz);
	*done = at < 0 ? 0 : (uint64_t)at;
	*size = c->size;
}

// ---- packets ----

static uint16_t ether_type_of_version(const unsigned char *packet, uint32_t len)
{
	return len && packet[0] >> 4 == 6 ? 0x86dd : 0x0800;
}

// Header of another link layer: its length, and the Ethernet type of what follows; 0: none.
static uint32_t link_header(int link, const unsigned char *packet, uint32_t len, uint16_t *type)
{
	uint32_t family;
	switch (link) {
	case DLT_LINUX_SLL:
		*type = len >= 16 ? (uint16_t)(packet[14] << 8 | packet[15]) : 0;
		return 16;
	case DLT_LINUX_SLL2:
		*type = len >= 20 ? (uint16_t)(packet[0] << 8 | packet[1]) : 0;
		return 20;
	case DLT_NULL:
	case DLT_LOOP:
		// The address family in the order of the machine that captured; IPv6 has many
		// numbers.
		if (len >= 4) {
			memcpy(&family, packet, 4);
			if (family > 0xffff)
				family = ntohl(family);
			*type = family == 2 ? 0x0800
				: family == 10 || family == 24 || family == 28 || family == 30
					? 0x86dd
					: 0;
		}
		return 4;
	default:
		*type = ether_type_of_version(packet, len);
		return 0;
	}
}

// An Ethernet header in place of the other.
static struct slice to_ethernet(struct capture *c, const unsigned char *packet, uint32_t len)
{
	if (c->link == DLT_EN10MB)
		return (struct slice){(const char *)packet, len};
	uint16_t type = 0;
	uint32_t header = link_header(c->link, packet, len, &type);
	if (header > len)
		header = len;
	memset(c->frame, 0, ETHERNET_LEN);
	c->frame[12] = (unsigned char)(type >> 8);
	c->frame[13] = (unsigned char)type;
	uint32_t rest = len - header < FRAME_MAX ? len - header : FRAME_MAX;
	memcpy(c->frame + ETHERNET_LEN, packet + header, rest);
	return (struct slice){(const char *)c->frame, ETHERNET_LEN + rest};
}

static bool next_packet(struct capture *c)
{
	struct pcap_pkthdr *header;
	const unsigned char *packet;
	int got = pcap_next_ex(c->pcap, &header, &packet);
	if (got != 1) {
		if (got == PCAP_ERROR)
			tell_pcap_error(c, pcap_geterr(c->pcap));
		return false;
	}
	int64_t seconds = header->ts.tv_sec < SECONDS_MAX ? header->ts.tv_sec : SECONDS_MAX;
	int64_t ms = seconds < 0 ? 0 : seconds * 1000 + header->ts.tv_usec / 1000;
	c->item.time_ms = ms > 0 ? (uint64_t)ms : 0;
	c->item.bytes = to_ethernet(c, packet, header->caplen);
	return true;
}

// ---- text ----

// Fill the buffer behind what is left of it; false: no more bytes.
static bool fill(struct capture *c)
{
	memmove(c->buffer, c->buffer + c->buffer_at, c->buffer_len - c->buffer_at);
	c->buffer_len -= c->buffer_at;
	c->buffer_at = 0;
	int n = read_bytes(c, c->buffer + c->buffer_len, INPUT_BUFFER - c->buffer_len);
	if (n > 0)
		c->buffer_len += (unsigned)n;
	memset(c->buffer + c->buffer_len, 0, HEADERS_ROOM);
	return n > 0;
}

// One line with its end taken off, in the buffer until the next call; false at the end of the
// input. Of a line that is longer than CAPTURE_LINE_MAX the rest is passed over.
static bool read_line(struct capture *c, struct slice *line)
{
	for (;;) {
		unsigned left = c->buffer_len - c->buffer_at;
		const char *end = memchr(c->buffer + c->buffer_at, '\n', left);
		bool whole = end != NULL, skip = c->in_long_line;
		if (!whole && left <= CAPTURE_LINE_MAX && fill(c))
			continue;
		const char *start = c->buffer + c->buffer_at; // fill() moves what is left
		if (!whole && left == 0)
			return false;
		unsigned len = whole ? (unsigned)(end - start) : left;
		c->buffer_at += len + whole;
		c->in_long_line = !whole && left > CAPTURE_LINE_MAX;
		if (skip)
			continue;
		*line = (struct slice){start, len < CAPTURE_LINE_MAX ? len : CAPTURE_LINE_MAX};
		return true;
	}
}

// The first message of a line.
static void parse(struct capture *c, struct slice line)
{
	struct slice rest = line, first = {0};
	c->message = (struct message){.source = MESSAGE_OTHER};
	c->single = message_next(&rest, &first) && rest.len == 0;
	if (first.len)
		message_parse(&c->headers.shapes, first, &c->message);
}

// Read ahead to the first line with a full date.
static void look_ahead(struct capture *c)
{
	if (c->looked)
		return;
	c->looked = true;
	while (c->n_ahead < AHEAD_LINES_MAX && c->ahead_bytes < AHEAD_BYTES_MAX &&
		c->date.year == 0) {
		struct ahead_line *ahead = &c->ahead[c->n_ahead];
		struct logtime_date date;
		struct slice line;
		if (!read_line(c, &line))
			return;
		ahead->bytes = malloc(line.len + 1);
		if (ahead->bytes == NULL)
			return;
		memcpy(ahead->bytes, line.data, line.len);
		ahead->len = line.len;
		c->ahead_bytes += line.len;
		c->n_ahead++;
		parse(c, line);
		if (logtime_date_of(&c->message, &date) && date.year)
			c->date = date;
	}
}

struct logtime_date capture_date(struct capture *c)
{
	if (c->kind == CAPTURE_TEXT) {
		look_ahead(c);
		return c->date;
	}
	const struct capture_item *item = capture_peek(c);
	time_t seconds = item ? (time_t)(item->time_ms / 1000) : 0;
	struct tm tm;
	if (item == NULL || localtime_r(&seconds, &tm) == NULL)
		return (struct logtime_date){0};
	return (struct logtime_date){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
}

void capture_lend_date(struct capture *c, struct logtime_date date)
{
	c->clock.lent = date;
}

// A line whose header is known, as most are.
static bool next_known(struct capture *c)
{
	struct slice text = {c->buffer + c->buffer_at, c->buffer_len - c->buffer_at};
	if (c->in_long_line || !headers_read(&c->headers, text, &c->clock, &c->quick) ||
		c->quick.line.len > CAPTURE_LINE_MAX)
		return false;
	c->buffer_at += c->quick.line.len + 1;
	c->item = (struct capture_item){c->quick.time_ms, c->quick.line, c->quick.asa_id};
	return true;
}

static bool next_line(struct capture *c)
{
	look_ahead(c);
	// A log whose dates come later lends its first one to the lines before.
	if (c->clock.lent.year == 0)
		c->clock.lent = c->date;
	c->known = c->ahead_next == c->n_ahead && next_known(c);
	if (c->known)
		return true;
	if (c->ahead_next < c->n_ahead) {
		struct ahead_line *ahead = &c->ahead[c->ahead_next++];
		c->item.bytes = (struct slice){ahead->bytes, ahead->len};
	} else if (!read_line(c, &c->item.bytes)) {
		return false;
	}
	parse(c, c->item.bytes);
	c->item.asa_id = 0;
	c->item.time_ms = logtime_of(&c->clock, &c->message);
	headers_keep(&c->headers, &c->message, &c->clock);
	return true;
}

bool capture_message(const struct capture *c, struct message *out)
{
	if (!c->known) {
		*out = c->message;
		return c->single;
	}
	message_parse_tagged(c->quick.line, c->quick.tag, c->quick.asa_id, &c->quick.parts, out);
	return true;
}

// ---- items ----

const struct capture_item *capture_peek(struct capture *c)
{
	if (!c->has_item && !c->ended) {
		c->has_item = c->kind == CAPTURE_PACKETS ? next_packet(c) : next_line(c);
		c->ended = !c->has_item;
	}
	return c->has_item ? &c->item : NULL;
}

void capture_take(struct capture *c)
{
	c->has_item = false;
}

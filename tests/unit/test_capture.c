// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../../control/capture.h"

static struct logtime_options options;
static char dir[] = "/tmp/offhook-test-capture-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || !logtime_set_zone(&options);
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

// ---- files ----

struct bytes {
	unsigned char *data;
	size_t len, room;
};

static void put(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len > b->room)
		b->data = realloc(b->data, b->room = 2 * (b->len + len));
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_text(struct bytes *b, const char *text)
{
	put(b, text, strlen(text));
}

// Numbers in the order of the machine that captured.
static void put_n(struct bytes *b, bool big, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		put(b, &(uint8_t){(uint8_t)(value >> 8 * (big ? size - 1 - i : i))}, 1);
}

static char path[128];

static const char *to_file(struct bytes *b)
{
	snprintf(path, sizeof(path), "%s/file", dir);
	FILE *out = fopen(path, "w");
	assert_int_equal(b->len ? fwrite(b->data, 1, b->len, out) : 0, b->len);
	fclose(out);
	free(b->data);
	*b = (struct bytes){0};
	return path;
}

static const char *to_gzip(struct bytes *b)
{
	snprintf(path, sizeof(path), "%s/file", dir);
	gzFile out = gzopen(path, "wb");
	assert_int_equal(gzwrite(out, b->data, (unsigned)b->len), b->len);
	gzclose(out);
	free(b->data);
	*b = (struct bytes){0};
	return path;
}

static struct capture *open_file(const char *name)
{
	char error[256];
	struct capture *c = capture_open(name, &options, error, sizeof(error));
	if (c == NULL)
		fail_msg("%s: %s", name, error);
	return c;
}

static struct capture *open_bytes(struct bytes *b)
{
	return open_file(to_file(b));
}

static struct capture *open_text(const char *text)
{
	struct bytes b = {0};
	put_text(&b, text);
	return open_bytes(&b);
}

static void close_file(struct capture *c)
{
	capture_close(c);
	unlink(path);
}

static void open_fails(const char *name, const char *reason)
{
	char error[256] = "";
	struct capture *c = capture_open(name, &options, error, sizeof(error));
	assert_null(c);
	if (strstr(error, reason) == NULL)
		fail_msg("'%s', not '%s'", error, reason);
}

// ---- packets ----

#define PCAP_US 0xa1b2c3d4
#define PCAP_NS 0xa1b23c4d
#define LINK_ETHERNET 1
#define LINK_NULL 0
#define LINK_RAW 101
#define LINK_LOOP 108
#define LINK_SLL 113
#define LINK_IPV4 228
#define LINK_IPV6 229
#define LINK_SLL2 276

static void pcap_begin(struct bytes *b, bool big, uint32_t magic, uint32_t link)
{
	put_n(b, big, 4, magic);
	put_n(b, big, 2, 2);
	put_n(b, big, 2, 4);
	put_n(b, big, 4, 0);
	put_n(b, big, 4, 0);
	put_n(b, big, 4, 65535);
	put_n(b, big, 4, link);
}

static void pcap_packet(struct bytes *b, bool big, uint32_t seconds, uint32_t fraction,
	const void *data, uint32_t len, uint32_t wire_len)
{
	put_n(b, big, 4, seconds);
	put_n(b, big, 4, fraction);
	put_n(b, big, 4, len);
	put_n(b, big, 4, wire_len);
	put(b, data, len);
}

static const unsigned char ip4[] = {0x45, 0, 0, 24, 1, 2, 3, 4},
			   ip6[] = {0x60, 0, 0, 0, 9, 9, 9, 9};

static void has_frame(struct capture *c, uint64_t time_ms, const void *bytes, size_t len, int at)
{
	const struct capture_item *item = capture_peek(c);
	if (item == NULL)
		fail_msg("%d: ended%s%s", at, capture_error(c) ? ": " : "",
			capture_error(c) ? capture_error(c) : "");
	if (item->time_ms != time_ms || item->bytes.len != len ||
		memcmp(item->bytes.data, bytes, len) != 0)
		fail_msg("%d: time %llu, %u bytes", at, (unsigned long long)item->time_ms,
			item->bytes.len);
	assert_ptr_equal(capture_peek(c), item);
	capture_take(c);
}

#define HAS_FRAME(c, time_ms, bytes) has_frame(c, time_ms, bytes, sizeof(bytes), __LINE__)

static void at_end(struct capture *c, const char *error, int at)
{
	if (capture_peek(c))
		fail_msg("%d: there is more", at);
	assert_null(capture_peek(c));
	const char *got = capture_error(c);
	if (error == NULL ? got != NULL : got == NULL || strstr(got, error) == NULL)
		fail_msg("%d: '%s', not '%s'", at, got ? got : "no error",
			error ? error : "no error");
}

#define AT_END(c) at_end(c, NULL, __LINE__)
#define FAILS(c, error) at_end(c, error, __LINE__)

static void pcap_is_read_in_either_order_and_precision(void **state)
{
	(void)state;
	static const unsigned char frame[] = "any frame of Ethernet";
	for (int big = 0; big < 2; big++) {
		for (int ns = 0; ns < 2; ns++) {
			struct bytes b = {0};
			pcap_begin(&b, big, ns ? PCAP_NS : PCAP_US, LINK_ETHERNET);
			pcap_packet(&b, big, 1795256367, ns ? 155999999 : 155999, frame,
				sizeof(frame), sizeof(frame));
			pcap_packet(&b, big, 1795256368, 0, frame, 4, 1500); // cut by the capture
			struct capture *c = open_bytes(&b);
			assert_int_equal(capture_kind_of(c), CAPTURE_PACKETS);
			assert_string_equal(capture_path(c), path);
			struct logtime_date date = capture_date(c);
			assert_int_equal(date.year, 2026);
			assert_int_equal(date.month, 11);
			assert_int_equal(date.day, 21);
			HAS_FRAME(c, 1795256367155, frame);
			has_frame(c, 1795256368000, frame, 4, __LINE__);
			AT_END(c);
			close_file(c);
		}
	}
}

// What follows the header of another link layer, below one of Ethernet.
static void is_wrapped(uint32_t link, const void *header, size_t header_len,
	const unsigned char *packet, uint16_t type, bool big, int at)
{
	struct bytes b = {0};
	unsigned char data[64], wanted[64] = {0};
	memcpy(data, header, header_len);
	memcpy(data + header_len, packet, 8);
	wanted[12] = (unsigned char)(type >> 8);
	wanted[13] = (unsigned char)type;
	memcpy(wanted + 14, packet, 8);
	pcap_begin(&b, big, PCAP_US, link);
	pcap_packet(&b, big, 1, 0, data, (uint32_t)header_len + 8, (uint32_t)header_len + 8);
	struct capture *c = open_bytes(&b);
	const struct capture_item *item = capture_peek(c);
	assert_non_null(item);
	if (item->bytes.len != 22 || memcmp(item->bytes.data, wanted, 22) != 0)
		fail_msg("%d: type %02x%02x, %u bytes", at, (unsigned char)item->bytes.data[12],
			(unsigned char)item->bytes.data[13], item->bytes.len);
	capture_take(c);
	AT_END(c);
	close_file(c);
}

static void other_link_layers_get_a_header_of_ethernet(void **state)
{
	(void)state;
	static const unsigned char sll4[16] = {[14] = 8, [15] = 0},
				   sll6[16] = {[14] = 0x86, [15] = 0xdd};
	static const unsigned char sll2_4[20] = {8, 0}, sll2_6[20] = {0x86, 0xdd};
	is_wrapped(LINK_RAW, "", 0, ip4, 0x0800, false, __LINE__);
	is_wrapped(LINK_RAW, "", 0, ip6, 0x86dd, false, __LINE__);
	is_wrapped(LINK_IPV4, "", 0, ip4, 0x0800, false, __LINE__);
	is_wrapped(LINK_IPV6, "", 0, ip6, 0x86dd, false, __LINE__);
	is_wrapped(LINK_SLL, sll4, 16, ip4, 0x0800, false, __LINE__);
	is_wrapped(LINK_SLL, sll6, 16, ip6, 0x86dd, true, __LINE__);
	is_wrapped(LINK_SLL2, sll2_4, 20, ip4, 0x0800, false, __LINE__);
	is_wrapped(LINK_SLL2, sll2_6, 20, ip6, 0x86dd, false, __LINE__);
	// The family of BSD loopback is in the order of the machine that captured; IPv6 has several
	// numbers.
	is_wrapped(LINK_NULL, "\2\0\0\0", 4, ip4, 0x0800, false, __LINE__);
	is_wrapped(LINK_NULL, "\0\0\0\2", 4, ip4, 0x0800, true, __LINE__);
	is_wrapped(LINK_NULL, "\30\0\0\0", 4, ip6, 0x86dd, false, __LINE__);
	is_wrapped(LINK_NULL, "\0\0\0\34", 4, ip6, 0x86dd, true, __LINE__);
	is_wrapped(LINK_NULL, "\36\0\0\0", 4, ip6, 0x86dd, false, __LINE__);
	is_wrapped(LINK_LOOP, "\0\0\0\2", 4, ip4, 0x0800, false, __LINE__);
	is_wrapped(LINK_NULL, "\7\0\0\0", 4, ip4, 0, false, __LINE__);
}

static void a_packet_shorter_than_its_link_header_is_empty(void **state)
{
	(void)state;
	static const uint32_t links[] = {LINK_RAW, LINK_SLL, LINK_SLL2, LINK_NULL, LINK_LOOP};
	for (size_t i = 0; i < N(links); i++) {
		struct bytes b = {0};
		pcap_begin(&b, false, PCAP_US, links[i]);
		pcap_packet(&b, false, 1, 0, "\2\0\0", links[i] == LINK_RAW ? 0 : 3, 60);
		pcap_packet(&b, false, 2, 0, "", 0, 60);
		struct capture *c = open_bytes(&b);
		for (int k = 0; k < 2; k++) {
			assert_non_null(capture_peek(c));
			assert_int_equal(capture_peek(c)->bytes.len, 14);
			capture_take(c);
		}
		AT_END(c);
		close_file(c);
	}
}

static void a_link_layer_that_is_not_read_is_named(void **state)
{
	(void)state;
	struct bytes b = {0};
	pcap_begin(&b, false, PCAP_US, 105); // 802.11
	to_file(&b);
	open_fails(path,
		"link type IEEE802_11 (105) is not read; Ethernet, raw IP, Linux cooked and BSD loopback are");
	unlink(path);
}

// ---- pcapng ----

static void block(struct bytes *b, bool big, uint32_t type, const struct bytes *body)
{
	uint32_t padded = (uint32_t)(body->len + 3) & ~3u;
	put_n(b, big, 4, type);
	put_n(b, big, 4, padded + 12);
	put(b, body->data, body->len);
	put_n(b, big, padded - (unsigned)body->len, 0);
	put_n(b, big, 4, padded + 12);
}

static void pcapng_begin(struct bytes *b, bool big, unsigned link, int tsresol)
{
	struct bytes section = {0}, interface = {0};
	put_n(&section, big, 4, 0x1a2b3c4d);
	put_n(&section, big, 2, 1);
	put_n(&section, big, 2, 0);
	put_n(&section, big, 8, UINT64_MAX);
	block(b, big, 0x0a0d0d0a, &section);
	put_n(&interface, big, 2, link);
	put_n(&interface, big, 2, 0);
	put_n(&interface, big, 4, 65535);
	if (tsresol >= 0) {
		put_n(&interface, big, 2, 9);
		put_n(&interface, big, 2, 1);
		put_n(&interface, false, 4, (uint64_t)tsresol);
		put_n(&interface, big, 4, 0);
	}
	block(b, big, 1, &interface);
	free(section.data);
	free(interface.data);
}

static void pcapng_packet(struct bytes *b, bool big, uint64_t units, const void *data, uint32_t len)
{
	struct bytes packet = {0};
	put_n(&packet, big, 4, 0);
	put_n(&packet, big, 4, units >> 32);
	put_n(&packet, big, 4, units);
	put_n(&packet, big, 4, len);
	put_n(&packet, big, 4, len);
	put(&packet, data, len);
	block(b, big, 6, &packet);
	free(packet.data);
}

static void pcapng_is_read(void **state)
{
	(void)state;
	static const unsigned char frame[] = "any frame of Ethernet";
	for (int big = 0; big < 2; big++) {
		struct bytes b = {0};
		pcapng_begin(&b, big, LINK_ETHERNET, -1);
		pcapng_packet(&b, big, 1795256367155999, frame, sizeof(frame));
		pcapng_packet(&b, big, 1795256368000000, frame, 5);
		struct capture *c = open_bytes(&b);
		assert_int_equal(capture_kind_of(c), CAPTURE_PACKETS);
		HAS_FRAME(c, 1795256367155, frame);
		has_frame(c, 1795256368000, frame, 5, __LINE__);
		AT_END(c);
		close_file(c);
		pcapng_begin(&b, big, LINK_RAW, 9); // nanoseconds
		pcapng_packet(&b, big, 1795256367155999999, ip4, sizeof(ip4));
		c = open_bytes(&b);
		assert_int_equal(capture_peek(c)->time_ms, 1795256367155);
		assert_int_equal(capture_peek(c)->bytes.len, 22);
		close_file(c);
	}
}

// Units of a second since any time: numbers beyond all years.
static void impossible_times_do_no_harm(void **state)
{
	(void)state;
	static const uint64_t times[] = {
		0, UINT64_MAX, INT64_MAX, 1ull << 62, 1ull << 53, 9300000000000000};
	for (size_t i = 0; i < N(times); i++) {
		struct bytes b = {0};
		pcapng_begin(&b, false, LINK_RAW, 0);
		pcapng_packet(&b, false, times[i], ip4, sizeof(ip4));
		struct capture *c = open_bytes(&b);
		capture_date(c);
		assert_non_null(capture_peek(c));
		close_file(c);
	}
}

// ---- damage ----

static void a_packet_that_is_cut_off_is_told(void **state)
{
	(void)state;
	static const unsigned char frame[] = "any frame of Ethernet";
	struct bytes b = {0};
	pcap_begin(&b, false, PCAP_US, LINK_ETHERNET);
	pcap_packet(&b, false, 1, 0, frame, sizeof(frame), sizeof(frame));
	pcap_packet(&b, false, 2, 0, frame, sizeof(frame), sizeof(frame));
	b.len -= 3;
	struct capture *c = open_bytes(&b);
	HAS_FRAME(c, 1000, frame);
	FAILS(c, "truncated");
	close_file(c);
}

static void every_length_of_a_cut_file_is_taken(void **state)
{
	(void)state;
	static const unsigned char frame[] = "frame";
	for (int ng = 0; ng < 2; ng++) {
		struct bytes whole = {0};
		if (ng) {
			pcapng_begin(&whole, false, LINK_ETHERNET, 6);
			pcapng_packet(&whole, false, 1000000, frame, sizeof(frame));
		} else {
			pcap_begin(&whole, false, PCAP_US, LINK_ETHERNET);
			pcap_packet(&whole, false, 1, 0, frame, sizeof(frame), sizeof(frame));
		}
		for (size_t len = 0; len < whole.len; len++) {
			struct bytes part = {0};
			char error[256];
			put(&part, whole.data, len);
			to_file(&part);
			struct capture *c = capture_open(path, &options, error, sizeof(error));
			if (c == NULL)
				assert_true(strlen(error) > 0);
			else if (capture_kind_of(c) == CAPTURE_PACKETS)
				assert_null(capture_peek(c));
			capture_close(c);
			unlink(path);
		}
		free(whole.data);
	}
}

static void a_length_that_is_no_length_is_told(void **state)
{
	(void)state;
	struct bytes b = {0};
	pcap_begin(&b, false, PCAP_US, LINK_ETHERNET);
	put_n(&b, false, 8, 1);
	put_n(&b, false, 4, 0x7fffffff);
	put_n(&b, false, 4, 0x7fffffff);
	put_text(&b, "whatever follows");
	struct capture *c = open_bytes(&b);
	assert_null(capture_peek(c));
	assert_non_null(capture_error(c));
	close_file(c);
}

// ---- gzip ----

static void gzip_is_read_of_every_kind(void **state)
{
	(void)state;
	static const unsigned char frame[] = "any frame of Ethernet";
	struct bytes b = {0};
	pcap_begin(&b, false, PCAP_US, LINK_ETHERNET);
	pcap_packet(&b, false, 1, 0, frame, sizeof(frame), sizeof(frame));
	struct capture *c = open_file(to_gzip(&b));
	assert_int_equal(capture_kind_of(c), CAPTURE_PACKETS);
	HAS_FRAME(c, 1000, frame);
	AT_END(c);
	close_file(c);
	put_text(&b, "one\ntwo\n");
	c = open_file(to_gzip(&b));
	assert_int_equal(capture_kind_of(c), CAPTURE_TEXT);
	assert_slice(capture_peek(c)->bytes, "one");
	capture_take(c);
	assert_slice(capture_peek(c)->bytes, "two");
	capture_take(c);
	AT_END(c);
	close_file(c);
}

// A text that ends in the middle of its gzip stream: what is there is read, and the rest is missed.
static void a_gzip_file_that_is_cut_off_is_told(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct stat st;
	for (int i = 0; i < 20000; i++) {
		char line[64];
		snprintf(line, sizeof(line), "line %d of many %u\n", i, (unsigned)i * 2654435761u);
		put_text(&b, line);
	}
	to_gzip(&b);
	stat(path, &st);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	struct capture *c = open_file(path);
	unsigned n = 0;
	while (capture_peek(c)) {
		capture_take(c);
		n++;
	}
	assert_true(n > 100 && n < 20000);
	FAILS(c, "unexpected end of file");
	close_file(c);
}

static void a_damaged_gzip_file_is_told(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct stat st;
	for (int i = 0; i < 2000; i++)
		put_text(&b, "the same line again and again\n");
	to_gzip(&b);
	stat(path, &st);
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "\xff", 1, st.st_size - 8), 1); // its checksum
	close(fd);
	open_fails(path, "incorrect data check"); // as small as it is, that shows at once
	unlink(path);
	put(&b, "\x1f\x8b\x08\x00 and no gzip", 16);
	open_fails(to_file(&b), "invalid");
	unlink(path);
}

// ---- text ----

static void has_line(struct capture *c, const char *wanted, int at)
{
	const struct capture_item *item = capture_peek(c);
	if (item == NULL)
		fail_msg("%d: ended", at);
	if (!slice_equals_text(item->bytes, wanted))
		fail_msg(
			"%d: '%.*s', not '%s'", at, (int)item->bytes.len, item->bytes.data, wanted);
	capture_take(c);
}

#define HAS_LINE(c, wanted) has_line(c, wanted, __LINE__)

static void a_text_log_has_a_line_a_line(void **state)
{
	(void)state;
	struct capture *c = open_text("one\n\ntwo\r\nno final newline");
	assert_int_equal(capture_kind_of(c), CAPTURE_TEXT);
	HAS_LINE(c, "one");
	HAS_LINE(c, "");
	HAS_LINE(c, "two\r"); // message_next() takes it off
	HAS_LINE(c, "no final newline");
	AT_END(c);
	close_file(c);
}

static void an_empty_file_has_no_line(void **state)
{
	(void)state;
	struct capture *c = open_text("");
	assert_int_equal(capture_kind_of(c), CAPTURE_TEXT);
	assert_int_equal(capture_date(c).year, 0);
	AT_END(c);
	close_file(c);
	c = open_text("\n");
	HAS_LINE(c, "");
	AT_END(c);
	close_file(c);
	static const char *const shorts[] = {"a", "ab", "abc", "abcd"};
	for (size_t i = 0; i < N(shorts); i++) {
		c = open_text(shorts[i]);
		HAS_LINE(c, shorts[i]);
		AT_END(c);
		close_file(c);
	}
}

static void nuls_are_bytes_of_a_line(void **state)
{
	(void)state;
	struct bytes b = {0};
	put(&b, "a\0b\0\n\0\n", 7);
	struct capture *c = open_bytes(&b);
	assert_int_equal(capture_peek(c)->bytes.len, 4);
	assert_memory_equal(capture_peek(c)->bytes.data, "a\0b\0", 4);
	capture_take(c);
	assert_int_equal(capture_peek(c)->bytes.len, 1);
	capture_take(c);
	AT_END(c);
	close_file(c);
}

static void put_many(struct bytes *b, char byte, size_t n)
{
	char *many = malloc(n);
	memset(many, byte, n);
	put(b, many, n);
	free(many);
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	static const size_t lengths[] = {CAPTURE_LINE_MAX - 1, CAPTURE_LINE_MAX,
		CAPTURE_LINE_MAX + 1, 200000, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1 << 20};
	struct bytes b = {0};
	for (size_t i = 0; i < N(lengths); i++) {
		put_many(&b, (char)('a' + i), lengths[i]);
		put_text(&b, "\nbetween\n");
	}
	put_many(&b, 'z', 1 << 20); // and no newline
	struct capture *c = open_bytes(&b);
	for (size_t i = 0; i <= N(lengths); i++) {
		size_t wanted = i == N(lengths) || lengths[i] > CAPTURE_LINE_MAX ? CAPTURE_LINE_MAX
										 : lengths[i];
		const struct capture_item *item = capture_peek(c);
		assert_non_null(item);
		if (item->bytes.len != wanted)
			fail_msg("line %zu has %u bytes, not %zu", i, item->bytes.len, wanted);
		char first = i == N(lengths) ? 'z' : (char)('a' + i);
		for (uint32_t k = 0; k < item->bytes.len; k++)
			if (item->bytes.data[k] != first)
				fail_msg("line %zu, byte %u", i, k);
		capture_take(c);
		if (i < N(lengths))
			HAS_LINE(c, "between");
	}
	AT_END(c);
	close_file(c);
}

// Lines of all lengths, so that their ends meet the end of the buffer in every way.
static void no_line_is_lost_between_two_reads(void **state)
{
	(void)state;
	struct bytes b = {0};
	enum { LINES = 5000 };
	char line[512];
	for (int i = 0; i < LINES; i++) {
		int n = snprintf(line, sizeof(line), "%d ", i);
		memset(line + n, 'x', (size_t)(i % 400));
		strcpy(line + n + i % 400, "\n");
		put_text(&b, line);
	}
	struct capture *c = open_bytes(&b);
	for (int i = 0; i < LINES; i++) {
		int n = snprintf(line, sizeof(line), "%d ", i);
		const struct capture_item *item = capture_peek(c);
		assert_non_null(item);
		assert_int_equal(item->bytes.len, n + i % 400);
		assert_memory_equal(item->bytes.data, line, (size_t)n);
		capture_take(c);
	}
	AT_END(c);
	uint64_t done, size;
	capture_progress(c, &done, &size);
	assert_int_equal(done, size);
	close_file(c);
}

// ---- the clock of a text log ----

static void lines_have_the_time_of_their_header(void **state)
{
	(void)state;
	struct capture *c =
		open_text("Nov 21 2026 10:19:27 : %ASA-6-725001: x\n%ASA-6-725001: y\n");
	assert_int_equal(capture_peek(c)->time_ms, 1795256367000);
	capture_take(c);
	assert_int_equal(capture_peek(c)->time_ms, 1795256367000);
	close_file(c);
}

// "takes the date of the nearest dated line": also of one that comes later.
static void lines_before_the_first_date_take_it(void **state)
{
	(void)state;
	struct capture *c = open_text(
		"902: NOT 10:19:27.155936 VPNC: x\nNov 21 2026 10:19:28 : %ASA-6-725001: x\n"
		"Nov 22 2026 10:19:28 : %ASA-6-725001: x\n");
	struct logtime_date date = capture_date(c);
	assert_int_equal(date.year, 2026);
	assert_int_equal(date.month, 11);
	assert_int_equal(date.day, 21);
	assert_int_equal(capture_peek(c)->time_ms, 1795256367155);
	HAS_LINE(c, "902: NOT 10:19:27.155936 VPNC: x");
	HAS_LINE(c, "Nov 21 2026 10:19:28 : %ASA-6-725001: x");
	HAS_LINE(c, "Nov 22 2026 10:19:28 : %ASA-6-725001: x");
	AT_END(c);
	close_file(c);
}

static void a_log_without_dates_takes_one_that_is_lent(void **state)
{
	(void)state;
	struct capture *c =
		open_text("902: NOT 10:19:27.155936 VPNC: x\n903: NOT 10:19:28.155936 VPNC: x\n");
	assert_int_equal(capture_date(c).year, 0);
	capture_lend_date(c, (struct logtime_date){2026, 11, 21});
	assert_int_equal(capture_peek(c)->time_ms, 1795256367155);
	capture_take(c);
	assert_int_equal(capture_peek(c)->time_ms, 1795256368155);
	close_file(c);
}

// A bounded part is read ahead; what lies there is not lost, and not read twice.
static void reading_ahead_loses_nothing(void **state)
{
	(void)state;
	struct bytes b = {0};
	char line[32];
	for (int i = 0; i < 10000; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		put_text(&b, line);
	}
	put_text(&b, "Nov 21 2026 10:19:28 : %ASA-6-725001: x\n");
	struct capture *c = open_bytes(&b);
	assert_int_equal(capture_date(c).year, 0); // too far away
	for (int i = 0; i < 10000; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		HAS_LINE(c, line);
	}
	HAS_LINE(c, "Nov 21 2026 10:19:28 : %ASA-6-725001: x");
	AT_END(c);
	close_file(c);
}

// Read ahead are lines, of up to 64 KiB each: 4,096 of them must not fill the memory.
static void reading_ahead_is_bounded_in_bytes(void **state)
{
	(void)state;
	struct bytes b = {0};
	for (int i = 0; i < 600; i++) {
		put_many(&b, 'x', CAPTURE_LINE_MAX);
		put_text(&b, "\n");
	}
	struct capture *c = open_file(to_gzip(&b));
	uint64_t done, size;
	capture_date(c);
	capture_progress(c, &done, &size);
	assert_true(done <= size);
	unsigned n = 0;
	for (; capture_peek(c); n++)
		capture_take(c);
	assert_int_equal(n, 600);
	close_file(c);
}

// ---- what is no file ----

static void what_cannot_be_opened_says_why(void **state)
{
	(void)state;
	open_fails("/proc/no-such/file", "No such file or directory");
	open_fails(dir, "is a directory");
	open_fails("", "No such file or directory");
}

static void standard_input_is_a_dash(void **state)
{
	(void)state;
	int pipe_[2], saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(pipe_), 0);
	assert_int_equal(write(pipe_[1], "one\ntwo", 7), 7);
	close(pipe_[1]);
	dup2(pipe_[0], STDIN_FILENO);
	close(pipe_[0]);
	struct capture *c = open_file("-");
	HAS_LINE(c, "one");
	HAS_LINE(c, "two");
	AT_END(c);
	uint64_t done, size;
	capture_progress(c, &done, &size);
	assert_int_equal(size, 0);
	capture_close(c);
	// It is still there for whoever comes next.
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_is_read_in_either_order_and_precision),
		cmocka_unit_test(other_link_layers_get_a_header_of_ethernet),
		cmocka_unit_test(a_packet_shorter_than_its_link_header_is_empty),
		cmocka_unit_test(a_link_layer_that_is_not_read_is_named),
		cmocka_unit_test(pcapng_is_read),
		cmocka_unit_test(impossible_times_do_no_harm),
		cmocka_unit_test(a_packet_that_is_cut_off_is_told),
		cmocka_unit_test(every_length_of_a_cut_file_is_taken),
		cmocka_unit_test(a_length_that_is_no_length_is_told),
		cmocka_unit_test(gzip_is_read_of_every_kind),
		cmocka_unit_test(a_gzip_file_that_is_cut_off_is_told),
		cmocka_unit_test(a_damaged_gzip_file_is_told),
		cmocka_unit_test(a_text_log_has_a_line_a_line),
		cmocka_unit_test(an_empty_file_has_no_line),
		cmocka_unit_test(nuls_are_bytes_of_a_line),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(no_line_is_lost_between_two_reads),
		cmocka_unit_test(lines_have_the_time_of_their_header),
		cmocka_unit_test(lines_before_the_first_date_take_it),
		cmocka_unit_test(a_log_without_dates_takes_one_that_is_lent),
		cmocka_unit_test(reading_ahead_loses_nothing),
		cmocka_unit_test(reading_ahead_is_bounded_in_bytes),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(standard_input_is_a_dash),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

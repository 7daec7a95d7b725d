// SPDX-License-Identifier: BSD-3-Clause
// A file that `replay` is given, through capture_open() and on: pcap, pcapng, text, gzip.
#include "memory_file.h"

#include "../../control/capture.h"

#define ITEMS_MAX 3000 // gzip makes much of little

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct logtime_options options;
	if (size > 65536)
		return 0;
	struct memory_file file = memory_file_create(data, size);
	char error[256] = "";
	struct capture *c = capture_open(file.path, &options, error, sizeof(error));
	if (c == NULL) {
		assert(error[0] != '\0');
		memory_file_destroy(&file);
		return 0;
	}
	struct logtime_date date = capture_date(c);
	if (date.year == 0)
		capture_lend_date(c, (struct logtime_date){2026, 11, 21});
	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		const struct capture_item *item = capture_peek(c);
		if (item == NULL)
			break;
		// Read every byte: it has to be there.
		unsigned sum = 0;
		for (uint32_t k = 0; k < item->bytes.len; k++)
			sum += (unsigned char)item->bytes.data[k];
		volatile unsigned sink = sum;
		(void)sink;
		if (capture_kind_of(c) == CAPTURE_TEXT)
			assert(item->bytes.len <= CAPTURE_LINE_MAX);
		assert(item->time_ms < 253402300800000ull + 366ull * 86400000); // the year 9999
		capture_take(c);
	}
	uint64_t done, total;
	capture_progress(c, &done, &total);
	assert(total == size);
	capture_close(c);
	memory_file_destroy(&file);
	return 0;
}

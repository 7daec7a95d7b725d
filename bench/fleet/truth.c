// SPDX-License-Identifier: BSD-3-Clause
#include "truth.h"

#include <time.h>

#include "fleet.h"

static void put_text(FILE *file, const char *name, const char *text)
{
	if (text == NULL || *text == '\0') {
		fprintf(file, ",\"%s\":null", name);
		return;
	}
	fprintf(file, ",\"%s\":\"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', file);
		putc(*text, file);
	}
	putc('"', file);
}

static void put_time(FILE *file, const char *name, uint64_t at_us)
{
	char text[40];
	time_t seconds = (time_t)(at_us / SECOND_US);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (at_us)
		fprintf(file, ",\"%s\":\"%s.%03uZ\"", name, text,
			(unsigned)(at_us % SECOND_US / 1000));
	else
		fprintf(file, ",\"%s\":null", name);
}

static void put_flag(FILE *file, const char *name, bool flag)
{
	fprintf(file, ",\"%s\":%s", name, flag ? "true" : "false");
}

void truth_write(FILE *file, const struct truth *truth, const struct client *client,
	const struct gateway *gateway)
{
	fprintf(file, "{\"type\":\"truth\",\"diagnosis\":\"%s\",\"scope\":\"%s\"", truth->diagnosis,
		client ? "phone" : "gateway");
	put_text(file, "client_ip", client ? client->address : NULL);
	put_text(file, "moved_to", truth->moved_to);
	put_text(file, "device", client ? client->device : NULL);
	put_text(file, "user", client ? client->user : NULL);
	// the unit that was active then
	unsigned unit = gateway->failover_us && truth->first_us >= gateway->failover_us;
	put_text(file, "gateway", gateway->name[unit]);
	put_flag(file, "is_phone", client && client->is_phone);
	put_text(file, "confidence", truth->confidence);
	fprintf(file, ",\"sides\":[%s%s%s]", truth->asa ? "\"asa\"" : "",
		truth->asa && truth->phone ? "," : "", truth->phone ? "\"phone\"" : "");
	put_time(file, "first", truth->first_us);
	put_time(file, "needed", truth->needed_us);
	put_time(file, "last", truth->last_us);
	put_time(file, "recovered", truth->recovered_us);
	put_flag(file, "ambiguous_permitted", truth->ambiguous);
	put_flag(file, "optional", truth->optional);
	put_flag(file, "recovery_unclear", truth->unclear);
	put_flag(file, "undecidable", truth->undecidable);
	fputs("}\n", file);
}

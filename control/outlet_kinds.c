// SPDX-License-Identifier: BSD-3-Clause
// The one table of what an outlet can be.
#include "outlet.h"

extern const struct outlet_kind outlet_alertmanager, outlet_elasticsearch, outlet_file,
	outlet_kafka, outlet_splunk, outlet_syslog, outlet_webhook;

const struct outlet_kind *const outlet_kinds[] = {
	&outlet_alertmanager,
	&outlet_elasticsearch,
	&outlet_file,
#ifdef OFFHOOK_KAFKA
	&outlet_kafka,
#endif
	&outlet_splunk,
	&outlet_syslog,
	&outlet_webhook,
	NULL,
};

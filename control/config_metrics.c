// SPDX-License-Identifier: BSD-3-Clause
#include "config_metrics.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define SHOWN_MAX 64 // bytes of a wrong value that an error quotes

static bool parse_port(const char *text, in_port_t *out)
{
	size_t len = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);
	if (len == 0 || len > 5 || text[len] != '\0' || port == 0 || port > UINT16_MAX)
		return false;
	*out = htons((uint16_t)port);
	return true;
}

// "127.0.0.1:9514", "[::1]:9514"; a port alone is loopback's. The text is cut into its parts.
static bool parse_address(char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char *colon = strrchr(text, ':');
	size_t host_len = colon ? (size_t)(colon - text) : 0;
	*out = (struct sockaddr_storage){.ss_family = AF_INET};
	if (colon == NULL) {
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return parse_port(text, &v4->sin_port);
	}
	*colon = '\0';
	if (text[0] != '[')
		return inet_pton(AF_INET, text, &v4->sin_addr) == 1 &&
		       parse_port(colon + 1, &v4->sin_port);
	if (text[host_len - 1] != ']')
		return false;
	text[host_len - 1] = '\0';
	out->ss_family = AF_INET6;
	return inet_pton(AF_INET6, text + 1, &v6->sin6_addr) == 1 &&
	       parse_port(colon + 1, &v6->sin6_port);
}

static bool read_address(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct config *config = target;
	struct slice text;
	char copy[SHOWN_MAX + 1];
	struct metrics_address address = {.place = yaml_place(file, item)};
	if (!yaml_text(file, item, &text))
		return false;
	if (slice_equals_text(text, "none")) {
		config->metrics_none = true;
		return true;
	}
	slice_copy(text, copy, sizeof(copy));
	if (text.len >= sizeof(copy) || memchr(text.data, '\0', text.len) ||
		!parse_address(copy, &address.address))
		return yaml_error(file, item,
			"'%.*s' is neither ADDRESS:PORT (127.0.0.1:9514, [::1]:9514), nor a port, nor none",
			(int)slice_first(text, SHOWN_MAX).len, text.data);
	if (config->n_metrics == METRICS_ADDRESSES_MAX)
		return yaml_error(file, item, "more than %d addresses", METRICS_ADDRESSES_MAX);
	address.text = arena_text(file->arena, text);
	for (size_t i = 0; i < config->n_metrics; i++) {
		if (memcmp(&config->metrics[i].address, &address.address,
			    sizeof(address.address)) == 0)
			return yaml_error(file, item, "'%s' stands twice", address.text);
	}
	config->metrics[config->n_metrics++] = address;
	return true;
}

bool config_read_metrics(struct yaml_file *file, struct fy_node *value, struct config *config)
{
	config->n_metrics = 0;
	config->metrics_none = config->metrics_by_default = false;
	if (!yaml_sequence(file, value, true, read_address, config))
		return false;
	if (config->metrics_none && config->n_metrics)
		return yaml_error(file, value, "none stands alone");
	return config->metrics_none || config->n_metrics ||
	       yaml_error(file, value, "names no address; none is the word for that");
}

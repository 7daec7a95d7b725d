// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <libgen.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config_outlets_check.h"

__attribute__((format(printf, 3, 4))) static bool fail(
	struct report *report, const struct rule_place *place, const char *format, ...)
{
	static const struct rule_place defaults = {.file = "defaults"};
	va_list arguments;
	if (place->file == NULL)
		place = &defaults;
	va_start(arguments, format);
	report_add_list(report, place->file, place->line, place->column, format, arguments);
	va_end(arguments);
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

// "03:00.0" is of domain 0.
static bool is_device(const char *pci)
{
	char path[320];
	bool whole = strchr(pci, ':') != strrchr(pci, ':');
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s%s", whole ? "" : "0000:", pci);
	return access(path, F_OK) == 0;
}

static bool check_listen(
	const struct listen *listen, const struct rule_place *place, struct report *report)
{
	switch (listen->kind) {
	case LISTEN_PCI:
		return is_device(listen->name) ||
		       fail(report, place, "no PCI device %s (dpdk-devbind.py -s shows them)",
			       listen->name);
	case LISTEN_INTERFACE:
		return if_nametoindex(listen->name) ||
		       fail(report, place, "no network interface '%s' (ip link shows them)",
			       listen->name);
	case LISTEN_PCAP:
		break;
	}
	return access(listen->name, R_OK) == 0 ||
	       fail(report, place, "%s: %s", listen->name, strerror(errno));
}

// The last of its directories is made at the start; the one above has to be there.
static bool check_socket(const struct config *config, struct report *report)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	snprintf(copy, sizeof(copy), "%s", config->socket);
	char *directory = dirname(copy);
	if (is_directory(directory) || (errno == ENOENT && is_directory(dirname(directory))))
		return true;
	return fail(report, &config->socket_place, "%s: %s", directory, strerror(errno));
}

// As check_socket(). Whether the daemon can write there is a matter of the moment: a disk that has
// gone read-only keeps it neither from starting nor from a reload, an operator who asks is told;
// unless this is another user who looks at the machine's config.
static bool check_history(
	const struct config *config, enum config_moment moment, struct report *report)
{
	// Beside the socket, unless told: it is made with the socket's directory.
	bool beside = config->history_place.file == NULL &&
		      strcmp(config->socket, CONFIG_SYSTEM_SOCKET) != 0;
	if (config->journal.directory == NULL || beside)
		return true;
	char *copy = strdup(config->journal.directory);
	const char *directory = config->journal.directory;
	bool there = copy && is_directory(directory);
	if (copy && !there && errno == ENOENT) {
		directory = dirname(copy);
		there = is_directory(directory);
	}
	bool mine = moment == CONFIG_ASKED && (geteuid() == 0 || config->history_place.file);
	bool ok = (there && (!mine || access(directory, W_OK | X_OK) == 0)) ||
		  fail(report, &config->history_place, "%s: %s", directory, strerror(errno));
	free(copy);
	return ok;
}

// Whoever has an address that comes later, of a cluster for example, sets ip_nonlocal_bind, and it
// is none of these.
static bool check_metrics(const struct config *config, struct report *report)
{
	bool ok = true;
	for (size_t i = 0; i < config->n_metrics && !config->metrics_by_default; i++) {
		struct sockaddr_storage any_port = config->metrics[i].address;
		bool v6 = any_port.ss_family == AF_INET6;
		socklen_t len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
		if (v6)
			((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
		else
			((struct sockaddr_in *)&any_port)->sin_port = 0;
		int fd = socket(any_port.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || bind(fd, (const struct sockaddr *)&any_port, len) < 0)
			ok = fail(report, &config->metrics[i].place, "%s: %s",
				config->metrics[i].text, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return ok;
}

bool config_check(const struct config *config, enum config_moment moment, struct report *report)
{
	bool ok = true;
	for (size_t i = 0; i < config->n_listen; i++)
		ok &= check_listen(&config->listen[i], &config->listen_places[i], report);
	if (!is_directory(config->rules))
		ok = fail(report, &config->rules_place, "%s: %s", config->rules, strerror(errno));
	ok = check_socket(config, report) && ok;
	ok = check_history(config, moment, report) && ok;
	ok = check_metrics(config, report) && ok;
	return config_check_outlets(config, moment, report) && ok;
}

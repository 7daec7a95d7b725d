// SPDX-License-Identifier: BSD-3-Clause
#include "diagnoses_command.h"

#include <stdlib.h>
#include <strings.h>

#include "daemon.h"
#include "diagnosis_json.h"
#include "locale_language.h"

#define SCAN_STEP 512 // places that one step looks at

// Where the walk is, and what it is to find.
struct walk {
	struct answer_list list;
	unsigned worker;
	uint32_t slot;
	unsigned states; // bits by enum diagnosis_state
	uint16_t number; // NAME_NONE: any
	bool all_clients;
	enum language language;
	char *gateway; // NULL: any
};

bool diagnosis_is_shown(const struct diagnosis *d, bool all_clients)
{
	return d->state != DIAGNOSIS_ABSORBED &&
	       (all_clients || d->is_phone || d->scope == SCOPE_GATEWAY);
}

static bool is_wanted(
	const struct walk *walk, const struct daemon *daemon, const struct diagnosis *d)
{
	if (!(walk->states & 1u << d->state) || !diagnosis_is_shown(d, walk->all_clients))
		return false;
	if (walk->number != NAME_NONE && walk->number != d->number)
		return false;
	struct slice gateway = gateway_name(&daemon->workers->gateways, d->gateway);
	return walk->gateway == NULL ||
	       (gateway.len == strlen(walk->gateway) &&
		       strncasecmp(gateway.data, walk->gateway, gateway.len) == 0);
}

// The evidence is copied only once the diagnosis itself is known to be wanted.
static bool tell(struct walk *walk, const struct daemon *daemon, struct buffer *out)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	const struct diagnosis_table *table =
		daemon->workers->worker[walk->worker]->sessions.diagnoses;
	struct diagnosis d;
	if (diagnosis_read(table, walk->slot, &d, NULL) != DIAGNOSIS_READ ||
		!is_wanted(walk, daemon, &d) ||
		diagnosis_read(table, walk->slot, &d, lines) != DIAGNOSIS_READ ||
		!is_wanted(walk, daemon, &d))
		return false;
	answer_list_item(&walk->list, out,
		diagnosis_json(&d, lines, daemon->workers->ruleset->pack,
			&daemon->workers->gateways, walk->language));
	return true;
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct walk *walk = answer->state;
	const struct daemon *daemon = answer->daemon;
	bool told = false;
	for (unsigned i = 0; i < SCAN_STEP && !told; i++) {
		if (walk->worker == daemon->workers->n) {
			answer_list_end(&walk->list, out);
			return ANSWER_DONE;
		}
		const struct diagnosis_table *table =
			daemon->workers->worker[walk->worker]->sessions.diagnoses;
		if (walk->slot < atomic_load_explicit(&table->high_water, memory_order_acquire)) {
			told = tell(walk, daemon, out);
			walk->slot++;
		} else {
			walk->worker++;
			walk->slot = 0;
		}
	}
	return ANSWER_MORE;
}

static void end(struct answer *answer)
{
	struct walk *walk = answer->state;
	free(walk->gateway);
	free(walk);
}

static unsigned states_of(const char *name)
{
	for (unsigned state = DIAGNOSIS_OPEN; name && state <= DIAGNOSIS_EXPIRED; state++) {
		if (strcmp(name, diagnosis_state_names[state]) == 0)
			return 1u << state;
	}
	return name ? ~0u : 1u << DIAGNOSIS_OPEN;
}

void diagnoses_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	const struct registry *names = &answer->daemon->vocabulary->diagnoses;
	const char *id = json_string_value(json_object_get(arguments, "id"));
	const char *gateway = json_string_value(json_object_get(arguments, "gateway"));
	uint16_t number = id ? registry_find(names, slice_of(id)) : NAME_NONE;
	if (id && number == NAME_NONE) {
		answer_usage(out, "diagnoses: the rules know no diagnosis '%.64s'", id);
		return;
	}
	struct walk *walk = calloc(1, sizeof(*walk));
	if (walk == NULL) {
		out->failed = true;
		return;
	}
	walk->states = states_of(json_string_value(json_object_get(arguments, "state")));
	walk->number = number;
	walk->gateway = gateway ? strdup(gateway) : NULL;
	walk->all_clients = json_is_true(json_object_get(arguments, "all_clients"));
	walk->language = language_argument(arguments);
	answer->state = walk;
	answer->step = step;
	answer->end = end;
}

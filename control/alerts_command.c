// SPDX-License-Identifier: BSD-3-Clause
#include "alerts_command.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon.h"
#include "locale_language.h"

#define TELL_STEP 16

struct walk {
	struct answer_list list;
	json_t *alerts, *arguments;
	size_t next;
};

static bool is_asked_for(const json_t *arguments, const char *argument, const json_t *alert,
	const char *key, bool any_case)
{
	const char *wanted = json_string_value(json_object_get(arguments, argument));
	const char *got = json_string_value(json_object_get(alert, key));
	if (wanted == NULL || strcmp(wanted, "all") == 0)
		return true;
	return got && (any_case ? strcasecmp(got, wanted) : strcmp(got, wanted)) == 0;
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct walk *walk = answer->state;
	for (unsigned i = 0; i < TELL_STEP; i++) {
		json_t *alert = json_array_get(walk->alerts, walk->next);
		if (alert == NULL) {
			answer_list_end(&walk->list, out);
			return ANSWER_DONE;
		}
		walk->next++;
		if (is_asked_for(walk->arguments, "state", alert, "state", false) &&
			is_asked_for(walk->arguments, "id", alert, "alert", false) &&
			is_asked_for(walk->arguments, "gateway", alert, "gateway", true))
			answer_list_item(&walk->list, out, json_incref(alert));
	}
	return ANSWER_MORE;
}

static void end(struct answer *answer)
{
	struct walk *walk = answer->state;
	json_decref(walk->alerts);
	json_decref(walk->arguments);
	free(walk);
}

// By a rule, or by one that is kept of a rule that is gone.
static bool is_known(const struct alerts *alerts, const json_t *list, const char *slug)
{
	size_t i;
	json_t *alert;
	if (alerts && alerts_has_rule(alerts, slug))
		return true;
	json_array_foreach((json_t *)list, i, alert)
	{
		if (strcmp(json_string_value(json_object_get(alert, "alert")), slug) == 0)
			return true;
	}
	return false;
}

void alerts_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	const struct alerts *alerts = answer->daemon->alerts;
	const char *id = json_string_value(json_object_get(arguments, "id"));
	struct walk *walk = calloc(1, sizeof(*walk));
	if (walk)
		walk->alerts =
			alerts ? alerts_json(alerts, language_argument(arguments)) : json_array();
	if (walk == NULL || walk->alerts == NULL) {
		free(walk);
		out->failed = true;
		return;
	}
	if (id && !is_known(alerts, walk->alerts, id)) {
		answer_usage(out, "alerts: the rules know no alert '%.64s'", id);
		json_decref(walk->alerts);
		free(walk);
		return;
	}
	walk->arguments = json_copy((json_t *)arguments);
	answer->state = walk;
	answer->step = step;
	answer->end = end;
}

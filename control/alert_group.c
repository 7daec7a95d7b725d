// SPDX-License-Identifier: BSD-3-Clause
#include "alert_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "certificate.h"

uint64_t alert_hash_seed;

// ---- names ----

#define NAME_BYTES_MAX 1024 // longer ones are told apart by what comes first

struct name *name_take(struct alerts *alerts, unsigned kind, const char *text)
{
	char key[1 + NAME_BYTES_MAX];
	size_t len = strnlen(text, NAME_BYTES_MAX);
	struct name *name;
	key[0] = (char)(kind + 1);
	memcpy(key + 1, text, len);
	HASH_FIND(hh, alerts->names, key, len + 1, name);
	if (name) {
		name->references++;
		return name;
	}
	name = calloc(1, sizeof(*name) + len + 2);
	if (name == NULL)
		return NULL;
	name->references = 1;
	name->len = (uint32_t)len + 1;
	memcpy(name->bytes, key, len + 1);
	HASH_ADD_KEYPTR(hh, alerts->names, name->bytes, name->len, name);
	if (name->hh.tbl)
		return name;
	free(name);
	return NULL;
}

void name_release(struct alerts *alerts, struct name *name)
{
	if (name == NULL || --name->references)
		return;
	HASH_DEL(alerts->names, name);
	free(name);
}

// ---- rules ----

const struct alerts_rule *alerts_rule_of(const struct alerts *alerts, const char *id)
{
	for (unsigned i = 0; i < ALERT_RULES_MAX; i++) {
		if (alerts->rules[i].rule && strcmp(alerts->rules[i].id, id) == 0)
			return &alerts->rules[i];
	}
	return NULL;
}

// ---- alerts ----

// The rule's serial, and each value with its NUL.
static uint32_t make_key(char *key, uint32_t rule, const char *const *values, unsigned n_values)
{
	uint32_t len = sizeof(rule);
	memcpy(key, &rule, sizeof(rule));
	for (unsigned i = 0; i < n_values && values; i++) {
		uint32_t n = (uint32_t)strnlen(values[i], ALERT_VALUE_MAX);
		memcpy(key + len, values[i], n);
		key[len + n] = '\0';
		len += n + 1;
	}
	return len;
}

static unsigned count_of(const char *const *values)
{
	unsigned n = 0;
	while (values && n < ALERT_BY_MAX && values[n])
		n++;
	return n;
}

struct alert *alert_find(struct alerts *alerts, uint32_t rule, const char *const *values)
{
	char key[ALERT_KEY_MAX];
	struct alert *alert;
	uint32_t len = make_key(key, rule, values, count_of(values));
	HASH_FIND(hh, alerts->by_key, key, len, alert);
	return alert;
}

bool alert_is_idle(const struct alert *alert)
{
	return alert->state == ALERT_QUIET && alert->n_cases == 0 && !alert->is_active;
}

static void count_fini(struct alert_count *count)
{
	json_decref(count->details);
	json_decref(count->sample);
	json_decref(count->diagnoses);
	*count = (struct alert_count){.days = -1};
}

void alert_forget(struct alerts *alerts, struct alert *alert)
{
	while (alert->cases)
		case_drop(alerts, alert->cases);
	if (alert->sequence > alerts->sequence_floor)
		alerts->sequence_floor = alert->sequence;
	HASH_DEL(alerts->by_key, alert);
	alerts->slots[alert->slot] = NULL;
	alerts->n_alerts--;
	name_release(alerts, alert->gateway);
	count_fini(&alert->count);
	json_decref(alert->told.details);
	json_decref(alert->object);
	json_decref(alert->released);
	free(alert);
}

// What is over for the longest time gives way; what never fired before that.
static bool make_room(struct alerts *alerts)
{
	struct alert *oldest = NULL;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL || alert->n_cases || alert->is_active || alert->is_changed ||
			alert->state == ALERT_FIRING)
			continue;
		if (oldest == NULL || alert->resolved_ms < oldest->resolved_ms)
			oldest = alert;
	}
	if (oldest)
		alert_forget(alerts, oldest);
	return oldest != NULL;
}

// A part of an id: letters, digits, '.', '_' and '-', of bounded length. What had to be changed is
// told apart by its hash; so is "all", which is the place of storms.
static size_t write_slug(char *out, size_t size, const char *value)
{
	size_t n = 0, len = strlen(value);
	bool changed = len > ALERT_VALUE_MAX / 2 || len == 0 || strcmp(value, "all") == 0;
	for (; n < len && n < ALERT_VALUE_MAX / 2 && n + 20 < size; n++) {
		char c = value[n];
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= '0' && c <= '9') || strchr("._-", c);
		out[n] = plain ? c : '_';
		changed |= !plain;
	}
	out[n] = '\0';
	if (changed)
		n += (size_t)snprintf(out + n, size - n, ".%08x",
			(unsigned)(XXH3_64bits(value, len) & UINT32_MAX));
	return n;
}

// One whose rule is no more gives its id away.
static bool is_taken(struct alerts *alerts, const char *id)
{
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL || strcmp(alert->id, id) != 0)
			continue;
		if (alert->rule_now)
			return true;
		alert_forget(alerts, alert);
	}
	return false;
}

// "fleet-asa-hq-1-fleet-cert-mismatch"; of a storm, or of offhook itself, "fleet-all-RULE".
static void make_id(struct alerts *alerts, struct alert *alert, const char *rule)
{
	char values[ALERT_ID_MAX - 16] = ""; // with room for "fleet-" before it
	size_t len = 0;
	for (unsigned i = 0; i < alert->n_values && len + 100 < sizeof(values); i++) {
		if (i)
			values[len++] = '-';
		len += write_slug(values + len, sizeof(values) - len, alert->values[i]);
	}
	snprintf(alert->id, sizeof(alert->id), "fleet-%s-%s", len ? values : "all", rule);
	// "a-b" of c and "a" of b-c.
	if (is_taken(alerts, alert->id))
		snprintf(alert->id, sizeof(alert->id), "fleet-%s.%08x-%s", len ? values : "all",
			(unsigned)(XXH3_64bits(alert->key + sizeof(alert->rule),
					   alert->key_len - sizeof(alert->rule)) &
				   UINT32_MAX),
			rule);
}

static void set_values(struct alerts *alerts, struct alert *alert, const struct alert_rule *rule,
	const char *const *values)
{
	for (unsigned i = 0; i < alert->n_values; i++) {
		size_t len = strnlen(values[i], ALERT_VALUE_MAX);
		memcpy(alert->values[i], values[i], len);
		if (rule->by[i] == ALERT_BY_GATEWAY) {
			alert->gateway = name_take(alerts, NAME_GATEWAY, alert->values[i]);
			alert->site = sites_find(alerts->sites, alert->values[i]);
		} else if (rule->by[i] == ALERT_BY_SITE) {
			alert->site = alert->values[i];
		}
	}
}

struct alert *alert_get(
	struct alerts *alerts, const struct alerts_rule *rule, const char *const *values)
{
	struct alert *alert = alert_find(alerts, rule->serial, values);
	if (alert)
		return alert;
	if (alerts->n_alerts == ALERTS_MAX && !make_room(alerts))
		return NULL;
	alert = calloc(1, sizeof(*alert));
	if (alert == NULL)
		return NULL;
	alert->rule = rule->serial;
	alert->rule_now = rule->rule;
	alert->n_values = count_of(values);
	alert->is_storm = alert->n_values == 0 && rule->rule->n_by > 0;
	alert->key_len = make_key(alert->key, rule->serial, values, alert->n_values);
	alert->level = -1;
	alert->count.days = alert->told.days = -1;
	alert->serial = ++alerts->next_alert;
	set_values(alerts, alert, rule->rule, values);
	make_id(alerts, alert, rule->rule->id);
	alert->sequence = alerts->sequence_floor;
	while (alerts->slots[alert->slot])
		alert->slot++;
	if (alert->slot >= alerts->n_used)
		alerts->n_used = alert->slot + 1;
	HASH_ADD_KEYPTR(hh, alerts->by_key, alert->key, alert->key_len, alert);
	if (alert->hh.tbl == NULL) {
		name_release(alerts, alert->gateway);
		free(alert);
		return NULL;
	}
	alerts->slots[alert->slot] = alert;
	alerts->n_alerts++;
	return alert;
}

// ---- cases ----

struct alert_case *case_find(
	struct alerts *alerts, uint64_t diagnosis, uint32_t rule, uint32_t alert)
{
	struct alert_case_key key = {diagnosis, rule, alert};
	struct alert_case *one;
	HASH_FIND(hh, alerts->cases, &key, sizeof(key), one);
	return one;
}

struct alert_case *case_add(
	struct alerts *alerts, struct alert *alert, const struct alert_case_key *key)
{
	struct alert_case *one = alerts->n_cases < ALERT_CASES_MAX ? calloc(1, sizeof(*one)) : NULL;
	if (one) {
		one->key = *key;
		HASH_ADD(hh, alerts->cases, key, sizeof(one->key), one);
		if (one->hh.tbl == NULL) {
			free(one);
			one = NULL;
		}
	}
	if (one == NULL) {
		alert->n_missed++;
		alert->is_dirty = true;
		alerts->n_refused++;
		return NULL;
	}
	one->alert = alert;
	one->previous = alert->last_case;
	if (alert->last_case)
		alert->last_case->next = one;
	else
		alert->cases = one;
	alert->last_case = one;
	alert->n_cases++;
	alerts->n_cases++;
	return one;
}

void case_drop(struct alerts *alerts, struct alert_case *one)
{
	struct alert *alert = one->alert;
	*(one->previous ? &one->previous->next : &alert->cases) = one->next;
	*(one->next ? &one->next->previous : &alert->last_case) = one->previous;
	HASH_DEL(alerts->cases, one);
	name_release(alerts, one->phone);
	for (unsigned i = 0; i < ALERT_DETAIL_MAX; i++)
		name_release(alerts, one->details[i]);
	free(one);
	alert->n_cases--;
	alerts->n_cases--;
	alert->is_dirty = true;
	if (alert->n_cases == 0)
		alert->n_missed = 0;
}

// ---- counting ----

struct counting {
	struct alerts *alerts;
	struct alert_count *count;
	uint64_t now_ms;
	uint64_t storm_ms; // since when a storm counts; UINT64_MAX: there is none
	const struct name *best[ALERT_DETAIL_MAX];
	unsigned n_details;
	const struct name *hashes[ALERT_VALUES_TOLD_MAX], *sample[ALERT_SAMPLE_MAX],
		*addresses[ALERT_SAMPLE_MAX];
	unsigned n_hashes, n_sample, n_addresses;
	const struct name *expected[ALERT_VALUES_TOLD_MAX]; // lists, as phones tell them
	unsigned n_expected;
	unsigned of; // bits
};

static void count_details(struct counting *c, const struct alert_case *one)
{
	for (unsigned i = 0; i < ALERT_DETAIL_MAX; i++) {
		struct name *value = one->details[i];
		if (value == NULL)
			continue;
		if (value->round != c->alerts->round) {
			value->round = c->alerts->round;
			value->n = 0;
			if (i == ALERT_DETAIL_LEAF_HASH && c->n_hashes < ALERT_VALUES_TOLD_MAX)
				c->hashes[c->n_hashes++] = value;
			if (i == ALERT_DETAIL_EXPECTED_HASH &&
				c->n_expected < ALERT_VALUES_TOLD_MAX)
				c->expected[c->n_expected++] = value;
		}
		value->n++;
		if (c->best[i] == NULL || value->n > c->best[i]->n)
			c->best[i] = value;
	}
}

static void count_phone(struct counting *c, struct name *phone)
{
	bool is_device = phone->bytes[0] == NAME_PHONE + 1;
	phone->round = c->alerts->round;
	c->count->affected++;
	if (is_device && c->n_sample < ALERT_SAMPLE_MAX)
		c->sample[c->n_sample++] = phone;
	else if (!is_device && c->n_addresses < ALERT_SAMPLE_MAX)
		c->addresses[c->n_addresses++] = phone;
}

static void count_case(struct counting *c, const struct alert *alert, const struct alert_case *one)
{
	uint64_t window_ms = alert->rule_now->window_ms;
	uint64_t sliding_ms = c->now_ms > window_ms ? c->now_ms - window_ms : 0;
	// A phone stays counted while the alert lasts, for one that tries less and less often has
	// not recovered. What a gateway tells of itself, it tells again.
	uint64_t cutoff_ms = sliding_ms;
	if (one->phone && alert->is_active)
		cutoff_ms = alert->cutoff_ms;
	if (one->phone && c->storm_ms < cutoff_ms)
		cutoff_ms = c->storm_ms;
	if (one->last_ms < cutoff_ms)
		return;
	uint64_t since_ms = one->phone && one->first_ms < cutoff_ms ? cutoff_ms : one->first_ms;
	struct alert_count *count = c->count;
	if (!count->any || since_ms < count->since_ms)
		count->since_ms = since_ms;
	count->any = true;
	count->own |= one->phone == NULL;
	c->of |= 1u << one->of;
	if (one->days >= 0) {
		int64_t days = certificate_days(one->days, one->last_ms, c->now_ms);
		int left = days > 0 ? (int)days : 0;
		count->days = count->days < 0 || left < count->days ? left : count->days;
	}
	if (one->phone && one->is_sure && one->phone->sure_round != c->alerts->round) {
		one->phone->sure_round = c->alerts->round;
		count->sure++;
	}
	if (one->phone == NULL || one->phone->round != c->alerts->round) {
		if (one->phone)
			count_phone(c, one->phone);
		count_details(c, one);
	}
}

static void count_cases(struct counting *c, const struct alert *alert)
{
	for (const struct alert_case *one = alert->cases; one; one = one->next)
		count_case(c, alert, one);
}

static json_t *list_of(const struct name *const *names, unsigned n, bool first_word)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++) {
		const char *text = name_text(names[i]);
		json_array_append_new(
			list, json_stringn(text, first_word ? strcspn(text, " ") : strlen(text)));
	}
	return list;
}

static bool has_text(const json_t *list, const char *text, size_t len)
{
	size_t i;
	json_t *one;
	json_array_foreach((json_t *)list, i, one)
	{
		if (json_string_length(one) == len &&
			strncasecmp(json_string_value(one), text, len) == 0)
			return true;
	}
	return false;
}

// shown: what most of the phones are shown, "": not known
static void add_expected(json_t *list, const char *texts, const char *shown)
{
	for (size_t len; *texts && json_array_size(list) < ALERT_EXPECTED_MAX;
		texts += len + (texts[len] == ' ')) {
		len = strcspn(texts, " ");
		bool is_shown = strlen(shown) == len && strncasecmp(shown, texts, len) == 0;
		if (!is_shown && !has_text(list, texts, len))
			json_array_append_new(list, json_stringn(texts, len));
	}
}

// What the phones expect, each once, that of the most of them first; NULL: that is not known. A few
// may have been shown something else before, and expect what the others are shown: that is no news.
static json_t *expected_list(const struct counting *c)
{
	const struct name *leaf = c->best[ALERT_DETAIL_LEAF_HASH];
	const char *shown = leaf ? name_text(leaf) : "";
	json_t *list = json_array();
	add_expected(list, name_text(c->best[ALERT_DETAIL_EXPECTED_HASH]), shown);
	for (unsigned i = 0; i < c->n_expected; i++)
		add_expected(list, name_text(c->expected[i]), shown);
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

// What is told stays as it was told last, once nothing is left of it.
static void finish(struct counting *c, const struct alert_rule *rule)
{
	struct alert_count *count = c->count;
	if (!count->any)
		return;
	json_decref(count->details);
	json_decref(count->sample);
	json_decref(count->diagnoses);
	count->details = json_object();
	for (unsigned i = 0; i < ALERT_DETAIL_MAX; i++) {
		json_t *told = c->best[i] == NULL ? NULL
			       : i == ALERT_DETAIL_EXPECTED_HASH
				       ? expected_list(c)
				       : json_string(name_text(c->best[i]));
		if (told)
			json_object_set_new(count->details, alert_detail_names[i], told);
	}
	if (c->n_hashes > 1)
		json_object_set_new(
			count->details, "leaf_hashes", list_of(c->hashes, c->n_hashes, false));
	count->sample = c->n_sample ? list_of(c->sample, c->n_sample, false)
				    : list_of(c->addresses, c->n_addresses, true);
	count->diagnoses = json_array();
	for (unsigned i = 0; i < rule->n_of; i++) {
		if (c->of >> i & 1)
			json_array_append_new(count->diagnoses, json_string(rule->of[i].diagnosis));
	}
}

static struct counting begin(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	struct alert_count *count = &alert->count;
	alerts->round++;
	count->affected = count->sure = 0;
	count->any = count->own = false;
	count->days = -1;
	alert->is_dirty = false;
	return (struct counting){
		.alerts = alerts, .count = count, .now_ms = now_ms, .storm_ms = UINT64_MAX};
}

void alert_count(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	struct counting c = begin(alerts, alert, now_ms);
	const struct alert *storm = alert_find(alerts, alert->rule, NULL);
	// While a storm blows, its window stands open for every gateway: after a restart nobody
	// remembers each of them.
	if (storm && storm->is_active)
		c.storm_ms = storm->cutoff_ms;
	count_cases(&c, alert);
	finish(&c, alert->rule_now);
}

// What was not counted by cases, but found by looking at a gateway.
static void add_fact(struct counting *c, const struct alert *alert)
{
	struct alert_count *count = c->count;
	count->affected += alert->count.affected;
	count->sure += alert->count.sure;
	if (!count->any || alert->count.since_ms < count->since_ms)
		count->since_ms = alert->count.since_ms;
	count->any = true;
}

void alert_count_storm(struct alerts *alerts, struct alert *storm, uint64_t now_ms)
{
	struct counting c = begin(alerts, storm, now_ms);
	const struct name *gateways[ALERT_VALUES_TOLD_MAX];
	unsigned n = 0, n_told = 0;
	storm->count.known = 0;
	storm->count.is_known = false;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		const struct alert *alert = alerts->slots[i];
		if (alert == NULL || alert->absorber != storm)
			continue;
		if (storm->rule_now->source == ALERT_OF_DIAGNOSES)
			count_cases(&c, alert);
		else
			add_fact(&c, alert);
		if (alert->gateway->round == alerts->round)
			continue;
		alert->gateway->round = alerts->round;
		storm->count.known += alert->count.known;
		storm->count.is_known |= alert->count.is_known;
		n++;
		if (n_told < ALERT_VALUES_TOLD_MAX)
			gateways[n_told++] = alert->gateway;
	}
	finish(&c, storm->rule_now);
	if (!storm->count.any || storm->count.details == NULL)
		return;
	json_object_set_new(storm->count.details, "gateways", list_of(gateways, n_told, false));
	json_object_set_new(storm->count.details, "n_gateways", json_integer(n));
}

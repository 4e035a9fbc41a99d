/* SPDX-License-Identifier: MIT */
/*
 * json.c: an outcome as one line of JSON: between processes, and in files for --merge.
 *
 *   scenario, without[], bound            what was asked
 *   random, seed | shard, shards          the part of it, if it is one
 *   verdict: exhausted, VIOLATION, unfinished, searched
 *   reached, schedules, pruned, steps, restarts, seconds
 *   violation, id, preemptions            if there is one
 *   words[]                               shared words, by which shards have to agree
 */
#include <jansson.h>
#include <string.h>

#include "check/cmd/check.h"

/* ---- writing -------------------------------------------------------------------- */

static void put(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

static json_t *rules_off(const bool off[NR_RULES])
{
	json_t *a = json_array();

	for (unsigned i = 0; i < NR_RULES; i++)
		if (off[i])
			json_array_append_new(a, json_string(rule_name((enum quire_rule)i)));
	return a;
}

static json_t *words_json(const struct words *w)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < w->n; i++)
		json_array_append_new(a, json_integer(w->v[i]));
	return a;
}

static void put_question(json_t *o, const struct item *item)
{
	json_object_set_new(o, "scenario", json_string(item->scenario->name));
	json_object_set_new(o, "without", rules_off(item->off));
	put(o, "bound", item->bound);
	if (item->random) {
		put(o, "random", item->random);
		put(o, "seed", item->seed);
	}
	if (item->nshards) {
		put(o, "shard", item->shard);
		put(o, "shards", item->nshards);
	}
}

static json_t *outcome_json(const struct outcome *out)
{
	json_t *o = json_object();

	put_question(o, &out->item);
	json_object_set_new(o, "verdict", json_string(verdict_name(out->verdict)));
	put(o, "reached", out->bound);
	put(o, "schedules", out->schedules);
	put(o, "pruned", out->pruned);
	put(o, "steps", out->steps);
	put(o, "restarts", out->restarts);
	json_object_set_new(o, "seconds", json_real(out->seconds));
	if (out->verdict == VERDICT_VIOLATION) {
		json_object_set_new(o, "violation", json_string(out->violation));
		json_object_set_new(o, "id", json_string(out->id));
		put(o, "preemptions", out->preemptions);
	}
	if (out->item.known.n)
		json_object_set_new(o, "words", words_json(&out->item.known));
	return o;
}

int outcome_write(const struct outcome *out, FILE *f)
{
	json_t *o = outcome_json(out);
	int err = !o || json_dumpf(o, f, JSON_COMPACT | JSON_REAL_PRECISION(6));

	json_decref(o);
	if (err || fputc('\n', f) == EOF || fflush(f))
		return -1;
	return 0;
}

/* ---- reading -------------------------------------------------------------------- */

static uint64_t get(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n < 0 ? 0 : (uint64_t)n;
}

static const char *read_rules(const json_t *o, bool off[NR_RULES])
{
	size_t i;
	json_t *name;

	json_array_foreach(json_object_get(o, "without"), i, name)
	{
		int rule = json_is_string(name) ? rule_find(json_string_value(name)) : -1;

		if (rule < 0)
			return "it names a rule that is not here";
		off[rule] = true;
	}
	return NULL;
}

static const char *read_question(const json_t *o, struct item *item)
{
	const char *name = json_string_value(json_object_get(o, "scenario"));

	if (!name)
		return "it names no scenario";
	item->scenario = scenario_find(name);
	if (!item->scenario)
		return "it names a scenario that is not here";
	item->bound = (unsigned)get(o, "bound");
	item->random = get(o, "random");
	item->seed = get(o, "seed");
	item->shard = (unsigned)get(o, "shard");
	item->nshards = (unsigned)get(o, "shards");
	if (item->shard && item->shard >= item->nshards)
		return "its shard is none of its shards";
	return read_rules(o, item->off);
}

static const char *read_verdict(const json_t *o, enum verdict *out)
{
	const char *name = json_string_value(json_object_get(o, "verdict"));

	for (enum verdict v = VERDICT_EXHAUSTED; name && v <= VERDICT_SEARCHED; v++) {
		*out = v;
		if (!strcmp(name, verdict_name(v)))
			return NULL;
	}
	return "it has no verdict";
}

static void read_text(const json_t *o, const char *key, char *buf, size_t len)
{
	const char *text = json_string_value(json_object_get(o, key));

	snprintf(buf, len, "%s", text ? text : "");
}

static void read_words(const json_t *o, struct words *w)
{
	size_t i;
	json_t *word;

	json_array_foreach(json_object_get(o, "words"), i, word)
	{
		if (i < SCHED_MAX_WORDS)
			w->v[w->n++] = (uint32_t)json_integer_value(word);
	}
}

static const char *read_outcome(const json_t *o, struct outcome *out)
{
	const char *wrong = read_question(o, &out->item);

	if (!wrong)
		wrong = read_verdict(o, &out->verdict);
	out->bound = (unsigned)get(o, "reached");
	out->schedules = get(o, "schedules");
	out->pruned = get(o, "pruned");
	out->steps = get(o, "steps");
	out->restarts = (unsigned)get(o, "restarts");
	out->seconds = json_number_value(json_object_get(o, "seconds"));
	out->preemptions = (unsigned)get(o, "preemptions");
	read_text(o, "violation", out->violation, sizeof(out->violation));
	read_text(o, "id", out->id, sizeof(out->id));
	read_words(o, &out->item.known);
	return wrong;
}

const char *outcome_read(const char *line, struct outcome *out)
{
	json_t *o = json_loads(line, 0, NULL);
	const char *wrong;

	memset(out, 0, sizeof(*out));
	if (!json_is_object(o)) {
		json_decref(o);
		return "it is no JSON object";
	}
	wrong = read_outcome(o, out);
	json_decref(o);
	return wrong;
}

/* SPDX-License-Identifier: MIT */
/*
 * validate.c: whether all that a script names is there when it is named.
 */
#include "replay/script/script.h"

#include <string.h>

struct known {
	bool vars[MAX_VARS], files[MAX_FILES];
	bool segment[MAX_FILES]; /* of the files: it is one of System V */
	bool alive[MAX_ACTORS], thread[MAX_ACTORS];
	uint8_t process[MAX_ACTORS]; /* that the actor is or belongs to */
	bool forked;
};

static const char *check_values(const struct known *k, const struct step *step)
{
	for (unsigned i = 0; i < MAX_ARGS; i++) {
		int v = step->args[i].var;

		if (v != VAR_NONE && (v < 0 || v >= MAX_VARS || !k->vars[v]))
			return "a name that nothing has been put into";
	}
	return NULL;
}

static bool has_byte(enum verb verb)
{
	return verb == VERB_WRITE || verb == VERB_FILL || verb == VERB_PWRITE || verb == VERB_PUT ||
	       verb == VERB_POKE;
}

static const char *check_byte(const struct step *step)
{
	const struct value *byte = &step->args[2];

	if (has_byte(step->verb) && (byte->var != VAR_NONE || byte->add > UINT8_MAX))
		return "a byte is a number from 0 to 255";
	return NULL;
}

static void end_of(struct known *k, uint8_t actor)
{
	for (unsigned i = 0; i < MAX_ACTORS; i++)
		if (i == actor || (!k->thread[actor] && k->process[i] == actor))
			k->alive[i] = false;
}

static const char *check_new_actor(struct known *k, const struct step *step)
{
	uint8_t actor = (uint8_t)step->target;

	if (k->alive[actor] || !actor)
		return "a process or thread of that name is there";
	k->alive[actor] = true;
	k->thread[actor] = step->verb == VERB_THREAD;
	k->process[actor] = k->thread[actor] ? k->process[step->actor] : actor;
	k->forked = true;
	return NULL;
}

static bool of_segments(enum verb verb)
{
	return verb == VERB_SHM || verb == VERB_ATTACH || verb == VERB_REMOVE;
}

static const char *check_file(const struct known *k, const struct step *step)
{
	if (step->target < 0)
		return NULL;
	if (!k->files[step->target])
		return "a file that is not there";
	if (step->verb == VERB_SIZE)
		return NULL;
	if (k->segment[step->target] != of_segments(step->verb))
		return k->segment[step->target] ? "a segment is no file" : "a file is no segment";
	return NULL;
}

static const char *check_new_file(struct known *k, const struct step *step)
{
	if (k->forked)
		return "files are made before the first fork or thread";
	k->files[step->target] = true;
	k->segment[step->target] = of_segments(step->verb);
	return NULL;
}

static const char *check_target(struct known *k, const struct step *step)
{
	for (unsigned i = 0; i < VERB_MAX_PARTS; i++) {
		enum arg_kind kind = verbs[step->verb].parts[i];

		if (kind == ARG_NEW_ACTOR)
			return check_new_actor(k, step);
		if (kind == ARG_ACTOR && step->target >= 0 && !k->alive[step->target])
			return "a process that is not there";
		if (kind == ARG_FILE)
			return check_file(k, step);
		if (kind == ARG_NEW_FILE)
			return check_new_file(k, step);
	}
	return NULL;
}

static const char *check_step(struct known *k, const struct step *step)
{
	const char *wrong;

	if (!k->alive[step->actor])
		return "this process or thread has ended";
	wrong = check_values(k, step);
	if (!wrong)
		wrong = check_byte(step);
	if (!wrong)
		wrong = check_target(k, step);
	if (!wrong && step->verb == VERB_MOUNT && k->forked)
		wrong = "a file system is mounted before the first fork or thread";
	if (wrong)
		return wrong;
	if (step->into != VAR_NONE)
		k->vars[step->into] = true;
	if (step->verb == VERB_EXIT)
		end_of(k, step->actor);
	return NULL;
}

const char *script_invalid(const struct script *s, unsigned *step)
{
	struct known k = {.vars = {[VAR_ARENA] = true, [VAR_HEAP] = true, [VAR_HUGE] = true},
			  .alive = {true}};

	for (unsigned i = 0; i < s->nr_steps; i++) {
		const char *wrong = check_step(&k, &s->steps[i]);

		*step = i;
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * script.h: a script: what several processes do with their memory, one step after another.
 *
 * The same script is executed on several sides (side/side.h), in memory that is shared with the
 * process that compares them (board/board.h): so it holds no pointers.
 *
 * Addresses are told by variables, so that a script means the same where the sides put things at
 * different addresses.
 */
#ifndef REPLAY_SCRIPT_H
#define REPLAY_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_PAGE 4096ull

#define MAX_STEPS 256
#define MAX_VARS 32
#define MAX_FILES 8
#define MAX_ACTORS 8 /* processes and threads */
#define MAX_NODES 8
#define MAX_ARGS 5
#define MAX_WORD_ARGS 3
#define NAME_LEN 16
#define NOTE_LEN 96

/* The arena: the addresses that a script works in, of which the state is compared. */
#define ARENA_START 0x100000000000ull
#define ARENA_PAGES 256u
#define ARENA_END (ARENA_START + ARENA_PAGES * REPLAY_PAGE)

enum verb {
	VERB_MAP,
	VERB_UNMAP,
	VERB_PROTECT,
	VERB_ADVISE,
	VERB_REMAP,
	VERB_LOCK,
	VERB_UNLOCK,
	VERB_LOCKALL,
	VERB_UNLOCKALL,
	VERB_BRK,
	VERB_MINCORE,
	VERB_MSYNC,
	VERB_READ,
	VERB_WRITE,
	VERB_FILL,
	VERB_FILE,
	VERB_TRUNCATE,
	VERB_PUNCH,
	VERB_PREAD,
	VERB_PWRITE,
	VERB_FSYNC,
	VERB_SHM,
	VERB_ATTACH,
	VERB_DETACH,
	VERB_REMOVE,
	VERB_FORK,
	VERB_THREAD,
	VERB_EXIT,
	VERB_VMREAD,
	VERB_VMWRITE,
	VERB_MBIND,
	VERB_SET_MEMPOLICY,
	VERB_GET_MEMPOLICY,
	VERB_HOME_NODE,
	VERB_MOVE_PAGES,
	VERB_MIGRATE_PAGES,
	VERB_LIMIT,
	VERB_STATUS,
	VERB_CONTENTS,
	NR_VERBS
};

/* Variables that every script has.  What a number is without one: VAR_NONE. */
enum { VAR_NONE = -1, VAR_ARENA, VAR_HEAP, VAR_FIRST };

/* A number: what a variable holds, if there is one, plus `add`, modulo 2^64. */
struct value {
	int32_t var;
	uint64_t add;
};

struct step {
	uint8_t verb;
	uint8_t actor; /* the actor that does it */
	int8_t into;   /* the variable that gets what map, remap or brk returns, or VAR_NONE */
	int8_t target; /* index of a file or an actor, where the verb has one, else -1 */
	uint32_t line; /* of the text, 0: it had none */
	uint32_t words[MAX_WORD_ARGS];
	struct value args[MAX_ARGS];
	bool expects;
	char expected[NOTE_LEN]; /* as printed (board/print.h) */
};

enum file_kind { FILE_MEMFD, FILE_DISK, NR_FILE_KINDS };
/* What shmat(2) knows, and the C library's headers only by their own names. */
enum { ATTACH_RDONLY = 010000, ATTACH_RND = 020000, ATTACH_REMAP = 040000, ATTACH_EXEC = 0100000 };

/* What get_mempolicy(2) is asked for: its flags, which only libnuma's headers have. */
enum { TELL_NODE = 1, TELL_ADDR = 2, TELL_MEMS_ALLOWED = 4 };

/* What a call is told of the length of a set of nodes where the script does not say (in bits, and
 * one more), and the pages that move_pages takes at once. */
#define NODE_BITS 65
#define MAX_MOVED 16

struct script {
	uint32_t nodes; /* of the machine; 0: nothing is said of them */
	uint32_t nr_steps, nr_vars, nr_files, nr_actors;
	char var_names[MAX_VARS][NAME_LEN];
	char file_names[MAX_FILES][NAME_LEN];
	char actor_names[MAX_ACTORS][NAME_LEN];
	struct step steps[MAX_STEPS];
};

/* ---- the language (lang.c): which arguments a verb has, and words for bits ---- */

enum arg_kind {
	ARG_END,
	ARG_NUMBER, /* args[] */
	ARG_PROT,   /* words[], the next one */
	ARG_MAP,
	ARG_ADVICE,
	ARG_REMAP,
	ARG_MLOCK,
	ARG_LOCKALL,
	ARG_MSYNC,
	ARG_KIND,  /* of a file */
	ARG_LIMIT, /* enum script_limit */
	ARG_ATTACH,
	ARG_POLICY, /* a memory policy's mode, with flags */
	ARG_NODES,  /* a set, bit n for node n */
	ARG_MBIND,
	ARG_TELL,      /* of get_mempolicy */
	ARG_FILE,      /* target: a file that there is */
	ARG_NEW_FILE,  /* target: its name begins to mean something */
	ARG_ACTOR,     /* target */
	ARG_NEW_ACTOR, /* target */
};

enum script_limit { LIMIT_AS, LIMIT_DATA, LIMIT_MEMLOCK, LIMIT_STACK, NR_LIMITS };

#define VERB_MAX_PARTS 7
struct verb_info {
	const char *name;
	bool into;         /* "name = " may stand before it */
	unsigned required; /* arguments; those after them may be left out */
	enum arg_kind parts[VERB_MAX_PARTS];
};
extern const struct verb_info verbs[NR_VERBS];
/* Among the arguments of the verb is one of this kind. */
bool verb_takes(enum verb verb, enum arg_kind kind);

/* Words of an argument.  `bits` are joined by commas; others stand alone. */
struct word {
	const char *name;
	uint32_t value;
};
struct word_list {
	const char *what; /* "protection" */
	bool bits;
	const struct word *words; /* ends with a NULL name */
};
/* NULL: arguments of this kind are no words. */
const struct word_list *words_of(enum arg_kind kind);

/* The initial content: no processes but one, no files, the variables that every script has. */
void script_init(struct script *s);

/* ---- text (parse.c, validate.c, print.c) ---- */

struct parse_error {
	unsigned line;
	char text[160];
};
/* Adds the steps of a text.  False: *error says what is wrong and where. */
bool script_parse(struct script *s, const char *text, struct parse_error *error);
/*
 * Every step is done by an actor that is there, with files and variables that are there.  NULL, or
 * what is wrong with which step.  Files come before the first fork, so that all have them.
 */
const char *script_invalid(const struct script *s, unsigned *step);
/* The words of an argument, "rw" or "move,strict", as scripts have them. */
void words_print(enum arg_kind kind, uint32_t bits, char *out, size_t len);
/* One step as a line of a script, without a newline. */
void step_print(const struct script *s, const struct step *step, char *out, size_t len);
/* "arena+2p", "17": a number as scripts have it. */
void value_print(const struct script *s, struct value v, char *out, size_t len);
/* Puts a text at out + at, as far as there is room; returns where the next one goes. */
size_t text_add(char *out, size_t len, size_t at, const char *text);

#endif

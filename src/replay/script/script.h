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
#define REPLAY_HUGE (2ull << 20)

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

/*
 * The arena for huge pages.  Of all mappings in its room the state is compared, of its pages that
 * of the first HUGE_PAGES.
 */
#define HUGE_START 0x110000000000ull
#define HUGE_PAGES 16u
#define HUGE_ROOM (4ull << 30)

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
	VERB_FALLOCATE,
	VERB_SEAL,
	VERB_SIZE,
	VERB_STATFS,
	VERB_PREAD,
	VERB_PWRITE,
	VERB_FSYNC,
	VERB_MOUNT,
	VERB_SHM,
	VERB_ATTACH,
	VERB_DETACH,
	VERB_REMOVE,
	VERB_FORK,
	VERB_THREAD,
	VERB_EXIT,
	VERB_GET,
	VERB_PUT,
	VERB_POKE,
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
	VERB_USAGE,
	VERB_POOL,
	VERB_OVERCOMMIT,
	VERB_DEMOTE,
	VERB_POOL_TEXT,
	VERB_COUNTERS,
	VERB_CONTENTS,
	NR_VERBS
};

/* Variables that every script has.  What a number is without one: VAR_NONE. */
enum { VAR_NONE = -1, VAR_ARENA, VAR_HEAP, VAR_HUGE, VAR_FIRST };

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

enum file_kind {
	FILE_MEMFD,
	FILE_DISK,
	FILE_HUGETLB, /* a memfd of huge pages */
	FILE_MOUNTED, /* of the hugetlbfs that the script has mounted */
	NR_FILE_KINDS
};

/* What shmget(2) knows, and the C library's headers only by their own names. */
enum { SHM_FLAG_HUGETLB = 04000, SHM_FLAG_NORESERVE = 010000 };

/* The sizes of huge pages, as `pool` and the like take them. */
enum huge_size { HUGE_2M, HUGE_1G, NR_HUGE_SIZES };

/* The host gets at most so many of each, those beyond the pool included. */
#define MAX_POOL_2M 1024u
#define MAX_POOL_1G 2u

/* Of smaps: fields that are compared, in kB. */
enum usage_field {
	USAGE_RSS,
	USAGE_PSS,
	USAGE_PSS_DIRTY,
	USAGE_SHARED_CLEAN,
	USAGE_SHARED_DIRTY,
	USAGE_PRIVATE_CLEAN,
	USAGE_PRIVATE_DIRTY,
	USAGE_REFERENCED,
	USAGE_ANONYMOUS,
	USAGE_LAZYFREE,
	USAGE_SWAP,
	USAGE_LOCKED,
	USAGE_SHARED_HUGETLB,
	USAGE_PRIVATE_HUGETLB,
	USAGE_PAGE_SIZE,
	NR_USAGE
};

/* Of status: fields that are compared, in kB, as they have changed since the script began. */
enum status_field {
	STATUS_LOCKED,
	STATUS_SIZE,
	STATUS_DATA,
	STATUS_STACK,
	STATUS_HUGETLB,
	NR_STATUS
};

/* The files of a pool, in /sys/kernel/mm/hugepages, and texts that are written into them. */
enum pool_file {
	POOL_TOTAL,
	POOL_FREE,
	POOL_RESERVED,
	POOL_SURPLUS,
	POOL_OVERCOMMIT,
	NR_POOL_FILES
};
enum pool_text { TEXT_WORD, TEXT_MINUS, TEXT_HEX, TEXT_TWO_WORDS, TEXT_EMPTY, NR_POOL_TEXTS };

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
	ARG_SHM,       /* flags of shmget */
	ARG_FALLOCATE, /* mode */
	ARG_SEAL,
	ARG_HUGE_SIZE, /* enum huge_size */
	ARG_POOL_TEXT,
	ARG_POOL_FILE,
	ARG_USAGE,     /* enum usage_field */
	ARG_STATUS,    /* enum status_field */
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

/* The enum file_kind of a target; -1: it is a segment, or none. */
int script_file_kind(const struct script *s, int target);
/* A step maps huge pages, if it succeeds. */
bool step_maps_huge(const struct script *s, const struct step *step);
/* Something of it is about huge pages: it needs a machine that has some. */
bool script_uses_huge(const struct script *s);

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

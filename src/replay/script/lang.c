/* SPDX-License-Identifier: MIT */
/*
 * lang.c: the verbs of the language and the words of their arguments.
 */
#include "replay/script/script.h"

#include <quire/abi.h>
#include <string.h>

const struct verb_info verbs[NR_VERBS] = {
    [VERB_MAP] = {"map",
		  true,
		  4,
		  {ARG_NUMBER, ARG_NUMBER, ARG_PROT, ARG_MAP, ARG_FILE, ARG_NUMBER}},
    [VERB_UNMAP] = {"unmap", false, 2, {ARG_NUMBER, ARG_NUMBER}},
    [VERB_PROTECT] = {"protect", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_PROT}},
    [VERB_ADVISE] = {"advise", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_ADVICE}},
    [VERB_REMAP] = {"remap", true, 4, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER, ARG_REMAP, ARG_NUMBER}},
    [VERB_LOCK] = {"lock", false, 2, {ARG_NUMBER, ARG_NUMBER, ARG_MLOCK}},
    [VERB_UNLOCK] = {"unlock", false, 2, {ARG_NUMBER, ARG_NUMBER}},
    [VERB_LOCKALL] = {"lockall", false, 1, {ARG_LOCKALL}},
    [VERB_UNLOCKALL] = {"unlockall", false, 0, {ARG_END}},
    [VERB_BRK] = {"brk", true, 1, {ARG_NUMBER}},
    [VERB_MINCORE] = {"mincore", false, 2, {ARG_NUMBER, ARG_NUMBER}},
    [VERB_MSYNC] = {"msync", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_MSYNC}},
    [VERB_READ] = {"read", false, 2, {ARG_NUMBER, ARG_NUMBER}},
    [VERB_WRITE] = {"write", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_FILL] = {"fill", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_FILE] = {"file", false, 3, {ARG_NEW_FILE, ARG_KIND, ARG_NUMBER}},
    [VERB_TRUNCATE] = {"truncate", false, 2, {ARG_FILE, ARG_NUMBER}},
    [VERB_PUNCH] = {"punch", false, 3, {ARG_FILE, ARG_NUMBER, ARG_NUMBER}},
    [VERB_PREAD] = {"pread", false, 3, {ARG_FILE, ARG_NUMBER, ARG_NUMBER}},
    [VERB_PWRITE] = {"pwrite", false, 4, {ARG_FILE, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_FSYNC] = {"fsync", false, 1, {ARG_FILE}},
    [VERB_SHM] = {"shm", false, 2, {ARG_NEW_FILE, ARG_NUMBER}},
    [VERB_ATTACH] = {"attach", true, 2, {ARG_FILE, ARG_NUMBER, ARG_ATTACH}},
    [VERB_DETACH] = {"detach", false, 1, {ARG_NUMBER}},
    [VERB_REMOVE] = {"remove", false, 1, {ARG_FILE}},
    [VERB_FORK] = {"fork", false, 1, {ARG_NEW_ACTOR}},
    [VERB_THREAD] = {"thread", false, 1, {ARG_NEW_ACTOR}},
    [VERB_EXIT] = {"exit", false, 0, {ARG_END}},
    [VERB_VMREAD] = {"vmread", false, 4, {ARG_ACTOR, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_VMWRITE] = {"vmwrite", false, 4, {ARG_ACTOR, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_LIMIT] = {"limit", false, 2, {ARG_LIMIT, ARG_NUMBER}},
    [VERB_STATUS] = {"status", false, 0, {ARG_END}},
    [VERB_CONTENTS] = {"contents", false, 0, {ARG_END}},
};

static const struct word prot_words[] = {
    {"none", QPROT_NONE},
    {"rwx", QPROT_READ | QPROT_WRITE | QPROT_EXEC},
    {"rw", QPROT_READ | QPROT_WRITE},
    {"rx", QPROT_READ | QPROT_EXEC},
    {"r", QPROT_READ},
    {"w", QPROT_WRITE},
    {"x", QPROT_EXEC},
    {"growsdown", QPROT_GROWSDOWN},
    {"growsup", QPROT_GROWSUP},
    {NULL, 0},
};

static const struct word map_words[] = {
    {"shared_validate", QMAP_SHARED_VALIDATE},
    {"shared", QMAP_SHARED},
    {"private", QMAP_PRIVATE},
    {"fixed", QMAP_FIXED},
    {"noreplace", QMAP_FIXED_NOREPLACE},
    {"growsdown", QMAP_GROWSDOWN},
    {"locked", QMAP_LOCKED},
    {"noreserve", QMAP_NORESERVE},
    {"populate", QMAP_POPULATE},
    {"nonblock", QMAP_NONBLOCK},
    {"stack", QMAP_STACK},
    {"sync", QMAP_SYNC},
    {"droppable", QMAP_DROPPABLE},
    {"32bit", QMAP_32BIT},
    {NULL, 0},
};

static const struct word advice_words[] = {
    {"normal", QMADV_NORMAL},
    {"random", QMADV_RANDOM},
    {"sequential", QMADV_SEQUENTIAL},
    {"willneed", QMADV_WILLNEED},
    {"dontneed", QMADV_DONTNEED},
    {"free", QMADV_FREE},
    {"remove", QMADV_REMOVE},
    {"dontfork", QMADV_DONTFORK},
    {"dofork", QMADV_DOFORK},
    {"dontdump", QMADV_DONTDUMP},
    {"dodump", QMADV_DODUMP},
    {"wipeonfork", QMADV_WIPEONFORK},
    {"keeponfork", QMADV_KEEPONFORK},
    {"cold", QMADV_COLD},
    {"pageout", QMADV_PAGEOUT},
    {"populate_read", QMADV_POPULATE_READ},
    {"populate_write", QMADV_POPULATE_WRITE},
    {"dontneed_locked", QMADV_DONTNEED_LOCKED},
    {NULL, 0},
};

static const struct word remap_words[] = {
    {"none", 0},
    {"maymove", QMREMAP_MAYMOVE},
    {"fixed", QMREMAP_FIXED},
    {"dontunmap", QMREMAP_DONTUNMAP},
    {NULL, 0},
};

static const struct word mlock_words[] = {{"onfault", QMLOCK_ONFAULT}, {NULL, 0}};

static const struct word lockall_words[] = {
    {"current", QMCL_CURRENT},
    {"future", QMCL_FUTURE},
    {"onfault", QMCL_ONFAULT},
    {NULL, 0},
};

static const struct word msync_words[] = {
    {"none", 0}, {"sync", QMS_SYNC}, {"async", QMS_ASYNC}, {"invalidate", QMS_INVALIDATE},
    {NULL, 0},
};

static const struct word kind_words[] = {{"memfd", FILE_MEMFD}, {"disk", FILE_DISK}, {NULL, 0}};

static const struct word limit_words[] = {
    {"as", LIMIT_AS}, {"data", LIMIT_DATA}, {"memlock", LIMIT_MEMLOCK}, {"stack", LIMIT_STACK},
    {NULL, 0},
};

static const struct word attach_words[] = {
    {"rdonly", ATTACH_RDONLY}, {"rnd", ATTACH_RND}, {"remap", ATTACH_REMAP},
    {"exec", ATTACH_EXEC},     {NULL, 0},
};

static const struct word_list lists[] = {
    [ARG_PROT] = {"protection", true, prot_words},
    [ARG_MAP] = {"flag of map", true, map_words},
    [ARG_ADVICE] = {"advice", false, advice_words},
    [ARG_REMAP] = {"flag of remap", true, remap_words},
    [ARG_MLOCK] = {"flag of lock", true, mlock_words},
    [ARG_LOCKALL] = {"flag of lockall", true, lockall_words},
    [ARG_MSYNC] = {"flag of msync", true, msync_words},
    [ARG_KIND] = {"kind of file", false, kind_words},
    [ARG_LIMIT] = {"limit", false, limit_words},
    [ARG_ATTACH] = {"flag of attach", true, attach_words},
};

const struct word_list *words_of(enum arg_kind kind)
{
	if (kind >= sizeof(lists) / sizeof(lists[0]) || !lists[kind].words)
		return NULL;
	return &lists[kind];
}

void script_init(struct script *s)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->var_names[VAR_ARENA], "arena");
	strcpy(s->var_names[VAR_HEAP], "heap");
	s->nr_vars = VAR_FIRST;
	strcpy(s->actor_names[0], "p0");
	s->nr_actors = 1;
}

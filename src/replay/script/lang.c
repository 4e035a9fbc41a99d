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
    [VERB_FALLOCATE] = {"fallocate", false, 3, {ARG_FILE, ARG_NUMBER, ARG_NUMBER, ARG_FALLOCATE}},
    [VERB_SEAL] = {"seal", false, 2, {ARG_FILE, ARG_SEAL}},
    [VERB_SIZE] = {"size", false, 1, {ARG_FILE}},
    [VERB_STATFS] = {"statfs", false, 1, {ARG_FILE}},
    [VERB_PREAD] = {"pread", false, 3, {ARG_FILE, ARG_NUMBER, ARG_NUMBER}},
    [VERB_PWRITE] = {"pwrite", false, 4, {ARG_FILE, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_FSYNC] = {"fsync", false, 1, {ARG_FILE}},
    [VERB_MOUNT] = {"mount", false, 0, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_SHM] = {"shm", false, 2, {ARG_NEW_FILE, ARG_NUMBER, ARG_SHM}},
    [VERB_ATTACH] = {"attach", true, 2, {ARG_FILE, ARG_NUMBER, ARG_ATTACH}},
    [VERB_DETACH] = {"detach", false, 1, {ARG_NUMBER}},
    [VERB_REMOVE] = {"remove", false, 1, {ARG_FILE}},
    [VERB_FORK] = {"fork", false, 1, {ARG_NEW_ACTOR}},
    [VERB_THREAD] = {"thread", false, 1, {ARG_NEW_ACTOR}},
    [VERB_EXIT] = {"exit", false, 0, {ARG_END}},
    [VERB_GET] = {"get", false, 2, {ARG_NUMBER, ARG_NUMBER}},
    [VERB_PUT] = {"put", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_POKE] = {"poke", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_VMREAD] = {"vmread", false, 4, {ARG_ACTOR, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_VMWRITE] = {"vmwrite", false, 4, {ARG_ACTOR, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_MBIND] = {"mbind",
		    false,
		    4,
		    {ARG_NUMBER, ARG_NUMBER, ARG_POLICY, ARG_NODES, ARG_MBIND, ARG_NUMBER}},
    [VERB_SET_MEMPOLICY] = {"set_mempolicy", false, 2, {ARG_POLICY, ARG_NODES, ARG_NUMBER}},
    [VERB_GET_MEMPOLICY] = {"get_mempolicy", false, 1, {ARG_TELL, ARG_NUMBER, ARG_NUMBER}},
    [VERB_HOME_NODE] = {"home_node", false, 3, {ARG_NUMBER, ARG_NUMBER, ARG_NUMBER, ARG_NUMBER}},
    [VERB_MOVE_PAGES] = {"move_pages",
			 false,
			 3,
			 {ARG_NUMBER, ARG_NUMBER, ARG_MBIND, ARG_NODES, ARG_ACTOR}},
    [VERB_MIGRATE_PAGES] = {"migrate_pages",
			    false,
			    2,
			    {ARG_NODES, ARG_NODES, ARG_ACTOR, ARG_NUMBER}},
    [VERB_LIMIT] = {"limit", false, 2, {ARG_LIMIT, ARG_NUMBER}},
    [VERB_STATUS] = {"status", false, 0, {ARG_STATUS}},
    [VERB_USAGE] = {"usage", false, 2, {ARG_NUMBER, ARG_USAGE}},
    [VERB_POOL] = {"pool", false, 1, {ARG_NUMBER, ARG_HUGE_SIZE}},
    [VERB_OVERCOMMIT] = {"overcommit", false, 1, {ARG_NUMBER, ARG_HUGE_SIZE}},
    [VERB_DEMOTE] = {"demote", false, 1, {ARG_NUMBER}},
    [VERB_POOL_TEXT] = {"pool_text", false, 1, {ARG_POOL_TEXT, ARG_POOL_FILE, ARG_HUGE_SIZE}},
    [VERB_COUNTERS] = {"counters", false, 0, {ARG_HUGE_SIZE}},
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
    {"hugetlb", QMAP_HUGETLB},
    {"huge_1gb", QMAP_HUGE_1GB},
    {"huge_2mb", QMAP_HUGE_2MB},
    {"huge_64kb", 16u << 26},
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
    {"hugepage", QMADV_HUGEPAGE},
    {"nohugepage", QMADV_NOHUGEPAGE},
    {"mergeable", QMADV_MERGEABLE},
    {"unmergeable", QMADV_UNMERGEABLE},
    {"collapse", QMADV_COLLAPSE},
    {"guard_install", QMADV_GUARD_INSTALL},
    {"guard_remove", QMADV_GUARD_REMOVE},
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

static const struct word kind_words[] = {
    {"memfd", FILE_MEMFD},     {"disk", FILE_DISK}, {"hugetlb", FILE_HUGETLB},
    {"mounted", FILE_MOUNTED}, {NULL, 0},
};

static const struct word limit_words[] = {
    {"as", LIMIT_AS}, {"data", LIMIT_DATA}, {"memlock", LIMIT_MEMLOCK}, {"stack", LIMIT_STACK},
    {NULL, 0},
};

static const struct word attach_words[] = {
    {"rdonly", ATTACH_RDONLY}, {"rnd", ATTACH_RND}, {"remap", ATTACH_REMAP},
    {"exec", ATTACH_EXEC},     {NULL, 0},
};

/* Modes are numbers, not bits: a greater one comes before those that it holds. */
static const struct word policy_words[] = {
    {"default", QMPOL_DEFAULT},
    {"weighted_interleave", QMPOL_WEIGHTED_INTERLEAVE},
    {"preferred_many", QMPOL_PREFERRED_MANY},
    {"local", QMPOL_LOCAL},
    {"interleave", QMPOL_INTERLEAVE},
    {"bind", QMPOL_BIND},
    {"preferred", QMPOL_PREFERRED},
    {"static", QMPOL_F_STATIC_NODES},
    {"relative", QMPOL_F_RELATIVE_NODES},
    {"balancing", QMPOL_F_NUMA_BALANCING},
    {NULL, 0},
};

static const struct word node_words[] = {
    {"none", 0},    {"n0", 1 << 0}, {"n1", 1 << 1}, {"n2", 1 << 2}, {"n3", 1 << 3},
    {"n4", 1 << 4}, {"n5", 1 << 5}, {"n6", 1 << 6}, {"n7", 1 << 7}, {NULL, 0},
};

static const struct word mbind_words[] = {
    {"none", 0},
    {"strict", QMPOL_MF_STRICT},
    {"move", QMPOL_MF_MOVE},
    {"move_all", QMPOL_MF_MOVE_ALL},
    {NULL, 0},
};

static const struct word tell_words[] = {
    {"none", 0}, {"node", TELL_NODE}, {"addr", TELL_ADDR}, {"mems_allowed", TELL_MEMS_ALLOWED},
    {NULL, 0},
};

static const struct word shm_words[] = {
    {"none", 0},
    {"hugetlb", SHM_FLAG_HUGETLB},
    {"noreserve", SHM_FLAG_NORESERVE},
    {"huge_1gb", 30u << 26},
    {"huge_2mb", 21u << 26},
    {"huge_64kb", 16u << 26},
    {NULL, 0},
};

static const struct word fallocate_words[] = {
    {"none", 0},  {"keep_size", 1}, {"punch", 2}, {"collapse", 8},
    {"zero", 16}, {"insert", 32},   {NULL, 0},
};

static const struct word seal_words[] = {
    {"seal", 1}, {"shrink", 2}, {"grow", 4}, {"write", 8}, {"future_write", 16}, {NULL, 0},
};

static const struct word huge_size_words[] = {{"2M", HUGE_2M}, {"1G", HUGE_1G}, {NULL, 0}};

static const struct word pool_text_words[] = {
    {"abc", TEXT_WORD},      {"-1", TEXT_MINUS},    {"0x4", TEXT_HEX},
    {"2_x", TEXT_TWO_WORDS}, {"empty", TEXT_EMPTY}, {NULL, 0},
};

static const struct word pool_file_words[] = {
    {"total", POOL_TOTAL},           {"free", POOL_FREE},
    {"reserved", POOL_RESERVED},     {"surplus", POOL_SURPLUS},
    {"overcommit", POOL_OVERCOMMIT}, {NULL, 0},
};

static const struct word usage_words[] = {
    {"Rss", USAGE_RSS},
    {"Pss", USAGE_PSS},
    {"Pss_Dirty", USAGE_PSS_DIRTY},
    {"Shared_Clean", USAGE_SHARED_CLEAN},
    {"Shared_Dirty", USAGE_SHARED_DIRTY},
    {"Private_Clean", USAGE_PRIVATE_CLEAN},
    {"Private_Dirty", USAGE_PRIVATE_DIRTY},
    {"Referenced", USAGE_REFERENCED},
    {"Anonymous", USAGE_ANONYMOUS},
    {"LazyFree", USAGE_LAZYFREE},
    {"Swap", USAGE_SWAP},
    {"Locked", USAGE_LOCKED},
    {"Shared_Hugetlb", USAGE_SHARED_HUGETLB},
    {"Private_Hugetlb", USAGE_PRIVATE_HUGETLB},
    {"KernelPageSize", USAGE_PAGE_SIZE},
    {NULL, 0},
};

static const struct word status_words[] = {
    {"VmLck", STATUS_LOCKED}, {"VmSize", STATUS_SIZE},          {"VmData", STATUS_DATA},
    {"VmStk", STATUS_STACK},  {"HugetlbPages", STATUS_HUGETLB}, {NULL, 0},
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
    [ARG_POLICY] = {"memory policy", true, policy_words},
    [ARG_NODES] = {"node", true, node_words},
    [ARG_MBIND] = {"flag of mbind", true, mbind_words},
    [ARG_TELL] = {"flag of get_mempolicy", true, tell_words},
    [ARG_SHM] = {"flag of shm", true, shm_words},
    [ARG_FALLOCATE] = {"mode of fallocate", true, fallocate_words},
    [ARG_SEAL] = {"seal", true, seal_words},
    [ARG_HUGE_SIZE] = {"size of huge pages", false, huge_size_words},
    [ARG_POOL_TEXT] = {"text for a pool's file", false, pool_text_words},
    [ARG_POOL_FILE] = {"file of a pool", false, pool_file_words},
    [ARG_USAGE] = {"field of smaps", false, usage_words},
    [ARG_STATUS] = {"field of status", false, status_words},
};

const struct word_list *words_of(enum arg_kind kind)
{
	if (kind >= sizeof(lists) / sizeof(lists[0]) || !lists[kind].words)
		return NULL;
	return &lists[kind];
}

bool verb_takes(enum verb verb, enum arg_kind kind)
{
	for (unsigned i = 0; i < VERB_MAX_PARTS; i++)
		if (verbs[verb].parts[i] == kind)
			return true;
	return false;
}

void script_init(struct script *s)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->var_names[VAR_ARENA], "arena");
	strcpy(s->var_names[VAR_HEAP], "heap");
	strcpy(s->var_names[VAR_HUGE], "huge");
	s->nr_vars = VAR_FIRST;
	strcpy(s->actor_names[0], "p0");
	s->nr_actors = 1;
}

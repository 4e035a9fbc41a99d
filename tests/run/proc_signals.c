/* SPDX-License-Identifier: MIT */
/* proc_signals.c: what /proc says of a process's own signals, and that it is running. */
#include "stub_test.h"

static void handler(int sig)
{
	(void)sig;
}

static void show_status(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];

	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "State:", 6) || !strncmp(line, "Sig", 3) ||
		    !strncmp(line, "Shd", 3)) {
			if (strncmp(line, "SigQ", 4))
				fputs(line, stdout);
		}
	}
	fclose(f);
}

/* Fields 31 to 34, and the third. */
static void show_stat(void)
{
	FILE *f = fopen("/proc/self/stat", "r");
	char text[1024], *p, state;
	unsigned long long set[4];

	CHECK(fgets(text, sizeof(text), f));
	fclose(f);
	p = strrchr(text, ')') + 2;
	state = *p;
	for (int field = 3; field < 31; field++)
		p = strchr(p, ' ') + 1;
	CHECK(sscanf(p, "%llu %llu %llu %llu", &set[0], &set[1], &set[2], &set[3]) == 4);
	printf("stat %c %llx %llx %llx %llx\n", state, set[0], set[1], set[2], set[3]);
}

static void show(void)
{
	show_status();
	show_stat();
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(void)
{
	show();
	signal(SIGSEGV, handler);
	signal(SIGUSR1, handler);
	show();
	signal(SIGBUS, SIG_IGN);
	block(SIGSYS);
	block(SIGUSR2);
	show();
	raise(SIGSYS);
	kill(getpid(), SIGUSR2);
	show();
	signal(SIGSEGV, SIG_DFL);
	show();
	return failures != 0;
}

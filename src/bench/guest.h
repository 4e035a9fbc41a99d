/* SPDX-License-Identifier: MIT */
/*
 * guest.h: what a program's operations cost, natively and under `quire run`.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

struct guest_row {
	const char *name;
	double aim; /* quire run / native */
	/* Does it n times; what it needs is made at the first call, which is not timed. */
	void (*work)(long n);
	long n;
};
extern const struct guest_row guest_rows[];
extern const unsigned nr_guest_rows;

/*
 * `quire-bench GUEST_COMMAND ROW`: the program that is measured: prints the ns of one operation,
 * the median of several repeats.
 */
#define GUEST_COMMAND "bench-guest"
int guest_main(int argc, char **argv);

/* All rows whose name contains `only`, if there is one: the table on standard output. */
int guest_table(const char *only, unsigned pairs);

#endif

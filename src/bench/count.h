/* SPDX-License-Identifier: MIT */
/*
 * count.h: one row alone, for counting its instructions (bench/instructions).
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

/*
 * `quire-bench COUNT_COMMAND ROW`: does the row, by its number, on the library alone and on few
 * pages.  Prints its name and the number of units.  If ROW is beyond the last, or one of several
 * threads: prints nothing, status 3.
 */
#define COUNT_COMMAND "bench-count"
int count_main(int argc, char **argv);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * count.h: for who counts instructions (bench/instructions).
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

/*
 * `quire-bench COUNT_COMMAND ROW`: does the row, by its number, on the library alone and on few
 * pages.  Prints its name and how many units that were; ROW beyond the last, or
 * of several threads: nothing, status 3.
 */
#define COUNT_COMMAND "bench-count"
int count_main(int argc, char **argv);

#endif

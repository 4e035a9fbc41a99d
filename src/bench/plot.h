/* SPDX-License-Identifier: MIT */
/*
 * plot.h: pictures of what an operation costs against sizes and numbers.
 */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include "bench/memory.h"

/*
 * Into the directory: for each picture its figures (.dat), gnuplot's text (.gp), and, where there
 * is a gnuplot, the picture (.svg).  0, or 1: standard error has been told.
 */
int plot_all(const char *dir, struct memory *host, struct memory *quire, unsigned repeats);

#endif

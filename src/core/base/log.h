/* SPDX-License-Identifier: MIT */
/*
 * log.h: text without libc, and assertions.
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include "core/base/page.h"

/*
 * %s %c %d %u %x %p %% with l, ll or z, and a width with or without 0, as in printf.  Always
 * NUL-terminates; returns the length of what was written.
 */
size_t q_format(char *buf, size_t len, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t q_vformat(char *buf, size_t len, const char *fmt, __builtin_va_list ap);
void q_log(struct quire_machine *m, enum quire_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
__attribute__((noreturn)) void q_panic(const struct quire_machine *m, const char *what);

#define Q_ASSERT(m, cond)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			q_panic((m), __FILE__ ": " #cond);                                         \
	} while (0)

#endif

/* SPDX-License-Identifier: MIT */
/* TAP for test programs in C that are no unit tests; tap.sh is the same for scripts. */
#ifndef TESTS_LIB_TAP_H
#define TESTS_LIB_TAP_H

#include <stdbool.h>

/* One test point, told at once. Returns good. */
bool ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The plan, behind the last point. Returns the exit code: 0, or 1 if a point failed. */
int tap_end(void);

#endif

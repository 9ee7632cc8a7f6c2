/* SPDX-License-Identifier: MIT */
/* Log lines of one process: to stderr (with the priority prefix that the journal reads) or to syslog. Never keys. */
#ifndef KEYD_UTIL_LOG_H
#define KEYD_UTIL_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* who stands in front of each line ("keyd[ike]"); it is not copied. Lines above level are not written. */
void log_open(const char *who, enum log_target target, enum log_level level);
void log_level_set(enum log_level level);
bool log_wants(enum log_level level);

/* One line; control bytes in it are escaped, and it is cut at 2,000 bytes. */
void log_line(enum log_level level, const char *text);
void log_v(enum log_level level, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* error, warning, notice, info, debug; -1 for anything else. */
int log_level_by_name(const char *name);

#endif

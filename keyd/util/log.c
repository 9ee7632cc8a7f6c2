// SPDX-License-Identifier: MIT
// Writes log lines, one per call, with nothing in them that could confuse a terminal or a parser of logs.
#include "keyd/util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 2000

static const struct {
	const char *name;
	int syslog;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_NOTICE] = { "notice", LOG_NOTICE },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static struct {
	const char *who;
	enum log_target target;
	enum log_level level;
	bool journal;			/* stderr goes to the journal: priority prefix, and no time of our own */
} logger = { .who = "keyd", .level = LOG_LEVEL_NOTICE };

void log_open(const char *who, enum log_target target, enum log_level level)
{
	const char *journal = getenv("JOURNAL_STREAM");

	logger.who = who;
	logger.target = target;
	logger.level = level;
	logger.journal = journal && *journal;
	/* Both read files or connect, which a role cannot do any more once it is in its sandbox. */
	tzset();
	if (target == LOG_TARGET_SYSLOG)
		openlog(who, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_level_set(enum log_level level)
{
	logger.level = level;
}

bool log_wants(enum log_level level)
{
	return level <= logger.level;
}

/* Copies text with control bytes as \xHH; returns the length, at most n. */
static size_t escape(char *out, size_t n, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p && len + 4 <= n; p++) {
		if (*p >= 0x20 && *p != 0x7f) {
			out[len++] = (char)*p;
			continue;
		}
		memcpy(out + len, (const char[]){ '\\', 'x', hex[*p >> 4], hex[*p & 15] }, 4);
		len += 4;
	}
	return len;
}

static size_t prefix(char *out, size_t n, enum log_level level)
{
	struct timespec now;
	struct tm tm = { 0 };
	char clock[16];

	if (logger.journal)
		return (size_t)snprintf(out, n, "<%d>%s: ", levels[level].syslog, logger.who);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	return (size_t)snprintf(out, n, "%s.%03ld %s: %s%s", clock, now.tv_nsec / 1000000, logger.who,
				level <= LOG_LEVEL_WARNING ? levels[level].name : "",
				level <= LOG_LEVEL_WARNING ? ": " : "");
}

void log_line(enum log_level level, const char *text)
{
	char start[96], body[LOG_LINE_MAX];
	struct iovec io[3];
	size_t n;

	if (!log_wants(level))
		return;
	n = escape(body, sizeof(body), text);
	if (logger.target == LOG_TARGET_SYSLOG) {
		syslog(levels[level].syslog, "%.*s", (int)n, body);
		return;
	}
	io[0] = (struct iovec){ start, prefix(start, sizeof(start), level) };
	io[1] = (struct iovec){ body, n };
	io[2] = (struct iovec){ (char[]){ '\n' }, 1 };
	if (io[0].iov_len >= sizeof(start))
		io[0].iov_len = sizeof(start) - 1;
	/* One system call, so that lines of several processes do not mix. Nobody can be told when it fails. */
	if (writev(STDERR_FILENO, io, 3) < 0)
		return;
}

void log_v(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];

	if (!log_wants(level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	log_line(level, text);
}

#define LOG_FUNCTION(name, level)			\
	void log_##name(const char *fmt, ...)		\
	{						\
		va_list ap;				\
							\
		va_start(ap, fmt);			\
		log_v(level, fmt, ap);			\
		va_end(ap);				\
	}

LOG_FUNCTION(error, LOG_LEVEL_ERROR)
LOG_FUNCTION(warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(info, LOG_LEVEL_INFO)
LOG_FUNCTION(debug, LOG_LEVEL_DEBUG)

int log_level_by_name(const char *name)
{
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcasecmp(name, levels[i].name))
			return (int)i;
	return -1;
}

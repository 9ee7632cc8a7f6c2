/* SPDX-License-Identifier: MIT */
/* URLs of what is fetched: http alone, without user names. They come from certificates, so from anybody. */
#ifndef KEYD_FETCH_URL_H
#define KEYD_FETCH_URL_H

#include "keyd/util/rd.h"

#define URL_MAX 1024			/* bytes of a whole URL */

struct url {
	char host[256];			/* a name, or an address; IPv6 without brackets */
	uint16_t port;
	char path[URL_MAX + 1];		/* with the query; begins with a slash */
};

/* 0, or -1 with why: the end of a sentence about the URL ("is not http"), which lives for ever. */
int url_parse(struct url *u, struct view text, const char **why);
/* Where an answer's Location leads from there (RFC 9110 10.2.2). As url_parse. to may be from. */
int url_follow(struct url *to, const struct url *from, const char *location, const char **why);

#define URL_STRLEN (URL_MAX + 280)
/* Returns buf. The host in brackets where that is needed, the port where it is not 80. */
char *url_format(const struct url *u, char *buf, size_t n);
/* "host" or "host:port", as a Host field has it (RFC 9110 7.2). Returns buf. */
char *url_format_host(const struct url *u, char *buf, size_t n);

#endif

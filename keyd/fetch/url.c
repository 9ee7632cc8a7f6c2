// SPDX-License-Identifier: MIT
// URLs, through evhttp's parser.
#include "keyd/fetch/url.h"

#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HTTP_PORT 80

/* Names as RFC 1123 has them, underscores that some have, and addresses. Zones are for one machine only (RFC 6874). */
static bool host_ok(const char *host, bool v6)
{
	static const char of_name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	static const char of_v6[] = "0123456789abcdefABCDEF:.";

	return host[0] && !host[strspn(host, v6 ? of_v6 : of_name)];
}

static int host_take(struct url *u, const char *host)
{
	size_t n = strlen(host);
	bool v6 = n > 2 && host[0] == '[' && host[n - 1] == ']';

	if (v6) {
		host++;
		n -= 2;
	}
	if (n >= sizeof(u->host))
		return -1;
	memcpy(u->host, host, n);
	u->host[n] = 0;
	return host_ok(u->host, v6) ? 0 : -1;
}

static int path_take(struct url *u, const char *path, const char *query)
{
	int n = snprintf(u->path, sizeof(u->path), "%s%s%s%s", path && path[0] == '/' ? "" : "/", path ? path : "",
			 query ? "?" : "", query ? query : "");

	return n > 0 && (size_t)n < sizeof(u->path) ? 0 : -1;
}

static const char *take(struct url *u, const struct evhttp_uri *uri)
{
	const char *scheme = evhttp_uri_get_scheme(uri), *host = evhttp_uri_get_host(uri);
	int port = evhttp_uri_get_port(uri);

	if (!scheme)
		return "is no URL";
	if (strcasecmp(scheme, "http") != 0)
		return "is not http";
	if (evhttp_uri_get_userinfo(uri))
		return "has a user name in it";
	if (!host || host_take(u, host))
		return "has no valid host";
	if (port == 0 || port > UINT16_MAX)
		return "has no valid port";
	u->port = port < 0 ? HTTP_PORT : (uint16_t)port;
	return path_take(u, evhttp_uri_get_path(uri), evhttp_uri_get_query(uri)) ? "is too long" : NULL;
}

int url_parse(struct url *u, struct view text, const char **why)
{
	char copy[URL_MAX + 1];
	struct evhttp_uri *uri;

	*why = "is too long";
	if (text.n > URL_MAX)
		return -1;
	*why = "is no URL";
	if (!text.n || memchr(text.p, 0, text.n))
		return -1;
	memcpy(copy, text.p, text.n);
	copy[text.n] = 0;
	uri = evhttp_uri_parse(copy);
	if (!uri)
		return -1;
	*why = take(u, uri);
	evhttp_uri_free(uri);
	return *why ? -1 : 0;
}

/* What a relative reference stands for: the scheme and as much of the place as it lacks. Dots stay, servers know them. */
static int absolute(const struct url *from, const char *location, char *buf, size_t n)
{
	char host[300];
	size_t folder = 0;
	int len;

	url_format_host(from, host, sizeof(host));
	if (location[0] == '/' && location[1] == '/') {
		len = snprintf(buf, n, "http:%s", location);
	} else if (location[0] == '/') {
		len = snprintf(buf, n, "http://%s%s", host, location);
	} else {
		for (size_t i = 0; from->path[i] && from->path[i] != '?'; i++)
			if (from->path[i] == '/')
				folder = i + 1;
		len = snprintf(buf, n, "http://%s%.*s%s", host, (int)folder, from->path, location);
	}
	return len > 0 && (size_t)len < n ? len : -1;
}

/* "name:" at the beginning, RFC 3986 3.1 */
static bool has_scheme(const char *s)
{
	size_t n = strcspn(s, ":/?#");

	return n > 0 && s[n] == ':';
}

int url_follow(struct url *to, const struct url *from, const char *location, const char **why)
{
	char text[URL_MAX + 1];
	int n;

	*why = "is too long";
	if (has_scheme(location))
		return url_parse(to, (struct view){ (const uint8_t *)location, strlen(location) }, why);
	n = absolute(from, location, text, sizeof(text));
	return n < 0 ? -1 : url_parse(to, (struct view){ (const uint8_t *)text, (size_t)n }, why);
}

char *url_format_host(const struct url *u, char *buf, size_t n)
{
	bool v6 = strchr(u->host, ':');
	char port[8] = "";

	if (u->port != HTTP_PORT)
		snprintf(port, sizeof(port), ":%u", u->port);
	snprintf(buf, n, "%s%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "", port);
	return buf;
}

char *url_format(const struct url *u, char *buf, size_t n)
{
	char host[300];

	snprintf(buf, n, "http://%s%s", url_format_host(u, host, sizeof(host)), u->path);
	return buf;
}

// SPDX-License-Identifier: MIT
// Identities: text to bytes, bytes to text, comparison.
#include "keyd/conf/id.h"

#include "keyd/crypto/dn.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Labels of letters, digits, - and _ with dots between; "*" may be the whole first label (a pattern). */
static bool is_host(const char *s, size_t n, bool pattern)
{
	size_t label = 0;

	if (n >= 2 && pattern && s[0] == '*' && s[1] == '.') {
		s += 2;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		bool dot = s[i] == '.';

		if (dot ? label == 0 : !(isascii((unsigned char)s[i]) && (isalnum((unsigned char)s[i]) || strchr("-_", s[i]))))
			return false;
		if (!dot && !s[i])
			return false;		/* strchr finds a NUL */
		label = dot ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

static bool is_user(const char *s, size_t n)
{
	const char *at = memrchr(s, '@', n);

	if (!at || at == s)
		return false;
	for (const char *p = s; p < at; p++)
		if (!isascii((unsigned char)*p) || !isgraph((unsigned char)*p))
			return false;
	return is_host(at + 1, n - (size_t)(at + 1 - s), false);
}

static int set_address(struct conf_id *id, const char *text, size_t n)
{
	char host[IPSEC_ADDR_STRLEN];
	struct ipsec_addr a;

	if (n >= sizeof(host) || memchr(text, 0, n))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = 0;
	if (ipsec_addr_parse(&a, host) < 0)
		return -EINVAL;
	conf_id_from_addr(id, &a);
	return 0;
}

int conf_id_set_dn(struct conf_id *id, const char *text, size_t n, const char **why)
{
	struct conf_id dn = { .type = CONF_ID_DN };
	size_t len = sizeof(dn.data);

	if (crypto_dn_parse(text, n, dn.data, &len, why) < 0)
		return -EINVAL;
	dn.len = (uint16_t)len;
	*id = dn;
	return 0;
}

int conf_id_set(struct conf_id *id, uint8_t type, const char *text, size_t n)
{
	const char *why;

	if (n == 0 || n > CONF_ID_MAX)
		return -EINVAL;
	if (type == CONF_ID_IPV4 || type == CONF_ID_IPV6)
		return set_address(id, text, n);
	if (type == CONF_ID_DN)
		return memchr(text, '=', n) ? conf_id_set_dn(id, text, n, &why) : -EINVAL;
	if (type == CONF_ID_FQDN ? !is_host(text, n, true) : type == CONF_ID_RFC822 ? !is_user(text, n) : type != CONF_ID_KEY_ID)
		return -EINVAL;
	*id = (struct conf_id){ .type = type, .len = (uint16_t)n };
	memcpy(id->data, text, n);
	return 0;
}

static int guess(struct conf_id *id, const char *text, const uint8_t *types)
{
	size_t n = strlen(text);

	if (!strcmp(text, "*")) {
		*id = (struct conf_id){ .type = CONF_ID_ANY };
		return 0;
	}
	for (; *types; types++)
		if (!conf_id_set(id, *types, text, n))
			return 0;
	return -EINVAL;
}

/* A DN comes before user@host: "CN=bob@example.org" looks like both. */
int conf_id_parse(struct conf_id *id, const char *text)
{
	static const uint8_t types[] = { CONF_ID_IPV4, CONF_ID_DN, CONF_ID_RFC822, CONF_ID_FQDN, CONF_ID_KEY_ID, 0 };

	return guess(id, text, types);
}

int conf_id_parse_psk(struct conf_id *id, const char *text)
{
	static const uint8_t types[] = { CONF_ID_IPV4, CONF_ID_RFC822, CONF_ID_FQDN, CONF_ID_KEY_ID, 0 };

	return guess(id, text, types);
}

void conf_id_from_addr(struct conf_id *id, const struct ipsec_addr *a)
{
	*id = (struct conf_id){
		.type = a->family == AF_INET ? CONF_ID_IPV4 : a->family == AF_INET6 ? CONF_ID_IPV6 : CONF_ID_ANY,
		.len = (uint16_t)ipsec_addr_size(a->family),
	};
	memcpy(id->data, a->b, id->len);
}

static bool is_address(const struct conf_id *id)
{
	return (id->type == CONF_ID_IPV4 && id->len == 4) || (id->type == CONF_ID_IPV6 && id->len == 16);
}

/* What the guess knows again: a DN as it is written, or false. */
static bool format_dn(struct view der, char *buf, size_t n)
{
	crypto_dn_format(der, buf, n);
	return strchr(buf, '=') != NULL;	/* else it is empty or malformed */
}

const char *conf_id_format(const struct conf_id *id, char *buf, size_t n)
{
	size_t idlen = id->len < CONF_ID_MAX ? id->len : CONF_ID_MAX, at;
	const char *data = (const char *)id->data;
	struct ipsec_addr a;

	if (id->type == CONF_ID_ANY || (is_address(id) && !ipsec_addr_from_bytes(&a, data, idlen))) {
		if (id->type == CONF_ID_ANY)
			snprintf(buf, n, "any");
		else
			ipsec_addr_format(&a, buf, n);
		return buf;
	}
	if (id->type == CONF_ID_DN && format_dn((struct view){ id->data, idlen }, buf, n))
		return buf;
	if ((id->type == CONF_ID_FQDN && is_host(data, idlen, true)) || (id->type == CONF_ID_RFC822 && is_user(data, idlen)))
		at = 0;
	else if (id->type == CONF_ID_KEY_ID)
		at = (size_t)snprintf(buf, n, "keyid:");
	else
		at = (size_t)snprintf(buf, n, "type %u:", id->type);
	for (size_t i = 0; i < idlen && at < n; i++) {
		bool plain = id->data[i] > 0x20 && id->data[i] < 0x7f && id->data[i] != '\\';

		at += (size_t)snprintf(buf + at, n - at, plain ? "%c" : "\\x%02x", id->data[i]);
	}
	return buf;
}

/* Host names, and the host of a user, have no case (RFC 4343); that users' names have some is a fiction. */
static bool same_text(const void *a, const void *b, size_t n, bool nocase)
{
	return nocase ? view_equal_nocase((struct view){ a, n }, (struct view){ b, n }) : !memcmp(a, b, n);
}

static bool is_name(const struct conf_id *id)
{
	return id->type == CONF_ID_FQDN || id->type == CONF_ID_RFC822;
}

static struct view dn_of(const struct conf_id *id)
{
	return (struct view){ id->data, id->len };
}

/* Each must fit the other: a "*" in one of them is then a "*" in both. */
bool conf_id_equal(const struct conf_id *a, const struct conf_id *b)
{
	if (a->type != b->type || a->len > CONF_ID_MAX || b->len > CONF_ID_MAX)
		return false;
	if (a->len == b->len && same_text(a->data, b->data, a->len, is_name(a)))
		return true;
	return a->type == CONF_ID_DN && crypto_dn_match(dn_of(a), dn_of(b)) && crypto_dn_match(dn_of(b), dn_of(a));
}

bool conf_id_match(const struct conf_id *pattern, const struct conf_id *id)
{
	size_t tail;

	if (pattern->type == CONF_ID_ANY)
		return true;
	if (pattern->type == CONF_ID_DN && id->type == CONF_ID_DN && pattern->len <= CONF_ID_MAX && id->len <= CONF_ID_MAX)
		return crypto_dn_match(dn_of(pattern), dn_of(id));
	if (conf_id_equal(pattern, id))
		return true;
	if (pattern->type != id->type || !is_name(pattern) || pattern->len < 3 || pattern->data[0] != '*' ||
	    pattern->data[1] != (pattern->type == CONF_ID_FQDN ? '.' : '@') || id->len > CONF_ID_MAX)
		return false;
	tail = pattern->len - 1U;
	return id->len > tail && same_text(pattern->data + 1, id->data + id->len - tail, tail, true);
}

bool conf_id_is_pattern(const struct conf_id *id)
{
	if (id->type == CONF_ID_DN)
		return crypto_dn_is_pattern(dn_of(id));
	return id->type == CONF_ID_ANY || (is_name(id) && memchr(id->data, '*', id->len));
}

// SPDX-License-Identifier: MIT
/* The names of commands and protocols, and a statement in one line for messages. */
#include "setkey/lang/statement.h"

#include <stdarg.h>
#include <stdio.h>

#include "setkey/lang/names.h"

const char *command_name(enum command command)
{
	static const char *const names[COMMANDS] = {
		[CMD_ADD] = "add",
		[CMD_UPDATE] = "update",
		[CMD_GETSPI] = "getspi",
		[CMD_GET] = "get",
		[CMD_DELETE] = "delete",
		[CMD_DELETEALL] = "deleteall",
		[CMD_FLUSH] = "flush",
		[CMD_DUMP] = "dump",
		[CMD_SPDADD] = "spdadd",
		[CMD_SPDUPDATE] = "spdupdate",
		[CMD_SPDDELETE] = "spddelete",
		[CMD_SPDFLUSH] = "spdflush",
		[CMD_SPDDUMP] = "spddump",
	};

	return command < COMMANDS ? names[command] : "?";
}

const char *protocol_name(uint8_t proto)
{
	static const struct { uint8_t proto; const char *name; } names[] = {
		{ 0, "any" }, { IPPROTO_ESP, "esp" }, { IPPROTO_AH, "ah" }, { IPPROTO_COMP, "ipcomp" }, { IPPROTO_TCP, "tcp" },
		{ IPPROTO_IPIP, "ipip" }, { IPPROTO_IPV6, "ipv6" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].proto == proto)
			return names[i].name;
	return "unknown";
}

bool statement_has_aead(const struct statement *st)
{
	const struct alg_spec *enc = &st->sa->enc;

	if (!enc->alg)
		return false;
	return enc->alg->kind == IPSEC_ALG_AEAD || (enc->quoted && !st->sa->auth.alg && st->more && st->more->trunc);
}

struct text {
	char *buf;
	size_t n, len;
};

__attribute__((format(printf, 2, 3)))
static void append(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(t->buf + t->len, t->n - t->len, fmt, ap);
	va_end(ap);
	if (len > 0)
		t->len = t->len + (size_t)len < t->n ? t->len + (size_t)len : t->n - 1;
}

static void append_endpoint(struct text *t, const struct endpoint *ep)
{
	if (!ep->host)
		return;
	append(t, " %s", ep->host);
	if (ep->prefix >= 0)
		append(t, "/%d", ep->prefix);
	if (ep->port.service)
		append(t, "[%s]", ep->port.service);
	else if (ep->port.mask)
		append(t, "[%u]", ep->port.number);
}

const char *statement_format(const struct statement *st, char *buf, size_t n)
{
	static const char *const dirs[] = { [IPSEC_DIR_IN] = "in", [IPSEC_DIR_OUT] = "out", [IPSEC_DIR_FWD] = "fwd" };
	struct text t = { buf, n, 0 };
	char name[32];

	buf[0] = '\0';
	append(&t, "%s", command_name(st->command));
	append_endpoint(&t, &st->src);
	append_endpoint(&t, &st->dst);
	if (st->proto)
		append(&t, " %s", protocol_name(st->proto));
	if (st->sa)
		append(&t, " 0x%x", st->sa->spi);
	if (st->policy) {
		if (st->policy->tag)
			append(&t, " tagged \"%s\"", st->policy->tag);
		else if (st->policy->upper.proto)
			append(&t, " %s", upper_name(st->policy->upper.proto, name, sizeof(name)));
		else
			append(&t, " any");
		append(&t, " -P %s", dirs[st->policy->dir]);
	}
	return buf;
}

// SPDX-License-Identifier: MIT
// Log lines and events of the engine.
#include "keyd/ike/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 1600

static void spi_text(const uint8_t spi[8], char *buf)
{
	for (int i = 0; i < 8; i++)
		snprintf(buf + 2 * i, 3, "%02x", spi[i]);
}

const char *report_peer(const struct ike_sa *sa, char *buf, size_t n)
{
	if (strcmp(sa->peer->conf.name, "default") && sa->peer->conf.name[0])
		snprintf(buf, n, "%s", sa->peer->conf.name);
	else
		ipsec_addr_format(&sa->remote, buf, n);
	return buf;
}

static void emit(struct engine *e, enum log_level level, const char *head, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int n = snprintf(line, sizeof(line), "%s: ", head);

	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	e->hooks->log(e->hooks_arg, level, line);
}

static int sa_head(const struct ike_sa *sa, const char *exchange, const char *result, char *buf, size_t n)
{
	char local[IPSEC_ADDR_STRLEN], remote[IPSEC_ADDR_STRLEN], name[CONF_NAME_MAX], spi_i[17], spi_r[17];

	spi_text(sa->spi_i, spi_i);
	spi_text(sa->spi_r, spi_r);
	return snprintf(buf, n, "%s result=%s peer=%s local=%s remote=%s spi_i=%s spi_r=%s", exchange, result,
			report_peer(sa, name, sizeof(name)), ipsec_addr_format(&sa->local, local, sizeof(local)),
			ipsec_addr_format(&sa->remote, remote, sizeof(remote)), spi_i, spi_r);
}

void report_sa(const struct ike_sa *sa, enum log_level level, const char *exchange, const char *result,
	       const char *fmt, ...)
{
	char head[512];
	va_list ap;

	sa_head(sa, exchange, result, head, sizeof(head));
	va_start(ap, fmt);
	emit(sa->e, level, head, fmt, ap);
	va_end(ap);
}

void report_child(const struct child_sa *c, enum log_level level, const char *exchange, const char *result,
		  const char *fmt, ...)
{
	char head[512];
	va_list ap;
	int n = sa_head(c->sa, exchange, result, head, sizeof(head) - 64);

	snprintf(head + n, sizeof(head) - (size_t)n, " child_in=%08" PRIx32 " child_out=%08" PRIx32, c->spi_in,
		 c->spi_out);
	va_start(ap, fmt);
	emit(c->sa->e, level, head, fmt, ap);
	va_end(ap);
}

void report_stranger(struct engine *e, const struct engine_datagram *d, const char *exchange, const char *fmt, ...)
{
	char head[256], local[IPSEC_ADDR_STRLEN], remote[IPSEC_ADDR_STRLEN];
	va_list ap;

	if (!rate_allow(e, &e->noise))
		return;
	snprintf(head, sizeof(head), "%s result=dropped local=%s remote=%s port=%u bytes=%zu", exchange,
		 ipsec_addr_format(&d->local, local, sizeof(local)),
		 ipsec_addr_format(&d->remote, remote, sizeof(remote)), d->remote_port, d->data.n);
	va_start(ap, fmt);
	emit(e, LOG_LEVEL_NOTICE, head, fmt, ap);
	va_end(ap);
}

void report_engine(struct engine *e, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(e, level, "engine", fmt, ap);
	va_end(ap);
}

void report_event(const struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type, const char *fmt, ...)
{
	struct engine_event ev = { .type = (uint8_t)type, .local = sa->local, .remote = sa->remote };
	va_list ap;

	report_peer(sa, ev.peer, sizeof(ev.peer));
	memcpy(ev.ike_spi_i, sa->spi_i, sizeof(ev.ike_spi_i));
	memcpy(ev.ike_spi_r, sa->spi_r, sizeof(ev.ike_spi_r));
	if (c) {
		ev.child_spi_in = c->spi_in;
		ev.child_spi_out = c->spi_out;
		ev.sel = c->sel_exact ? c->sel : c->pol.sel;
	}
	va_start(ap, fmt);
	vsnprintf(ev.text, sizeof(ev.text), fmt, ap);
	va_end(ap);
	sa->e->hooks->event(sa->e->hooks_arg, &ev);
}

void report_failed(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote, const char *text)
{
	struct engine_event ev = { .type = ENGINE_FAILED, .local = *local, .remote = *remote };

	ipsec_addr_format(remote, ev.peer, sizeof(ev.peer));
	snprintf(ev.text, sizeof(ev.text), "%s", text);
	e->hooks->event(e->hooks_arg, &ev);
	report_engine(e, LOG_LEVEL_WARNING, "result=failed peer=%s: %s", ev.peer, text);
}

// SPDX-License-Identifier: MIT
// Log lines and events of the engine.
#include "keyd/ike/report.h"

#include "keyd/ike/selector.h"
#include "keyd/ike/story.h"
#include "keyd/wire/ikev2.h"

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

/* Writes "head: text" into line and logs it. Returns where the text begins. */
static const char *emit(struct engine *e, enum log_level level, const char *head, const char *fmt, va_list ap,
			char line[LINE_MAX_BYTES])
{
	int n = snprintf(line, LINE_MAX_BYTES, "%s: ", head);

	vsnprintf(line + n, LINE_MAX_BYTES - (size_t)n, fmt, ap);
	e->hooks->log(e->hooks_arg, level, line);
	return line + n;
}

/* Lines of the log that are events, too. Those with ENGINE_EVENT_TYPES have an event of their own. */
static const struct {
	const char *result;
	uint8_t type;
} line_events[] = {
	{ "switch", ENGINE_SWITCHED }, { "lost", ENGINE_CHILD_LOST }, { "liveness", ENGINE_LIVENESS },
	{ "moved", ENGINE_ADDRESS_CHANGED }, { "retransmit", ENGINE_EVENT_TYPES }, { "up", ENGINE_EVENT_TYPES },
	{ "down", ENGINE_EVENT_TYPES }, { "rekeyed", ENGINE_EVENT_TYPES }, { "established", ENGINE_EVENT_TYPES },
};

static void event_of_line(struct ike_sa *sa, const struct child_sa *c, enum log_level level, const char *exchange,
			  const char *result, const char *text)
{
	uint8_t type = level <= LOG_LEVEL_INFO ? ENGINE_NOTE : ENGINE_EVENT_TYPES;

	for (unsigned i = 0; i < sizeof(line_events) / sizeof(line_events[0]); i++)
		if (!strcmp(line_events[i].result, result))
			type = line_events[i].type;
	if (type == ENGINE_NOTE)
		report_detail(sa, c, ENGINE_NOTE, exchange, 0, "%s: %s", result, text);
	else if (type < ENGINE_EVENT_TYPES)
		report_detail(sa, c, (enum engine_event_type)type, NULL, 0, "%s", text);
}

/* What is worth a line for people belongs to the story, too; and what is worth any line, to those who watch. */
static void tell(struct ike_sa *sa, const struct child_sa *c, enum log_level level, const char *exchange,
		 const char *result, const char *text)
{
	if (level <= LOG_LEVEL_INFO)
		story_step(sa, exchange, result, text);
	if (!strcmp(result, "lost") && sa->story)
		sa->story->s.lost++;
	if (sa->e->details)
		event_of_line(sa, c, level, exchange, result, text);
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

void report_sa(struct ike_sa *sa, enum log_level level, const char *exchange, const char *result, const char *fmt, ...)
{
	char head[512], line[LINE_MAX_BYTES];
	va_list ap;

	sa_head(sa, exchange, result, head, sizeof(head));
	va_start(ap, fmt);
	tell(sa, NULL, level, exchange, result, emit(sa->e, level, head, fmt, ap, line));
	va_end(ap);
}

void report_child(const struct child_sa *c, enum log_level level, const char *exchange, const char *result,
		  const char *fmt, ...)
{
	char head[512], line[LINE_MAX_BYTES];
	va_list ap;
	int n = sa_head(c->sa, exchange, result, head, sizeof(head) - 64);

	snprintf(head + n, sizeof(head) - (size_t)n, " child_in=%08" PRIx32 " child_out=%08" PRIx32, c->spi_in,
		 c->spi_out);
	va_start(ap, fmt);
	tell(c->sa, c, level, exchange, result, emit(c->sa->e, level, head, fmt, ap, line));
	va_end(ap);
}

bool report_stranger_heard(struct engine *e)
{
	return rate_room(e, &e->noise);
}

void report_stranger(struct engine *e, const struct engine_datagram *d, const char *exchange, const char *fmt, ...)
{
	char head[256], line[LINE_MAX_BYTES], local[IPSEC_ADDR_STRLEN], remote[IPSEC_ADDR_STRLEN];
	va_list ap;

	if (!rate_allow(e, &e->noise))
		return;
	snprintf(head, sizeof(head), "%s result=dropped local=%s remote=%s port=%u bytes=%zu", exchange,
		 ipsec_addr_format(&d->local, local, sizeof(local)),
		 ipsec_addr_format(&d->remote, remote, sizeof(remote)), d->remote_port, d->data.n);
	va_start(ap, fmt);
	emit(e, LOG_LEVEL_NOTICE, head, fmt, ap, line);
	va_end(ap);
}

void report_engine(struct engine *e, enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	emit(e, level, "engine", fmt, ap, line);
	va_end(ap);
}

static struct story_pending *pending_of(struct ike_sa *sa)
{
	struct story_pending *p = &sa->e->stories.pending;

	if (p->sa != sa)
		*p = (struct story_pending){ .sa = sa };
	return p;
}

void report_reason(struct ike_sa *sa, enum engine_reason reason)
{
	struct story_pending *p = pending_of(sa);

	if (!p->reason)
		p->reason = (uint8_t)reason;
}

void report_notify(struct ike_sa *sa, uint16_t notify, bool ours)
{
	struct story_pending *p = pending_of(sa);

	p->notify = notify;
	p->notify_ours = ours;
}

void report_sides(struct ike_sa *sa, const char *ours, const char *theirs)
{
	struct story_pending *p = pending_of(sa);

	snprintf(p->ours, sizeof(p->ours), "%s", ours ? ours : "");
	snprintf(p->theirs, sizeof(p->theirs), "%s", theirs ? theirs : "");
}

void report_proposals(struct ike_sa *sa, const struct wire_sa *ours, const struct wire_sa *theirs, const char *differs)
{
	struct story_pending *p = pending_of(sa);

	proposal_format(ours, p->ours, sizeof(p->ours));
	*p->theirs = 0;
	if (theirs)
		proposal_format(theirs, p->theirs, sizeof(p->theirs));
	snprintf(p->differs, sizeof(p->differs), "%s", differs);
}

/* What the peer's notify says about the cause. The same number means another thing for a child. */
static const struct {
	uint16_t notify;
	uint8_t ike, child;
} refusals[] = {
	{ 0, REASON_PEER_ANSWER, REASON_PEER_ANSWER },
	{ IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD, REASON_UNSUPPORTED_CRITICAL, REASON_UNSUPPORTED_CRITICAL },
	{ IKEV2_N_INVALID_MAJOR_VERSION, REASON_UNSUPPORTED_VERSION, REASON_UNSUPPORTED_VERSION },
	{ IKEV2_N_INVALID_SYNTAX, REASON_INVALID_SYNTAX, REASON_INVALID_SYNTAX },
	{ IKEV2_N_NO_PROPOSAL_CHOSEN, REASON_NO_PROPOSAL_IKE, REASON_NO_PROPOSAL_ESP },
	{ IKEV2_N_INVALID_KE_PAYLOAD, REASON_INVALID_KE, REASON_INVALID_KE },
	{ IKEV2_N_AUTHENTICATION_FAILED, REASON_AUTH_REFUSED, REASON_AUTH_REFUSED },
	{ IKEV2_N_SINGLE_PAIR_REQUIRED, REASON_TS_UNACCEPTABLE, REASON_TS_UNACCEPTABLE },
	{ IKEV2_N_NO_ADDITIONAL_SAS, REASON_PEER_REFUSED, REASON_PEER_REFUSED },
	{ IKEV2_N_INTERNAL_ADDRESS_FAILURE, REASON_ADDRESS_FAILURE, REASON_ADDRESS_FAILURE },
	{ IKEV2_N_FAILED_CP_REQUIRED, REASON_ADDRESS_FAILURE, REASON_ADDRESS_FAILURE },
	{ IKEV2_N_TS_UNACCEPTABLE, REASON_TS_UNACCEPTABLE, REASON_TS_UNACCEPTABLE },
	{ IKEV2_N_TEMPORARY_FAILURE, REASON_TEMPORARY, REASON_TEMPORARY },
	{ IKEV2_N_CHILD_SA_NOT_FOUND, REASON_CHILD_NOT_FOUND, REASON_CHILD_NOT_FOUND },
};

void report_refusal(struct ike_sa *sa, uint16_t notify, bool child)
{
	enum engine_reason reason = REASON_PEER_REFUSED;

	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].notify == notify)
			reason = (enum engine_reason)(child ? refusals[i].child : refusals[i].ike);
	if (reason == REASON_AUTH_REFUSED && sa->peer->conf.auth_local[0] != CONF_AUTH_PSK)
		reason = REASON_CERT_REFUSED;
	report_reason(sa, reason);
	report_notify(sa, notify, false);
}

void report_policies(struct ike_sa *sa, const struct ipsec_policy *pol, const struct wire_ts_list *ts_local,
		     const struct wire_ts_list *ts_remote, bool transport)
{
	struct story_pending *p = pending_of(sa);

	if (pol)
		story_policy_refused(pol, p);
	else
		report_reason(sa, story_policy_asked(sa, ts_local, ts_remote, transport, p));
}

static void event_of(const struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type,
		     struct engine_event *ev)
{
	*ev = (struct engine_event){ .type = (uint8_t)type, .local = sa->local, .remote = sa->remote, .at = sa->e->now };
	report_peer(sa, ev->peer, sizeof(ev->peer));
	memcpy(ev->ike_spi_i, sa->spi_i, sizeof(ev->ike_spi_i));
	memcpy(ev->ike_spi_r, sa->spi_r, sizeof(ev->ike_spi_r));
	if (!c)
		return;
	ev->child_spi_in = c->spi_in;
	ev->child_spi_out = c->spi_out;
	ev->sel = c->sel_exact ? c->sel : c->pol.sel;
}

/* Failures and ends of an SA go into its story; those of a child that was up do not end it. */
static void story_event(struct ike_sa *sa, const struct child_sa *c, struct engine_event *ev)
{
	struct story_pending *p = &sa->e->stories.pending;
	bool up = ev->type == ENGINE_IKE_UP || ev->type == ENGINE_IKE_TAKEN_OVER || ev->type == ENGINE_IKE_REKEYED ||
		  ev->type == ENGINE_CHILD_UP || ev->type == ENGINE_CHILD_REKEYED;

	if (ev->type == ENGINE_CHILD_DOWN || ev->type == ENGINE_IKE_DOWN || ev->type == ENGINE_FAILED)
		ev->reason = p->sa == sa && p->reason ? p->reason : REASON_OTHER;
	if (ev->type == ENGINE_FAILED)
		story_failed(sa, c, ev->text);
	else if (ev->type == ENGINE_IKE_DOWN)
		story_ended(sa, ev->text);
	else if (up)
		story_up(sa, c, ev);
	/* An IKE SA's end has one reason for itself and all its children. */
	if (p->sa == sa && (ev->type == ENGINE_FAILED || ev->type == ENGINE_IKE_DOWN ||
			    (ev->type == ENGINE_CHILD_DOWN && sa->state < IKE_CLOSED)))
		p->sa = NULL;
}

void report_event(struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type, const char *fmt, ...)
{
	struct engine_event ev;
	va_list ap;

	event_of(sa, c, type, &ev);
	va_start(ap, fmt);
	vsnprintf(ev.text, sizeof(ev.text), fmt, ap);
	va_end(ap);
	story_event(sa, c, &ev);
	sa->e->hooks->event(sa->e->hooks_arg, &ev);
}

void report_detail(const struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type, const char *exchange,
		   uint32_t message_id, const char *fmt, ...)
{
	struct engine_event ev;
	va_list ap;

	if (!sa->e->details)
		return;
	event_of(sa, c, type, &ev);
	ev.has_message = exchange && type != ENGINE_NOTE;
	ev.message_id = message_id;
	snprintf(ev.exchange, sizeof(ev.exchange), "%s", exchange ? exchange : "");
	va_start(ap, fmt);
	vsnprintf(ev.text, sizeof(ev.text), fmt, ap);
	va_end(ap);
	sa->e->hooks->event(sa->e->hooks_arg, &ev);
}

void report_state(const struct ike_sa *sa, const struct child_sa *c, const char *was, const char *state)
{
	struct engine_event ev;

	if (!sa->e->details)
		return;
	event_of(sa, c, c ? ENGINE_CHILD_STATE : ENGINE_IKE_STATE, &ev);
	snprintf(ev.was, sizeof(ev.was), "%s", was);
	snprintf(ev.state, sizeof(ev.state), "%s", state);
	sa->e->hooks->event(sa->e->hooks_arg, &ev);
}

void report_kernel(struct engine *e, enum engine_event_type type, const struct ipsec_addr *local,
		   const struct ipsec_addr *remote, const struct ipsec_selector *sel, const char *text)
{
	struct engine_event ev = { .type = (uint8_t)type, .local = *local, .remote = *remote, .at = e->now };

	if (!e->details)
		return;
	if (remote->family)
		ipsec_addr_format(remote, ev.peer, sizeof(ev.peer));
	if (sel)
		ev.sel = *sel;
	snprintf(ev.text, sizeof(ev.text), "%s", text);
	e->hooks->event(e->hooks_arg, &ev);
}

static void tell_failed(struct engine *e, const struct engine_story *s)
{
	struct engine_event ev = { .type = ENGINE_FAILED, .local = s->local, .remote = s->remote, .at = e->now,
				   .reason = s->reason };

	memcpy(ev.peer, s->peer, sizeof(ev.peer));
	memcpy(ev.ike_spi_i, s->spi_i, sizeof(ev.ike_spi_i));
	memcpy(ev.text, s->text, sizeof(ev.text));
	e->hooks->event(e->hooks_arg, &ev);
}

void report_failed(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote,
		   enum engine_reason reason, const char *text)
{
	struct engine_story s = { .what = STORY_CHILD, .reason = (uint8_t)reason, .initiator = true, .local = *local,
				  .remote = *remote };

	ipsec_addr_format(remote, s.peer, sizeof(s.peer));
	snprintf(s.text, sizeof(s.text), "%s", text);
	story_never(e, &s, false);
	tell_failed(e, &s);
	report_engine(e, LOG_LEVEL_WARNING, "result=failed peer=%s: %s", s.peer, text);
}

void report_turned_away(struct engine *e, const struct engine_datagram *d, const struct conf_peer *conf,
			struct engine_story *s)
{
	s->local = d->local;
	s->remote = d->remote;
	s->local_port = d->local_port;
	s->remote_port = d->remote_port;
	s->heard = true;
	snprintf(s->exchange, sizeof(s->exchange), "IKE_SA_INIT");
	if (strcmp(conf->name, "default"))
		snprintf(s->peer, sizeof(s->peer), "%s", conf->name);
	else
		ipsec_addr_format(&d->remote, s->peer, sizeof(s->peer));
	story_places(e, conf, s);
	story_never(e, s, !story_named(conf));
	tell_failed(e, s);
}

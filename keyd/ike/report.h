/* SPDX-License-Identifier: MIT */
/* How the engine tells: log lines that one can grep, and events. */
#ifndef KEYD_IKE_REPORT_H
#define KEYD_IKE_REPORT_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/ike_sa.h"

/* "IKE_AUTH result=failed peer=gw2 local=… remote=… spi_i=… spi_r=…: text". exchange and result are single words. */
void report_sa(struct ike_sa *sa, enum log_level level, const char *exchange, const char *result,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same with child_in=… child_out=… of a child. */
void report_child(const struct child_sa *c, enum log_level level, const char *exchange, const char *result,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Would report_stranger say it now? If not it counts as held back; for what is costly to put in words. */
bool report_stranger_heard(struct engine *e);
/* About a datagram that belongs to no SA; rate-limited, because anybody can cause it. */
void report_stranger(struct engine *e, const struct engine_datagram *d, const char *exchange, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void report_engine(struct engine *e, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Why: the code that goes with the next failure or end which report_event tells of sa or a child of it. Set it where the
 * cause is known, before ike_sa_end and the like; the first one set counts.
 */
void report_reason(struct ike_sa *sa, enum engine_reason reason);
/* What each side wanted, where they had nothing in common; set together with the reason. Either may be "" or NULL. */
void report_sides(struct ike_sa *sa, const char *ours, const char *theirs);
/* The same of proposals, and what proposal_explain says of them. theirs NULL: the peer did not say. */
void report_proposals(struct ike_sa *sa, const struct wire_sa *ours, const struct wire_sa *theirs, const char *differs);
/* The notify that decided; ours: we sent it. */
void report_notify(struct ike_sa *sa, uint16_t notify, bool ours);

/*
 * The peer refused with this notify, or (0) its answer is of no use: the reason follows from it. child: it speaks of a
 * child and not of the IKE SA.
 */
void report_refusal(struct ike_sa *sa, uint16_t notify, bool child);
/*
 * Policies that do not fit: pol is ours and the peer refused it; or (NULL) the peer asks for these traffic selectors, and
 * the nearest of ours is looked for.
 */
void report_policies(struct ike_sa *sa, const struct ipsec_policy *pol, const struct wire_ts_list *ts_local,
		     const struct wire_ts_list *ts_remote, bool transport);

/* An event for those who watch; child may be NULL. */
void report_event(struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* An event for those who want details. exchange (may be NULL) and message_id name the message that it is about. */
void report_detail(const struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type, const char *exchange,
		   uint32_t message_id, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The same of a change of state; of the IKE SA where c is NULL. */
void report_state(const struct ike_sa *sa, const struct child_sa *c, const char *was, const char *state);
/* The same of what the kernel tells, where there is no SA of ours. sel may be NULL. */
void report_kernel(struct engine *e, enum engine_event_type type, const struct ipsec_addr *local,
		   const struct ipsec_addr *remote, const struct ipsec_selector *sel, const char *text);
/* A failed negotiation of ours that never had an SA: told, logged, and a story. */
void report_failed(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote,
		   enum engine_reason reason, const char *text);
/*
 * A peer's IKE_SA_INIT that gets no SA: told and a story, not logged. Ask story_allowed first. s has what, reason, SPI,
 * notify, sides and text; conf: the settings that were used.
 */
void report_turned_away(struct engine *e, const struct engine_datagram *d, const struct conf_peer *conf,
			struct engine_story *s);

/* The peer's name, or its address where no section names it. */
const char *report_peer(const struct ike_sa *sa, char *buf, size_t n);

#endif

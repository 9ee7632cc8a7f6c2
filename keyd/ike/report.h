/* SPDX-License-Identifier: MIT */
/* How the engine tells: log lines that one can grep, and events. */
#ifndef KEYD_IKE_REPORT_H
#define KEYD_IKE_REPORT_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/ike_sa.h"

/* "IKE_AUTH result=failed peer=gw2 local=… remote=… spi_i=… spi_r=…: text". exchange and result are single words. */
void report_sa(const struct ike_sa *sa, enum log_level level, const char *exchange, const char *result,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same with child_in=… child_out=… of a child. */
void report_child(const struct child_sa *c, enum log_level level, const char *exchange, const char *result,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* About a datagram that belongs to no SA; rate-limited, because anybody can cause it. */
void report_stranger(struct engine *e, const struct engine_datagram *d, const char *exchange, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void report_engine(struct engine *e, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* An event for those who watch; child may be NULL. */
void report_event(const struct ike_sa *sa, const struct child_sa *c, enum engine_event_type type, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
/* A failed negotiation that never had an SA. */
void report_failed(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote,
		   const char *text);

/* The peer's name, or its address where no section names it. */
const char *report_peer(const struct ike_sa *sa, char *buf, size_t n);

#endif

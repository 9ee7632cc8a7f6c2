/* SPDX-License-Identifier: MIT */
/* Requests to the trust role as bytes. */
#ifndef KEYD_TRUST_CODEC_H
#define KEYD_TRUST_CODEC_H

#include "keyd/trust/request.h"
#include "keyd/util/wr.h"

#define TRUST_REQUEST_MAX (TRUST_OCTETS_MAX + 49152 + 8192)	/* bytes of a request; a longer one does not go */

/* All but the id, which travels in the header of the message. What does not fit, or is longer than it may be, shows in w. */
void trust_request_put(struct wr *w, const struct trust_request *rq);
/* Fills all but the id; the views point into r's bytes. 0, or -1: cut short, too long, out of range, or bytes left over. */
int trust_request_get(struct rd *r, struct trust_request *rq) RD_MUST_CHECK;

/* Walks bodies of CERT payloads, and chains, as trust_request.certs and conf_cred.chain have them. */
void trust_item_put(struct wr *w, struct view item);
/* 0 and *item, or -1: cut short. Call it while rd_left(r). */
int trust_item_get(struct rd *r, struct view *item) RD_MUST_CHECK;

#endif

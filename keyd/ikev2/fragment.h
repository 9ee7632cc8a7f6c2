/* SPDX-License-Identifier: MIT */
/*
 * Fragments (RFC 7383): a message that is too long for the path goes as several datagrams, each sealed by itself, and
 * what comes in pieces is put together. A size is that of an IP datagram, so that it compares with an MTU.
 */
#ifndef KEYD_IKEV2_FRAGMENT_H
#define KEYD_IKEV2_FRAGMENT_H

#include "keyd/ike/exchange.h"

/* Every path takes these (RFC 7383 2.5.1); what is lost twice goes as fragments of this size. */
#define FRAGMENT_SIZE_V4 576
#define FRAGMENT_SIZE_V6 1280
/* How often something is sent in vain before the path is suspected. */
#define FRAGMENT_SMALLER_AFTER 2

/* IKE_SA_INIT: says that we can do it, where the configuration lets it, and as responder where the peer can, too. */
void fragment_put_notify(struct ike_sa *sa, struct wire_out *out);
/* The peer's IKE_SA_INIT. */
void fragment_take_notify(struct ike_sa *sa, const struct wire_message *m);

/* Would a sealed message of n bytes be too long? Never where it has not been agreed on. */
bool fragment_needed(const struct ike_sa *sa, size_t n);
/*
 * Cuts and seals: h is the message's header, first the type of the first payload in plain. *datagrams then holds the
 * fragments one behind the other, in a buffer of the engine's. 0 or -1.
 */
int fragment_cut(struct ike_sa *sa, const struct wire_header *h, uint8_t first, struct view plain,
		 struct view *datagrams);
/*
 * What was sent seems not to get through: sent is cut anew, and what is to come is cut likewise, if it is longer than
 * every path takes. sent holds one message of ours, whole or in fragments.
 */
void fragment_smaller(struct ike_sa *sa, struct secret *sent);

/*
 * One piece came, decrypted: x->m has its SKF payload, inner is its text, in x->bytes. 0: it was the last one that was
 * missing, and x->bytes and x->m are now those of the whole message; PIECES_MORE: others are missing; negative: of no use.
 */
int fragment_take(struct exchange *x, const struct wire_payload *skf, struct view inner);
/*
 * Is this datagram, if it is genuine, piece 1 of a message? Only that one of a request makes us repeat our answer
 * (RFC 7383 2.6.1), also when the request has been cut anew and looks different.
 */
bool fragment_is_first(struct ike_sa *sa, struct view datagram);
#endif

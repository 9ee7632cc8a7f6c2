/* SPDX-License-Identifier: MIT */
/*
 * Fragments of IKEv1, as Cisco began them and others took over: a message that is ready to go is cut, and each piece goes in
 * a message in clear. Nothing protects them: pieces of strangers can spoil a message, which then comes again.
 */
#ifndef KEYD_IKEV1_FRAGMENT_H
#define KEYD_IKEV1_FRAGMENT_H

#include "keyd/ikev1/state.h"
#include "keyd/wire/isakmp_message.h"

#define V1_PIECES_MAX 64		/* of one message */
#define V1_PIECES_BYTES_MAX 65535

/* The peer's VID payload: it takes fragments. */
void v1_fragment_take_vendor(struct ike_sa *sa);
void v1_fragment_put_vendor(const struct ike_sa *sa, struct wire_out *out);

/* Would a datagram of n bytes be too long? Never for a peer that takes no fragments. */
bool v1_fragment_needed(const struct ike_sa *sa, size_t n);
/* Cuts a message and gives each piece to send. Too long a message is not sent. */
void v1_fragment_cut(struct ike_sa *sa, struct view message,
		     void (*send)(struct ike_sa *sa, const struct path *path, struct view piece), const struct path *path);

/*
 * One piece came, in m, for sa. True: it was the last one that was missing, and *whole, which was empty, is the message. Pieces
 * of another message are forgotten for this one.
 */
bool v1_fragment_take(struct ike_sa *sa, const struct wire_message *m, struct secret *whole);
void v1_fragment_forget(struct ikev1_state *s);

#endif

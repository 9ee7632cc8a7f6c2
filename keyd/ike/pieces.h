/* SPDX-License-Identifier: MIT */
/* Putting together one message of a peer that comes in pieces: in any order, twice, cut anew, or never all of them. */
#ifndef KEYD_IKE_PIECES_H
#define KEYD_IKE_PIECES_H

#include "keyd/util/secret.h"

#define PIECES_MAX 128			/* the longest message in the smallest datagrams */
#define PIECES_BYTES_MAX 65535

/* The pieces of one message; NULL: none are there. */
struct pieces;

enum { PIECES_ALL, PIECES_MORE };
/*
 * Piece number of total (from 1) of message message_id is text, which is copied. Pieces of another message are forgotten,
 * and so are those of the same one when total grows: its sender has cut it anew (RFC 7383 2.6). PIECES_ALL: *whole, which
 * was empty, is the message and *held is NULL; PIECES_MORE: others are missing; -1: of no use, too much, or no memory.
 */
int pieces_take(struct pieces **held, uint32_t message_id, uint16_t number, uint16_t total, struct view text,
		struct secret *whole);
void pieces_free(struct pieces **held);

#endif

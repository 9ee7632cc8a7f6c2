// SPDX-License-Identifier: MIT
// The way to the card in one reader of pcscd's.
#include "keyd/card/pcsc.h"

#include <stdio.h>
#include <string.h>

#define BEGIN_TRIES 4		/* others may reset the card as often as this between two steps of ours */
#define STATUS_LEN 2
#define GONE_MS 700		/* that pcscd needs to notice a card that was pulled out, at most */

static const struct {
	LONG rv;
	int error;
} meanings[] = {
	{ SCARD_S_SUCCESS, CARD_OK },
	{ SCARD_E_NO_SMARTCARD, CARD_GONE },
	{ SCARD_W_REMOVED_CARD, CARD_GONE },
	{ SCARD_E_UNKNOWN_READER, CARD_GONE },
	{ SCARD_E_READER_UNAVAILABLE, CARD_GONE },
	{ SCARD_E_NO_READERS_AVAILABLE, CARD_GONE },
	{ SCARD_W_RESET_CARD, CARD_LOCKED },
	{ SCARD_E_NO_MEMORY, CARD_FAILED },
};

int pcsc_error(char why[CARD_WHY_MAX], const char *function, LONG rv)
{
	/* Of which pcsc-lite says no more than that they are called so. */
	if (rv == SCARD_E_SHARING_VIOLATION)
		snprintf(why, CARD_WHY_MAX, "%s: another program holds the card exclusively (scdaemon without pcsc-shared?)", function);
	else if (rv == SCARD_E_NO_SERVICE || rv == SCARD_F_COMM_ERROR || rv == SCARD_E_SERVICE_STOPPED)
		snprintf(why, CARD_WHY_MAX, "%s: pcscd is not running, or has just ended", function);
	else if (rv == SCARD_W_UNRESPONSIVE_CARD || rv == SCARD_W_UNPOWERED_CARD)
		snprintf(why, CARD_WHY_MAX, "%s: the card does not answer", function);
	else if (rv)
		snprintf(why, CARD_WHY_MAX, "%s: %.100s", function, pcsc_stringify_error(rv));
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].rv == rv)
			return meanings[i].error;
	return CARD_BROKEN;
}

static void forget(struct pcsc *p)
{
	p->connected = false;
	p->failed = false;
	p->power++;
}

void pcsc_release(struct pcsc *p, bool reset)
{
	if (p->connected)
		SCardDisconnect(p->handle, reset ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
	forget(p);
}

void pcsc_close(struct pcsc *p)
{
	pcsc_release(p, false);
	if (p->has_context)
		SCardReleaseContext(p->context);
	p->has_context = false;
}

static int connect_card(struct pcsc *p)
{
	int r = CARD_OK;

	if (!p->has_context)
		r = pcsc_error(p->why, "SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context));
	if (r)
		return r;
	p->has_context = true;
	r = pcsc_error(p->why, "SCardConnect", SCardConnect(p->context, p->reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &p->handle,
							    &p->protocol));
	if (!r) {
		p->connected = true;
		p->power++;
	}
	return r;
}

/* The context is no good any more: pcscd was restarted. */
static bool is_lost(LONG rv)
{
	return rv == SCARD_E_NO_SERVICE || rv == SCARD_F_COMM_ERROR || rv == SCARD_E_SERVICE_STOPPED || rv == SCARD_E_INVALID_HANDLE;
}

static int begin_once(struct pcsc *p, LONG *rv)
{
	int r = p->connected ? CARD_OK : connect_card(p);

	*rv = SCARD_S_SUCCESS;
	if (r)
		return r;
	*rv = SCardBeginTransaction(p->handle);
	if (*rv == SCARD_W_RESET_CARD) {
		p->power++;
		*rv = SCardReconnect(p->handle, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &p->protocol);
		return *rv ? pcsc_error(p->why, "SCardReconnect", *rv) : CARD_LOCKED;
	}
	return pcsc_error(p->why, "SCardBeginTransaction", *rv);
}

int pcsc_begin(struct pcsc *p)
{
	int r = CARD_BROKEN;
	LONG rv;

	for (unsigned i = 0; i < BEGIN_TRIES; i++) {
		bool old = p->has_context;

		r = begin_once(p, &rv);
		if (!r)
			return CARD_OK;
		if (r == CARD_LOCKED)
			continue;
		/* A connection from before does not know of a card that has come since, nor a context of a new pcscd. */
		pcsc_close(p);
		if (!old)
			break;
	}
	return r == CARD_LOCKED ? CARD_BROKEN : r;
}

void pcsc_end(struct pcsc *p)
{
	if (p->connected)
		SCardEndTransaction(p->handle, SCARD_LEAVE_CARD);
	/* The card and we do not agree on where we are. */
	if (p->failed)
		pcsc_release(p, true);
}

/* After an error that may be all one sees of a card that was pulled out. */
static bool card_is_gone(struct pcsc *p)
{
	SCARD_READERSTATE s = { .szReader = p->reader, .dwCurrentState = SCARD_STATE_UNAWARE };
	LONG rv = SCardGetStatusChange(p->context, 0, &s, 1);

	if (rv == SCARD_S_SUCCESS && (s.dwEventState & SCARD_STATE_PRESENT)) {
		s.dwCurrentState = s.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
		rv = SCardGetStatusChange(p->context, GONE_MS, &s, 1);
	}
	return rv == SCARD_S_SUCCESS && !(s.dwEventState & SCARD_STATE_PRESENT);
}

int pcsc_transmit(void *arg, struct view command, uint8_t *answer, size_t *n)
{
	struct pcsc *p = arg;
	const SCARD_IO_REQUEST *io = p->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
	DWORD got = *n;
	LONG rv = SCardTransmit(p->handle, io, command.p, command.n, NULL, answer, &got);
	int r = pcsc_error(p->why, "SCardTransmit", rv);

	/* Some readers pass on a card that says nothing. */
	if (!rv && got < STATUS_LEN)
		r = pcsc_error(p->why, "SCardTransmit", SCARD_W_UNRESPONSIVE_CARD);
	*n = rv ? 0 : got;
	if (r == CARD_LOCKED)
		p->power++;
	if (r == CARD_BROKEN && !is_lost(rv) && card_is_gone(p))
		r = CARD_GONE;
	p->failed |= r == CARD_BROKEN;
	return r;
}

// SPDX-License-Identifier: MIT
// PINs for enrolment: from whoever is there, or a descriptor, into locked memory; each is tried once.
#include "keyd/ctl/enroll_inside.h"
#include "keyd/ctl/passphrase.h"

#include <stdio.h>
#include <string.h>

#define FLOOR 2		/* with fewer tries left, only somebody who sees what comes of it may use one */

/* From fd, or else from whoever is there: at the terminal, or before a pinentry. */
static int take(struct enroll *e, struct card_pin **out, int fd, const char *option,
		const struct passphrase_question *q)
{
	const struct passphrase_from from = { .fd = fd, .pinentry = e->pinentry, .usual = e->pinentry_usual };
	char why[600];
	uint8_t *room;
	int r;

	if (fd < 0 && !passphrase_again(&from)) {
		enroll_fail(e, "%s: there is nobody to ask: standard input is no terminal, and neither --%s nor "
			    "--pinentry is given", q->what, option);
		return KEYDCTL_NOBODY;
	}
	if (card_pin_alloc(out, CARD_PIN_MAX, &room))
		return enroll_fail(e, "%s: no memory for it can be locked", q->what);
	r = passphrase_read(&from, q, (char *)room, CARD_PIN_MAX, why, sizeof(why));
	if (!r) {
		card_pin_cut(*out, strlen((char *)room));
		return 0;
	}
	card_pin_free(*out);
	*out = NULL;
	enroll_fail(e, "%s", why);
	return r;
}

static const char *tries_text(int tries, char *buf, size_t n)
{
	if (tries < 0)
		buf[0] = 0;
	else
		snprintf(buf, n, " (%d %s left)", tries, tries == 1 ? "try" : "tries");
	return buf;
}

static int ask_pin(struct enroll *e)
{
	struct passphrase_question q = {
		.more = e->t.tries == 1 ? "THIS IS THE LAST TRY: one more wrong PIN, and the token is blocked." : "",
	};
	char what[200], tries[32];

	if (e->t.pad) {
		fprintf(stderr, "%s wants its PIN%s: type it at the reader\n", e->place,
			tries_text(e->t.tries, tries, sizeof(tries)));
		return 0;
	}
	if (e->pin_fd >= 0 && e->t.tries >= 0 && e->t.tries < FLOOR)
		return enroll_fail(e, "%s: only one try of its PIN is left: it is not used unless somebody types it, "
				   "without --pin-fd", e->place);
	snprintf(what, sizeof(what), "PIN of token \"%s\"%s", e->place, tries_text(e->t.tries, tries, sizeof(tries)));
	q.what = what;
	return take(e, &e->pin, e->pin_fd, "pin-fd", &q);
}

/* What it says now, and what that means for whoever typed. */
static int wrong(struct enroll *e, int error)
{
	char tries[32], said[CARD_WHY_MAX];

	snprintf(said, sizeof(said), "%s", e->d->error(e->card));
	if (error == CARD_PIN_WRONG && !e->d->check(e->card, &e->t) && !e->t.tries)
		error = CARD_PIN_BLOCKED;
	if (error != CARD_PIN_WRONG)
		return enroll_fail(e, "%s: %s%s%s", e->place, card_strerror(error), *said ? ": " : "", said);
	return enroll_fail(e, "%s: the PIN is wrong%s", e->place, tries_text(e->t.tries, tries, sizeof(tries)));
}

int enroll_login(struct enroll *e)
{
	int r, error;

	if (!e->t.login)
		return 0;
	if (!e->t.tries)
		return enroll_fail(e, "%s: %s", e->place, card_strerror(CARD_PIN_BLOCKED));
	r = e->pin ? 0 : ask_pin(e);
	if (r)
		return r;
	error = e->d->login(e->card, &e->t, card_pin_view(e->pin));
	return error ? wrong(e, error) : 0;
}

int enroll_admin(struct enroll *e, struct view *out)
{
	bool piv = enroll_is_piv(e);
	struct passphrase_question q = { .more = piv ? "" : "It is not the PIN for daily use." };
	char what[200];
	int r = 0;

	*out = (struct view){ 0 };
	if (!enroll_is_native(e))
		return 0;
	snprintf(what, sizeof(what), piv ? "management key of token \"%s\", in hexadecimal digits" : "administrator's PIN of token \"%s\"",
		 e->place);
	q.what = what;
	if (!e->admin)
		r = take(e, &e->admin, e->admin_fd, "admin-fd", &q);
	*out = card_pin_view(e->admin);
	return r;
}

// SPDX-License-Identifier: MIT
// PINs for enrolment: from the terminal or a descriptor into locked memory; each is tried once.
#include "keyd/ctl/enroll_inside.h"
#include "keyd/ctl/passphrase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FLOOR 2		/* with fewer tries left, only somebody who sees what comes of it may use one */

/* One line, byte by byte, so that no buffer has it. The length, or -1: nothing, or too long. */
static int read_fd(int fd, uint8_t *out, size_t room)
{
	size_t n = 0;
	ssize_t got;
	uint8_t byte;

	for (;;) {
		got = read(fd, &byte, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || byte == '\n')
			break;
		if (n == room)
			return -1;
		out[n++] = byte;
	}
	secret_cleanse(&byte, 1);
	return n && got >= 0 ? (int)n : -1;
}

/* From fd, or else from whoever sits at the terminal. */
static int take(struct enroll *e, struct card_pin **out, int fd, const char *prompt, const char *what)
{
	uint8_t *room;
	int n = -1;

	if (card_pin_alloc(out, CARD_PIN_MAX, &room))
		return enroll_fail(e, "no memory can be locked for %s", what);
	if (fd >= 0)
		n = read_fd(fd, room, CARD_PIN_MAX);
	else if (!passphrase_read(prompt, (char *)room, CARD_PIN_MAX))
		n = (int)strlen((char *)room);
	if (n > 0) {
		card_pin_cut(*out, (size_t)n);
		return 0;
	}
	card_pin_free(*out);
	*out = NULL;
	return enroll_fail(e, "%s: %s was not given", e->place, what);
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
	char prompt[200], tries[32];

	if (e->t.pad) {
		fprintf(stderr, "%s wants its PIN%s: type it at the reader\n", e->place, tries_text(e->t.tries, tries, sizeof(tries)));
		return 0;
	}
	if (e->pin_fd >= 0 && e->t.tries >= 0 && e->t.tries < FLOOR)
		return enroll_fail(e, "%s: only one try of its PIN is left: it is not used unless somebody types it, without --pin-fd",
				   e->place);
	snprintf(prompt, sizeof(prompt), "PIN of %s%s", e->place, tries_text(e->t.tries, tries, sizeof(tries)));
	return take(e, &e->pin, e->pin_fd, prompt, "its PIN");
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
	bool piv = !strcmp(e->t.manufacturer, "piv_II");
	char prompt[200];
	int r = 0;

	*out = (struct view){ 0 };
	if (!enroll_is_native(e))
		return 0;
	snprintf(prompt, sizeof(prompt), piv ? "management key of %s, in hexadecimal digits" : "administrator's PIN of %s", e->place);
	if (!e->admin)
		r = take(e, &e->admin, e->admin_fd, prompt, piv ? "its management key" : "its administrator's PIN");
	*out = card_pin_view(e->admin);
	return r;
}

/* SPDX-License-Identifier: MIT */
/* The emulator: a card, the reader that it is put into (vpcd, by TCP), and those who tell it what to do. */
#ifndef TESTS_CARD_EMU_H
#define TESTS_CARD_EMU_H

#include "tests/card/card.h"
#include "tests/card/fault.h"

#include <poll.h>
#include <stdio.h>

#define EMU_CLIENTS 8
#define EMU_LINE_MAX 1024		/* of a command on the control channel, in bytes */
#define EMU_ANSWER_MAX 65536		/* of a card, in bytes */
#define ATR_MAX 33

struct emu;

struct client {
	int in, out;			/* -1: free */
	size_t n;
	char line[EMU_LINE_MAX];
	bool (*until)(const struct emu *e);	/* is answered as soon as this holds */
};

struct emu {
	struct card card;
	struct faults faults;
	uint8_t atr[ATR_MAX], natr;	/* in place of the card's own */

	const char *host, *port;	/* of the reader */
	int reader;			/* -1: not connected */
	bool in, powered;		/* shall be in the reader; has power from it now */
	bool seen;			/* has had power since it was put in: pcscd takes it away from a card that nobody uses (5 s) */
	uint8_t frame[2 + EMU_ANSWER_MAX];	/* what comes from the reader */
	size_t nframe;

	uint8_t answer[EMU_ANSWER_MAX];	/* what the reader waits for */
	size_t nanswer;
	bool busy, silent;		/* it waits; and shall wait on */
	uint64_t due_ms;		/* when it gets it */

	int listener;			/* control channel; -1: standard input instead */
	struct client clients[EMU_CLIENTS];
	bool ends;
	FILE *trace;
};

uint64_t emu_now_ms(void);

/* Connects if the card shall be in the reader and is not; answers what is due. Returns ms until it must be called again. */
int reader_work(struct emu *e);
/* Something came from the reader. */
void reader_read(struct emu *e);
/* The card is out of the reader (and in again at the next reader_work if e->in). */
void reader_leave(struct emu *e);

/*
 * Does what a line says, which is taken to pieces. 0: done (client->until is set: once that holds), -1: not, 1: it says nothing;
 * text tells more.
 */
int order_obey(struct emu *e, struct client *client, char *line, char *text, size_t size);
/* The commands, for --help. */
void order_help(FILE *out);

/* Listens at a path; -1 with a line on standard error. */
int control_listen(struct emu *e, const char *path);
void control_accept(struct emu *e);
void control_read(struct emu *e, struct client *client);
/* Answers those whose condition has come true. */
void control_work(struct emu *e);
/* Sends a command to the emulator at a path, prints the answer. Returns an exit code: 0 for ok, 1 for an error, 2 without answer. */
int control_tell(const char *path, unsigned int seconds, char **words);

#endif

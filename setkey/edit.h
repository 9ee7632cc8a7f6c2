/* SPDX-License-Identifier: MIT */
/* A prompt on a terminal: lines with editing, completion and a history that is in memory only, as lines may hold keys. */
#ifndef SETKEY_EDIT_H
#define SETKEY_EDIT_H

#include <stdbool.h>
#include <stdio.h>

struct edit;

/* On standard input and output, which must be terminals. NULL: the terminal cannot do it, or there is no memory. */
struct edit *edit_open(void);
void edit_close(struct edit *e);
/*
 * What is typed, line by line. It ends with Ctrl-D, but also whenever the statement being typed is given up (Ctrl-C, or
 * edit_abandon): then edit_again says so, and the stream goes on with the next statement.
 */
FILE *edit_stream(struct edit *e);
/* Gives up what was typed and not yet ended, as it is in error: the stream ends at its next read. */
void edit_abandon(struct edit *e);
/* Was it only given up? Then the stream may be read again. */
bool edit_again(struct edit *e);
/* Was it given up by Ctrl-C? Then nobody needs to be told that the statement is not complete. */
bool edit_interrupted(const struct edit *e);
/* Lines read until now. */
unsigned int edit_lines(const struct edit *e);

#endif
